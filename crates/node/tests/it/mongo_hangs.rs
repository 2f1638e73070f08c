//! A server of MongoDB that hangs in the middle of a run while nobody gives the run up.

use backstay_model::{RunId, RunKind, RunState};
use backstay_sources::testing::bson::doc;
use serde_json::json;

use crate::archives::{archives, hold, plain};
use crate::bucket_faults::left;
use crate::mongo::Shop;
use crate::mongo_faults::long_at;

/// Has the node find out soon that its server hangs.
const WATCHFUL: &str = "&heartbeatFrequencyMS=500&connectTimeoutMS=1000&serverSelectionTimeoutMS=2000";

impl Shop {
    /// Waits until a run has given its server up and waits for it, which it says.
    async fn waits(&self, run: RunId, told: &str) {
        let waiting = self.world.until(run, "waiting", |run| run.waiting.is_some()).await;
        let reason = &waiting.waiting.as_ref().unwrap().reason;
        assert!(reason.contains("shop.many"), "{reason}");
        let log = self.world.log(run).await;
        assert!(log.contains(told), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_server_that_hangs_waits_and_is_whole_once_it_answers() {
    for form in [None, Some(plain())] {
        let Some((shop, documents)) = long_at(WATCHFUL).await else { return };
        if let Some(settings) = form {
            hold(&shop.world, settings, None);
        }
        shop.world.hub.change(|plan| plan.limits.read = Some(4 << 20));
        let run = shop.world.run_plan(RunKind::Backup);
        shop.world.until(run, "going", |run| run.progress.bytes > 1 << 20).await;
        shop.stands_still_in_the_middle(run, |_| true).await;
        shop.waits(run, "trying again").await;
        assert_eq!(archives(&shop.world).await.len(), 0);
        shop.server.thaw();
        shop.world.hub.change(|plan| plan.limits.read = None);
        shop.world.pass(600);
        let done = shop.world.until_state(run, RunState::Completed).await;
        assert_eq!(done.attempt, 2);
        assert_eq!(archives(&shop.world).await.len(), 1);
        assert_eq!(left(&shop.world, "archives"), [""; 0]);
        shop.drop_database("shop");
        shop.restore("latest", json!({ "include": ["shop.many"] }), RunState::Completed).await;
        shop.holds(&documents);
        shop.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_to_a_server_that_hangs_waits_and_is_whole_once_it_answers() {
    for form in [None, Some(plain())] {
        let Some((shop, documents)) = long_at(WATCHFUL).await else { return };
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
        shop.waits(run, "may be left").await;
        shop.server.thaw();
        assert_eq!(shop.count("shop", "many"), 1, "something half restored has the name of the whole");
        shop.world.pass(600);
        let done = shop.world.until_state(run, RunState::Completed).await;
        assert_eq!(done.attempt, 2);
        shop.holds(&documents);
        assert_eq!(shop.collections("shop"), before);
        assert_eq!(left(&shop.world, "restores"), [""; 0]);
        shop.end().await;
    }
}
