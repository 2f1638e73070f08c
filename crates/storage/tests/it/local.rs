use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use backstay_core::{CallContext, ErrorKind, FileId, FileKind, Handle, Storage};
use backstay_storage::Local;
use backstay_storage::testing::conformance;

const NONE: CallContext<'static> = CallContext::NONE;
const PACK: Handle = Handle::new(FileKind::Pack, FileId([0xab; 32]));

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

fn count(storage: &Local, kind: FileKind) -> usize {
    let mut count = 0;
    storage.list(kind, NONE, &mut |_, _| count += 1).unwrap();
    count
}

#[test]
fn a_folder_conforms() {
    let home = tempfile::tempdir().unwrap();
    let number = std::cell::Cell::new(0);
    conformance(|| {
        number.set(number.get() + 1);
        Box::new(Local::new(home.path().join(format!("deep/{}/repository", number.get()))))
    });
}

#[test]
fn files_lie_and_look_as_restic_makes_them() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("repository");
    let storage = Local::new(&root);
    storage.prepare(NONE).unwrap();
    for folder in ["", "keys", "locks", "index", "snapshots", "data", "data/00", "data/ff"] {
        assert_eq!(mode(&root.join(folder)), 0o700, "{folder}");
    }
    assert_eq!(fs::read_dir(root.join("data")).unwrap().count(), 256);
    storage.write(&PACK, b"pack", NONE).unwrap();
    storage.write(&Handle::CONFIG, b"config", NONE).unwrap();
    let pack = root.join("data/ab").join("ab".repeat(32));
    assert_eq!(fs::read(&pack).unwrap(), b"pack");
    assert_eq!(mode(&pack), 0o400);
    assert_eq!(mode(&root.join("config")), 0o400);
    assert_eq!(fs::read_dir(root.join("data/ab")).unwrap().count(), 1, "no temporary file stays");
    assert_eq!(storage.location(), root.display().to_string());
}

#[test]
fn a_group_that_may_read_the_config_may_use_the_repository() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("repository");
    Local::new(&root).prepare(NONE).unwrap();
    fs::write(root.join("config"), b"config").unwrap();
    fs::set_permissions(root.join("config"), fs::Permissions::from_mode(0o440)).unwrap();
    fs::remove_dir(root.join("data/ab")).unwrap();
    Local::new(&root).write(&PACK, b"pack", NONE).unwrap();
    assert_eq!(mode(&root.join("data/ab").join("ab".repeat(32))), 0o440);
    // The folder's mode is cut by the umask, as restic's is.
    assert_eq!(mode(&root.join("data/ab")) & 0o700, 0o700);
}

#[test]
fn what_is_no_file_of_the_repository_is_passed_over() {
    let home = tempfile::tempdir().unwrap();
    let storage = Local::new(home.path());
    storage.prepare(NONE).unwrap();
    storage.write(&PACK, b"pack", NONE).unwrap();
    let name = "ab".repeat(32);
    for leftover in [
        format!("data/ab/{name}-tmp-12-0"),
        format!("data/{name}"),
        format!("data/cd/{name}"),
        format!("data/zz/{name}"),
        format!("index/{}", "AB".repeat(32)),
        "index/README".to_owned(),
        "data/notes".to_owned(),
    ] {
        let path = home.path().join(leftover);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, b"leftover").unwrap();
    }
    assert_eq!(count(&storage, FileKind::Pack), 1);
    assert_eq!(count(&storage, FileKind::Index), 0);
    // What has the name of a file is listed whatever it is, or nobody would be told that the file is gone.
    fs::create_dir(home.path().join("index").join("cd".repeat(32))).unwrap();
    std::os::unix::fs::symlink("nowhere", home.path().join("index").join("ef".repeat(32))).unwrap();
    assert_eq!(count(&storage, FileKind::Index), 2);
}

#[test]
fn missing_folders_are_made_but_never_the_root() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("repository");
    let storage = Local::new(&root);
    let error = storage.write(&PACK, b"pack", NONE).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Config, "{error}");
    assert!(!root.exists());
    fs::create_dir(&root).unwrap();
    storage.write(&PACK, b"pack", NONE).unwrap();
    assert_eq!(count(&storage, FileKind::Pack), 1);
    assert_eq!(count(&storage, FileKind::Lock), 0);
}

