use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use backstay_core::{
    Content, CutHint, EntryKind, Folder, Interrupted, Meta, Opener, Silent, Timestamp, Xattr,
};
use parking_lot::Mutex;

use super::*;
use crate::crypt::{Identities, KeyPair};
use crate::manifest::Link;
use crate::testing::{Bytes, Made, entry, file, lazy, make, noise, settings};

const ALL: [(Format, Compression); 4] = [
    (Format::Zip, Compression::Store),
    (Format::Zip, Compression::Deflate),
    (Format::Zip, Compression::Zstd),
    (Format::TarZst, Compression::Zstd),
];

/// Small and large files, in folders, of all kinds.
fn some(root: &dyn Folder) {
    let inner = root.folder("früh".as_bytes()).unwrap();
    inner.add(entry(b"small.txt", file(5), lazy(b"small"))).unwrap();
    inner.add(entry(b"empty", file(0), lazy(b""))).unwrap();
    let large = [noise(3 << 20), b"lines of text\n".repeat(100_000)].concat();
    inner.add(entry(b"large.bin", file(large.len()), lazy(&large))).unwrap();
    inner.add(entry(b"back\\slash", file(1), lazy(b"b"))).unwrap();
    let link = Meta { kind: EntryKind::Symlink, link_target: Some(b"small.txt".to_vec()), ..file(0) };
    inner.add(entry(b"link", link, Content::None)).unwrap();
    inner.close(Meta { kind: EntryKind::Folder, permissions: 0o751, ..file(0) }).unwrap();
}

#[test]
fn other_programs_read_what_is_made() {
    for (format, compression) in ALL {
        let folder = tempfile::tempdir().unwrap();
        let made = make(folder.path(), &settings(folder.path(), format, compression), None, some);
        let out = folder.path().join("out");
        std::fs::create_dir(&out).unwrap();
        let path = folder.path().join(&made.manifest.name);
        let unpack = match (format, compression) {
            // Info-ZIP has no zstd; Python of this age neither.
            (Format::Zip, Compression::Zstd) => continue,
            (Format::Zip, _) => {
                // It writes names as the language has them that it runs in.
                let mut unzip = Command::new("unzip");
                unzip.arg("-q").arg(&path).arg("-d").arg(&out).env("LC_ALL", "C.UTF-8").status()
            }
            (Format::TarZst, _) => {
                Command::new("tar").arg("--zstd").arg("-xf").arg(&path).arg("-C").arg(&out).status()
            }
            // It holds no files of all kinds.
            (Format::Mongodump, _) => continue,
        };
        assert!(unpack.unwrap().success(), "{format:?} {compression:?}");
        let read = |name: &str| std::fs::read(out.join("früh").join(name)).unwrap();
        assert_eq!(read("small.txt"), b"small");
        assert_eq!(read("empty"), b"");
        assert_eq!(read("large.bin").len(), (3 << 20) + 1_400_000);
        assert_eq!(std::fs::read_link(out.join("früh/link")).unwrap(), Path::new("small.txt"));
        let inside = std::fs::read(out.join(".backstay/manifest.json")).unwrap();
        let told: serde_json::Value = serde_json::from_slice(&inside).unwrap();
        assert_eq!(told["entries"].as_array().unwrap().len(), 6);
        assert_eq!(told["totals"]["files"], 4);
        assert!(told.get("file").is_none());
        let told = Command::new("sha256sum").arg(&path).output().unwrap().stdout;
        let facts = made.manifest.file.unwrap();
        assert!(told.starts_with(facts.sha256.0.to_hex().as_bytes()));
        assert_eq!(facts.size, std::fs::metadata(&path).unwrap().len());
    }
}

#[test]
fn the_last_frame_of_a_tar_archive_is_skipped_by_zstd() {
    let folder = tempfile::tempdir().unwrap();
    let made = make(folder.path(), &settings(folder.path(), Format::TarZst, Compression::Zstd), None, some);
    let tested = Command::new("zstd").arg("-tq").arg(folder.path().join(&made.manifest.name)).status();
    assert!(tested.unwrap().success());
}

