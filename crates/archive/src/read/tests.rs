use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use backstay_core::{Content, Control, EntryKind, Folder, Meta, Silent, Timestamp};
use backstay_policy::BackupType;
use backstay_sources::files::restore::{FolderTarget, RestoreOptions};

use super::*;
use crate::create::Compare;
use crate::manifest::{Compression, Format};
use crate::testing::{Beside, Made, entry, file, folder, lazy, make, noise, open, settings};

const ALL: [(Format, Compression); 3] = [
    (Format::Zip, Compression::Deflate),
    (Format::Zip, Compression::Zstd),
    (Format::TarZst, Compression::Zstd),
];

/// All content of a folder, by path.
fn contents(root: &Path) -> BTreeMap<String, Vec<u8>> {
    fn collect(root: &Path, folder: &Path, all: &mut BTreeMap<String, Vec<u8>>) {
        for one in std::fs::read_dir(folder).unwrap() {
            let path = one.unwrap().path();
            let name = path.strip_prefix(root).unwrap().display().to_string();
            let kind = std::fs::symlink_metadata(&path).unwrap().file_type();
            if kind.is_dir() {
                collect(root, &path, all);
            } else if kind.is_symlink() {
                all.insert(name, std::fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes());
            } else if kind.is_file() {
                all.insert(name, std::fs::read(&path).unwrap());
            } else {
                all.insert(name, b"special".to_vec());
            }
        }
    }
    let mut all = BTreeMap::new();
    collect(root, root, &mut all);
    all
}

fn extract_with(
    archive: &Archive,
    beside: &Path,
    out: &Path,
    select: &dyn Fn(&[u8]) -> bool,
    limits: Limits,
) -> Result<ExtractReport, ArchiveError> {
    let target = FolderTarget::open(out, RestoreOptions::default()).unwrap();
    let control = Control::new();
    let options = ExtractOptions { select, limits, dry_run: false, control: &control, events: &Silent };
    extract(archive, &Beside(beside), &target, &options)
}

fn extract_all(archive: &Archive, beside: &Path, out: &Path) -> Result<ExtractReport, ArchiveError> {
    extract_with(archive, beside, out, &|_| true, Limits::default())
}

fn check(made: &Made, folder: &Path) -> VerifyReport {
    verify(&made.open(), Some(&made.manifest), &Beside(folder), &Control::new(), &Silent).unwrap()
}

fn some(version: u8) -> impl Fn(&dyn Folder) {
    move |root| {
        let inner = root.folder(b"data").unwrap();
        let large = [noise(2 << 20), vec![version; 500]].concat();
        let time = Timestamp::utc(1_700_000_000 + i64::from(version), 5);
        let changing = Meta { modified: time, changed: time, ..file(large.len()) };
        inner.add(entry(b"changing", changing, lazy(&large))).unwrap();
        inner.add(entry(b"constant", file(9), lazy(b"it stands"))).unwrap();
        let name = format!("only in {version}");
        inner.add(entry(name.as_bytes(), file(1), lazy(&[version]))).unwrap();
        for twin in [&b"twin a"[..], b"twin b"] {
            let meta = Meta { links: 2, inode: 7, device_id: 1, ..file(4) };
            inner.add(entry(twin, meta, lazy(b"twin"))).unwrap();
        }
        let link = Meta { kind: EntryKind::Symlink, link_target: Some(b"/etc/passwd".to_vec()), ..file(0) };
        inner.add(entry(b"link", link, Content::None)).unwrap();
        inner.add(entry(b"pipe", Meta { kind: EntryKind::Fifo, ..file(0) }, Content::None)).unwrap();
        inner.add(entry(b"odd \xff name", file(3), lazy(b"odd"))).unwrap();
        inner.close(folder()).unwrap();
    }
}

