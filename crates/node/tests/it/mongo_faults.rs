//! MongoDB under trouble: pauses and kills in the middle of a collection, in backups and in restores, and an archive class.

use std::time::Duration;

use backstay_model::archives::MongodbArchives;
use backstay_model::command::Ask;
use backstay_model::run::Intent;
use backstay_model::{ArchiveSettings, ConnectionSettings, Run, RunId, RunKind, RunState};
use backstay_net::testing::S3Server;
use backstay_sources::testing::bson::{Document, doc};
use serde_json::json;

use crate::archives::{archives, hold, plain};
use crate::bucket_faults::{freeze, left, until_frozen};
use crate::mongo::Shop;

/// Documents of 4 kB each in a long collection.
const MANY: i32 = 4_000;

/// A shop with a long collection, and what it holds.
async fn long() -> Option<(Shop, Vec<Document>)> {
    long_at("").await
}

/// The same, with more options in the server's address.
pub(crate) async fn long_at(options: &str) -> Option<(Shop, Vec<Document>)> {
    let shop = Shop::reached(&[], options).await?;
    let documents = tokio::task::block_in_place(|| {
        let text = |id: i32| format!("{id} {}", "of many ".repeat(500));
        let all: Vec<_> = (0..MANY).map(|id| doc! { "_id": id, "text": text(id) }).collect();
        all.chunks(1_000).for_each(|some| shop.server.insert("shop", "many", some));
        all
    });
    Some((shop, documents))
}

impl Shop {
    /// Waits until a run is in its midst, and has the server stand still there.
    pub(crate) async fn stands_still_in_the_middle(&self, run: RunId, is_so: impl Fn(&Self) -> bool) {
        for _ in 0..6000 {
            if tokio::task::block_in_place(|| is_so(self)) {
                self.server.freeze();
                let state = self.world.store.run(run).await.unwrap().unwrap().state;
                assert!(!state.is_final(), "it was over already: {state:?}");
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("it does not come to that");
    }

    /// Pauses the run, or kills the node under it, and has it go on to its end.
    async fn goes_on(&mut self, run: RunId, kills: bool) {
        if kills {
            // The killed one would wait for the server before it ends, being no process of its own here.
            self.server.thaw();
            self.world.kill().await;
            self.world.start().await;
        } else {
            self.world.ask(Ask::Pause { run });
            let pauses = |run: &Run| run.intent == Some(Intent::Pausing) || run.state == RunState::Paused;
            self.world.until(run, "pausing", pauses).await;
            // What was written is removed before it rests, for which the server is needed.
            self.server.thaw();
            self.world.until_state(run, RunState::Paused).await;
            self.world.ask(Ask::Resume { run });
        }
        let done = self.world.until_state(run, RunState::Completed).await;
        assert_eq!(done.attempt, 2);
    }

    pub(crate) fn holds(&self, documents: &[Document]) {
        let there = tokio::task::block_in_place(|| sorted(self.server.documents("shop", "many")));
        assert!(there == documents, "{} documents of {}", there.len(), documents.len());
    }
}

/// In the order of their ids: the server lists them in another one.
fn sorted(mut documents: Vec<Document>) -> Vec<Document> {
    documents.sort_by_key(|document| document.get_i32("_id").ok());
    documents
}

/// The forms that a server is kept in, and whether the node is killed: a repository, an archive of mongodump, one of files.
fn forms() -> [(Option<ArchiveSettings>, bool); 4] {
    let of_files = ArchiveSettings { mongodb: MongodbArchives::Files, ..plain() };
    [(None, false), (None, true), (Some(plain()), true), (Some(of_files), false)]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_or_a_kill_in_the_middle_of_a_collection_ends_in_a_whole_backup() {
    for (form, kills) in forms() {
        let Some((mut shop, documents)) = long().await else { return };
        if let Some(settings) = form {
            hold(&shop.world, settings, None);
        }
        shop.world.hub.change(|plan| plan.limits.read = Some(4 << 20));
        let run = shop.world.run_plan(RunKind::Backup);
        shop.world.until(run, "going", |run| run.progress.bytes > 1 << 20).await;
        shop.stands_still_in_the_middle(run, |_| true).await;
        shop.world.hub.change(|plan| plan.limits.read = None);
        shop.goes_on(run, kills).await;
        assert_eq!(archives(&shop.world).await.len(), 1);
        assert_eq!(left(&shop.world, "archives"), [""; 0]);
        shop.drop_database("shop");
        shop.restore("latest", json!({ "include": ["shop.many"] }), RunState::Completed).await;
        shop.holds(&documents);
        shop.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_is_paused_or_killed_in_a_collection_comes_to_its_end_and_leaves_nothing_beside_it() {
    for (form, kills) in forms() {
        let Some((mut shop, documents)) = long().await else { return };
        if let Some(settings) = form {
            hold(&shop.world, settings, None);
        }
        shop.back_up(RunState::Completed).await;
        tokio::task::block_in_place(|| {
            drop(shop.server.run("shop", doc! { "delete": "many", "deletes": [{ "q": {}, "limit": 0 }] }));
            shop.server.insert("shop", "many", &[doc! { "_id": "what was there before" }]);
        });
        let before = shop.collections("shop");
        let replace = json!({ "include": ["shop.many"], "existing": "replace" });
        let run = shop.restore_from(shop.world.repository(), "latest", replace);
        shop.stands_still_in_the_middle(run, |shop| shop.collections("shop") > before).await;
        shop.goes_on(run, kills).await;
        shop.holds(&documents);
        assert_eq!(shop.collections("shop"), before);
        assert_eq!(left(&shop.world, "restores"), [""; 0]);
        shop.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_comes_back_from_an_archive_class_once_that_has_thawed() {
    let Some(shop) = Shop::new().await else { return };
    let service = tokio::task::block_in_place(S3Server::start);
    service.create_bucket("cold");
    service.behave(|behaviour| behaviour.thaw_time = Duration::from_secs(3600));
    let credentials = service.settings().credentials.unwrap();
    let settings = || {
        let settings = json!({
            "endpoint": service.url, "bucket": "cold", "access_key": credentials.access_key_id,
            "allow_private": true, "storage_class": "DEEP_ARCHIVE",
        });
        ConnectionSettings::S3(serde_json::from_value(settings).unwrap())
    };
    freeze(&shop.world, settings, credentials.secret_access_key.expose());
    shop.back_up(RunState::Completed).await;
    shop.drop_database("shop");
    let run = shop.restore_from(shop.world.repository(), "latest", json!({ "include": ["shop"] }));
    until_frozen(&shop.world, run).await;
    assert_eq!(shop.collections("shop"), 0, "nothing is half restored");
    service.thaw();
    shop.world.until_state(run, RunState::Completed).await;
    assert_eq!(shop.count("shop", "orders"), 3000);
    shop.end().await;
    tokio::task::block_in_place(|| drop(service));
}
