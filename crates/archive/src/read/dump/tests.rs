use std::path::Path;

use backstay_core::{Content as Given, Control, CutHint, EntryKind, Folder, Meta, Silent};
use backstay_mongodump::{Begin, Crc, Header, begin, end, prelude};
use backstay_policy::BackupType;
use backstay_sources::files::restore::{FolderTarget, RestoreOptions};

use super::super::{Alone, ExtractOptions, Kind, Limits, VerifyReport, extract, verify, verify_file};
use super::*;
use crate::create::{Compare, Settings};
use crate::crypt::{Identities, KeyPair, Recipients};
use crate::manifest::{Compression, Format};
use crate::testing::{self, Made, entry, file, folder, lazy, make, open as open_file};

/// A document with a number and a text.
fn document(number: i32, text: &str) -> Vec<u8> {
    let length = |bytes: usize| i32::try_from(bytes).unwrap().to_le_bytes();
    let mut inner = [&b"\x10_id\0"[..], &number.to_le_bytes(), b"\x02t\0", &length(text.len() + 1)].concat();
    inner.extend_from_slice(text.as_bytes());
    inner.extend_from_slice(&[0, 0]);
    [&length(inner.len() + 4)[..], &inner].concat()
}

fn documents(count: i32, text: &str) -> Vec<u8> {
    (0..count).flat_map(|number| document(number, text)).collect()
}

