//! Copy plans: what is missing elsewhere is copied there, whatever comes in between, and a mirror follows what it is of unless that
//! looks lost.

use std::collections::BTreeMap;
use std::path::Path;

use backstay_model::command::{Answer, Ask, SnapshotInfo};
use backstay_model::link::{NodePlan, SealedRepository};
use backstay_model::plan::PlanSpec;
use backstay_model::run::Named;
use backstay_model::{
    ConnectionSettings, CopySpec, DestinationId, Holds, PlanId, RepositoryId, Run, RunKind, RunState,
};
use backstay_net::testing::S3Server;
use backstay_node::local_policy::{LocalPolicy, Mode};
use backstay_node::seals;
use backstay_policy::Schedule;
use serde_json::json;

use crate::archives::{names, plain, request};
use crate::world::{SystemClock, SystemRandom, World};

/// A node that backs a folder up to `disk`, with a plan that copies from there to `site`.
struct Sites {
    world: World,
    copies: PlanId,
    disk: RepositoryId,
    site: RepositoryId,
}

/// A repository `site` in a folder of this host, or in a bucket.
pub(crate) fn site(world: &World, bucket: Option<&S3Server>) -> SealedRepository {
    let id = RepositoryId::new(&SystemClock, &SystemRandom);
    let destination = DestinationId::new(&SystemClock, &SystemRandom);
    let mut secrets: BTreeMap<String, String> = [("password".to_owned(), "other words".to_owned())].into();
    let first = world.repository();
    let settings = match bucket {
        None => first.settings.clone(),
        Some(server) => {
            let credentials = server.settings().credentials.unwrap();
            secrets.insert("secret_key".to_owned(), credentials.secret_access_key.expose().to_owned());
            let s3: ConnectionSettings = serde_json::from_value(json!({
                "type": "s3", "endpoint": server.url, "bucket": "copies",
                "access_key": credentials.access_key_id, "allow_private": true,
            }))
            .unwrap();
            s3
        }
    };
    let key = world.identity().key;
    let secrets = seals::seal(key.public(), &seals::of_repository(id), &secrets, &SystemRandom).unwrap();
    let destination = Named { id: destination, name: "site".to_owned() };
    SealedRepository { id, destination, path: "site".to_owned(), settings, secrets, ..first }
}

/// A plan that copies from `disk` to such a repository.
pub(crate) fn copy_plan(world: &World, site: SealedRepository) -> PlanId {
    let (disk, from) = (world.repository().id, world.repository().destination.id);
    let spec: PlanSpec = serde_json::from_value(json!({
        "name": "off site", "sources": [], "copy": { "from": from }, "destinations": [site.destination.id],
    }))
    .unwrap();
    let plan = NodePlan {
        id: PlanId::new(&SystemClock, &SystemRandom),
        project: world.project,
        revision: 1,
        since: world.now(),
        spec,
        sources: Vec::new(),
        from: Some(disk),
        repositories: vec![site.id],
    };
    let id = plan.id;
    world.hub.arrange(|configuration| {
        configuration.repositories.push(site);
        configuration.plans.push(plan);
    });
    id
}

impl Sites {
    async fn new(bucket: Option<&S3Server>) -> Self {
        let mut world = World::new(Schedule::default()).await;
        if bucket.is_some() {
            world.stop().await;
            let file = world.path("policy.toml");
            std::fs::write(&file, "private_addresses = true\nwrite = [\"/\"]\n").unwrap();
            world.policy = LocalPolicy::load(&file, Mode::Local).unwrap();
            world.start().await;
        }
        let site = site(&world, bucket);
        let id = site.id;
        Self { copies: copy_plan(&world, site), disk: world.repository().id, site: id, world }
    }

    /// Changes the copy plan, as saving it does.
    fn change(&self, edit: impl Fn(&mut PlanSpec)) {
        self.world.hub.arrange(|configuration| {
            let plan = configuration.plans.iter_mut().find(|plan| plan.id == self.copies).unwrap();
            edit(&mut plan.spec);
            plan.revision += 1;
        });
    }

