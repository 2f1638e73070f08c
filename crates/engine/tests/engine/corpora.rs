//! The seeds of the fuzz targets, replayed: whatever was found once stays found.

use std::fs;
use std::path::PathBuf;

/// Runs a target's decoder on each of its seeds.
#[track_caller]
fn replay(target: &str, decode: fn(&[u8])) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut seeds = 0;
    for seed in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        decode(&fs::read(seed.unwrap().path()).unwrap());
        seeds += 1;
    }
    assert!(seeds > 2, "{target} has only {seeds} seeds");
}

macro_rules! targets {
    ($($target:ident),* $(,)?) => {$(
        #[test]
        fn $target() {
            replay(stringify!($target), targets::$target);
        }
    )*
        /// Every folder of seeds has its test here.
        #[test]
        fn every_corpus_is_replayed() {
            let corpora = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
            for folder in fs::read_dir(corpora).unwrap() {
                let name = folder.unwrap().file_name().into_string().unwrap();
                assert!([$(stringify!($target)),*].contains(&name.as_str()), "{name} is not replayed");
            }
        }
    };
}

#[allow(unreachable_pub)]
#[path = "../../../../fuzz/src/lib.rs"]
mod targets;

targets!(
    key_file,
    config,
    index,
    snapshot,
    tree,
    pack_header,
    pack,
    lock,
    name,
    envelope,
    decompress,
    time,
    mbstream,
    journal
);
