//! Buckets of a service over HTTP, backed up into a repository and brought back.

mod faults;
mod many;
mod restore;
mod seaweed;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use backstay_core::{Control, Events, FileId};
use backstay_engine::backup::{BackupOptions, BackupOutcome, BackupSink};
use backstay_engine::chunker::ChunkSizes;
use backstay_engine::crypto::KdfParams;
use backstay_engine::repository::{InitOptions, Lock, TreeCache, init};
use backstay_engine::restore::{Overwrite, RestoreOptions, RestoreReport, Selected, restore};
use backstay_engine::testing::{CountingRandom, TestClock};
use backstay_engine::{Environment, Identity, Repository, Settings};
use backstay_net::Http;
use backstay_net::testing::{AnyService, Attributes, Keeps, S3Server};
use backstay_sources::CaptureReport;
use backstay_sources::s3::restore::{BucketTarget, TargetOptions, TargetReport};
use backstay_sources::s3::{Bucket, Capture, CaptureError, CaptureOptions, path_of};
use backstay_storage::Memory;

/// What is told while something is done.
#[derive(Default)]
struct Heard {
    messages: Mutex<Vec<String>>,
    warnings: Mutex<Vec<String>>,
    failures: Mutex<Vec<String>>,
}

impl Events for Heard {
    fn message(&self, text: &str) {
        self.messages.lock().unwrap().push(text.to_owned());
    }

    fn warning(&self, text: &str) {
        self.warnings.lock().unwrap().push(text.to_owned());
    }

    fn item_failed(&self, path: &[u8], _: &str, error: &str) {
        self.failures.lock().unwrap().push(format!("{}: {error}", String::from_utf8_lossy(path)));
    }
}

impl Heard {
    fn failures(&self) -> Vec<String> {
        self.failures.lock().unwrap().clone()
    }
}

/// A repository in memory.
struct Vault {
    repository: Repository,
    control: Control,
}

/// A backup that was taken.
struct Taken {
    tree: FileId,
    report: CaptureReport,
    outcome: BackupOutcome,
    heard: Arc<Heard>,
}

fn vault() -> Vault {
    vault_of(ChunkSizes::TINY, 64 << 10)
}

fn vault_of(chunk_sizes: ChunkSizes, pack_size: usize) -> Vault {
    let environment = Environment {
        clock: Arc::new(TestClock::default()),
        random: Arc::new(CountingRandom::seeded(1)),
        identity: Identity { host: "workshop".into(), user: "tester".into(), ..Identity::default() },
    };
    let settings =
        Settings { chunk_sizes, pack_size, threads: 2, kdf: KdfParams::CHEAP, ..Settings::default() };
    let storage = Arc::new(Memory::new());
    let made = init(storage, "the mast stands", InitOptions::default(), environment, settings).unwrap();
    let control = Control::new();
    Vault { repository: made.with_control(control.clone()), control }
}

impl Vault {
    fn try_take(&self, capture: &Capture, parent: Option<FileId>) -> Result<Taken, CaptureError> {
        let heard = Arc::new(Heard::default());
        let events: Arc<dyn Events> = heard.clone();
        let lock = Arc::new(Lock::acquire(&self.repository, false).unwrap());
        let index = self.repository.load_index().unwrap();
        let options = BackupOptions { parent_tree: parent, ..BackupOptions::default() };
        let sink =
            BackupSink::start(&self.repository, index, Some(lock), options, Arc::clone(&events)).unwrap();
        let report = capture.run(&sink, &self.control, &events)?;
        let outcome = sink.finish().unwrap();
        Ok(Taken { tree: outcome.tree, report, outcome, heard })
    }

    #[track_caller]
    fn take(&self, capture: &Capture, parent: Option<&Taken>) -> Taken {
        let taken = self.try_take(capture, parent.map(|taken| taken.tree)).unwrap();
        assert_eq!(taken.heard.failures(), [""; 0]);
        taken
    }

    /// The tree of the bucket's own folder.
    fn bucket_tree(&self, taken: &Taken, bucket: &str) -> FileId {
        let index = self.repository.load_index().unwrap();
        let trees = TreeCache::new(&self.repository, index);
        trees.tree(&taken.tree).unwrap().find(bucket.as_bytes()).unwrap().subtree.unwrap()
    }

