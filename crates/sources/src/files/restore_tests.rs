use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;

use backstay_core::{Timestamp, Xattr};
use rustix::fs::CWD;

use super::*;

fn scene() -> (tempfile::TempDir, PathBuf, FolderTarget) {
    let guard = tempfile::tempdir().unwrap();
    let base = guard.path().join("target");
    let target = FolderTarget::open(&base, RestoreOptions::default()).unwrap();
    (guard, base, target)
}

/// The target as it is, and as it works on kernels that do not check paths.
fn both_ways(test: impl Fn(PathBuf, FolderTarget)) {
    let (_guard, base, target) = scene();
    test(base, target);
    let (_guard, base, mut target) = scene();
    target.root = target.root.without_kernel_checks();
    test(base, target);
}

fn write(target: &FolderTarget, path: &str, content: &[u8]) {
    let file = target.open_file(path.as_bytes(), content.len() as u64).unwrap();
    file.write_at(0, content).unwrap();
}

fn mine() -> Meta {
    Meta {
        uid: rustix::process::geteuid().as_raw(),
        gid: rustix::process::getegid().as_raw(),
        permissions: 0o640,
        modified: Timestamp::utc(1_234_567_890, 987_654_321),
        accessed: Timestamp::utc(-5, 1),
        ..Meta::default()
    }
}

#[test]
fn files_are_written_in_any_order_and_read_back() {
    both_ways(|base, target| {
        let file = target.open_file(b"a/b/c", 10).unwrap();
        file.write_at(5, b"56789").unwrap();
        file.write_at(0, b"01234").unwrap();
        let mut buffer = [0; 20];
        assert_eq!(file.read_at(3, &mut buffer).unwrap(), 7);
        assert_eq!(&buffer[..7], b"3456789");
        assert_eq!(std::fs::read(base.join("a/b/c")).unwrap(), b"0123456789");
        let again = target.read_file(b"a/b/c").unwrap();
        assert_eq!(again.read_at(8, &mut buffer).unwrap(), 2);
        assert!(again.write_at(0, b"x").is_err() && target.read_file(b"a/b").is_err());
        // What is there stays, with the new length.
        target.open_file(b"a/b/c", 4).unwrap();
        assert_eq!(std::fs::read(base.join("a/b/c")).unwrap(), b"0123");
    });
}

#[test]
fn what_is_not_written_reads_as_zeros_and_takes_no_room() {
    let (_guard, base, target) = scene();
    let file = target.open_file(b"file", 50_000_000).unwrap();
    file.write_at(40_000_000, b"x").unwrap();
    let stat = std::fs::metadata(base.join("file")).unwrap();
    assert_eq!(stat.len(), 50_000_000);
    assert!(stat.blocks() * 512 < 1_000_000);
    let mut start = [9; 100];
    file.read_at(0, &mut start).unwrap();
    assert_eq!(start, [0; 100]);
}

#[test]
fn links_out_of_the_target_are_not_followed() {
    both_ways(|base, target| {
        let outside = base.parent().unwrap().join("outside");
        std::fs::create_dir_all(&outside).unwrap();
        std::fs::write(outside.join("file"), b"precious").unwrap();
        let before = std::fs::metadata(outside.join("file")).unwrap();
        for name in ["link", "link2", "link3", "link4"] {
            symlink("../outside", base.join(name)).unwrap();
        }
        symlink("../outside/file", base.join("direct")).unwrap();

        assert!(target.existing(b"link/file").unwrap().is_none());
        assert!(target.names(b"link").is_err());
        assert!(target.read_file(b"link/file").is_err() && target.read_file(b"direct").is_err());
        target.remove(b"link/file").unwrap();
        assert!(target.hard_link(b"link/file", b"stolen").is_err());
        assert!(target.set_metadata(b"link/file", &mine()).is_err());
        target.set_metadata(b"direct", &Meta { kind: EntryKind::File, ..mine() }).unwrap_err();
        target.set_metadata(b"direct", &Meta { kind: EntryKind::Symlink, ..mine() }).unwrap();
        // Where something is to be written, the link gives way.
        write(&target, "link/file", b"new");
        write(&target, "direct", b"new");
        target.make_folder(b"link2/folder").unwrap();
        target.make_special(b"link3/pipe", &Meta { kind: EntryKind::Fifo, ..mine() }).unwrap();
        target.remove(b"link4").unwrap();

        assert!(base.join("link").symlink_metadata().unwrap().is_dir());
        assert!(base.join("direct").symlink_metadata().unwrap().is_file());
        assert_eq!(std::fs::read(outside.join("file")).unwrap(), b"precious");
        let after = std::fs::metadata(outside.join("file")).unwrap();
        assert_eq!((before.ctime_nsec(), before.mode()), (after.ctime_nsec(), after.mode()));
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1);
    });
}

