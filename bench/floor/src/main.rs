//! The floor of the benchmarks: the same bytes through the same primitives, and nothing else.
//!
//! One thread per processor walks, reads, hashes (SHA-256), compresses (zstd level 3, one context per thread), encrypts
//! (AES-256-CTR) and writes packs of 16 MiB that are named by their SHA-256. There is no content-defined chunking (a big
//! file is cut every mebibyte), no trees, no metadata, no message authentication, no locks, no durability, and a key that
//! is no secret. What an engine needs beyond this is the price of its features; what it needs less of was saved by skill.
//!
//! This is a yardstick, never a backup: only the content of regular files is kept.
#![forbid(unsafe_code)]

mod backup;
mod catalog;
mod codec;
mod crew;
mod retrieve;
mod walk;

use std::path::Path;

use anyhow::{Result, bail};

const USAGE: &str =
    "usage: backstay-floor walk SOURCE | backup SOURCE FOLDER | check FOLDER | restore FOLDER TARGET";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["walk", source] => walk::run(Path::new(source)),
        ["backup", source, folder] => backup::run(Path::new(source), Path::new(folder)),
        ["check", folder] => retrieve::check(Path::new(folder)),
        ["restore", folder, target] => retrieve::restore(Path::new(folder), Path::new(target)),
        _ => bail!(USAGE),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{backup, catalog::Catalog, retrieve, walk};

    /// A little tree with an empty file, a small one, and one of several pieces that compresses badly.
    fn tree(folder: &Path, seed: u32) -> Vec<(&'static str, Vec<u8>)> {
        let mut state = seed;
        let noise = (0..3_500_000).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        });
        let files = vec![
            ("empty", Vec::new()),
            ("inner/small", b"the same words, the same words, the same words".to_vec()),
            ("inner/deeper/large", noise.collect()),
        ];
        for (name, content) in &files {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        files
    }

    #[test]
    fn restores_what_it_took_and_stores_known_pieces_once() {
        let place = tempfile::tempdir().unwrap();
        let (source, folder, target) =
            (place.path().join("source"), place.path().join("folder"), place.path().join("target"));
        tree(&source, 1);
        walk::run(&source).unwrap();
        backup::run(&source, &folder).unwrap();
        let before = Catalog::read(&folder).unwrap().blobs();

        let files = tree(&source, 2);
        backup::run(&source, &folder).unwrap();
        let after = Catalog::read(&folder).unwrap().blobs();
        assert_eq!(after - before, 4, "only the pieces of the large file are new");

        retrieve::check(&folder).unwrap();
        retrieve::restore(&folder, &target).unwrap();
        for (name, content) in files {
            assert!(fs::read(target.join(name)).unwrap() == content, "{name} differs");
        }
    }

    #[test]
    fn check_finds_a_flipped_bit() {
        let place = tempfile::tempdir().unwrap();
        let (source, folder) = (place.path().join("source"), place.path().join("folder"));
        tree(&source, 1);
        backup::run(&source, &folder).unwrap();
        let pack = fs::read_dir(folder.join("packs")).unwrap().next().unwrap().unwrap().path();
        let mut bytes = fs::read(&pack).unwrap();
        bytes[5] ^= 1;
        fs::write(&pack, bytes).unwrap();
        assert!(retrieve::check(&folder).is_err());
    }
}