#[test]
fn what_was_backed_up_comes_back_across_the_chain() {
    for (format, compression) in ALL {
        let place = tempfile::tempdir().unwrap();
        let settings = settings(place.path(), format, compression);
        let full = make(place.path(), &settings, None, some(1));
        let second =
            make(place.path(), &settings, Some((BackupType::Incremental, &full, Compare::Times)), some(2));
        let third =
            make(place.path(), &settings, Some((BackupType::Incremental, &second, Compare::Times)), some(3));
        let differential =
            make(place.path(), &settings, Some((BackupType::Differential, &full, Compare::Times)), some(3));
        let plain = tempfile::tempdir().unwrap();
        for (made, version) in [(&full, 1), (&second, 2), (&third, 3), (&differential, 3)] {
            let report = check(made, place.path());
            assert_eq!(report.problems, [], "{format:?} {version}");
            assert_eq!(report.chain, made.manifest.chain.len() as u64);
            let out = plain.path().join(&made.manifest.name);
            let report = extract_all(&made.open(), place.path(), &out).unwrap();
            assert_eq!((report.failed, report.files, report.others), (0, 6, 3), "{format:?} {version}");
            let found = contents(&out.join("data"));
            let names: Vec<_> = found.keys().map(String::as_str).collect();
            let only = format!("only in {version}");
            assert_eq!(
                names,
                [
                    "changing",
                    "constant",
                    "link",
                    "odd \u{fffd} name",
                    only.as_str(),
                    "pipe",
                    "twin a",
                    "twin b"
                ]
            );
            assert_eq!(found["changing"].last(), Some(&version));
            assert_eq!((&found["constant"][..], &found["twin b"][..]), (&b"it stands"[..], &b"twin"[..]));
            assert_eq!(found["link"], b"/etc/passwd");
            use std::os::unix::fs::MetadataExt;
            let stat = |name: &str| std::fs::symlink_metadata(out.join("data").join(name)).unwrap();
            assert_eq!(stat("twin a").ino(), stat("twin b").ino());
            assert_eq!((stat("constant").mode() & 0o7777, stat("").mode() & 0o7777), (0o640, 0o751));
            assert_eq!(
                (stat("constant").mtime(), stat("constant").mtime_nsec()),
                (1_700_000_000, 123_456_789)
            );
            assert_eq!((stat("").mtime(), stat("").mtime_nsec()), (1_700_000_000, 123_456_789));
        }
    }
}

#[test]
fn a_choice_comes_back_also_when_it_is_a_further_name() {
    for (format, compression) in ALL {
        let place = tempfile::tempdir().unwrap();
        let settings = settings(place.path(), format, compression);
        let full = make(place.path(), &settings, None, some(1));
        let second =
            make(place.path(), &settings, Some((BackupType::Incremental, &full, Compare::Times)), some(2));
        for made in [&full, &second] {
            for chosen in
                [&["data/twin b"][..], &["data/constant"], &["data/twin a", "data/changing"], &["nothing"]]
            {
                let out = tempfile::tempdir().unwrap();
                let select = |path: &[u8]| chosen.iter().any(|one| one.as_bytes() == path);
                let report =
                    extract_with(&made.open(), place.path(), out.path(), &select, Limits::default()).unwrap();
                let found = contents(out.path());
                let expected: Vec<_> = chosen.iter().filter(|one| **one != "nothing").copied().collect();
                let mut names: Vec<_> = found.keys().map(String::as_str).collect();
                names.reverse();
                names.sort();
                let mut expected = expected.clone();
                expected.sort();
                assert_eq!(names, expected, "{format:?}");
                assert_eq!((report.files as usize, report.failed), (expected.len(), 0));
            }
        }
    }
}

#[test]
fn damage_anywhere_is_found_and_leaves_the_target_alone() {
    for (format, compression) in ALL {
        let place = tempfile::tempdir().unwrap();
        let settings = settings(place.path(), format, compression);
        let made = make(place.path(), &settings, None, |root| {
            let large = noise(150_000);
            root.add(entry(b"a", file(large.len()), lazy(&large))).unwrap();
            root.add(entry(b"b", file(5), lazy(b"small"))).unwrap();
        });
        let whole = std::fs::read(&made.path).unwrap();
        let out = place.path().join("out");
        let spots = (0..whole.len()).step_by(397).chain(whole.len() - 300..whole.len());
        let mut missed = Vec::new();
        for at in spots {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            std::fs::write(&made.path, &bytes).unwrap();
            // Against the manifest beside it every change shows.
            let opened = made.try_open(&Identities::none());
            if let Ok(archive) = &opened {
                let report = verify(archive, Some(&made.manifest), &Alone, &Control::new(), &Silent);
                assert!(report.is_err() || !report.unwrap().is_sound(), "{format:?} {at}");
                // By itself, changes that leave all content as it is may pass.
                if let Ok(report) = verify(archive, None, &Alone, &Control::new(), &Silent)
                    && report.is_sound()
                {
                    missed.push(at);
                    continue;
                }
                if archive.has_manifest() {
                    let extracted = extract_all(archive, place.path(), &out);
                    assert!(extracted.is_err(), "{format:?} {at}");
                }
            }
            if out.exists() {
                assert!(contents(&out).is_empty(), "{format:?} {at}");
            }
        }
        // Only times and the like in headers, which the manifest tells better, and the trailer.
        assert!(missed.iter().all(|at| *at < 100 || *at > 150_000), "{format:?} {missed:?}");
        for length in [0, 1, 30, whole.len() / 2, whole.len() - 1] {
            std::fs::write(&made.path, &whole[..length]).unwrap();
            if let Ok(archive) = made.try_open(&Identities::none()) {
                let report = verify(&archive, Some(&made.manifest), &Alone, &Control::new(), &Silent);
                assert!(report.is_err() || !report.unwrap().is_sound(), "{format:?} {length}");
            }
        }
    }
}

