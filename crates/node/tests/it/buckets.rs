//! Buckets as sources and as targets of restores, over HTTP.

use backstay_model::archives::ArchiveFormat;
use backstay_model::bucket::BucketSpec;
use backstay_model::command::Ask;
use backstay_model::connection::{BucketStyle, S3Settings};
use backstay_model::link::{SealedConnection, SealedRepository};
use backstay_model::run::{IntoBucket, OverwriteMode, RestoreInto, RestoreRequest};
use backstay_model::{
    ArchiveSettings, ConnectionId, ConnectionSettings, Run, RunId, RunKind, RunState, SecretText, SourceSpec,
};
use backstay_net::testing::{Attributes, Object, S3Server};
use backstay_node::local_policy::{LocalPolicy, Mode};
use backstay_node::seals;
use backstay_policy::Schedule;

use crate::archives::{archives, hold, plain, request};
use crate::world::{SystemClock, SystemRandom, World};

/// A node whose plan backs up a bucket.
pub(crate) struct Shelf {
    pub(crate) world: World,
    pub(crate) server: S3Server,
}

/// The way to a bucket of the service.
fn way(world: &World, server: &S3Server, bucket: &str) -> SealedConnection {
    let settings = server.settings();
    let credentials = settings.credentials.as_ref().unwrap();
    let s3: S3Settings = serde_json::from_value(serde_json::json!({
        "endpoint": server.url, "bucket": bucket, "access_key": credentials.access_key_id, "allow_private": true,
    }))
    .unwrap();
    assert_eq!((s3.style, s3.secret_key.clone()), (BucketStyle::Auto, SecretText::default()));
    let id = ConnectionId::new(&SystemClock, &SystemRandom);
    let secrets = [("secret_key".to_owned(), credentials.secret_access_key.expose().to_owned())].into();
    let key = world.identity().key;
    let secrets = seals::seal(key.public(), &seals::of_connection(id), &secrets, &SystemRandom).unwrap();
    SealedConnection { id, settings: ConnectionSettings::S3(s3), secrets }
}

impl Shelf {
    pub(crate) async fn new(number: usize) -> Self {
        let server = S3Server::start();
        server.create_bucket("photos");
        for at in 0..number {
            let told = |name: &str| [(name.to_owned(), at.to_string())].into();
            let tagged = Attributes {
                tags: told("number"),
                metadata: told("taken-by"),
                content_type: Some("image/x-raw".to_owned()),
                cache_control: Some(format!("max-age={at}")),
                ..Attributes::default()
            };
            let content = format!("the content of {at} ").repeat(at * 50 + 1);
            server.put("photos", &format!("{}/k{at:03}", at % 3), content.into_bytes(), tagged);
        }
        server.put("photos", "0", b"beside a folder".to_vec(), Attributes::default());
        let mut world = World::new(Schedule::default()).await;
        world.stop().await;
        let file = world.path("policy.toml");
        std::fs::write(&file, "private_addresses = true\nwrite = [\"/\"]\n").unwrap();
        world.policy = LocalPolicy::load(&file, Mode::Local).unwrap();
        let connection = way(&world, &server, "photos");
        let spec: BucketSpec =
            serde_json::from_value(serde_json::json!({ "connection": connection.id })).unwrap();
        world.hub.arrange(|configuration| {
            let source = &mut configuration.plans[0].sources[0];
            source.spec = SourceSpec::S3(spec);
            source.connection = Some(connection);
        });
        world.start().await;
        Self { world, server }
    }

    pub(crate) async fn back_up(&self, state: RunState) -> Run {
        let run = self.world.run_plan(RunKind::Backup);
        self.world.until_state(run, state).await
    }

    pub(crate) async fn restore(&self, bucket: &str, request: RestoreRequest, state: RunState) -> Run {
        let run = self.restore_from(bucket, self.world.repository(), request).await;
        self.world.until_state(run, state).await
    }