#[test]
fn a_link_put_in_place_of_a_known_folder_is_not_followed() {
    both_ways(|base, target| {
        write(&target, "a/b/file", b"1");
        target.remove(b"a/b").unwrap();
        symlink("/", base.join("a/b")).unwrap();
        assert!(target.existing(b"a/b/etc").unwrap().is_none());
    });
}

#[test]
fn paths_that_leave_the_target_are_refused() {
    both_ways(|_, target| {
        for path in [&b"../x"[..], b"/etc/x", b"a/../../x", b"a//x", b".", b"..", b"a/.", b"nul\0", b"a/"] {
            assert!(target.open_file(path, 0).is_err(), "{path:?}");
            assert!(target.existing(path).is_err() || !matches!(target.existing(path), Ok(Some(_))));
            assert!(target.make_special(path, &Meta { kind: EntryKind::Fifo, ..mine() }).is_err());
        }
        assert!(target.remove(b"").is_err());
    });
}

#[test]
fn metadata_is_set_whole() {
    both_ways(|base, target| {
        write(&target, "file", b"x");
        target.make_folder(b"folder").unwrap();
        let link = Meta { kind: EntryKind::Symlink, link_target: Some(b"\xffnowhere".to_vec()), ..mine() };
        target.make_special(b"link", &link).unwrap();
        let pipe = Meta { kind: EntryKind::Fifo, permissions: 0o604, ..mine() };
        target.make_special(b"pipe", &pipe).unwrap();
        let stray =
            rustix::fs::lsetxattr(base.join("file"), "user.stray", b"", rustix::fs::XattrFlags::empty());
        let xattrs = match stray {
            Ok(()) => vec![Xattr { name: "user.a".into(), value: b"\0b".to_vec() }],
            Err(_) => Vec::new(),
        };

        let file = Meta { permissions: 0o4751, xattrs, ..mine() };
        let folder = Meta { kind: EntryKind::Folder, permissions: 0o1710, ..mine() };
        for (path, meta) in
            [("file", &file), ("folder", &folder), ("link", &link), ("pipe", &pipe), ("", &folder)]
        {
            target.set_metadata(path.as_bytes(), meta).unwrap();
            let found = target.existing(path.as_bytes()).unwrap().unwrap();
            assert_eq!(found.kind, meta.kind);
            assert!(found.modified.same_instant(&meta.modified), "{path}");
            assert!(found.accessed.same_instant(&meta.accessed), "{path}");
            if meta.kind != EntryKind::Symlink {
                assert_eq!(found.permissions, meta.permissions, "{path}");
            }
            assert_eq!(found.link_target, meta.link_target);
        }
        let attributes = crate::files::attributes::read(
            crate::files::attributes::Item::Open(File::open(base.join("file")).unwrap().as_fd()),
            &mut Vec::new(),
        );
        let found: Vec<_> = attributes
            .unwrap()
            .attributes
            .into_iter()
            .filter(|found| found.name.starts_with("user."))
            .collect();
        assert_eq!(found, file.xattrs);
    });
}

#[test]
fn owners_are_set_by_number_or_name() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let (_guard, base, mut target) = scene();
    write(&target, "file", b"x");
    let meta =
        Meta { uid: 12_345, gid: 23_456, user: "root".into(), group: "no such group".into(), ..mine() };
    target.set_metadata(b"file", &meta).unwrap();
    let stat = std::fs::metadata(base.join("file")).unwrap();
    assert_eq!((stat.uid(), stat.gid()), (12_345, 23_456));
    Arc::get_mut(&mut target.finisher).unwrap().options.owner_by_name = true;
    target.set_metadata(b"file", &meta).unwrap();
    let stat = std::fs::metadata(base.join("file")).unwrap();
    assert_eq!((stat.uid(), stat.gid()), (0, 23_456));
}