    fn restore(
        &self,
        tree: FileId,
        to: &Bucket,
        options: TargetOptions,
        how: RestoreOptions,
    ) -> (RestoreReport, TargetReport, Arc<Heard>) {
        let heard = Arc::new(Heard::default());
        let events: Arc<dyn Events> = heard.clone();
        let target = BucketTarget::open(to, options, &self.control, &events).unwrap();
        let index = self.repository.load_index().unwrap();
        let report =
            restore(&self.repository, &index, tree, &target, &|_, _| Selected::ALL, how, &*heard).unwrap();
        (report, target.finish(0).unwrap(), heard)
    }
}

fn bucket(server: &dyn AnyService, name: &str) -> Bucket {
    let http = Http { patience: Some(std::time::Duration::from_secs(5)), ..Http::default() };
    Bucket::open(&server.address(name, ""), &server.settings(), &http).unwrap()
}

fn whole(server: &dyn AnyService, name: &str) -> Capture {
    Capture { bucket: bucket(server, name), options: CaptureOptions::default() }
}

fn into(spool: &Path, prefix: &str) -> TargetOptions {
    TargetOptions {
        root: Vec::new(),
        prefix: prefix.to_owned(),
        spool: spool.to_owned(),
        shows_existing: false,
        looks_only: false,
        aside: None,
        remove: Vec::new(),
        spare: None,
    }
}

fn all() -> RestoreOptions {
    RestoreOptions { overwrite: Overwrite::Always, ..RestoreOptions::default() }
}

/// All objects of a bucket, with what belongs to them.
fn objects(server: &dyn AnyService, name: &str) -> BTreeMap<String, (Vec<u8>, Attributes)> {
    let object = |key: String| {
        let object = server.get(name, &key).unwrap();
        let mut attributes = object.attributes;
        attributes.content_type.get_or_insert_with(|| "binary/octet-stream".to_owned());
        (key, (object.bytes.to_vec(), attributes))
    };
    server.keys(name).into_iter().map(object).collect()
}

/// Keys of every kind.
const ODD_KEYS: [&str; 20] = [
    "a",
    "a-b",
    "a/b",
    "a/b/c",
    "a//b",
    "/",
    "/x",
    "x/",
    "y//",
    "100%",
    "%2F",
    "a b+c&d=e?f#g",
    "ünï/cödé/✓",
    "back\\slash",
    "quote\"'<>",
    "tab\tnew\nline",
    ".hidden/..x",
    "trailing.",
    "~tilde",
    "very/deep/er/and/deeper/x",
];

/// All that can belong to an object.
fn rich() -> Attributes {
    let text = |text: &str| Some(text.to_owned());
    Attributes {
        content_type: text("text/html; charset=utf-8"),
        cache_control: text("max-age=60"),
        content_encoding: text("identity"),
        content_disposition: text("attachment; filename=\"x.html\""),
        content_language: text("de"),
        metadata: [("owner".to_owned(), "somebody".to_owned()), ("x-y".to_owned(), "1".to_owned())].into(),
        tags: [("a key".to_owned(), "a/b c".to_owned()), ("plain".to_owned(), String::new())].into(),
        storage_class: text("STANDARD_IA"),
        ..Attributes::default()
    }
}

/// Objects with these keys, and some with what else objects have.
fn odd_bucket(server: &dyn AnyService, name: &str, keys: &[&str]) {
    server.make_bucket(name, Keeps::ObjectsAlone);
    for key in keys {
        server.put(name, key, format!("the content of {key}").into_bytes(), Attributes::default());
    }
    server.put(name, "rich", b"<p>".to_vec(), rich());
    server.put(name, "empty", Vec::new(), Attributes::default());
    server.put(name, "long", vec![7; 5 << 20], Attributes::default());
}

#[test]
fn a_bucket_comes_back_as_it_was_whatever_its_keys() {
    let (server, vault, spool) = (S3Server::start(), vault(), tempfile::tempdir().unwrap());
    odd_bucket(&server, "odd", &ODD_KEYS);
    let taken = vault.take(&whole(&server, "odd"), None);
    assert_eq!(taken.report.files, server.keys("odd").len() as u64);
    let tree = vault.bucket_tree(&taken, "odd");

    server.create_bucket("other");
    let (report, restored, heard) =
        vault.restore(tree, &bucket(&server, "other"), into(spool.path(), ""), all());
    assert_eq!(heard.failures(), [""; 0]);
    assert_eq!((report.failures, restored.written, restored.verified, restored.failures), (0, 23, 23, 0));
    assert_eq!(objects(&server, "other"), objects(&server, "odd"));

    let (_, restored, _) =
        vault.restore(tree, &bucket(&server, "other"), into(spool.path(), "below/it/"), all());
    assert_eq!(restored.verified, 23);
    for (key, object) in objects(&server, "odd") {
        assert_eq!(objects(&server, "other").get(&format!("below/it/{key}")), Some(&object), "{key}");
    }
}