#[test]
fn a_chain_that_is_not_complete_is_told_and_nothing_is_written() {
    let place = tempfile::tempdir().unwrap();
    let settings = settings(place.path(), Format::TarZst, Compression::Zstd);
    let full = make(place.path(), &settings, None, some(1));
    let second =
        make(place.path(), &settings, Some((BackupType::Incremental, &full, Compare::Times)), some(2));
    let out = place.path().join("out");
    let aside = place.path().join("aside");
    std::fs::rename(&full.path, &aside).unwrap();
    let report = check(&second, place.path());
    assert!(report.problems[0].what.contains(&full.manifest.name), "{report:?}");
    let failed = extract_all(&second.open(), place.path(), &out).unwrap_err();
    assert!(matches!(failed, ArchiveError::Chain { .. }) && contents(&out).is_empty(), "{failed}");
    // Another archive under its name is not taken for it.
    std::fs::copy(&second.path, &full.path).unwrap();
    let failed = extract_all(&second.open(), place.path(), &out).unwrap_err();
    assert!(failed.to_string().contains("has the id"), "{failed}");
    // Nor one of its name whose content was damaged.
    let mut bytes = std::fs::read(&aside).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&full.path, bytes).unwrap();
    assert!(!check(&second, place.path()).is_sound());
    // What lies in the later archive alone needs no other.
    let select = |path: &[u8]| path == b"data/changing";
    extract_with(&second.open(), place.path(), &out, &select, Limits::default()).unwrap();
}

#[test]
fn limits_are_kept() {
    let place = tempfile::tempdir().unwrap();
    let settings = settings(place.path(), Format::Zip, Compression::Deflate);
    let made = make(place.path(), &settings, None, some(1));
    let refused = |limits: Limits| {
        let out = place.path().join("out");
        let failed = extract_with(&made.open(), place.path(), &out, &|_| true, limits).unwrap_err();
        assert!(contents(&out).is_empty(), "{failed}");
        failed
    };
    let failed = refused(Limits { bytes: Some(2_000_000), ..Limits::default() });
    assert!(matches!(failed, ArchiveError::NoRoom { .. }), "{failed}");
    let failed = refused(Limits { items: 8, ..Limits::default() });
    assert!(matches!(failed, ArchiveError::TooMuch { .. }), "{failed}");
    // Files that are there already have their room.
    let out = place.path().join("out");
    extract_with(&made.open(), place.path(), &out, &|_| true, Limits::default()).unwrap();
    let little = Limits { bytes: Some(100), ..Limits::default() };
    extract_with(&made.open(), place.path(), &out, &|_| true, little).unwrap();
}

/// Makes an archive with Python, which puts in whatever it is told to.
fn foreign(script: &str, name: &str) -> (tempfile::TempDir, Archive) {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join(name);
    let head = "import sys, zipfile, tarfile, io, stat\npath = sys.argv[1]\n";
    let told = Command::new("python3")
        .args(["-W", "ignore", "-c", &format!("{head}{script}")])
        .arg(&path)
        .output()
        .unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let archive = open(&path, &Identities::none()).unwrap();
    (place, archive)
}