    /// Begins to restore what lies in a repository into a bucket.
    pub(crate) async fn restore_from(
        &self,
        bucket: &str,
        repository: SealedRepository,
        request: RestoreRequest,
    ) -> RunId {
        let (run, connection) = (self.world.run_id(), way(&self.world, &self.server, bucket));
        let prefix = match &request.into {
            Some(RestoreInto::S3(into)) => into.prefix.clone(),
            _ => String::new(),
        };
        let into = Some(RestoreInto::S3(IntoBucket { connection: connection.id, prefix }));
        let request = Box::new(RestoreRequest { into, ..request });
        let (project, connection) = (self.world.project, Some(Box::new(connection)));
        self.world.ask(Ask::Restore { run, project, repository, request, connection });
        run
    }

    pub(crate) async fn end(mut self) {
        self.world.stop().await;
    }

    #[track_caller]
    pub(crate) fn same(&self, one: &str, other: &str) {
        assert_eq!(self.server.keys(one), self.server.keys(other));
        for key in self.server.keys(one) {
            let (one, other) = (self.server.get(one, &key).unwrap(), self.server.get(other, &key).unwrap());
            assert!(one.bytes == other.bytes, "{key}");
            let of = |object: &Object| {
                let mut attributes = object.attributes.clone();
                attributes.content_type.get_or_insert_with(|| "binary/octet-stream".to_owned());
                attributes
            };
            assert_eq!(of(&one), of(&other), "{key}");
        }
    }
}

