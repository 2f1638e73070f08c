use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;

use backstay_core::{Content, CutHint, Entry, EntryKind, Meta, Opener, Silent, Timestamp, Xattr};

use super::*;

/// Content out of memory.
struct Bytes(std::io::Result<Vec<u8>>);

impl Opener for Bytes {
    fn open(self: Box<Self>) -> std::io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(std::io::Cursor::new(self.0?)))
    }
}

fn lazy(content: &[u8]) -> Content {
    Content::Lazy(Box::new(Bytes(Ok(content.to_vec()))), CutHint::ByContent)
}

fn entry(name: &[u8], meta: Meta, content: Content) -> Entry {
    Entry { name: name.to_vec(), meta, content }
}

fn file(size: usize) -> Meta {
    Meta {
        size: size as u64,
        permissions: 0o640,
        modified: Timestamp::utc(1_700_000_000, 123_456_789),
        accessed: Timestamp::utc(1_700_000_000, 123_456_789),
        links: 1,
        ..Meta::default()
    }
}

fn folder() -> Meta {
    Meta { kind: EntryKind::Folder, permissions: 0o751, ..file(0) }
}

fn archive(fill: impl FnOnce(&dyn Folder)) -> Finished<Vec<u8>> {
    let sink = TarSink::new(Vec::new(), Arc::new(Silent));
    let root = sink.root().unwrap();
    fill(&*root);
    root.close(folder()).unwrap();
    sink.finish().unwrap()
}

/// Everything in an archive by path: its type, link, content and extended records.
type Listing = BTreeMap<Vec<u8>, (tar::EntryType, Vec<u8>, Vec<u8>, BTreeMap<String, Vec<u8>>)>;

fn read_back(bytes: &[u8]) -> Listing {
    let mut archive = tar::Archive::new(bytes);
    let mut listing = Listing::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let records = entry.pax_extensions().unwrap().into_iter().flatten().map(|record| record.unwrap());
        let records = records.map(|r| (r.key().unwrap().to_owned(), r.value_bytes().to_vec())).collect();
        let path = entry.path_bytes().into_owned();
        let link = entry.link_name_bytes().map(|link| link.into_owned()).unwrap_or_default();
        let kind = entry.header().entry_type();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        listing.insert(path, (kind, link, content, records));
    }
    listing
}

fn all_kinds(root: &dyn Folder) {
    let long = [b'n'; 255];
    let inner = root.folder(b"folder").unwrap();
    inner.add(entry(b"file", file(7), lazy(b"content"))).unwrap();
    inner.add(entry(&long, file(4), lazy(b"long"))).unwrap();
    inner.add(entry(b"not \xff text\n", file(1), lazy(b"x"))).unwrap();
    let link =
        |target: &[u8]| Meta { kind: EntryKind::Symlink, link_target: Some(target.to_vec()), ..file(0) };
    inner.add(entry(b"link", link(b"no/where\xff"), Content::None)).unwrap();
    inner.add(entry(b"long link", link(&[b'l'; 300]), Content::None)).unwrap();
    let pipe = Meta { kind: EntryKind::Fifo, ..file(0) };
    inner.add(entry(b"pipe", pipe, Content::None)).unwrap();
    let twin = Meta { links: 2, inode: 9, device_id: 3, ..file(4) };
    inner.add(entry(b"twin 1", twin.clone(), lazy(b"same"))).unwrap();
    inner.add(entry(b"twin 2", twin, lazy(b"same"))).unwrap();
    let rich = Meta {
        xattrs: vec![Xattr { name: "user.a=b%".into(), value: b"\0=\xff".to_vec() }],
        modified: Timestamp::utc(-5, 1),
        uid: u32::MAX - 1,
        user: "u".repeat(40).into(),
        ..file(0)
    };
    inner.add(entry(b"rich", rich, lazy(b""))).unwrap();
    inner.close(folder()).unwrap();
}

