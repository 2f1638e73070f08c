//! Archives of MongoDB in `mongodump`'s format: made, looked into, checked, read by MongoDB's tools and brought back.

use std::path::PathBuf;

use backstay_model::archives::{ArchiveFormat, MongodbArchives};
use backstay_model::command::{Answer, Ask, ContentForm, FolderPage};
use backstay_model::{ArchiveSettings, RunKind, RunState, TransferId};
use backstay_sources::testing::mongo_tool;
use serde_json::json;

use crate::archives::{archives, hold, names, plain, request, restore};
use crate::mongo::Shop;
use crate::world::{SystemClock, SystemRandom};

/// The archives that lie in the plan's folder, without their manifests.
fn files(shop: &Shop) -> Vec<PathBuf> {
    let folder = shop.world.path("archives/home");
    let names = names(folder.clone()).into_iter().filter(|name| !name.ends_with(".manifest.json"));
    names.map(|name| folder.join(name)).collect()
}

fn drop_all(shop: &Shop) {
    shop.drop_database("shop");
    shop.drop_database("blog");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_becomes_an_archive_of_mongodump_and_comes_back() {
    let Some(shop) = Shop::new().await else { return };
    // What stands there of the other sources does not touch it.
    hold(&shop.world, ArchiveSettings { full_every: 3, format: ArchiveFormat::TarZst, ..plain() }, None);
    for _ in 0..2 {
        shop.back_up(RunState::Completed).await;
        shop.world.pass(60);
    }
    let made = files(&shop);
    assert_eq!(made.len(), 2, "{made:?}");
    for path in &made {
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with("source-full-") && name.ends_with(".archive.gz"), "{name}");
        let beside = backstay_archive::local::read_beside(path).unwrap().unwrap();
        assert_eq!((beside.source.kind.as_str(), beside.chain.len()), ("mongodb", 0));
        assert!(beside.source.server_version.is_some());
    }
    let run = shop.world.run_plan(RunKind::Verify);
    shop.world.until_state(run, RunState::Completed).await;

    // Its files are those of a dump in a folder.
    let id = archives(&shop.world).await[0].id.clone();
    let (repository, snapshot) = (shop.world.repository(), id.clone());
    let (path, page) = ("/shop".to_owned(), FolderPage::default());
    let found = shop.world.answer(Ask::Browse { repository, snapshot, path, page }).await.unwrap();
    let Answer::Folder { items, .. } = found else { panic!("{found:?}") };
    let listed: Vec<_> = items.iter().map(|item| item.name.as_str()).collect();
    assert_eq!(listed, ["orders.bson", "orders.metadata.json", "people.bson", "people.metadata.json"]);
    let content = shop
        .world
        .answer(Ask::Send {
            repository: shop.world.repository(),
            snapshot: id,
            paths: vec!["/shop/people.metadata.json".to_owned()],
            form: ContentForm::File,
            transfer: TransferId::new(&SystemClock, &SystemRandom),
        })
        .await;
    assert!(matches!(content, Ok(Answer::Sending { .. })), "{content:?}");
    let folder = shop.world.path("folder");
    let done = restore(&shop.world, request("latest", folder.clone()), RunState::Completed).await;
    assert_eq!(done.outcome.unwrap().more["verified"], "14");
    assert_eq!(names(folder.clone()), ["admin", "backstay-mongodb.json", "blog", "oplog.bson", "shop"]);
    assert!(std::fs::metadata(folder.join("shop/orders.bson")).unwrap().len() > 100_000);

    drop_all(&shop);
    let done = shop.restore("latest", json!({}), RunState::Completed).await.outcome.unwrap();
    assert_eq!((&*done.more["collections"], &*done.more["documents"]), ("3", "3002"));
    assert_eq!((shop.count("shop", "orders"), shop.count("blog", "posts")), (3000, 1));
    let other = json!({ "include": ["shop.people"], "databases": [{ "from": "shop", "to": "copy" }] });
    shop.restore("latest", other, RunState::Completed).await;
    assert_eq!((shop.count("copy", "people"), shop.count("copy", "orders")), (1, 0));

    // MongoDB's own tools need nothing of ours.
    for mut tool in [mongo_tool("mongorestore")].into_iter().flatten() {
        drop_all(&shop);
        tool.arg("--uri").arg(shop.server.uri()).args(["--gzip", "--stopOnError"]);
        // The server of the tests cannot merge users.
        tool.args(["--nsInclude=shop.*", "--nsInclude=blog.*"]);
        tool.arg(format!("--archive={}", made[1].display()));
        let output = tokio::task::block_in_place(|| tool.output().unwrap());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!((shop.count("shop", "orders"), shop.count("blog", "posts")), (3000, 1));
    }

    shop.world.hub.arrange(|configuration| {
        let retention = serde_json::from_value(json!({ "last": 1, "keep_at_least": 1 })).unwrap();
        configuration.plans[0].spec.retention = retention;
    });
    let run = shop.world.run_plan(RunKind::Prune);
    let pruned = shop.world.until_state(run, RunState::Completed).await;
    assert_eq!(pruned.outcome.unwrap().snapshots_forgotten, 1);
    assert_eq!(files(&shop), made[1..]);
    shop.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_archive_of_mongodump_comes_back_and_a_damaged_one_touches_nothing() {
    let Some(shop) = Shop::new().await else { return };
    hold(&shop.world, ArchiveSettings::default(), None);
    shop.back_up(RunState::Completed).await;
    let made = files(&shop);
    let [path] = made.as_slice() else { panic!("{made:?}") };
    assert!(path.to_str().unwrap().ends_with(".archive.gz.age"), "{path:?}");
    let whole = std::fs::read(path).unwrap();
    assert!(whole.starts_with(b"age-encryption.org/v1"));
    let run = shop.world.run_plan(RunKind::Verify);
    shop.world.until_state(run, RunState::Completed).await;
    drop_all(&shop);
    shop.restore("latest", json!({}), RunState::Completed).await;
    assert_eq!(shop.count("shop", "orders"), 3000);

    hold(&shop.world, plain(), None);
    for _ in 0..2 {
        shop.world.pass(60);
        shop.back_up(RunState::Completed).await;
    }
    let listed = archives(&shop.world).await;
    let [newest, older] = [&listed[0], &listed[1]].map(|archive| archive.name.clone().unwrap());
    let path = &files(&shop).into_iter().find(|path| path.ends_with(&newest)).unwrap();
    let whole_is = format!("{older} of ");
    let whole = std::fs::read(path).unwrap();
    let mut changed = whole.clone();
    changed[whole.len() / 3] ^= 1;
    let put_aside = json!({ "existing": "replace" });
    for damaged in [changed, whole[..whole.len() - 100].to_vec(), b"no archive at all".repeat(40)] {
        // It has the length that the manifest beside it tells: one of another length is no archive.
        let mut bytes = damaged;
        bytes.resize(whole.len(), 0);
        std::fs::write(path, bytes).unwrap();
        let failed = shop.restore("latest", put_aside.clone(), RunState::Failed).await;
        let hint = failed.error.unwrap().hint.unwrap();
        assert!(hint.contains(&whole_is) && hint.ends_with("is whole: restore that one"), "{hint}");
        assert_eq!((shop.count("shop", "orders"), shop.collections("shop")), (3000, 2));
    }
    std::fs::write(path, whole).unwrap();
    shop.restore("latest", put_aside, RunState::Completed).await;
    shop.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_becomes_an_archive_of_files_where_that_is_wanted() {
    let Some(shop) = Shop::new().await else { return };
    hold(&shop.world, ArchiveSettings { mongodb: MongodbArchives::Files, ..plain() }, None);
    shop.back_up(RunState::Completed).await;
    assert!(files(&shop)[0].to_str().unwrap().ends_with(".zip"));
    drop_all(&shop);
    let done = shop.restore("latest", json!({}), RunState::Completed).await.outcome.unwrap();
    assert_eq!((&*done.more["collections"], &*done.more["documents"]), ("3", "3002"));
    assert_eq!((shop.count("shop", "orders"), shop.count("blog", "posts")), (3000, 1));
    shop.end().await;
}