fn metadata(name: &str, kind: &str) -> String {
    format!(r#"{{"indexes":[],"collectionName":"{name}","type":"{kind}"}}"#)
}

fn settings(spool: &Path) -> Settings {
    testing::settings(spool, Format::Mongodump, Compression::Deflate)
}

fn push(folder: &dyn Folder, name: &[u8], content: &[u8]) {
    let mut pushed = folder.begin(name, CutHint::ByContent).unwrap();
    content.chunks(70_001).for_each(|piece| pushed.write(piece).unwrap());
    pushed.finish(file(content.len())).unwrap();
}

fn text(folder: &dyn Folder, name: &[u8], text: &str) {
    folder.add(entry(name, file(text.len()), lazy(text.as_bytes()))).unwrap();
}

const ABOUT: &str = "{\"about\": \"the dump\"}";

/// The name of a collection that no file name holds.
fn long_name() -> String {
    "ü/".repeat(100)
}

/// A dump with collections small and large, an empty one, a view, a time series and an oplog.
fn dump(root: &dyn Folder) {
    let shop = root.folder(b"shop").unwrap();
    push(&*shop, b"a%2Fb.bson", &documents(3, "slash"));
    text(&*shop, b"a%2Fb.metadata.json", &metadata("a/b", "collection"));
    text(&*shop, b"few.metadata.json", &metadata("few", "view"));
    push(&*shop, b"orders.bson", &documents(40_000, &"order ".repeat(9)));
    push(&*shop, b"none.bson", b"");
    text(&*shop, b"none.metadata.json", &metadata("none", "collection"));
    text(&*shop, b"orders.metadata.json", &metadata("orders", "collection"));
    push(&*shop, b"system.buckets.heat.bson", &documents(2, "bucket"));
    text(&*shop, b"heat.metadata.json", &metadata("heat", "timeseries"));
    push(&*shop, &with_ending(&long_name(), BSON), &documents(1, "long"));
    text(&*shop, &with_ending(&long_name(), METADATA), &metadata(&long_name(), "collection"));
    push(root, b"oplog.bson", &documents(5, "entry"));
    text(root, b"about.json", ABOUT);
    shop.close(folder()).unwrap();
}

fn check(made: &Made, archive: &Archive) -> VerifyReport {
    verify(archive, Some(&made.manifest), &Alone, &Control::new(), &Silent).unwrap()
}

fn extracted(archive: &Archive, out: &Path, select: &dyn Fn(&[u8]) -> bool) -> Result<u64, ArchiveError> {
    let target = FolderTarget::open(out, RestoreOptions::default()).unwrap();
    let (control, limits) = (Control::new(), Limits::default());
    let options = ExtractOptions { select, limits, dry_run: false, control: &control, events: &Silent };
    extract(archive, &Alone, &target, &options).map(|report| report.files)
}

#[test]
fn a_dump_comes_back_file_by_file() {
    let place = tempfile::tempdir().unwrap();
    let made = make(place.path(), &settings(place.path()), None, dump);
    assert!(made.manifest.name.ends_with(".archive.gz"), "{}", made.manifest.name);
    assert_eq!((made.failed, made.manifest.totals.files), (0, 13));
    let archive = made.open();
    assert!(archive.kind() == Kind::Mongodump && archive.has_manifest() && !archive.is_encrypted());
    let report = check(&made, &archive);
    assert_eq!((report.problems, report.files), (Vec::new(), 13));

    let out = place.path().join("all");
    assert_eq!(extracted(&archive, &out, &|_| true).unwrap(), 13);
    let read = |path: &str| std::fs::read(out.join(path)).unwrap();
    assert!(read("shop/orders.bson") == documents(40_000, &"order ".repeat(9)));
    assert_eq!(read("shop/a%2Fb.bson"), documents(3, "slash"));
    assert_eq!(read("shop/none.bson"), b"");
    assert_eq!(read("shop/few.metadata.json"), metadata("few", "view").as_bytes());
    assert_eq!(read("shop/system.buckets.heat.bson"), documents(2, "bucket"));
    assert_eq!(read("oplog.bson"), documents(5, "entry"));
    assert_eq!(read("about.json"), ABOUT.as_bytes());

    // One file is had without those before it.
    let one = place.path().join("one");
    let wanted: &[u8] = b"shop/system.buckets.heat.bson";
    assert_eq!(extracted(&archive, &one, &|path| path == wanted).unwrap(), 1);
    assert_eq!(std::fs::read(one.join("shop/system.buckets.heat.bson")).unwrap(), documents(2, "bucket"));
}

#[test]
fn other_programs_see_a_dump_and_nothing_else() {
    let place = tempfile::tempdir().unwrap();
    let made = make(place.path(), &settings(place.path()), None, dump);
    let mut reader = backstay_mongodump::open(made.open().dump().unwrap()).unwrap();
    let names: Vec<_> = reader
        .namespaces()
        .iter()
        .map(|of| (of.database.clone(), of.collection.clone(), of.kind.clone()))
        .collect();
    let of = |database: &str, collection: &str, kind: &str| {
        (database.to_owned(), collection.to_owned(), kind.to_owned())
    };
    assert_eq!(
        names,
        [
            of("", "oplog", ""),
            of("shop", "a/b", ""),
            of("shop", "few", "view"),
            of("shop", "none", ""),
            of("shop", "orders", ""),
            of("shop", "heat", "timeseries"),
            of("shop", &long_name(), ""),
        ]
    );
    let mut counts = vec![0; names.len()];
    let mut ends = 0;
    while let Some(event) = reader.next_event().unwrap() {
        match event {
            Event::Document(number, _) => counts[number] += 1,
            Event::End(_) => ends += 1,
        }
    }
    assert_eq!((counts, ends), (vec![5, 3, 0, 0, 40_000, 2, 1], 7));
}

#[test]
fn an_encrypted_dump_opens_with_the_identity_alone() {
    let place = tempfile::tempdir().unwrap();
    let pair = KeyPair::generate();
    let recipients = Some(Recipients::parse(&pair.recipient()).unwrap());
    let made = make(place.path(), &Settings { recipients, ..settings(place.path()) }, None, dump);
    assert!(made.manifest.name.ends_with(".archive.gz.age"), "{}", made.manifest.name);
    assert!(matches!(made.try_open(&Identities::none()), Err(ArchiveError::NeedsIdentity(_))));
    let archive = made.try_open(&pair.with_secret(|text| Identities::parse(text).unwrap())).unwrap();
    assert!(archive.is_encrypted() && archive.kind() == Kind::Mongodump);
    assert_eq!(check(&made, &archive).problems, []);
}

#[test]
fn a_dump_that_is_cut_or_changed_anywhere_is_found_before_anything_is_written() {
    let place = tempfile::tempdir().unwrap();
    let made = make(place.path(), &settings(place.path()), None, |root| {
        let shop = root.folder(b"shop").unwrap();
        push(&*shop, b"a.bson", &documents(300, "some"));
        text(&*shop, b"a.metadata.json", &metadata("a", "collection"));
        text(root, b"about.json", ABOUT);
        shop.close(folder()).unwrap();
    });
    let whole = std::fs::read(&made.path).unwrap();
    let places = Places::from_bytes(&whole[whole.len() - TRAILER..]).unwrap();
    let path = place.path().join("damaged");
    let judged = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let out = tempfile::tempdir().unwrap();
        let archive = open_file(&path, &Identities::none())?;
        let problems = check(&made, &archive).problem_count;
        assert!(problems > 0, "{} bytes", bytes.len());
        let done = extracted(&archive, out.path(), &|_| true);
        let left = std::fs::read_dir(out.path()).unwrap().count();
        assert!(done.is_ok() || left == 0, "{left} files of {} bytes", bytes.len());
        done
    };
    // Without what is hidden it is a dump all the same, as another program might have made it.
    let others = usize::try_from(places.others).unwrap();
    for length in (0..whole.len()).step_by(7) {
        let failed = judged(&whole[..length]).is_err();
        assert!(failed || length >= others, "{length} of {}", whole.len());
    }
    // The first ten bytes of each member say nothing that is looked at.
    for at in (10..whole.len()).step_by(5) {
        let mut changed = whole.clone();
        changed[at] ^= 0x41;
        std::fs::write(&path, &changed).unwrap();
        let input: Arc<dyn ReadAt> =
            Arc::new(super::super::FileInput::new(std::fs::File::open(&path).unwrap()).unwrap());
        assert!(verify_file(&input, "damaged", &made.manifest, &Control::new(), &Silent).is_err());
        let _ = judged(&changed);
    }
}