#[test]
fn all_kinds_of_entries_are_read_back() {
    let finished = archive(all_kinds);
    assert_eq!((finished.entries, finished.failed), (10, 0));
    let listing = read_back(&finished.output);
    let get = |name: &[u8]| &listing[&[b"folder/", name].concat()];
    assert_eq!(get(b"file").2, b"content");
    assert_eq!(get(b"file").3["mtime"], b"1700000000.123456789");
    assert_eq!(get(&[b'n'; 255]).2, b"long");
    assert_eq!(get(b"not \xff text\n").2, b"x");
    assert_eq!((get(b"link").0, &get(b"link").1[..]), (tar::EntryType::Symlink, &b"no/where\xff"[..]));
    assert_eq!(get(b"long link").1, [b'l'; 300]);
    assert_eq!(get(b"pipe").0, tar::EntryType::Fifo);
    assert_eq!((get(b"twin 1").0, &get(b"twin 1").2[..]), (tar::EntryType::Regular, &b"same"[..]));
    assert_eq!((get(b"twin 2").0, &get(b"twin 2").1[..]), (tar::EntryType::Link, &b"folder/twin 1"[..]));
    let rich = &get(b"rich").3;
    assert_eq!(rich["SCHILY.xattr.user.a%3Db%25"], b"\0=\xff");
    assert_eq!(rich["mtime"], b"-4.999999999");
    assert_eq!(rich["uid"], (u32::MAX - 1).to_string().as_bytes());
    assert_eq!(rich["uname"], "u".repeat(40).as_bytes());
    // The folder comes behind what is in it.
    assert_eq!(get(b"").0, tar::EntryType::Directory);
    let mut archive = tar::Archive::new(&finished.output[..]);
    let last = archive.entries().unwrap().last().unwrap().unwrap();
    assert_eq!(&*last.path_bytes(), b"folder/");
}

#[test]
fn the_systems_tar_unpacks_it() {
    let finished = archive(|root| {
        let xattrs = vec![Xattr { name: "user.lines".into(), value: b"1\n2=3\n\n".to_vec() }];
        root.add(entry(b"lines", Meta { xattrs, ..file(1) }, lazy(b"1"))).unwrap();
        all_kinds(root);
    });
    let target = tempfile::tempdir().unwrap();
    let path = target.path().join("archive.tar");
    std::fs::write(&path, &finished.output).unwrap();
    let status = std::process::Command::new("tar")
        .args(["--extract", "--preserve-permissions", "--no-same-owner", "--file"])
        .arg(&path)
        .arg("--directory")
        .arg(target.path())
        .status();
    let Ok(status) = status else {
        eprintln!("there is no tar on this system");
        return;
    };
    assert!(status.success());
    let folder = target.path().join("folder");
    let stat = |name: &[u8]| folder.join(std::ffi::OsStr::from_bytes(name)).symlink_metadata().unwrap();
    assert_eq!(std::fs::read(target.path().join("lines")).unwrap(), b"1");
    assert_eq!(std::fs::read(folder.join("file")).unwrap(), b"content");
    let file = stat(b"file");
    assert_eq!((file.mtime(), file.mtime_nsec(), file.mode() & 0o7777), (1_700_000_000, 123_456_789, 0o640));
    assert_eq!((stat(b"rich").mtime(), stat(b"rich").mtime_nsec()), (-5, 1));
    assert_eq!(stat(b"twin 1").ino(), stat(b"twin 2").ino());
    assert_eq!(stat(&[b'n'; 255]).len(), 4);
    assert_eq!(stat(b"not \xff text\n").len(), 1);
    assert_eq!(folder.join("link").read_link().unwrap().as_os_str().as_bytes(), b"no/where\xff");
    let own = folder.symlink_metadata().unwrap();
    assert_eq!((own.mtime(), own.mode() & 0o7777), (1_700_000_000, 0o751));
}

