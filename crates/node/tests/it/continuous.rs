//! The oplog is kept between backups, and any moment comes back, with a real server of MongoDB's protocol.

use std::time::{Duration, Instant};

use backstay_model::command::{Answer, Ask};
use backstay_model::{Continuous, FollowedLog, PlanId, Run, RunKind, RunState, Time};
use backstay_sources::testing::bson::{Document, doc};
use serde_json::json;

use crate::copies::{copied, copy_plan, site};
use crate::mongo::Shop;

impl Shop {
    /// Has what is written between backups kept, each second.
    pub(crate) fn follow(&self) {
        let continuous = Continuous { every: Duration::from_secs(1), ..Continuous::default() };
        self.world.hub.change(|plan| plan.continuous = Some(continuous.clone()));
    }

    async fn followed(&self) -> Option<FollowedLog> {
        let id = self.world.identity().id;
        self.world.store.node(id).await.unwrap().unwrap().host.logs.into_iter().next()
    }

    /// Waits until what is told of the log is as it should be.
    pub(crate) async fn until_followed(
        &self,
        what: &str,
        is_so: impl Fn(&FollowedLog) -> bool,
    ) -> FollowedLog {
        let end = Instant::now() + Duration::from_secs(120);
        loop {
            let followed = self.followed().await;
            match followed {
                Some(log) if is_so(&log) => return log,
                other if Instant::now() > end => {
                    panic!("the log is not followed {what}: {other:?}, {:?}", self.world.troubles().await)
                }
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// Waits until a moment can be gone back to.
    pub(crate) async fn until_kept(&self, moment: Time) -> FollowedLog {
        let has = |log: &FollowedLog| log.moments.last().is_some_and(|last| last.until >= moment);
        self.until_followed("so far", has).await
    }

    /// Writes one document after the other, each first into `a` and then into `b`, for so long.
    pub(crate) fn write(&self, written: &mut Vec<Written>, time: Duration) {
        let end = Instant::now() + time;
        tokio::task::block_in_place(|| {
            while Instant::now() < end {
                let id = written.len() as i32;
                let begun = Time::now().as_second();
                self.server.insert("bank", "a", &[doc! { "_id": id }]);
                self.server.insert("bank", "b", &[doc! { "_id": id }]);
                written.push(Written { begun, ended: Time::now().as_second() });
            }
        });
    }

    /// Goes back to a moment under another name, and looks that what is there is what was there then.
    pub(crate) async fn look_back(&self, moment: i64, written: &[Written], name: &str) -> Run {
        let until = Time::from_second(moment).unwrap();
        let into =
            json!({ "until": until, "include": ["bank"], "databases": [{ "from": "bank", "to": name }] });
        let run = self.restore("latest", into, RunState::Completed).await;
        let ids = |collection: &str| -> Vec<i32> {
            let documents: Vec<Document> =
                tokio::task::block_in_place(|| self.server.documents(name, collection));
            let mut ids: Vec<i32> = documents.iter().map(|each| each.get_i32("_id").unwrap()).collect();
            ids.sort_unstable();
            ids
        };
        let (a, b) = (ids("a"), ids("b"));
        assert!(a.iter().copied().eq(0..a.len() as i32) && b.iter().copied().eq(0..b.len() as i32));
        assert!(a.len() == b.len() || a.len() == b.len() + 1, "{} and {}", a.len(), b.len());
        // The last one may have been under way when the second ended.
        let must = written.iter().filter(|each| each.ended <= moment).count();
        let may = written.iter().filter(|each| each.begun <= moment).count();
        assert!((must..=may).contains(&a.len()) && b.len() >= must, "{must} <= {} <= {may}", a.len());
        run
    }
}

/// When a document was written, in seconds: the second that writing began in, and the one that it ended in.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) begun: i64,
    pub(crate) ended: i64,
}

#[tokio::test(flavor = "multi_thread")]
async fn any_moment_comes_back_though_server_and_node_end_in_between() {
    let Some(mut shop) = Shop::new().await else { return };
    let mut written = Vec::new();
    shop.write(&mut written, Duration::from_millis(200));
    // There is no backup that the log could follow on: one is taken.
    shop.follow();
    let base =
        shop.world.until_any("backup", |run| run.kind == RunKind::Backup && run.state.is_final()).await;
    assert_eq!(base.state, RunState::Completed, "{}", shop.world.log(base.id).await);
    shop.write(&mut written, Duration::from_secs(4));
    shop.until_kept(Time::now() - jiff::SignedDuration::from_secs(2)).await;

    // What is written while the node does not run is read when it does again.
    shop.world.stop().await;
    shop.write(&mut written, Duration::from_secs(2));
    shop.world.start().await;
    shop.write(&mut written, Duration::from_secs(2));
    // The server is killed, and loses no more than what was written in the last two seconds or so.
    let killed = Time::now();
    shop.until_kept(killed - jiff::SignedDuration::from_secs(2)).await;
    tokio::task::block_in_place(|| {
        shop.server.kill();
        shop.server.start();
    });
    let log = shop.until_followed("without trouble", |log| log.trouble.is_none()).await;
    assert_eq!(log.moments.len(), 1, "{log:?}");
    let window = log.moments[0];
    assert!(window.until >= killed - jiff::SignedDuration::from_secs(2), "{window:?} and {killed}");

    // A second backup in between, which later moments begin with.
    shop.back_up(RunState::Completed).await;
    shop.write(&mut written, Duration::from_secs(3));
    let end = Time::from_second(written.last().unwrap().ended).unwrap();
    let window = shop.until_kept(end).await.moments[0];
    let (first, last) = (window.from.as_second(), end.as_second());
    let mut bases = std::collections::BTreeSet::new();
    let moments = [first, first + 2, (first + last) / 2, last - 4, last - 1, last];
    for (number, moment) in moments.into_iter().enumerate() {
        let run = shop.look_back(moment, &written, &format!("then{number}")).await;
        bases.insert(run.destinations[0].snapshot.clone().unwrap());
    }
    assert_eq!(bases.len(), 2);

    // What is not covered is refused, with what is.
    for outside in [first - 1, last + 3600] {
        let until = Time::from_second(outside).unwrap();
        let error = shop.restore("latest", json!({ "until": until }), RunState::Failed).await.error.unwrap();
        let hint = error.hint.unwrap();
        assert!(error.message.contains(&format!("{until:.0}")), "{}", error.message);
        assert!(hint.contains(&format!("between {:.0} and ", window.from)), "{hint}");
    }

    // Pieces are no backups: nobody who looks for these finds them.
    assert_eq!(shop.backups().await.len(), 2);
    assert!(shop.world.count("repository/snapshots") > 6);
    assert_eq!(shop.world.troubles().await, Vec::<String>::new());
    shop.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_is_told_and_the_log_goes_on_after_a_new_backup() {
    let Some(mut shop) = Shop::with(&["--oplog-max-entries", "50"]).await else { return };
    let mut written = Vec::new();
    shop.write(&mut written, Duration::from_millis(100));
    shop.follow();
    shop.until_followed("at all", |log| log.trouble.is_none() && !log.moments.is_empty()).await;
    shop.write(&mut written, Duration::from_millis(300));
    let before = shop.until_kept(Time::from_second(written.last().unwrap().ended).unwrap()).await.moments[0];

    // While nobody follows, more is written than the server keeps.
    shop.world.stop().await;
    let lost = before.until + jiff::SignedDuration::from_secs(1);
    tokio::time::sleep(Duration::from_millis(2100)).await;
    tokio::task::block_in_place(|| {
        for number in 0..10 {
            let many: Vec<Document> = (0..500).map(|id| doc! { "_id": number * 500 + id }).collect();
            shop.server.insert("other", "much", &many);
        }
    });
    shop.world.start().await;
    let told = shop.world.until_told("has a gap").await;
    assert!(
        told.contains("A new backup is taken by itself") && told.contains("replSetResizeOplog"),
        "{told}"
    );
    assert!(told.contains(&format!("{:.0}", before.until)), "{told}");
    let log = shop.until_followed("after the gap", |log| log.moments.len() == 2).await;
    assert_eq!((log.trouble.as_deref(), log.moments[0]), (None, before));
    shop.write(&mut written, Duration::from_millis(300));
    let end = Time::from_second(written.last().unwrap().ended).unwrap();
    let log = shop.until_kept(end).await;
    assert!(log.moments[1].from > lost, "{log:?}");

    shop.look_back(before.until.as_second(), &written, "before").await;
    shop.look_back(end.as_second(), &written, "after").await;
    let within = json!({ "until": lost });
    let error = shop.restore("latest", within, RunState::Failed).await.error.unwrap();
    assert!(error.hint.unwrap().contains(", or between "));
    assert_eq!(shop.world.troubles().await.len(), 1);

    // When the backup before the gap goes, so does what followed on it.
    let pieces = shop.world.count("repository/snapshots");
    shop.world.hub.change(|plan| {
        plan.retention = serde_json::from_value(json!({ "last": 1 })).unwrap();
        plan.continuous.as_mut().unwrap().keep = None;
    });
    let prune = shop.world.run_plan(RunKind::Prune);
    let prune = shop.world.until_state(prune, RunState::Completed).await;
    let of_log = shop.world.log(prune.id).await;
    assert!(of_log.contains("pieces of the log go"), "{of_log}");
    assert!(shop.world.count("repository/snapshots") < pieces);
    let log = shop.until_followed("without what is gone", |log| log.moments.len() == 1).await;
    assert!(log.moments[0].from > lost, "{log:?}");
    shop.look_back(end.as_second(), &written, "still").await;
    shop.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_restore_cannot_replay_is_told_when_it_is_kept_and_what_is_before_it_comes_back() {
    let Some(shop) = Shop::new().await else { return };
    shop.follow();
    shop.until_followed("at all", |log| log.trouble.is_none() && !log.moments.is_empty()).await;
    tokio::task::block_in_place(|| {
        let some = doc! { "delete": "orders", "deletes": [{ "q": { "_id": { "$lt": 50 } }, "limit": 0 }] };
        drop(shop.server.run("shop", some));
    });
    tokio::time::sleep(Duration::from_millis(2100)).await;
    let before = Time::now();
    tokio::time::sleep(Duration::from_millis(2100)).await;
    tokio::task::block_in_place(|| {
        let all = doc! { "q": { "_id": { "$lt": 100 } }, "u": { "$set": { "x": 1 } }, "multi": true };
        drop(shop.server.run("shop", doc! { "update": "orders", "updates": [all] }));
    });
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let after = Time::now();
    tokio::time::sleep(Duration::from_millis(2100)).await;
    tokio::task::block_in_place(|| shop.server.insert("shop", "people", &[doc! { "_id": 2 }]));
    let told = shop.world.until_told("cannot replay").await;
    assert!(told.contains("updatedFields") && told.contains("take one now"), "{told}");
    shop.until_kept(after).await;

    let to = |until: Time, name: &str| json!({ "until": until, "include": ["shop"], "databases": [{ "from": "shop", "to": name }] });
    let run = shop.restore("latest", to(after, "then"), RunState::Failed).await;
    let error = run.error.unwrap();
    assert!(error.message.contains("nothing was written"), "{error:?}");
    assert_eq!(shop.collections("then"), 0);
    let run = shop.restore("latest", to(before, "before"), RunState::Completed).await;
    assert_eq!(shop.count("before", "orders"), 2950);
    let log = shop.world.log(run.id).await;
    let says = "3000 documents were as they were backed up, and 2950 are there since the oplog was replayed";
    assert!(log.contains(says), "{log}");
    // Nothing of that name is in the backup.
    let run = shop.restore("latest", json!({ "include": ["nonexist"] }), RunState::Failed).await;
    let (error, log) = (run.error.unwrap(), shop.world.log(run.id).await);
    assert!(error.message.contains("it has blog.posts, shop."), "{error:?}");
    assert!(error.hint.unwrap().contains("that the backup has") && !log.contains("restoring to"), "{log}");
    shop.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_an_oplog_is_said_to_have_none() {
    let Some(shop) = Shop::with(&["--standalone"]).await else { return };
    shop.follow();
    let told = shop.world.until_told("only a replica set has an oplog").await;
    assert!(told.contains("cannot be followed"), "{told}");
    let log = shop.until_followed("with the reason", |log| log.trouble.is_some()).await;
    assert!(log.moments.is_empty());
    // One backup was enough to know.
    let runs = shop.world.store.list_runs(&Default::default(), None, 100).await.unwrap().items;
    assert_eq!(runs.len(), 1, "{runs:#?}");
    shop.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_are_of_backups_alone() {
    let Some((shop, backups)) = Shop::with_pieces().await else { return };
    let plan = copy_plan(&shop.world, site(&shop.world, None));
    let run = shop.run(plan, RunKind::Copy, RunState::Completed).await;
    assert_eq!(copied(&run), backups.len() as u64);
    assert_eq!(shop.world.count("site/snapshots"), backups.len());
    shop.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_does_not_follow_the_pieces_of_a_log_whose_backups_are_gone() {
    let Some((shop, backups)) = Shop::with_pieces().await else { return };
    let plan = copy_plan(&shop.world, site(&shop.world, None));
    shop.world.hub.arrange(|configuration| {
        let plan = configuration.plans.iter_mut().find(|other| other.id == plan).unwrap();
        plan.spec.copy.as_mut().unwrap().mirror = true;
    });
    shop.run(plan, RunKind::Copy, RunState::Completed).await;
    let copies = shop.world.count("site/snapshots");
    for snapshot in backups {
        let ask = Ask::Forget { repository: shop.world.repository(), snapshot };
        assert!(matches!(shop.world.answer(ask).await, Ok(Answer::Done)));
    }
    assert_ne!(shop.world.count("repository/snapshots"), 0, "the pieces are there");
    let refused = shop.run(plan, RunKind::Prune, RunState::Failed).await.error.unwrap();
    assert!(refused.message.contains("no snapshot any more"), "{refused:?}");
    assert_eq!(shop.world.count("site/snapshots"), copies);
    shop.end().await;
}

impl Shop {
    /// With two backups or more, by their ids, and at least as many pieces of the log beside them.
    async fn with_pieces() -> Option<(Self, Vec<String>)> {
        let shop = Self::new().await?;
        shop.follow();
        shop.until_followed("at all", |log| log.trouble.is_none() && !log.moments.is_empty()).await;
        let mut written = Vec::new();
        for _ in 0..3 {
            shop.write(&mut written, Duration::from_secs(2));
            shop.until_kept(Time::from_second(written.last().unwrap().ended).unwrap()).await;
        }
        shop.world.hub.change(|plan| plan.continuous = None);
        shop.back_up(RunState::Completed).await;
        let backups = shop.backups().await;
        assert!(shop.world.count("repository/snapshots") >= 2 * backups.len() && backups.len() >= 2);
        Some((shop, backups))
    }

    /// The backups by their ids, the newest first.
    pub(crate) async fn backups(&self) -> Vec<String> {
        match self.world.answer(Ask::Snapshots { repository: self.world.repository() }).await {
            Ok(Answer::Snapshots { snapshots }) => snapshots.into_iter().map(|it| it.id).collect(),
            other => panic!("{other:?}"),
        }
    }

    async fn run(&self, plan: PlanId, kind: RunKind, state: RunState) -> Run {
        let run = self.world.run_id();
        self.world.ask(Ask::RunPlan { plan, kind, guard: false, runs: vec![run] });
        self.world.until_state(run, state).await
    }
}
