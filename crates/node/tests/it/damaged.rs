//! Restores of files from a repository that is damaged: what is there stays as it was, and what is whole is named.

use std::path::{Path, PathBuf};

use backstay_model::{RunKind, RunState};
use backstay_policy::Schedule;

use crate::archives::{request, restore};
use crate::buckets::packs;
use crate::world::World;

/// Takes a backup; gives its snapshot and the packs that came with it.
async fn back_up(world: &World) -> (String, Vec<PathBuf>) {
    let before = if world.path("repository").exists() { packs(world) } else { Vec::new() };
    let run = world.run_plan(RunKind::Backup);
    let done = world.until_state(run, RunState::Completed).await;
    let new = packs(world).into_iter().filter(|pack| !before.contains(pack)).collect();
    (done.destinations[0].snapshot.clone().unwrap(), new)
}

/// Changes a byte of the first and one of the longest blob of each pack: which blob comes first is not certain.
fn damage(packs: &[PathBuf]) {
    for pack in packs {
        let mut bytes = std::fs::read(pack).unwrap();
        let middle = bytes.len() / 2;
        bytes[0] ^= 1;
        bytes[middle] ^= 1;
        std::fs::write(pack, bytes).unwrap();
    }
}

/// Two backups of a long file that changes at its end, the second damaged there.
async fn world() -> (World, PathBuf, [String; 2]) {
    let world = World::new(Schedule::default()).await;
    world.fill(2);
    let long = world.path("source/long");
    let mut content: Vec<u8> = (0..8_000_000_u32)
        .flat_map(|at| (at.wrapping_mul(2_654_435_761)).to_le_bytes())
        .take(8 << 20)
        .collect();
    std::fs::write(&long, &content).unwrap();
    let (first, _) = back_up(&world).await;
    let end = content.len() - 1000;
    content[end..].fill(7);
    std::fs::write(&long, &content).unwrap();
    std::fs::write(world.path("source/new"), "only in the second").unwrap();
    let (second, packs) = back_up(&world).await;
    // Those of trees are whole: what they tell is needed to tell what is lost.
    let largest = packs.iter().max_by_key(|pack| std::fs::metadata(pack).unwrap().len()).unwrap();
    damage(std::slice::from_ref(largest));
    (world, long, [first, second])
}

fn beneath(target: &Path, path: &Path) -> PathBuf {
    target.join(path.strip_prefix("/").unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_there_is_not_half_written_and_an_older_backup_is_offered() {
    let (mut world, long, [first, second]) = world().await;
    let target = world.path("target");
    let there = beneath(&target, &long);
    std::fs::create_dir_all(there.parent().unwrap()).unwrap();
    let mine = vec![1; 8 << 20];
    std::fs::write(&there, &mine).unwrap();
    for name in ["latest", &second] {
        let failed = restore(&world, request(name, target.clone()), RunState::Failed).await;
        let error = failed.error.unwrap();
        assert!(
            error.message.contains("is damaged") && error.message.contains("nothing was written"),
            "{error:?}"
        );
        assert!(error.hint.unwrap().contains(&format!("snapshot {} of ", &first[..8])));
        assert_eq!((error.damaged, error.instead.as_ref()), (true, Some(&first)));
        assert!(std::fs::read(&there).unwrap() == mine, "it was written into");
        assert!(!beneath(&target, &world.path("source/new")).exists());
    }
    restore(&world, request(&first, target), RunState::Completed).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn into_an_empty_folder_comes_what_is_whole_and_for_the_rest_an_older_backup_is_named() {
    let (mut world, long, [first, second]) = world().await;
    let target = world.path("target");
    let failed = restore(&world, request(&second, target.clone()), RunState::Failed).await;
    let error = failed.error.unwrap();
    assert!(
        error.message.contains("could not be restored") && error.message.contains("the first: "),
        "{error:?}"
    );
    assert!(error.damaged, "{error:?}");
    let hint = error.hint.unwrap();
    assert!(hint.contains("all else was restored"), "{hint}");
    let whole = std::fs::read(beneath(&target, &world.path("source/0"))).unwrap();
    assert!(whole == std::fs::read(world.path("source/0")).unwrap());
    // Only the long file is in the older one too.
    if !error.message.contains("2 items") {
        assert!(hint.contains(&first[..8]), "{hint} {}", long.display());
        assert_eq!(error.instead, Some(first));
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_cannot_be_read_is_not_passed_over_as_the_latest() {
    let mut world = World::new(Schedule::default()).await;
    world.fill(2);
    let (first, _) = back_up(&world).await;
    world.pass(60);
    let (second, _) = back_up(&world).await;
    let file = world.path("repository/snapshots").join(&second);
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() - 1]).unwrap();
    let target = world.path("target");
    let failed = restore(&world, request("latest", target.clone()), RunState::Failed).await;
    let error = failed.error.unwrap();
    assert!(error.message.contains(&second[..8]), "{error:?}");
    let hint = error.hint.unwrap();
    assert!(hint.contains(&first[..8]) && hint.ends_with("restore that one"), "{hint}");
    assert_eq!(error.instead.as_ref(), Some(&first));
    assert!(!target.exists());
    restore(&world, request(&first, target), RunState::Completed).await;
    world.stop().await;
}