    fn copy(&self, edit: impl Fn(&mut CopySpec)) {
        self.change(|spec| edit(spec.copy.as_mut().unwrap()));
    }

    fn ask(&self, kind: RunKind) -> backstay_model::RunId {
        let run = self.world.run_id();
        self.world.ask(Ask::RunPlan { plan: self.copies, kind, guard: false, runs: vec![run] });
        run
    }

    async fn run(&self, kind: RunKind, state: RunState) -> Run {
        self.world.until_state(self.ask(kind), state).await
    }

    /// Backs up, with a file of this content and length.
    async fn back_up(&self, name: &str, bytes: usize) {
        let mut content = vec![0; bytes];
        getrandom::fill(&mut content).unwrap();
        std::fs::write(self.world.path("source").join(name), content).unwrap();
        let run = self.world.run_plan(RunKind::Backup);
        self.world.until_state(run, RunState::Completed).await;
    }

    fn sealed(&self, id: RepositoryId) -> SealedRepository {
        let configuration = self.world.hub.configuration.lock();
        configuration.repositories.iter().find(|repository| repository.id == id).unwrap().clone()
    }

    async fn snapshots(&self, id: RepositoryId) -> Vec<SnapshotInfo> {
        match self.world.answer(Ask::Snapshots { repository: self.sealed(id) }).await.unwrap() {
            Answer::Snapshots { snapshots } => snapshots,
            other => panic!("{other:?}"),
        }
    }

    async fn tag(&self, snapshot: &str, add: &[&str]) {
        let add = add.iter().map(|tag| (*tag).to_owned()).collect();
        let (repository, snapshot) = (self.sealed(self.disk), snapshot.to_owned());
        let answer = self.world.answer(Ask::Tag { repository, snapshot, add, remove: Vec::new() }).await;
        assert!(matches!(answer, Ok(Answer::Tagged { .. })));
    }

    async fn forget(&self, snapshot: &str) {
        let ask = Ask::Forget { repository: self.sealed(self.disk), snapshot: snapshot.to_owned() };
        assert!(matches!(self.world.answer(ask).await, Ok(Answer::Done)));
    }

    /// Restores the newest copy, which is as the source is now.
    async fn comes_back(&self) {
        let run = self.world.run_id();
        let target = self.world.path("restored");
        let _ = std::fs::remove_dir_all(&target);
        self.world.ask(Ask::Restore {
            run,
            project: self.world.project,
            repository: self.sealed(self.site),
            request: Box::new(request("latest", target.clone())),
            connection: None,
        });
        let done = self.world.until_state(run, RunState::Completed).await;
        assert_eq!(
            done.outcome.unwrap().restored_plan,
            Some(self.copies),
            "the copy was proved, not what it is of"
        );
        let source = self.world.path("source");
        same(&source, &target.join(source.strip_prefix("/").unwrap()));
    }

    /// All of the copies can be read.
    async fn is_sound(&self) {
        self.change(|spec| spec.verification.read_percent = 100.0);
        self.run(RunKind::Verify, RunState::Completed).await;
    }
}

fn same(one: &Path, other: &Path) {
    assert_eq!(names(one.to_owned()), names(other.to_owned()));
    for name in names(one.to_owned()) {
        let read = |folder: &Path| std::fs::read(folder.join(&name)).unwrap();
        assert!(read(one) == read(other), "{name}");
    }
}

/// What a snapshot is, whichever repository it is in.
fn about(snapshot: &SnapshotInfo) -> (String, String, Vec<String>, Vec<String>) {
    let tags = snapshot.tags.iter().filter(|tag| !tag.starts_with("copy:")).cloned().collect();
    (snapshot.time.to_string(), snapshot.host.clone(), snapshot.paths.clone(), tags)
}