pub(crate) fn all() -> RestoreRequest {
    request("latest", "/".into())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_is_backed_up_into_a_repository_and_comes_back_with_its_tags() {
    let mut shelf = Shelf::new(30).await;
    let run = shelf.back_up(RunState::Completed).await;
    assert_eq!(run.outcome.unwrap().files_new, 32);
    let log = shelf.world.log(run.id).await;
    for text in ["reading /photos", "saved snapshot"] {
        assert!(log.contains(text), "{text}: {log}");
    }
    assert!(!log.contains(shelf.server.settings().credentials.unwrap().secret_access_key.expose()));
    let again = shelf.back_up(RunState::Completed).await.outcome.unwrap();
    // The note on the bucket is another one in another second.
    assert!(again.files_new == 0 && again.files_changed <= 1 && again.files_unmodified >= 31, "{again:?}");

    shelf.server.create_bucket("other");
    let dry = RestoreRequest { dry_run: true, ..all() };
    shelf.restore("other", dry, RunState::Completed).await;
    assert_eq!(shelf.server.keys("other"), [""; 0]);
    let done = shelf.restore("other", all(), RunState::Completed).await.outcome.unwrap();
    assert_eq!((&*done.more["written"], &*done.more["verified"]), ("31", "31"));
    shelf.same("photos", "other");

    // What is there already is not written again, and what was changed since is put right.
    shelf.server.put("other", "1/k001", b"changed".to_vec(), Attributes::default());
    shelf.server.put("other", "more", b"more".to_vec(), Attributes::default());
    let delete = RestoreRequest { delete: true, ..all() };
    let dry = RestoreRequest { dry_run: true, ..delete.clone() };
    let dry = shelf.restore("other", dry, RunState::Completed).await;
    let log = shelf.world.log(dry.id).await;
    assert!(log.contains("remove 1 items; 31 of these objects are there already"), "{log}");
    let done = shelf.restore("other", delete, RunState::Completed).await.outcome.unwrap();
    let counted = ["unchanged", "replaced", "deleted", "verified"].map(|name| done.more[name].clone());
    assert_eq!(counted, ["30", "1", "1", "31"]);
    shelf.same("photos", "other");

    // One folder, below a prefix of the same bucket.
    let into = Some(RestoreInto::S3(IntoBucket {
        connection: ConnectionId::new(&SystemClock, &SystemRandom),
        prefix: "back/".to_owned(),
    }));
    let some = RestoreRequest { paths: vec!["/photos/1".to_owned()], into, ..all() };
    shelf.restore("photos", some, RunState::Completed).await;
    let back: Vec<_> =
        shelf.server.keys("photos").into_iter().filter(|key| key.starts_with("back/")).collect();
    assert_eq!((back.len(), back[0].as_str()), (10, "back/1/k001"));

    // As files, too.
    let target = shelf.world.path("files");
    crate::archives::restore(&shelf.world, request("latest", target.clone()), RunState::Completed).await;
    assert_eq!(std::fs::read(target.join("photos/0%")).unwrap(), b"beside a folder");
    shelf.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_becomes_an_archive_with_all_that_belongs_to_its_objects() {
    let mut shelf = Shelf::new(12).await;
    hold(&shelf.world, plain(), None);
    let run = shelf.back_up(RunState::Completed).await;
    assert_eq!(run.outcome.unwrap().files_new, 14);
    let list = archives(&shelf.world).await;
    assert_eq!((list.len(), list[0].paths.clone()), (1, vec!["/photos".to_owned()]));
    let file = shelf.world.path("archives").join(list[0].name.clone().unwrap());
    let beside = std::fs::read_to_string(format!("{}.manifest.json", file.display())).unwrap();
    let told: serde_json::Value = serde_json::from_str(&beside).unwrap();
    let source = &told["source"];
    assert_eq!(
        (source["kind"].as_str(), source["server"].as_str()),
        (Some("s3"), Some(&*format!("s3:{}/photos", shelf.server.url)))
    );
    assert!(told["created"].as_str().unwrap().starts_with("20"), "{told}");
    let content = told["totals"]["bytes"].as_u64().unwrap();
    let size = std::fs::metadata(&file).unwrap().len();
    assert_eq!(told["file"]["size"].as_u64(), Some(size));
    assert!(content > 4 * size, "{content} bytes were compressed to {size}");
    shelf.server.create_bucket("other");
    let done = shelf.restore("other", all(), RunState::Completed).await.outcome.unwrap();
    assert_eq!(&*done.more["verified"], "13");
    shelf.same("photos", "other");
    shelf.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_every_byte_come_back_from_a_repository_and_from_an_archive() {
    for format in [None, Some(ArchiveFormat::Zip), Some(ArchiveFormat::TarZst)] {
        let mut shelf = Shelf::new(0).await;
        if let Some(format) = format {
            hold(&shelf.world, ArchiveSettings { format, ..plain() }, None);
        }
        let odd = (1..=127_u8).map(|byte| format!("x{}y", char::from(byte)));
        let long = ["é".repeat(512), "k/".repeat(512), format!("{}/end", "p".repeat(1000))];
        let more = [
            "a",
            "a/b",
            "a//b",
            "/first",
            "last/",
            " ",
            "%2F",
            "a%2Fb",
            "日本/語",
            "\u{1f600}",
            "e\u{301}",
            "é",
        ];
        let keys = odd.chain(long).chain(more.map(str::to_owned));
        for key in keys {
            let attributes =
                Attributes { tags: [("of".to_owned(), "this".to_owned())].into(), ..Attributes::default() };
            shelf.server.put("photos", &key, format!("the content of {key}").into_bytes(), attributes);
        }
        let run = shelf.back_up(RunState::Completed).await;
        assert_eq!(run.outcome.unwrap().errors, 0, "{}", shelf.world.log(run.id).await);
        shelf.server.create_bucket("other");
        shelf.restore("other", all(), RunState::Completed).await;
        shelf.same("photos", "other");
        assert_eq!(shelf.server.keys("other").len(), 127 + 3 + 12 + 1);

        // As files: what no file can be called is named, and all else is there.
        let target = shelf.world.path("files");
        let run =
            crate::archives::restore(&shelf.world, request("latest", target.clone()), RunState::Failed).await;
        let error = run.error.unwrap().message;
        assert!(error.contains("could not be restored") && error.contains("name too long"), "{error}");
        assert_eq!(std::fs::read(target.join("photos/x\ty")).unwrap(), b"the content of x\ty");
        assert_eq!(std::fs::read(target.join("photos/a/b")).unwrap(), b"the content of a/b");
        shelf.world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_backup_leaves_the_bucket_as_it_was_and_a_whole_one_is_offered() {
    let mut shelf = Shelf::new(6).await;
    let first = shelf.back_up(RunState::Completed).await.destinations[0].snapshot.clone().unwrap();
    let before: Vec<_> = packs(&shelf.world);
    shelf.server.put("photos", "later", b"what came later".to_vec(), Attributes::default());
    shelf.back_up(RunState::Completed).await;
    for pack in packs(&shelf.world).into_iter().filter(|pack| !before.contains(pack)) {
        let mut bytes = std::fs::read(&pack).unwrap();
        bytes[0] ^= 1;
        std::fs::write(&pack, bytes).unwrap();
    }
    shelf.server.create_bucket("other");
    shelf.server.forget_counts();
    let run = shelf.restore("other", all(), RunState::Failed).await;
    let error = run.error.unwrap();
    assert!(error.message.contains("is damaged"), "{error:?}");
    let hint = error.hint.unwrap();
    assert!(hint.contains(&first[..8]), "{hint}: {}", shelf.world.log(run.id).await);
    assert_eq!((shelf.server.keys("other"), shelf.server.count("PutObject")), (Vec::new(), 0));
    shelf.restore("other", RestoreRequest { snapshot: first, ..all() }, RunState::Completed).await;
    assert_eq!(shelf.server.keys("other").len(), 7);
    shelf.world.stop().await;
}

/// The packs of data, as far as trees lie in others.
pub(crate) fn packs(world: &World) -> Vec<std::path::PathBuf> {
    let folders = std::fs::read_dir(world.path("repository/data")).unwrap().flatten();
    let files = folders.flat_map(|folder| std::fs::read_dir(folder.path()).unwrap().flatten());
    files.map(|file| file.path()).filter(|path| path.is_file()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_restored_into_a_bucket_too_and_nothing_is_removed_by_them() {
    let mut shelf = Shelf::new(0).await;
    shelf.world.fill(3);
    let folder = shelf.world.path("source").display().to_string();
    shelf.world.hub.arrange(|configuration| {
        let source = &mut configuration.plans[0].sources[0];
        let files = serde_json::json!({ "type": "files", "paths": [folder] });
        (source.spec, source.connection) = (serde_json::from_value(files).unwrap(), None);
    });
    shelf.back_up(RunState::Completed).await;
    shelf.server.create_bucket("other");
    shelf.server.put("other", "more", b"more".to_vec(), Attributes::default());
    let delete = RestoreRequest { delete: true, ..all() };
    let error = shelf.restore("other", delete, RunState::Failed).await.error.unwrap();
    assert!(error.message.contains("backup of something else"), "{error:?}");
    let done = shelf.restore("other", all(), RunState::Completed).await.outcome.unwrap();
    assert_eq!((&*done.more["written"], &*done.more["verified"]), ("3", "3"));
    let key = format!("{}/0", shelf.world.path("source").strip_prefix("/").unwrap().display());
    let there = shelf.server.get("other", &key).unwrap();
    assert!(there.bytes == std::fs::read(shelf.world.path("source/0")).unwrap());
    assert_eq!(shelf.server.keys("other").len(), 4);
    shelf.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_and_what_is_to_be_left_alone_touch_nothing_that_is_there() {
    let mut shelf = Shelf::new(3).await;
    hold(&shelf.world, plain(), None);
    shelf.back_up(RunState::Completed).await;
    shelf.server.create_bucket("other");
    for key in ["more", "0/k000"] {
        shelf.server.put("other", key, b"mine".to_vec(), Attributes::default());
    }
    for request in [
        RestoreRequest { delete: true, dry_run: true, ..all() },
        RestoreRequest { overwrite: OverwriteMode::IfNewer, ..all() },
    ] {
        shelf.restore("other", request, RunState::Failed).await;
    }
    shelf.restore("other", RestoreRequest { dry_run: true, ..all() }, RunState::Completed).await;
    assert_eq!(shelf.server.keys("other"), ["0/k000", "more"]);
    let never = RestoreRequest { overwrite: OverwriteMode::Never, ..all() };
    shelf.restore("other", never, RunState::Completed).await;
    assert_eq!(shelf.server.keys("other"), ["0", "0/k000", "1/k001", "2/k002", "more"]);
    assert_eq!(shelf.server.get("other", "0/k000").unwrap().bytes, "mine");
    shelf.world.stop().await;
}
