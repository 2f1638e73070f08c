//! Restores of files onto a disk that is full: what was there stays, nothing is left half written, and with room again it completes.

use std::path::Path;

use backstay_core::Random;
use backstay_core::testing::{fill_disk, run_again_with_mounts};
use backstay_model::{RunKind, RunState};
use backstay_policy::Schedule;

use crate::archives::{hold, plain, request, restore};
use crate::world::{SystemRandom, World};

const MIB: usize = 1 << 20;

/// Runs a test of this module again with a disk of 48 MiB at `$FOLDER/small`.
fn on_a_small_disk(test: &str) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("small")).unwrap();
    let mounts = "mount -t tmpfs -o size=48m none small";
    run_again_with_mounts(folder.path(), mounts, &format!("full_disk::{test}"));
}

fn noise(bytes: usize) -> Vec<u8> {
    let mut content = vec![0; bytes];
    SystemRandom.fill(&mut content);
    content
}

/// A world with a backup of files of 17 MiB, of some of which there is something on the disk already.
async fn world(disk: &Path, is_archive: bool) -> World {
    let world = World::new(Schedule::default()).await;
    if is_archive {
        hold(&world, plain(), None);
    }
    for (name, length) in [("long", 12 * MIB), ("grown", 4 * MIB), ("same", MIB), ("little", 1000)] {
        std::fs::write(world.path("source").join(name), noise(length)).unwrap();
    }
    let run = world.run_plan(RunKind::Backup);
    world.until_state(run, RunState::Completed).await;
    let place = disk.join(world.path("source").strip_prefix("/").unwrap());
    std::fs::create_dir_all(&place).unwrap();
    std::fs::copy(world.path("source/same"), place.join("same")).unwrap();
    std::fs::write(place.join("grown"), vec![1; MIB]).unwrap();
    std::fs::write(place.join("mine"), "it is not in the backup").unwrap();
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_onto_a_full_disk_fails_and_completes_once_there_is_room() {
    let Some(folder) = std::env::var_os("FOLDER") else {
        return on_a_small_disk("a_restore_onto_a_full_disk_fails_and_completes_once_there_is_room");
    };
    for is_archive in [false, true] {
        let disk = Path::new(&folder).join("small").join(if is_archive { "archive" } else { "repository" });
        std::fs::create_dir(&disk).unwrap();
        let mut world = world(&disk, is_archive).await;
        let place = disk.join(world.path("source").strip_prefix("/").unwrap());
        let source = |name: &str| std::fs::read(world.path("source").join(name)).unwrap();
        let filler = disk.join("filler");
        // Neither for the long file nor for what another one grows by.
        fill_disk(&filler, 2 * MIB as u64);
        for _ in 0..2 {
            let failed = restore(&world, request("latest", disk.clone()), RunState::Failed).await;
            let error = failed.error.unwrap();
            assert!(error.message.to_lowercase().contains("no space left"), "{error:?}");
            assert!(error.hint.unwrap().contains("free some space there"), "{}", error.message);
            assert!(std::fs::read(place.join("grown")).unwrap() == vec![1; MIB], "it was written into");
            assert!(std::fs::read(place.join("same")).unwrap() == source("same"));
            assert_eq!(std::fs::read(place.join("mine")).unwrap(), b"it is not in the backup");
            assert!(!place.join("long").exists(), "it is half written");
            let little = std::fs::read(place.join("little"));
            assert!(little.is_err() || little.unwrap() == source("little"));
        }
        std::fs::remove_file(&filler).unwrap();
        restore(&world, request("latest", disk.clone()), RunState::Completed).await;
        for name in ["long", "grown", "same", "little"] {
            assert!(std::fs::read(place.join(name)).unwrap() == source(name), "{name}");
        }
        assert_eq!(std::fs::read(place.join("mine")).unwrap(), b"it is not in the backup");
        world.stop().await;
        std::fs::remove_dir_all(&disk).unwrap();
    }
}