/// Packs below a folder, by name, with their lengths.
fn packs(repository: &Path) -> BTreeMap<std::path::PathBuf, u64> {
    let mut found = BTreeMap::new();
    for folder in std::fs::read_dir(repository.join("data")).into_iter().flatten().flatten() {
        for pack in std::fs::read_dir(folder.path()).into_iter().flatten().flatten() {
            if pack.file_name().len() == 64 {
                found.insert(pack.path(), pack.metadata().map_or(0, |meta| meta.len()));
            }
        }
    }
    found
}

pub(crate) const fn copied(run: &Run) -> u64 {
    match &run.outcome {
        Some(outcome) => outcome.snapshots_copied,
        None => 0,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_in_a_bucket_is_copied_there_and_restored_when_the_first_is_gone() {
    let server = S3Server::start();
    server.create_bucket("copies");
    let mut sites = Sites::new(Some(&server)).await;
    sites.back_up("a", 300_000).await;
    sites.world.hub.change(|plan| {
        if plan.copy.is_none() {
            plan.tags = vec!["weekly".to_owned()];
        }
    });
    sites.back_up("b", 300_000).await;
    let first = sites.run(RunKind::Copy, RunState::Completed).await;
    assert_eq!((copied(&first), first.destinations[0].copied), (2, 2));
    let from = first.from.as_ref().unwrap();
    assert_eq!((from.name.as_str(), from.repository, first.source), ("disk", sites.disk, None));
    assert!(first.destinations[0].bytes_added > 600_000 && first.destinations[0].bytes_added < 650_000);
    // Copies are what they are copies of, and say which plan has made them.
    let (ours, theirs) = (sites.snapshots(sites.disk).await, sites.snapshots(sites.site).await);
    assert_eq!(ours.iter().map(about).collect::<Vec<_>>(), theirs.iter().map(about).collect::<Vec<_>>());
    assert_eq!(theirs[0].tags, ["weekly".to_owned(), sites.world.plan.tag(), sites.copies.copy_tag()]);
    // Nothing is copied twice.
    let writes = server.count("PutObject");
    let again = sites.run(RunKind::Copy, RunState::Completed).await;
    assert_eq!((copied(&again), again.destinations[0].bytes_added), (0, 0));
    // A lock, and what confirms and refreshes it.
    assert!(server.count("PutObject") - writes <= 3, "{:?}", server.counts());
    sites.back_up("c", 300_000).await;
    assert_eq!(copied(&sites.run(RunKind::Copy, RunState::Completed).await), 1);
    // Checks and clean-ups of the copies are the copy plan's.
    sites.is_sound().await;
    std::fs::rename(sites.world.path("repository"), sites.world.path("burnt")).unwrap();
    sites.comes_back().await;
    sites.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_was_chosen_is_copied_and_nothing_that_would_go_at_once() {
    let mut sites = Sites::new(None).await;
    let tag = |tags: &'static [&str]| {
        sites.world.hub.change(|plan| {
            if plan.copy.is_none() {
                plan.tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
            }
        });
    };
    for (name, tags) in [("a", &["daily"] as &[_]), ("b", &["weekly"]), ("c", &["daily"]), ("d", &["daily"])]
    {
        tag(tags);
        sites.back_up(name, 1000).await;
    }
    sites.copy(|copy| copy.hosts = vec!["elsewhere".to_owned()]);
    assert_eq!(copied(&sites.run(RunKind::Copy, RunState::Completed).await), 0);
    sites.copy(|copy| {
        copy.hosts = vec!["here".to_owned()];
        copy.tags = vec!["daily".to_owned()];
    });
    sites.change(|spec| spec.retention = serde_json::from_value(json!({"last": 2})).unwrap());
    assert_eq!(copied(&sites.run(RunKind::Copy, RunState::Completed).await), 2);
    let tags = |snapshots: Vec<SnapshotInfo>| -> Vec<String> {
        snapshots.into_iter().map(|snapshot| snapshot.tags[0].clone()).collect()
    };
    assert_eq!(tags(sites.snapshots(sites.site).await), ["daily", "daily"]);
    tag(&["daily"]);
    sites.back_up("e", 1000).await;
    assert_eq!(copied(&sites.run(RunKind::Copy, RunState::Completed).await), 1);
    let clean_up = sites.run(RunKind::Prune, RunState::Completed).await;
    assert_eq!(clean_up.outcome.unwrap().snapshots_forgotten, 1);
    // What was forgotten does not come back, and where it was copied from nothing was forgotten.
    assert_eq!(copied(&sites.run(RunKind::Copy, RunState::Completed).await), 0);
    assert_eq!(sites.snapshots(sites.site).await.len(), 2);
    assert_eq!(sites.snapshots(sites.disk).await.len(), 5);
    sites.comes_back().await;
    sites.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_was_killed_goes_on_and_stores_nothing_twice() {
    let mut sites = Sites::new(None).await;
    for name in ["a", "b", "c", "d", "e", "f"] {
        let mut content = vec![0; 12 << 20];
        getrandom::fill(&mut content).unwrap();
        std::fs::write(sites.world.path("source").join(name), content).unwrap();
    }
    sites.back_up("small", 1000).await;
    sites.change(|spec| spec.limits.upload = Some(8 << 20));
    let run = sites.ask(RunKind::Copy);
    let target = sites.world.path("site");
    sites.world.until(run, "on", |_| !packs(&target).is_empty()).await;
    sites.world.kill().await;
    let before = packs(&target);
    assert!(sites.snapshots_on_disk() == 0, "no snapshot without its blobs");
    sites.change(|spec| spec.limits.upload = None);
    sites.world.start().await;
    let done = sites.world.until_state(run, RunState::Completed).await;
    assert!(done.attempt > 1 && copied(&done) == 1, "{done:#?}");
    let after = packs(&target);
    assert!(before.keys().all(|pack| after.contains_key(pack)), "what was stored is used");
    let bytes: u64 = after.values().sum();
    assert!((72 << 20..73 << 20).contains(&bytes), "{bytes}");
    assert_eq!(sites.world.count("node/journals"), 0);
    sites.is_sound().await;
    sites.comes_back().await;
    sites.world.stop().await;
}

impl Sites {
    fn snapshots_on_disk(&self) -> usize {
        self.world.count("site/snapshots")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_keeps_what_was_copied_and_a_cancellation_ends_it() {
    let mut sites = Sites::new(None).await;
    for name in ["a", "b", "c"] {
        let mut content = vec![0; 12 << 20];
        getrandom::fill(&mut content).unwrap();
        std::fs::write(sites.world.path("source").join(name), content).unwrap();
    }
    sites.back_up("small", 1000).await;
    sites.change(|spec| spec.limits.upload = Some(4 << 20));
    let target = sites.world.path("site");
    let run = sites.ask(RunKind::Copy);
    sites.world.until(run, "on", |_| !packs(&target).is_empty()).await;
    sites.world.ask(Ask::Pause { run });
    sites.world.until_state(run, RunState::Paused).await;
    assert_eq!((sites.snapshots_on_disk(), sites.world.count("site/locks")), (0, 0));
    let before = packs(&target);
    sites.world.ask(Ask::Resume { run });
    let done = sites.world.until_state(run, RunState::Completed).await;
    assert_eq!(copied(&done), 1);
    let after = packs(&target);
    assert!(before.keys().all(|pack| after.contains_key(pack)));
    assert!((36 << 20..37 << 20).contains(&after.values().sum::<u64>()));
    std::fs::write(sites.world.path("source/d"), vec![7; 100]).unwrap();
    sites.back_up("e", 20 << 20).await;
    let run = sites.ask(RunKind::Copy);
    sites.world.until(run, "on", |run| run.state == RunState::Running).await;
    sites.world.ask(Ask::Cancel { run });
    sites.world.until_state(run, RunState::Cancelled).await;
    assert_eq!((sites.snapshots_on_disk(), sites.world.count("site/locks")), (1, 0));
    sites.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_snapshot_is_named_and_left_out_and_the_others_are_whole() {
    let mut sites = Sites::new(None).await;
    let disk = sites.world.path("repository");
    sites.back_up("a", 300_000).await;
    let before = packs(&disk);
    sites.back_up("b", 300_000).await;
    let added = packs(&disk);
    std::fs::remove_file(sites.world.path("source/b")).unwrap();
    sites.back_up("c", 300_000).await;
    // The pack that only the second snapshot needs.
    let (pack, _) = added
        .iter()
        .filter(|(pack, _)| !before.contains_key(*pack))
        .max_by_key(|(_, bytes)| **bytes)
        .unwrap();
    let mut content = std::fs::read(pack).unwrap();
    content.truncate(200_000);
    content[1000..2000].fill(0);
    std::fs::remove_file(pack).unwrap();
    std::fs::write(pack, content).unwrap();
    let failed = sites.run(RunKind::Copy, RunState::Failed).await;
    let snapshots = sites.snapshots(sites.disk).await;
    let error = failed.error.clone().unwrap();
    assert!(
        error.message.contains(&snapshots[1].id[..8]) && error.message.starts_with("1 snapshots"),
        "{error:?}"
    );
    assert!(error.hint.unwrap().contains("check --read-data"));
    assert_eq!((copied(&failed), failed.destinations[0].copied), (2, 2));
    let (kept, copies) = ([&snapshots[0], &snapshots[2]], sites.snapshots(sites.site).await);
    assert_eq!(kept.map(about).to_vec(), copies.iter().map(about).collect::<Vec<_>>());
    sites.is_sound().await;
    sites.comes_back().await;
    sites.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_waits_for_a_site_out_of_reach_and_fails_at_one_that_has_no_room() {
    let server = S3Server::start();
    server.create_bucket("copies");
    let mut sites = Sites::new(Some(&server)).await;
    sites.back_up("a", 300_000).await;
    sites.run(RunKind::Copy, RunState::Completed).await;
    sites.back_up("b", 300_000).await;
    // What is copied from is away: nothing is done, and nothing is made in its place.
    std::fs::rename(sites.world.path("repository"), sites.world.path("unmounted")).unwrap();
    let run = sites.ask(RunKind::Copy);
    let waits = |run: &Run| run.waiting.as_ref().is_some_and(|waiting| waiting.reason.contains("disk"));
    sites.world.until(run, "waiting", waits).await;
    assert!(!sites.world.path("repository").exists());
    std::fs::rename(sites.world.path("unmounted"), sites.world.path("repository")).unwrap();
    sites.world.pass(3600);
    assert_eq!(copied(&sites.world.until_state(run, RunState::Completed).await), 1);
    sites.back_up("c", 300_000).await;
    server.refuse_operation("PutObject", "QuotaExceeded", u32::MAX);
    let full = sites.run(RunKind::Copy, RunState::Failed).await.error.unwrap();
    assert!(format!("{full:?}").contains("QuotaExceeded"), "{full:?}");
    server.accept();
    assert_eq!(copied(&sites.run(RunKind::Copy, RunState::Completed).await), 1);
    sites.comes_back().await;
    sites.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_follows_what_it_is_of_unless_that_looks_lost() {
    let mut sites = Sites::new(None).await;
    for name in ["a", "b", "c", "d", "e", "f"] {
        sites.back_up(name, 1000).await;
    }
    sites.copy(|copy| copy.mirror = true);
    assert_eq!(copied(&sites.run(RunKind::Copy, RunState::Completed).await), 6);
    let own = sites.snapshots(sites.disk).await;
    let (held, gone) = (&own[0].id, [&own[3].id, &own[4].id]);
    sites.forget(gone[0]).await;
    sites.forget(gone[1]).await;
    assert_eq!(copied(&sites.run(RunKind::Copy, RunState::Completed).await), 0);
    assert_eq!(sites.snapshots(sites.site).await.len(), 6, "copying removes nothing");
    let clean_up = sites.run(RunKind::Prune, RunState::Completed).await;
    assert_eq!(clean_up.outcome.unwrap().snapshots_forgotten, 2);
    assert_eq!(sites.snapshots(sites.site).await.len(), 4);
    // Most of what there was is gone at once.
    for snapshot in own.iter().filter(|snapshot| ![held, gone[0], gone[1]].contains(&&snapshot.id)) {
        sites.forget(&snapshot.id).await;
    }
    sites.run(RunKind::Copy, RunState::Completed).await;
    let refused = sites.run(RunKind::Prune, RunState::Failed).await.error.unwrap();
    assert!(refused.message.contains("more than half of its snapshots: 1 of 4 are left"), "{refused:?}");
    assert!(refused.hint.unwrap().contains("save the plan again"));
    assert_eq!(sites.snapshots(sites.site).await.len(), 4);
    // Whoever saves the plan again says that this is meant.
    sites.change(|_| {});
    assert_eq!(sites.run(RunKind::Prune, RunState::Completed).await.outcome.unwrap().snapshots_forgotten, 3);
    assert_eq!(sites.snapshots(sites.site).await.len(), 1);
    // Nothing at all is never followed.
    sites.forget(held).await;
    let refused = sites.run(RunKind::Prune, RunState::Failed).await.error.unwrap();
    assert!(refused.message.contains("no snapshot any more"), "{refused:?}");
    // Nor is another repository in its place.
    std::fs::rename(sites.world.path("repository"), sites.world.path("old")).unwrap();
    sites.world.stop().await;
    std::fs::remove_dir_all(sites.world.path("node/repositories")).unwrap();
    sites.world.start().await;
    for name in ["g", "h"] {
        sites.back_up(name, 1000).await;
    }
    assert_eq!(copied(&sites.run(RunKind::Copy, RunState::Completed).await), 2);
    let refused = sites.run(RunKind::Prune, RunState::Failed).await.error.unwrap();
    assert!(refused.message.contains("another repository is in its place"), "{refused:?}");
    assert_eq!(sites.snapshots(sites.site).await.len(), 3);
    sites.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_keeps_the_copy_of_what_got_other_tags_until_that_is_copied_again() {
    let mut sites = Sites::new(None).await;
    for name in ["a", "b"] {
        sites.back_up(name, 1000).await;
    }
    sites.copy(|copy| copy.mirror = true);
    assert_eq!(copied(&sites.run(RunKind::Copy, RunState::Completed).await), 2);
    let first = sites.snapshots(sites.disk).await[0].id.clone();
    sites.tag(&first, &["hold"]).await;
    // The clean-up comes before the next copy: the data is still there, so its copy stays.
    let clean_up = sites.run(RunKind::Prune, RunState::Completed).await;
    assert_eq!(clean_up.outcome.unwrap_or_default().snapshots_forgotten, 0);
    assert_eq!(sites.snapshots(sites.site).await.len(), 2);
    // Then it is there with its new tags, and what it was goes.
    assert_eq!(copied(&sites.run(RunKind::Copy, RunState::Completed).await), 1);
    assert_eq!(sites.snapshots(sites.site).await.len(), 3);
    let clean_up = sites.run(RunKind::Prune, RunState::Completed).await;
    assert_eq!(clean_up.outcome.unwrap().snapshots_forgotten, 1);
    let (ours, theirs) = (sites.snapshots(sites.disk).await, sites.snapshots(sites.site).await);
    assert_eq!(ours.iter().map(about).collect::<Vec<_>>(), theirs.iter().map(about).collect::<Vec<_>>());
    assert!(theirs[0].tags.iter().any(|tag| tag == "hold"), "{theirs:#?}");
    sites.comes_back().await;
    sites.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_an_older_plan_does_not_say_that_what_was_lost_was_meant() {
    let mut sites = Sites::new(None).await;
    for name in ["a", "b", "c", "d", "e", "f"] {
        sites.back_up(name, 1000).await;
    }
    sites.copy(|copy| copy.mirror = true);
    sites.change(|_| {});
    assert_eq!(copied(&sites.run(RunKind::Copy, RunState::Completed).await), 6);
    let own = sites.snapshots(sites.disk).await;
    let shift = |by: i64| {
        sites.world.hub.arrange(|configuration| {
            let plan = configuration.plans.iter_mut().find(|plan| plan.id == sites.copies).unwrap();
            plan.revision += by;
        });
    };
    // What an older plan finds in order is followed, but is nothing that later looks are compared with.
    shift(-1);
    for snapshot in &own[..2] {
        sites.forget(&snapshot.id).await;
    }
    let clean_up = sites.run(RunKind::Prune, RunState::Completed).await;
    assert_eq!(clean_up.outcome.unwrap().snapshots_forgotten, 2);
    for snapshot in &own[2..4] {
        sites.forget(&snapshot.id).await;
    }
    for by in [0, 1] {
        shift(by);
        let refused = sites.run(RunKind::Prune, RunState::Failed).await.error.unwrap();
        assert!(refused.message.contains("more than half of its snapshots: 2 of 6 are left"), "{refused:?}");
    }
    assert_eq!(sites.snapshots(sites.site).await.len(), 4);
    sites.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_copied_is_said() {
    let mut sites = Sites::new(None).await;
    let none = sites.run(RunKind::Copy, RunState::Failed).await.error.unwrap();
    assert!(none.message.contains("nothing to copy yet in disk"), "{none:?}");
    assert!(!sites.world.path("repository").exists() && !sites.world.path("site").exists());
    let run = sites.world.run_id();
    let ask = Ask::RunPlan { plan: sites.copies, kind: RunKind::Backup, guard: false, runs: vec![run] };
    let refused = sites.world.answer(ask).await.unwrap_err();
    assert!(refused.message.contains("no backup to make"), "{refused:?}");
    sites.back_up("a", 1000).await;
    let site = sites.site;
    sites.world.hub.arrange(|configuration| {
        let found = configuration.repositories.iter_mut().find(|repository| repository.id == site);
        found.unwrap().holds = Holds::Archives(plain());
    });
    let archives = sites.run(RunKind::Copy, RunState::Failed).await.error.unwrap();
    assert!(archives.message.contains("site holds archives"), "{archives:?}");
    sites.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_due_by_its_schedule_and_its_clean_ups_follow() {
    let mut sites = Sites::new(None).await;
    sites.back_up("a", 1000).await;
    sites.change(|spec| {
        spec.schedule = serde_json::from_value(json!({"when": {"every": "1h"}})).unwrap();
        spec.copy.as_mut().unwrap().mirror = true;
    });
    sites.world.pass(3700);
    let copy = sites
        .world
        .until_any("copy", |run| run.kind == RunKind::Copy && run.state == RunState::Completed)
        .await;
    assert!(copied(&copy) == 1 && copy.plan.unwrap().id == sites.copies);
    sites.world.pass(25 * 3600);
    let own = |run: &Run| run.plan.as_ref().is_some_and(|plan| plan.id == sites.copies);
    sites
        .world
        .until_any("clean-up", |run| {
            run.kind == RunKind::Prune && own(run) && run.state == RunState::Completed
        })
        .await;
    assert_eq!(sites.snapshots(sites.site).await.len(), 1);
    sites.world.stop().await;
}