#[test]
fn what_is_unchanged_is_only_listed() {
    for (format, compression) in ALL {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(folder.path(), format, compression);
        let full = make(folder.path(), &settings, None, some);
        let changed = |root: &dyn Folder| {
            some(root);
            root.add(entry(b"new", file(3), lazy(b"new"))).unwrap();
        };
        let lean = Some((BackupType::Incremental, &full, Compare::Times));
        let first = make(folder.path(), &settings, lean, changed);
        assert_eq!(first.manifest.chain, [full.manifest.link()]);
        let totals = first.manifest.totals;
        // The empty file has nothing that could lie elsewhere.
        assert_eq!((totals.files, totals.stored_files, totals.stored_bytes), (5, 2, 3));
        assert!(first.manifest.file.unwrap().size < 5_000);

        let lean = Some((BackupType::Incremental, &first, Compare::Content));
        let second = make(folder.path(), &settings, lean, changed);
        let links: [Link; 2] = [full.manifest.link(), first.manifest.link()];
        assert_eq!(second.manifest.chain, links);
        let mut places = BTreeMap::new();
        second
            .open()
            .list(&mut |item| {
                places.insert(String::from_utf8_lossy(&item.path.0).into_owned(), item.archive);
                Ok(())
            })
            .unwrap();
        assert_eq!(places["früh/small.txt"], Some(full.manifest.id));
        assert_eq!(places["new"], Some(first.manifest.id));
        assert_eq!(places["früh/empty"], None);
    }
}

#[test]
fn a_changed_file_is_seen_by_times_and_by_content() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path(), Format::Zip, Compression::Deflate);
    let with = |content: &'static [u8], seconds: i64| {
        move |root: &dyn Folder| {
            let time = Timestamp::utc(seconds, 7);
            let meta = Meta { modified: time, changed: time, ..file(content.len()) };
            root.add(entry(b"one", meta, lazy(content))).unwrap();
        }
    };
    let full = make(folder.path(), &settings, None, with(b"abc", 100));
    let stored = |compare, fill: &dyn Fn(&dyn Folder)| {
        let made = make(folder.path(), &settings, Some((BackupType::Differential, &full, compare)), fill);
        made.manifest.totals.stored_files
    };
    assert_eq!(stored(Compare::Times, &with(b"abc", 100)), 0);
    assert_eq!(stored(Compare::Times, &with(b"abc", 101)), 1);
    assert_eq!(stored(Compare::Times, &with(b"abcd", 100)), 1);
    // Within one time a change of the content shows only to who reads it.
    assert_eq!(stored(Compare::Times, &with(b"xyz", 100)), 0);
    assert_eq!(stored(Compare::Content, &with(b"xyz", 100)), 1);
    assert_eq!(stored(Compare::Content, &with(b"abc", 101)), 0);
}

#[test]
fn a_differential_backup_leans_on_a_full_one_only() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path(), Format::Zip, Compression::Deflate);
    let full = make(folder.path(), &settings, None, some);
    let incremental =
        make(folder.path(), &settings, Some((BackupType::Incremental, &full, Compare::Times)), some);
    let lean = |backup_type, on: &Made| {
        Parent::read(backup_type, Compare::Times, |each| {
            on.open().list(&mut |item| each(item.clone())).map(Option::unwrap)
        })
    };
    assert!(lean(BackupType::Differential, &full).is_ok());
    let failed = lean(BackupType::Differential, &incremental).unwrap_err().to_string();
    assert!(failed.contains("leans on a full one, and"), "{failed}");
    assert!(lean(BackupType::Full, &full).is_err());
    let description = Description { backup_type: BackupType::Incremental, ..full.description() };
    let output = Box::new(std::io::sink());
    assert!(
        ArchiveSink::new(output, &settings, description, None, Control::new(), Arc::new(Silent)).is_err()
    );
}

/// Content that ends or fails before its end.
struct Short(Vec<u8>, bool);

impl Opener for Short {
    fn open(self: Box<Self>) -> std::io::Result<Box<dyn Read + Send>> {
        struct Fails;
        impl Read for Fails {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                Err(std::io::Error::other("the disk is broken"))
            }
        }
        let content = std::io::Cursor::new(self.0);
        if self.1 { Ok(Box::new(content.chain(Fails))) } else { Ok(Box::new(content)) }
    }
}