#[test]
fn what_did_not_change_is_not_read_again_and_keeps_what_is_known_of_it() {
    let (server, vault, spool) = (S3Server::start(), vault(), tempfile::tempdir().unwrap());
    odd_bucket(&server, "odd", &ODD_KEYS);
    let first = vault.take(&whole(&server, "odd"), None);
    server.forget_counts();
    let second = vault.take(&whole(&server, "odd"), Some(&first));
    assert_eq!((server.count("GetObject"), server.count("GetObjectTagging")), (0, 0));
    assert_eq!(second.outcome.summary.files_unmodified, 23);
    assert_eq!(second.tree, first.tree);

    server.put("odd", "a-b", b"changed".to_vec(), Attributes::default());
    server.put("odd", "new", b"new".to_vec(), Attributes::default());
    server.erase("odd", "a");
    server.forget_counts();
    let third = vault.take(&whole(&server, "odd"), Some(&second));
    assert_eq!(server.count("GetObject"), 2);
    let summary = &third.outcome.summary;
    assert_eq!((summary.files_new, summary.files_changed, summary.files_unmodified), (1, 1, 21));
    server.create_bucket("other");
    let tree = vault.bucket_tree(&third, "odd");
    vault.restore(tree, &bucket(&server, "other"), into(spool.path(), ""), all());
    assert_eq!(objects(&server, "other"), objects(&server, "odd"));
}

#[test]
fn prefixes_and_patterns_choose_what_is_taken() {
    let (server, vault) = (S3Server::start(), vault());
    for key in [
        "logs/2024-01",
        "logs/2024-02",
        "logs/2025-01",
        "logs",
        "data/x/1.tmp",
        "data/x/2",
        "data/cache/3",
        "data",
    ] {
        server.put("bucket", key, key.as_bytes().to_vec(), Attributes::default());
    }
    let keys = |prefixes: &[&str], exclude: &[&str], most: Option<u64>| {
        let mut capture = whole(&server, "bucket");
        let texts = |list: &[&str]| list.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        capture.options.prefixes = texts(prefixes);
        let case = backstay_sources::files::filter::Case::Sensitive;
        capture.options.exclude =
            Some(backstay_sources::files::filter::List::parse(texts(exclude), case).unwrap());
        capture.options.exclude_larger_than = most;
        let taken = vault.take(&capture, None);
        let tree = vault.bucket_tree(&taken, "bucket");
        let spool = tempfile::tempdir().unwrap();
        server.create_bucket("found");
        vault.restore(tree, &bucket(&server, "found"), into(spool.path(), ""), all());
        server.keys("found")
    };
    assert_eq!(keys(&["logs/2024-"], &[], None), ["logs/2024-01", "logs/2024-02"]);
    assert_eq!(keys(&["logs/2025", "data/x/"], &[], None), ["data/x/1.tmp", "data/x/2", "logs/2025-01"]);
    assert_eq!(keys(&["data/"], &["*.tmp", "cache"], None), ["data/x/2"]);
    assert_eq!(keys(&[], &["/bucket/data/x"], Some(11)), ["data", "logs"]);
    assert_eq!(keys(&["nothing/"], &[], None), [""; 0]);
}

#[test]
fn folders_are_listed_at_once_and_long_ones_page_by_page() {
    let (server, vault) = (S3Server::start(), vault());
    server.behave(|behaviour| behaviour.page = 7);
    for folder in 0..5 {
        for number in 0..20 {
            server.put("bucket", &format!("f{folder}/{number:02}/x"), vec![1], Attributes::default());
        }
    }
    server.put("bucket", "f1", vec![2], Attributes::default());
    let taken = vault.take(&whole(&server, "bucket"), None);
    assert_eq!(taken.report.files, 101);
    let index = vault.repository.load_index().unwrap();
    let trees = TreeCache::new(&vault.repository, index);
    let tree = trees.tree(&vault.bucket_tree(&taken, "bucket")).unwrap();
    let names: Vec<_> =
        tree.nodes.iter().map(|node| String::from_utf8_lossy(&node.name).into_owned()).collect();
    assert_eq!(names, ["f0", "f1", "f1%", "f2", "f3", "f4"]);
    assert_eq!(path_of(b"f1", true), b"f1%");
}
