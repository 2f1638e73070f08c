//! What a clean-up leaves of a log and of the backups that it follows on, with a real server of MongoDB's protocol.

use std::time::Duration;

use backstay_model::{RunKind, RunState, Time};
use serde_json::json;

use crate::mongo::Shop;

#[tokio::test(flavor = "multi_thread")]
async fn a_clean_up_never_takes_the_backup_that_a_moment_to_be_kept_begins_with() {
    let Some(shop) = Shop::new().await else { return };
    let mut written = Vec::new();
    shop.write(&mut written, Duration::from_millis(200));
    shop.follow();
    shop.until_followed("at all", |log| log.trouble.is_none() && !log.moments.is_empty()).await;
    // Three backups, with a moment after each that is to be gone back to.
    let mut moments = Vec::new();
    for number in 0..3 {
        if number > 0 {
            shop.back_up(RunState::Completed).await;
        }
        shop.write(&mut written, Duration::from_secs(3));
        let moment = written.last().unwrap().ended - 1;
        shop.until_kept(Time::from_second(written.last().unwrap().ended).unwrap()).await;
        moments.push(moment);
    }
    let mut backups = shop.backups().await;
    backups.reverse();
    assert_eq!(backups.len(), 3);

    // The rules keep the newest alone. What is kept beside it is what the first moment begins with, and the log leads on from there.
    let (newest, first) = (&backups[2], &backups[0]);
    for (since, left) in [(0, vec![newest, first]), (1, vec![newest, first]), (2, vec![newest])] {
        // The clean-up looks at the clock a little later; where the next backup is to come after it, that may not matter.
        let margin = if left.len() > 1 { 2 } else { 0 };
        let moment = Time::from_second(moments[since] - margin).unwrap();
        shop.world.hub.change(|plan| {
            plan.retention = serde_json::from_value(json!({ "last": 1 })).unwrap();
            let keep = shop.world.now().duration_since(moment).unsigned_abs();
            plan.continuous.as_mut().unwrap().keep = Some(keep);
        });
        let pieces = shop.world.count("repository/snapshots");
        let prune = shop.world.run_plan(RunKind::Prune);
        shop.world.until_state(prune, RunState::Completed).await;
        assert_eq!(shop.backups().await.iter().collect::<Vec<_>>(), left, "since {since}");
        for (number, moment) in moments.iter().enumerate() {
            if number >= since || left.len() > 1 {
                shop.look_back(*moment, &written, &format!("then{since}{number}")).await;
            } else {
                let until = Time::from_second(*moment).unwrap();
                shop.restore("latest", json!({ "until": until }), RunState::Failed).await;
            }
        }
        if left.len() == 1 {
            assert!(shop.world.count("repository/snapshots") < pieces, "pieces of before are still there");
        }
    }
    shop.end().await;
}