#[test]
fn a_file_that_cannot_be_read_to_its_end_is_told_and_the_archive_is_sound() {
    for (format, compression) in ALL {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(folder.path(), format, compression);
        let made = make(folder.path(), &settings, None, |root| {
            for (name, size) in [("small", 100), ("large", 3 << 20)] {
                for fails in [false, true] {
                    let content =
                        Content::Lazy(Box::new(Short(vec![b'x'; size / 2], fails)), CutHint::ByContent);
                    root.add(entry(format!("{name} {fails}").as_bytes(), file(size), content)).unwrap();
                }
            }
            let missing = Bytes(Err(std::io::Error::other("gone")));
            let missing = Content::Lazy(Box::new(missing), CutHint::ByContent);
            root.add(entry(b"missing", file(3), missing)).unwrap();
            root.failed(b"secret", "no permission");
            root.add(entry(b"grown", file(3), lazy(b"grown"))).unwrap();
            let manifest = root.folder(b".backstay").unwrap();
            manifest.add(entry(b"manifest.json", file(2), lazy(b"{}"))).unwrap();
        });
        assert_eq!(made.failed, 7, "{format:?}");
        let report = made.verify();
        assert_eq!(report.problems, [], "{format:?}");
        assert_eq!((report.incomplete, report.files), (4, 5));
    }
}

#[test]
fn names_of_one_file_are_told_of_each_other() {
    for (format, compression) in ALL {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(folder.path(), format, compression);
        let large = noise(2 << 20);
        let made = make(folder.path(), &settings, None, |root| {
            for name in ["one", "two", "three"] {
                let twin = Meta { links: 3, inode: 9, device_id: 3, ..file(large.len()) };
                root.add(entry(name.as_bytes(), twin, lazy(&large))).unwrap();
            }
        });
        let mut links = Vec::new();
        made.open()
            .list(&mut |item| {
                links.push(item.hard_link.clone().map(|path| path.0));
                Ok(())
            })
            .unwrap();
        assert_eq!(links, [None, Some(b"one".to_vec()), Some(b"one".to_vec())]);
        let is_once = made.manifest.file.unwrap().size < (3 << 20);
        assert_eq!(is_once, format == Format::TarZst);
        assert!(made.verify().is_sound());
    }
}

#[test]
fn pushed_contents_and_all_metadata_are_kept() {
    for (format, compression) in ALL {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(folder.path(), format, compression);
        let rich = Meta {
            xattrs: vec![Xattr { name: "user.a".into(), value: b"\0\xff".to_vec() }],
            modified: Timestamp::utc(-5, 1),
            uid: 12,
            gid: 34,
            user: "ada".into(),
            ..file(6)
        };
        let made = make(folder.path(), &settings, None, |root| {
            let mut one = root.begin(b"pushed \xff", CutHint::ByContent).unwrap();
            let dropped = root.begin(b"dropped", CutHint::ByContent).unwrap();
            one.write(b"con").unwrap();
            one.write(b"tent").unwrap();
            drop(dropped);
            one.finish(rich.clone()).unwrap();
            let pipe = Meta { kind: EntryKind::Fifo, ..file(0) };
            root.add(entry(b"pipe", pipe, Content::None)).unwrap();
        });
        let mut items = Vec::new();
        made.open()
            .visit(&|_| true, &Control::new(), &mut |item, _| {
                items.push(item.clone());
                Ok(())
            })
            .unwrap();
        assert_eq!(items.len(), 2, "{format:?}");
        let meta = items[0].meta();
        assert_eq!(items[0].path.0, b"pushed \xff");
        assert_eq!((meta.size, meta.uid, meta.gid, &*meta.user), (7, 12, 34, "ada"));
        assert_eq!((&meta.xattrs, meta.modified), (&rich.xattrs, rich.modified));
        assert_eq!(items[1].meta().kind, EntryKind::Fifo);
        assert!(made.verify().is_sound());
    }
}