#[test]
fn what_is_no_dump_of_mongodb_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("refused");
    let failed = |fill: &dyn Fn(&dyn Folder) -> Result<(), backstay_core::SinkError>| {
        let output = Box::new(std::fs::File::create(&path).unwrap());
        let description = testing::description("refused", BackupType::Full);
        let (control, events) = (Control::new(), Arc::new(Silent));
        let sink =
            crate::ArchiveSink::new(output, &settings(place.path()), description, None, control, events);
        let sink = sink.unwrap();
        let root = backstay_core::Sink::root(&sink).unwrap();
        let filled = fill(&*root);
        let ended = root.close(folder());
        filled
            .and(ended)
            .map_err(|error| error.to_string())
            .and_then(|()| sink.finish().map(|made| made.failed()).map_err(|error| error.to_string()))
    };
    let pushed = |name: &'static [u8], content: Vec<u8>| {
        move |root: &dyn Folder| {
            let shop = root.folder(b"shop")?;
            let mut pushed = shop.begin(name, CutHint::ByContent)?;
            pushed.write(&content)?;
            pushed.finish(file(content.len()))?;
            shop.close(folder())
        }
    };
    let whole = documents(2, "x");
    let cut = failed(&pushed(b"a.bson", whole[..whole.len() - 1].to_vec())).unwrap_err();
    assert!(cut.contains("shop/a.bson") && cut.contains("middle of a document"), "{cut}");
    let other = failed(&pushed(b"a.bson", b"text".repeat(9))).unwrap_err();
    assert!(other.contains("a document says that it has"), "{other}");
    let alone = failed(&pushed(b"a.bson", whole)).unwrap_err();
    assert!(alone.contains("no metadata of it"), "{alone}");
    let link = Meta { kind: EntryKind::Symlink, link_target: Some(b"x".to_vec()), ..file(0) };
    assert_eq!(failed(&|root| root.add(entry(b"link", link.clone(), Given::None))), Ok(1));

    // There is no archive that it could lean on.
    let made = make(place.path(), &settings(place.path()), None, dump);
    let parent = crate::create::Parent::read(BackupType::Incremental, Compare::Times, |each| {
        made.open().list(&mut |item| each(item.clone())).map(Option::unwrap)
    });
    let sink = crate::ArchiveSink::new(
        Box::new(Vec::new()),
        &settings(place.path()),
        testing::description("x", BackupType::Incremental),
        Some(parent.unwrap()),
        Control::new(),
        Arc::new(Silent),
    );
    assert!(sink.unwrap_err().to_string().contains("always full"));
}

#[test]
fn an_output_that_is_full_is_told() {
    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let place = tempfile::tempdir().unwrap();
    for room in [10, 20_000] {
        let description = testing::description("full", BackupType::Full);
        let (control, events) = (Control::new(), Arc::new(Silent));
        let settings = settings(place.path());
        let sink =
            crate::ArchiveSink::new(Box::new(Full(room)), &settings, description, None, control, events);
        let sink = sink.unwrap();
        let root = backstay_core::Sink::root(&sink).unwrap();
        dump(&*root);
        root.close(folder()).unwrap();
        let failed = sink.finish().unwrap_err();
        assert!(
            matches!(&failed, ArchiveError::Io { cause, .. } if cause.kind() == io::ErrorKind::StorageFull),
            "{failed}"
        );
    }
}

/// An archive as `mongodump` makes it: blocks of namespaces mix, and nothing is behind it.
fn foreign(namespaces: usize) -> Vec<u8> {
    let names: Vec<_> = (0..namespaces).map(|number| format!("c{number}")).collect();
    let all: Vec<_> = names
        .iter()
        .map(|name| Namespace {
            database: "shop".to_owned(),
            collection: name.clone(),
            metadata: metadata(name, "collection"),
            kind: String::new(),
        })
        .collect();
    let mut bytes = prelude(&Header::default(), &all).unwrap();
    for half in [documents(2, "first"), documents(1, "second")] {
        for name in &names {
            bytes.extend(begin(Begin { database: "shop", collection: name }).unwrap());
            bytes.extend_from_slice(&half);
            bytes.extend_from_slice(&[0xff; 4]);
        }
    }
    let mut sum = Crc::default();
    sum.add(&[documents(2, "first"), documents(1, "second")].concat());
    for name in &names {
        bytes.extend(end(Begin { database: "shop", collection: name }, false, sum).unwrap());
    }
    bytes
}