#[test]
fn pushed_contents_may_be_mixed() {
    let finished = archive(|root| {
        let mut one = root.begin(b"one", CutHint::ByContent).unwrap();
        let mut two = root.begin(b"two", CutHint::ByContent).unwrap();
        let lost = root.begin(b"lost", CutHint::ByContent).unwrap();
        one.write(b"1").unwrap();
        two.write(b"2").unwrap();
        one.write(b"1").unwrap();
        drop(lost);
        one.finish(file(0)).unwrap();
        two.finish(file(0)).unwrap();
    });
    let listing = read_back(&finished.output);
    let contents: Vec<_> = listing.iter().map(|(path, found)| (&path[..], &found.2[..])).collect();
    assert_eq!(contents, [(&b"one"[..], &b"11"[..]), (b"two", b"2")]);
}

#[test]
fn the_limit_of_open_contents_holds_and_frees() {
    let sink = TarSink::new(Vec::new(), Arc::new(Silent));
    let root = sink.root().unwrap();
    for _ in 0..2 {
        let begin = || root.begin(b"x", CutHint::ByContent);
        let open: Vec<_> = (0..sink.open_limit()).map(|_| begin().unwrap()).collect();
        assert!(begin().is_err());
        drop(open);
    }
}

#[test]
fn troubles_with_single_entries_leave_the_archive_sound() {
    let finished = archive(|root| {
        root.add(entry(b"shrank", file(600), lazy(b"short"))).unwrap();
        root.add(entry(b"grew", file(2), lazy(b"longer"))).unwrap();
        let gone = Bytes(Err(std::io::ErrorKind::NotFound.into()));
        root.add(entry(b"gone", file(5), Content::Lazy(Box::new(gone), CutHint::ByContent))).unwrap();
        root.add(entry(b"socket", Meta { kind: EntryKind::Socket, ..file(0) }, Content::None)).unwrap();
        root.add(entry(b"unknown", file(5), Content::SameAsParent)).unwrap();
        root.failed(b"other", "reason");
        root.add(entry(b"good", file(4), lazy(b"good"))).unwrap();
    });
    assert_eq!((finished.entries, finished.failed), (3, 5));
    let listing = read_back(&finished.output);
    assert_eq!(listing.keys().map(|path| &path[..]).collect::<Vec<_>>(), [&b"good"[..], b"grew", b"shrank"]);
    assert_eq!((listing[&b"grew"[..]].2.len(), listing[&b"shrank"[..]].2.len()), (2, 600));
    assert!(listing[&b"shrank"[..]].2.starts_with(b"short\0"));
    assert_eq!(listing[&b"good"[..]].2, b"good");
}

#[test]
fn many_threads_may_add_at_once() {
    let finished = archive(|root| {
        std::thread::scope(|scope| {
            for thread in 0..4 {
                scope.spawn(move || {
                    let folder_name = format!("d{thread}").into_bytes();
                    let inner = root.folder(&folder_name).unwrap();
                    for number in 0..50_usize {
                        let name = format!("f{number}").into_bytes();
                        inner.add(entry(&name, file(number), lazy(&vec![thread; number]))).unwrap();
                    }
                    inner.close(folder()).unwrap();
                });
            }
        });
    });
    let listing = read_back(&finished.output);
    assert_eq!(listing.len(), 4 * 51);
    assert_eq!(listing[&b"d3/f49"[..]].2, [3; 49]);
}

#[test]
fn a_failing_output_ends_the_archive() {
    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
            self.0 = self.0.checked_sub(data.len()).ok_or(std::io::ErrorKind::StorageFull)?;
            Ok(data.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let sink = TarSink::new(Full(3000), Arc::new(Silent));
    let root = sink.root().unwrap();
    let add = |name: &[u8]| root.add(entry(name, file(1000), lazy(&[1; 1000])));
    add(b"one").unwrap();
    assert!(add(b"two").is_err());
    assert!(add(b"three").is_err());
    assert!(sink.finish().is_err());
}