#[test]
fn a_cancelled_archive_and_a_full_disk_end_it() {
    struct Full(usize);
    impl std::io::Write for Full {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(std::io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let folder = tempfile::tempdir().unwrap();
    for (format, compression) in ALL {
        let settings = settings(folder.path(), format, compression);
        let description = crate::testing::description("x", BackupType::Full);
        let start = |room| {
            let control = Control::new();
            let sink = ArchiveSink::new(
                Box::new(Full(room)),
                &settings,
                description.clone(),
                None,
                control.clone(),
                Arc::new(Silent),
            );
            (sink.unwrap(), control)
        };
        let large = noise(48 << 20);
        let (sink, _) = start(1 << 20);
        let failed = sink.root().unwrap().add(entry(b"large", file(large.len()), lazy(&large))).unwrap_err();
        assert!(failed.to_string().contains("cannot write x"), "{failed}");
        assert!(sink.finish().is_err());

        let (sink, control) = start(1 << 30);
        let root = sink.root().unwrap();
        root.add(entry(b"one", file(1), lazy(b"1"))).unwrap();
        control.cancel();
        let failed = root.add(entry(b"large", file(large.len()), lazy(&large))).unwrap_err();
        assert!(matches!(failed, SinkError::Interrupted(Interrupted)), "{failed}");
        assert!(matches!(sink.finish(), Err(ArchiveError::Interrupted(_))));
    }
}

#[test]
fn many_threads_fill_one_archive() {
    for (format, compression) in ALL {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(folder.path(), format, compression);
        let contents = Mutex::new(BTreeMap::new());
        let made = make(folder.path(), &settings, None, |root| {
            std::thread::scope(|scope| {
                for thread in 0..4_usize {
                    let contents = &contents;
                    scope.spawn(move || {
                        for number in 0..50_usize {
                            let name = format!("{thread}-{number}");
                            let length = if number == 7 { 1_500_000 } else { number * 97 };
                            let content = noise(length);
                            contents.lock().insert(name.clone(), content.clone());
                            root.add(entry(name.as_bytes(), file(length), lazy(&content))).unwrap();
                        }
                    });
                }
            });
        });
        let mut read = BTreeMap::new();
        made.open()
            .visit(&|_| true, &Control::new(), &mut |item, stored| {
                let crate::read::Stored::Content(content) = stored else { panic!("{item:?}") };
                let mut bytes = Vec::new();
                content.read_to_end(&mut bytes).unwrap();
                read.insert(String::from_utf8(item.path.0.clone()).unwrap(), bytes);
                Ok(())
            })
            .unwrap();
        assert!(read == contents.into_inner(), "{format:?}");
        assert!(made.verify().is_sound());
    }
}

#[test]
fn encrypted_archives_open_with_the_identity_alone() {
    for (format, compression) in ALL {
        let folder = tempfile::tempdir().unwrap();
        let pair = KeyPair::generate();
        let recipients = Recipients::parse(&format!("# comment\n{}\n", pair.recipient())).unwrap();
        let settings =
            Settings { recipients: Some(recipients), ..settings(folder.path(), format, compression) };
        let made = make(folder.path(), &settings, None, some);
        assert!(made.manifest.name.ends_with(".age") && made.manifest.container.encrypted);
        let bytes = std::fs::read(&made.path).unwrap();
        for secret in [&b"small.txt"[..], b"lines of text", b"manifest.json"] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret));
        }
        let refused = made.try_open(&Identities::none()).unwrap_err();
        assert!(matches!(refused, ArchiveError::NeedsIdentity(_)));
        let other = KeyPair::generate().with_secret(|text| Identities::parse(text).unwrap());
        assert!(matches!(made.try_open(&other).unwrap_err(), ArchiveError::WrongIdentity(_)));
        let identity = pair.with_secret(|text| Identities::parse(text).unwrap());
        let archive = made.try_open(&identity).unwrap();
        assert!(archive.is_encrypted());
        let report = crate::read::verify(
            &archive,
            Some(&made.manifest),
            &crate::read::Alone,
            &Control::new(),
            &Silent,
        );
        let report = report.unwrap();
        assert_eq!((report.problems, report.files), (vec![], 4));
        assert!(!format!("{identity:?} {pair:?}").contains("SECRET"));
    }
}
