//! restic and our program, each in a world of its own with the same files.

use std::path::PathBuf;

use crate::world::{Run, World};

/// restic, unless there is none and need not be.
pub(crate) fn restic() -> Option<PathBuf> {
    let named = std::env::var_os("BACKSTAY_PEER_RESTIC").map(PathBuf::from);
    if named.is_none() {
        assert!(
            std::env::var_os("CI").is_none_or(|ci| ci != "true"),
            "BACKSTAY_PEER_RESTIC must name restic"
        );
        eprintln!("passed over: BACKSTAY_PEER_RESTIC names no restic");
    }
    named
}

/// Both programs, each in a world with the same files.
pub(super) struct Pair {
    pub(super) theirs: World,
    pub(super) ours: World,
}

impl Pair {
    pub(super) fn new() -> Option<Self> {
        let pair = Self { theirs: World::with(restic()?), ours: World::new() };
        for world in pair.worlds() {
            world.some_files();
        }
        Some(pair)
    }

    /// With a repository and two snapshots that differ.
    pub(super) fn with_snapshots() -> Option<Self> {
        let pair = Self::new()?;
        for world in pair.worlds() {
            world.run(["init"]).succeeds();
            world.run(["backup", "src", "--tag", "first"]).succeeds();
            world.file("src/one.txt", "changed").file("src/four", "4");
            std::fs::remove_file(world.path("src/two.txt")).unwrap();
            world.run(["backup", "src"]).succeeds();
        }
        Some(pair)
    }

    /// Both worlds, restic's first.
    pub(super) const fn worlds(&self) -> [&World; 2] {
        [&self.theirs, &self.ours]
    }

    pub(super) fn each(&self, arguments: &[&str]) -> (Run, Run) {
        (self.theirs.run(arguments), self.ours.run(arguments))
    }

    #[track_caller]
    pub(super) fn same_exit(&self, arguments: &[&str]) {
        let (theirs, ours) = self.each(arguments);
        assert_eq!(ours.code, theirs.code, "{arguments:?}\n{ours:?}\n{theirs:?}");
    }

    #[track_caller]
    pub(super) fn same_json(&self, arguments: &[&str]) {
        let (theirs, ours) = self.each(arguments);
        assert_eq!(ours.code, theirs.code, "{arguments:?}\n{ours:?}\n{theirs:?}");
        let (mut expected, mut found) = (theirs.shape(), ours.shape());
        // How often progress is told depends on the machine.
        expected.remove("status");
        found.remove("status");
        for shapes in [&mut expected, &mut found] {
            for keys in shapes.values_mut() {
                keys.remove(".seconds_elapsed");
            }
        }
        assert!(!expected.is_empty(), "{arguments:?}: restic says nothing: {theirs:?}");
        assert_eq!(found, expected, "{arguments:?}\n{}\n{}", ours.stdout, theirs.stdout);
    }
}
