//! Restores into buckets from archives that are damaged: the target stays as it was, and an older archive that is whole is offered.

use backstay_model::{ArchiveSettings, RunState};
use backstay_net::testing::Attributes;

use crate::archives::{archives, hold, plain};
use crate::buckets::{Shelf, all};

/// What is in a bucket.
fn contents(shelf: &Shelf, bucket: &str) -> Vec<(String, Vec<u8>)> {
    let keys = shelf.server.keys(bucket).into_iter();
    keys.map(|key| (key.clone(), shelf.server.get(bucket, &key).unwrap().bytes.to_vec())).collect()
}

/// How an archive is damaged.
type Damage = fn(&mut Vec<u8>);

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_archive_leaves_the_target_as_it_was_and_an_older_one_is_offered() {
    let shelf = Shelf::new(30).await;
    hold(&shelf.world, ArchiveSettings { name: "{source}-{n}".to_owned(), ..plain() }, None);
    shelf.back_up(RunState::Completed).await;
    shelf.world.pass(60);
    let first = contents(&shelf, "photos");
    shelf.server.put("photos", "later", b"only in the second".to_vec(), Attributes::default());
    shelf.back_up(RunState::Completed).await;
    let listed = archives(&shelf.world).await;
    let (newest, older) = (listed[0].clone(), listed[1].id.clone());
    let name = newest.name.unwrap();
    let file = shelf.world.path("archives").join(&name);
    let whole = std::fs::read(&file).unwrap();

    // Some of the objects are there already, with other content.
    shelf.server.create_bucket("other");
    for key in shelf.server.keys("photos").iter().step_by(3) {
        shelf.server.put("other", key, b"what was there before".to_vec(), Attributes::default());
    }
    let before = contents(&shelf, "other");
    let damages: [(&str, Damage); 4] = [
        ("cut short", |bytes| bytes.truncate(bytes.len() - 100)),
        ("cut in the middle", |bytes| bytes.truncate(bytes.len() / 2)),
        ("flipped in a content", |bytes| {
            let middle = bytes.len() / 3;
            bytes[middle..middle + 64].iter_mut().for_each(|byte| *byte ^= 0x55);
        }),
        ("flipped at the beginning", |bytes| bytes[..8].fill(0)),
    ];
    for (what, damage) in damages {
        let mut bytes = whole.clone();
        damage(&mut bytes);
        std::fs::write(&file, bytes).unwrap();
        for asked in ["latest", &newest.id] {
            let request = backstay_model::run::RestoreRequest { snapshot: asked.to_owned(), ..all() };
            let error = shelf.restore("other", request, RunState::Failed).await.error.unwrap();
            assert!(error.message.contains(&name), "{what}: {error:?}");
            let hint = error.hint.unwrap();
            assert!(
                hint.contains("nothing was written") && hint.contains("source-1.zip of "),
                "{what}: {hint}"
            );
            assert_eq!(error.instead.as_ref(), Some(&older), "{what}");
            assert!(contents(&shelf, "other") == before, "{what}: the target was touched");
        }
    }

    // What is offered comes back.
    let request = backstay_model::run::RestoreRequest { snapshot: older, ..all() };
    shelf.restore("other", request, RunState::Completed).await;
    assert!(contents(&shelf, "other") == first);
    shelf.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_archive_is_whole_that_is_said() {
    let shelf = Shelf::new(5).await;
    hold(&shelf.world, plain(), None);
    shelf.back_up(RunState::Completed).await;
    let name = archives(&shelf.world).await[0].name.clone().unwrap();
    let file = shelf.world.path("archives").join(&name);
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 3;
    bytes[middle..middle + 64].iter_mut().for_each(|byte| *byte ^= 0x55);
    std::fs::write(&file, bytes).unwrap();
    shelf.server.create_bucket("other");
    let error = shelf.restore("other", all(), RunState::Failed).await.error.unwrap();
    assert!(error.hint.as_ref().is_some_and(|hint| hint.contains("no older archive")), "{error:?}");
    assert_eq!((error.instead, shelf.server.keys("other")), (None, Vec::new()));
    shelf.end().await;
}
