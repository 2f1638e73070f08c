//! What runs with MongoDB cost and tell.

use backstay_model::archives::MongodbArchives;
use backstay_model::{ArchiveSettings, Level, RunState, Time};
use backstay_sources::testing::bson::spec::BinarySubtype;
use backstay_sources::testing::bson::{Binary, doc};
use serde_json::json;

use crate::archives::{hold, plain};
use crate::mongo::Shop;
use crate::mongo_faults::long_at;

#[tokio::test(flavor = "multi_thread")]
async fn a_second_backup_of_a_server_that_did_not_change_adds_almost_nothing() {
    let Some((shop, _)) = long_at("").await else { return };
    let noise = || {
        let mut bytes = vec![0; 20_000];
        getrandom::fill(&mut bytes).unwrap();
        Binary { subtype: BinarySubtype::Generic, bytes }
    };
    let noise: Vec<_> = (0..50).map(|id| doc! { "_id": id, "noise": noise() }).collect();
    tokio::task::block_in_place(|| shop.server.insert("shop", "noise", &noise));
    let first = shop.back_up(RunState::Completed).await.outcome.unwrap();
    let second = shop.back_up(RunState::Completed).await.outcome.unwrap();
    assert!(first.bytes_added > 1_000_000, "{first:?}");
    assert!(
        second.bytes_added * 10 < first.bytes_added,
        "{} after {}",
        second.bytes_added,
        first.bytes_added
    );
    assert_eq!((first.bytes, second.files_new), (second.bytes, 0), "{second:?}");
    shop.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_a_run_tells_each_step_from_the_connection_to_what_is_stored() {
    let of_files = ArchiveSettings { mongodb: MongodbArchives::Files, ..plain() };
    for form in [None, Some(plain()), Some(of_files)] {
        let Some(shop) = Shop::new().await else { return };
        let is_archive = form.is_some();
        if let Some(settings) = form {
            hold(&shop.world, settings, None);
        }
        let view = doc! { "create": "few", "viewOn": "orders", "pipeline": [] };
        let _ = tokio::task::block_in_place(|| shop.server.run("shop", view));
        let run = shop.back_up(RunState::Completed).await;
        let lines = shop.world.store.log(run.id, 0, 1000).await.unwrap();
        let place = |step: &str, text: &str| {
            let found = lines.iter().position(|line| line.step == step && line.text.contains(text));
            found.unwrap_or_else(|| panic!("{step}: {text}: {lines:#?}"))
        };
        let server = format!("127.0.0.1:{} (MongoDB 8.", shop.server.port());
        let connected = place("connect", &server);
        assert!(place("connect", "connecting to source") < connected);
        let stored = match is_archive {
            true => place("compress", " were compressed to "),
            false => place("save", "snapshot").max(place("compress", " were compressed to ")),
        };
        for read in [
            "read shop.orders: 3000 documents of ",
            "read shop.people: 1 documents of ",
            "read blog.posts: 1 documents of ",
            "read the definition of the view shop.few",
            "read the oplog from ",
        ] {
            assert!((connected..stored).contains(&place("step", read)), "{read}: {lines:#?}");
        }
        assert!(lines.iter().all(|line| line.level < Level::Warning), "{lines:#?}");

        shop.drop_database("shop");
        let back = shop.restore("latest", json!({ "include": ["shop"] }), RunState::Completed).await;
        let log = shop.world.log(back.id).await;
        for told in
            [&server, "restoring to 127.0.0.1", "collection shop.orders: 3000 documents are as they were"]
        {
            assert!(log.contains(told), "{told}: {log}");
        }
        shop.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_as_large_as_they_get_is_kept_between_backups_and_comes_back() {
    let Some(shop) = Shop::new().await else { return };
    shop.follow();
    shop.world.until_any("backup", |run| run.state == RunState::Completed).await;
    let empty = doc! { "_id": 1, "text": "" }.to_vec().unwrap().len();
    tokio::task::block_in_place(|| {
        let _ = shop.server.run("shop", doc! { "create": "largest" });
        for id in 1..=2 {
            let largest = doc! { "_id": id, "text": "x".repeat((16 << 20) - empty) };
            shop.server.insert("shop", "largest", &[largest]);
        }
        shop.server.insert("shop", "largest", &[doc! { "_id": 3 }]);
    });
    let until = Time::from_second(Time::now().as_second()).unwrap();
    // How far the oplog is kept is told by what is written.
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    tokio::task::block_in_place(|| shop.server.insert("shop", "later", &[doc! { "_id": 1 }]));
    shop.until_kept(until).await;
    let into = json!({ "until": until, "include": ["shop.largest"], "databases": [{ "from": "shop", "to": "then" }] });
    shop.restore("latest", into, RunState::Completed).await;
    tokio::task::block_in_place(|| {
        let sorted = |database: &str| {
            let mut all = shop.server.documents(database, "largest");
            all.sort_by_key(|each| each.get_i32("_id").unwrap());
            all
        };
        assert!(sorted("then").len() == 3 && sorted("then") == sorted("shop"));
    });
    shop.end().await;
}