const TAR: &str = r#"
def add(tar, name, kind, link="", data=b""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, len(data)
    tar.addfile(info, io.BytesIO(data))
with tarfile.open(path, "w") as tar:
"#;

#[test]
fn archives_of_other_programs_are_read() {
    let script = r#"
with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
    z.writestr("dir/", "")
    z.writestr("dir/one", "one" * 10000)
    z.writestr("./two", "two")
    link = zipfile.ZipInfo("link")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    z.writestr(link, "two")
"#;
    let tar = format!(
        "{TAR}    add(tar, './dir', tarfile.DIRTYPE)\n    add(tar, './dir/one', tarfile.REGTYPE, data=b'one' * 10000)\n    add(tar, 'two', tarfile.REGTYPE, data=b'two')\n    add(tar, 'link', tarfile.SYMTYPE, 'two')\n    add(tar, 'hard', tarfile.LNKTYPE, 'two')\n"
    );
    for (script, name, hard) in [(script, "x", false), (&tar, "y", true)] {
        let (place, archive) = foreign(script, name);
        assert!(!archive.has_manifest());
        let report = verify(&archive, None, &Alone, &Control::new(), &Silent).unwrap();
        assert_eq!((report.problems, report.files, report.has_manifest), (vec![], 2, false));
        let out = place.path().join("out");
        assert_eq!(extract_all(&archive, place.path(), &out).unwrap().failed, 0);
        let found = contents(&out);
        assert_eq!(found["dir/one"], b"one".repeat(10_000));
        assert_eq!((&found["two"][..], &found["link"][..]), (&b"two"[..], &b"two"[..]));
        assert_eq!(found.get("hard").map(Vec::as_slice), hard.then_some(&b"two"[..]));
        if hard {
            let select = |path: &[u8]| path == b"hard";
            let out = place.path().join("only");
            extract_with(&archive, place.path(), &out, &select, Limits::default()).unwrap();
            assert_eq!(contents(&out), BTreeMap::from([("hard".to_owned(), b"two".to_vec())]));
        }
    }
}

#[test]
fn hostile_archives_write_nothing_outside_nor_inside() {
    let zip = |body: &str| format!("with zipfile.ZipFile(path, 'w') as z:\n    {body}\n");
    let tar = |body: &str| format!("{TAR}    {body}\n");
    let symlink = "l = zipfile.ZipInfo('a'); l.create_system = 3; l.external_attr = (stat.S_IFLNK | 0o777) << 16; z.writestr(l, '/tmp')";
    for (script, part) in [
        (zip("z.writestr('../out', 'x')"), "dots"),
        (zip("z.writestr('/etc/x', 'x')"), "absolute"),
        (zip("z.writestr('a/../../x', 'x')"), "dots"),
        (zip("z.writestr('a', 'x'); z.writestr('a', 'y')"), "twice"),
        (zip("z.writestr('a', 'x'); z.writestr('a/b', 'y')"), "no folder"),
        (zip(&format!("{symlink}; z.writestr('a/b', 'y')")), "no folder"),
        (zip("z.writestr('b', 'x'); z.writestr('./b', 'y')"), "twice"),
        (tar("add(tar, '../x', tarfile.REGTYPE, data=b'x')"), "dots"),
        (tar("add(tar, '/x', tarfile.REGTYPE, data=b'x')"), "absolute"),
        (
            tar("add(tar, 'a', tarfile.SYMTYPE, '/tmp'); add(tar, 'a/b', tarfile.REGTYPE, data=b'x')"),
            "no folder",
        ),
        (tar("add(tar, 'a', tarfile.LNKTYPE, '../../etc/passwd')"), "dots"),
        (tar("add(tar, 'a', tarfile.LNKTYPE, 'missing')"), "not in it"),
    ] {
        let (place, archive) = foreign(&script, "x");
        let out = place.path().join("deep/out");
        let failed = extract_all(&archive, place.path(), &out).unwrap_err();
        assert!(failed.to_string().contains(part), "{script}: {failed}");
        assert!(contents(&place.path().join("deep")).is_empty(), "{script}");
    }
}

#[test]
fn bombs_are_refused() {
    // A content that says it is short, a content that says it is long, contents that share bytes, headers without end.
    let short = r#"
z = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED)
z.writestr("a", b"\0" * 5000000)
z.filelist[0].file_size = 10
z.close()
"#;
    let (place, archive) = foreign(short, "x");
    assert!(extract_all(&archive, place.path(), &place.path().join("out")).is_err());
    let report = verify(&archive, None, &Alone, &Control::new(), &Silent).unwrap();
    assert!(!report.is_sound());

    let overlap = r#"
import copy
z = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED)
z.writestr("a", b"\0" * 5000000)
for n in range(9):
    twin = copy.copy(z.filelist[0])
    twin.filename = twin.orig_filename = str(n)
    z.filelist.append(twin)