#[test]
fn whatever_is_in_the_way_is_replaced() {
    both_ways(|base, target| {
        std::fs::create_dir(base.join("empty")).unwrap();
        write(&target, "empty", b"now a file");
        rustix::fs::mknodat(CWD, base.join("pipe"), FileType::Fifo, Mode::RWXU, 0).unwrap();
        write(&target, "pipe", b"now a file");
        let _socket = std::os::unix::net::UnixListener::bind(base.join("socket")).unwrap();
        write(&target, "socket", b"now a file");
        write(&target, "file", b"x");
        target.make_folder(b"file").unwrap();
        write(&target, "plain", b"x");
        let link = Meta { kind: EntryKind::Symlink, link_target: Some(b"to".to_vec()), ..mine() };
        target.make_special(b"plain", &link).unwrap();
        for name in ["empty", "pipe", "socket"] {
            assert_eq!(std::fs::read(base.join(name)).unwrap(), b"now a file");
        }
        assert!(base.join("file").is_dir());
        assert_eq!(base.join("plain").read_link().unwrap(), PathBuf::from("to"));
    });
}

#[test]
fn a_full_folder_gives_way_only_when_told_so() {
    let (_guard, base, mut target) = scene();
    write(&target, "folder/in/file", b"x");
    assert!(target.open_file(b"folder", 1).is_err());
    assert!(base.join("folder/in/file").exists());
    Arc::get_mut(&mut target.finisher).unwrap().options.replace_full_folders = true;
    write(&target, "folder", b"y");
    assert_eq!(std::fs::read(base.join("folder")).unwrap(), b"y");
}

#[test]
fn other_names_of_a_file_keep_their_content() {
    let (_guard, base, target) = scene();
    write(&target, "one", b"old");
    target.hard_link(b"one", b"in/two").unwrap();
    target.hard_link(b"one", b"in/two").unwrap();
    assert_eq!(std::fs::metadata(base.join("one")).unwrap().nlink(), 2);
    write(&target, "one", b"new");
    assert_eq!(std::fs::read(base.join("in/two")).unwrap(), b"old");
    target.hard_link(b"one", b"in/two").unwrap();
    assert_eq!(std::fs::read(base.join("in/two")).unwrap(), b"new");
}

#[test]
fn a_read_only_file_is_overwritten() {
    let (_guard, base, target) = scene();
    write(&target, "file", b"old");
    std::fs::set_permissions(base.join("file"), std::fs::Permissions::from_mode(0o444)).unwrap();
    write(&target, "file", b"new");
    assert_eq!(std::fs::read(base.join("file")).unwrap(), b"new");
}

#[test]
fn odd_names_are_restored_and_listed() {
    let (_guard, base, target) = scene();
    let names = [b"\xff\xfe".to_vec(), b"line\nbreak".to_vec(), vec![b'n'; 255]];
    for name in &names {
        target.open_file(name, 0).unwrap();
        assert!(base.join(std::ffi::OsStr::from_bytes(name)).exists());
    }
    let mut listed = target.names(b"").unwrap();
    listed.sort();
    let mut wanted = names.to_vec();
    wanted.sort();
    assert_eq!(listed, wanted);
}

#[test]
fn trees_deeper_than_the_longest_path_are_made_and_removed() {
    both_ways(|base, target| {
        let mut path = Vec::new();
        for _ in 0..1000 {
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend([b'd'; 60]);
            target.make_folder(&path).unwrap();
        }
        let file = [&path[..], b"/file"].concat();
        target.open_file(&file, 3).unwrap().write_at(0, b"abc").unwrap();
        target.root.forget(&[b'd'; 60]);
        target.set_metadata(&file, &mine()).unwrap();
        assert_eq!(target.existing(&file).unwrap().unwrap().size, 3);
        target.remove(&[b'd'; 60]).unwrap();
        assert_eq!(std::fs::read_dir(&base).unwrap().count(), 0);
    });
}