#[test]
fn packs_stay_readable_while_many_are_read_in_turn() {
    let home = tempfile::tempdir().unwrap();
    let storage = Local::new(home.path());
    storage.prepare(NONE).unwrap();
    let packs = (0..100u8).map(|number| Handle::new(FileKind::Pack, FileId([number; 32])));
    for pack in packs.clone() {
        storage.write(&pack, &pack.id.0, NONE).unwrap();
    }
    for pack in packs.clone().chain(packs.clone()) {
        let mut buffer = [0; 7];
        storage.read_at(&pack, 20, &mut buffer, NONE).unwrap();
        assert_eq!(buffer, [pack.id.0[0]; 7]);
    }
    for pack in packs {
        storage.remove(&pack, NONE).unwrap();
        let error = storage.read_at(&pack, 0, &mut [0; 7], NONE).unwrap_err();
        assert_eq!(error.kind, ErrorKind::NotFound, "removed files are not read from old descriptors");
    }
}

#[test]
fn what_is_no_regular_file_or_has_no_end_is_refused_at_once() {
    let home = tempfile::tempdir().unwrap();
    let storage = Local::new(home.path());
    storage.prepare(NONE).unwrap();
    let [pipe, folder, sparse] = [1, 2, 3].map(|number| Handle::new(FileKind::Key, FileId([number; 32])));
    let path = |handle: &Handle| home.path().join("keys").join(handle.id.to_hex());
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mkfifoat(rustix::fs::CWD, path(&pipe), mode).unwrap();
    fs::create_dir(path(&folder)).unwrap();
    fs::File::create(path(&sparse)).unwrap().set_len(1 << 40).unwrap();
    for (handle, why) in
        [(pipe, "no regular file"), (folder, "no regular file"), (sparse, "1048576 are the most")]
    {
        let error = storage.read(&handle, &mut Vec::new(), NONE).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Corrupt, "{error}");
        assert!(
            error.to_string().contains(why) && error.to_string().contains(&handle.to_string()),
            "{error}"
        );
    }
    assert_eq!(count(&storage, FileKind::Key), 3, "whatever has the name of a file is listed");
    let error = storage.read_at(&pipe, 0, &mut [0; 7], NONE).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Corrupt, "{error}");
}

#[test]
fn a_file_in_the_place_of_the_repository_is_told() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("file");
    fs::write(&root, b"").unwrap();
    let storage = Local::new(&root);
    let error = storage.prepare(NONE).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Config, "{error}");
    assert!(error.to_string().contains(&root.display().to_string()), "{error}");
    assert!(storage.write(&PACK, b"pack", NONE).is_err());
    assert_eq!(count(&storage, FileKind::Pack), 0);
}

/// The super-user may write anywhere, so this thread gives that right up for the time of the test.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_may_not_be_written_or_read_denies() {
    use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
    let home = tempfile::tempdir().unwrap();
    let storage = Local::new(home.path());
    storage.prepare(NONE).unwrap();
    storage.write(&PACK, b"pack", NONE).unwrap();
    let other = Handle::new(FileKind::Pack, FileId([0xcd; 32]));
    let [shard, locked] = ["data/cd", "data/ab"].map(|name| home.path().join(name));
    fs::set_permissions(&shard, fs::Permissions::from_mode(0o500)).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
    let mut rights = capabilities(None).unwrap();
    rights.effective.remove(CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH);
    set_capabilities(None, rights).unwrap();
    let failures = [
        storage.write(&other, b"pack", NONE).unwrap_err(),
        storage.read(&PACK, &mut Vec::new(), NONE).unwrap_err(),
        storage.size(&PACK, NONE).unwrap_err(),
        storage.remove(&PACK, NONE).unwrap_err(),
        storage.list(FileKind::Pack, NONE, &mut |_, _| {}).unwrap_err(),
    ];
    for folder in [&shard, &locked] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).unwrap();
    }
    for error in failures {
        assert_eq!(error.kind, ErrorKind::Denied, "{error}");
    }
}