#[test]
fn documents_that_mix_wait_only_where_they_are_wanted_and_there_is_room() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("foreign");
    std::fs::write(&path, foreign(3)).unwrap();
    let archive = open_file(&path, &Identities::none()).unwrap();
    let whole = [documents(2, "first"), documents(1, "second")].concat();
    let walked = |wants: &dyn Fn(&[u8]) -> bool, room: u64, control: &Control| {
        let mut kept = Vec::new();
        let mut passed = 0;
        walk(&archive, &Keep { wants, room }, control, &mut |item, stored| {
            match stored {
                Stored::Content(content) if item.path.0.ends_with(BSON.as_bytes()) => {
                    let mut bytes = Vec::new();
                    content.read_to_end(&mut bytes).unwrap();
                    assert_eq!(bytes, whole);
                    kept.push(String::from_utf8_lossy(&item.path.0).into_owned());
                }
                Stored::Passed => {
                    assert_eq!(item.size, whole.len() as u64);
                    passed += 1;
                }
                _ => {}
            }
            Ok(())
        })
        .map(|()| (kept, passed))
    };
    let size = whole.len() as u64;
    let control = Control::new();
    // What nobody wants takes no room.
    assert_eq!(walked(&|_| false, 0, &control).unwrap(), (Vec::new(), 3));
    let one = |path: &[u8]| path == b"shop/c1.bson";
    assert_eq!(walked(&one, size, &control).unwrap(), (vec!["shop/c1.bson".to_owned()], 2));
    assert!(walked(&one, size - 1, &control).is_err());
    assert_eq!(walked(&|_| true, 3 * size, &control).unwrap().0.len(), 3);
    let full = walked(&|_| true, 3 * size - 1, &control).unwrap_err();
    assert!(
        matches!(&full, ArchiveError::Io { cause, .. } if cause.kind() == io::ErrorKind::StorageFull),
        "{full}"
    );
    control.cancel();
    assert!(matches!(walked(&|_| false, 0, &control), Err(ArchiveError::Interrupted(_))));
    let listed = archive.list_under(&control, &mut |_| Ok(()));
    assert!(matches!(listed, Err(ArchiveError::Interrupted(_))), "{listed:?}");
}

#[test]
fn archives_of_mongodump_itself_are_read() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("foreign");
    for is_gzip in [false, true] {
        let mut bytes = foreign(3);
        if is_gzip {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(&bytes).unwrap();
            bytes = encoder.finish().unwrap();
        }
        std::fs::write(&path, &bytes).unwrap();
        let archive = open_file(&path, &Identities::none()).unwrap();
        assert!(archive.kind() == Kind::Mongodump && !archive.has_manifest());
        let mut items = Vec::new();
        archive
            .list(&mut |item| {
                items.push((String::from_utf8_lossy(&item.path.0).into_owned(), item.size));
                Ok(())
            })
            .unwrap();
        let size = [documents(2, "first"), documents(1, "second")].concat().len() as u64;
        assert_eq!(items.len(), 7, "{items:?}");
        assert!(items.contains(&("shop/c1.bson".to_owned(), size)), "{items:?}");
        let report = verify(&archive, None, &Alone, &Control::new(), &Silent).unwrap();
        assert_eq!((report.problems, report.files, report.has_manifest), (Vec::new(), 6, false));
        let out = place.path().join(format!("out {is_gzip}"));
        assert_eq!(extracted(&archive, &out, &|_| true).unwrap(), 6);
        let read = std::fs::read(out.join("shop/c2.bson")).unwrap();
        assert_eq!(read, [documents(2, "first"), documents(1, "second")].concat());

        bytes.truncate(bytes.len() - 3);
        std::fs::write(&path, &bytes).unwrap();
        let archive = open_file(&path, &Identities::none()).unwrap();
        assert!(!verify(&archive, None, &Alone, &Control::new(), &Silent).unwrap().is_sound());
    }
    std::fs::write(&path, foreign(MOST_OPEN + 1)).unwrap();
    let archive = open_file(&path, &Identities::none()).unwrap();
    let error = archive.list(&mut |_| Ok(())).unwrap_err().to_string();
    assert!(error.contains("mix in it"), "{error}");
    // What is compressed by gzip and something else is no archive.
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(b"some text").unwrap();
    std::fs::write(&path, encoder.finish().unwrap()).unwrap();
    assert!(matches!(open_file(&path, &Identities::none()), Err(ArchiveError::Unknown(_))));
}