z.close()
"#;
    let (place, archive) = foreign(overlap, "x");
    let failed = extract_all(&archive, place.path(), &place.path().join("out")).unwrap_err().to_string();
    assert!(failed.contains("over one another"), "{failed}");
    let failed = verify(&archive, None, &Alone, &Control::new(), &Silent).unwrap();
    assert!(!failed.is_sound());

    let huge = r#"
z = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED)
z.writestr("a", b"\0" * 100)
z.filelist[0].file_size = 1 << 50
z.close()
"#;
    let (place, archive) = foreign(huge, "x");
    let failed = extract_all(&archive, place.path(), &place.path().join("out")).unwrap_err();
    assert!(matches!(failed, ArchiveError::TooMuch { .. }), "{failed}");

    let place = tempfile::tempdir().unwrap();
    let mut header = ::tar::Header::new_ustar();
    header.set_entry_type(::tar::EntryType::XHeader);
    header.set_size(1 << 30);
    header.set_cksum();
    let path = place.path().join("long.tar");
    let bomb = std::fs::File::create(&path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&bomb, header.as_bytes(), 0).unwrap();
    bomb.set_len(2 << 30).unwrap();
    let archive = open(&path, &Identities::none()).unwrap();
    let failed = extract_all(&archive, place.path(), &place.path().join("out")).unwrap_err().to_string();
    assert!(failed.contains("too long"), "{failed}");
}

#[test]
fn what_is_no_archive_is_told() {
    let place = tempfile::tempdir().unwrap();
    let refused = |bytes: &[u8], part: &str| {
        let path = place.path().join("x.zip");
        std::fs::write(&path, bytes).unwrap();
        let failed = match open(&path, &Identities::none()) {
            Err(error) => error,
            Ok(archive) => verify(&archive, None, &Alone, &Control::new(), &Silent)
                .map(|report| assert!(!report.is_sound(), "{part}"))
                .err()
                .unwrap_or_else(|| ArchiveError::damaged("x", part)),
        };
        assert!(failed.to_string().contains(part), "{failed}");
    };
    refused(b"", "is no archive");
    refused(b"text", "is no archive");
    refused(b"PK\x03\x04", "damaged");
    refused(&[0x28, 0xb5, 0x2f, 0xfd, 1, 2, 3, 4, 5, 6], "damaged");
    refused(b"age-encryption.org/v1\n", "no identity");
    let identity = crate::crypt::KeyPair::generate().with_secret(|text| Identities::parse(text).unwrap());
    let path = place.path().join("endless.age");
    std::fs::write(&path, [crypt::MAGIC, &[b'x'; 1 << 20]].concat()).unwrap();
    assert!(open(&path, &identity).unwrap_err().to_string().contains("has no end"));
}

#[test]
fn an_encrypted_archive_that_is_cut_or_changed_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let pair = crate::crypt::KeyPair::generate();
    let recipients = crate::crypt::Recipients::parse(&pair.recipient()).unwrap();
    let identity = pair.with_secret(|text| Identities::parse(text).unwrap());
    for (format, compression) in ALL {
        let settings = crate::create::Settings {
            recipients: Some(recipients.clone()),
            ..settings(place.path(), format, compression)
        };
        let made = make(place.path(), &settings, None, some(1));
        let whole = std::fs::read(&made.path).unwrap();
        for length in [100, 65_536, whole.len() - 65_552, whole.len() - 1] {
            std::fs::write(&made.path, &whole[..length]).unwrap();
            assert!(made.try_open(&identity).is_err(), "{length}");
        }
        for at in [3, 60, 300, 1 << 20, whole.len() - 5] {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            std::fs::write(&made.path, bytes).unwrap();
            if let Ok(archive) = made.try_open(&identity) {
                let report = verify(&archive, None, &Alone, &Control::new(), &Silent);
                assert!(report.is_err() || !report.unwrap().is_sound(), "{at}");
            }
        }
        // Who has no identity can still compare the file.
        std::fs::write(&made.path, &whole).unwrap();
        let file: Arc<dyn ReadAt> =
            Arc::new(FileInput::new(std::fs::File::open(&made.path).unwrap()).unwrap());
        verify_file(&file, "x", &made.manifest, &Control::new(), &Silent).unwrap();
        let archive = made.try_open(&identity).unwrap();
        extract_all(&archive, place.path(), &place.path().join(format!("{format:?}{compression:?}")))
            .unwrap();
    }
}
