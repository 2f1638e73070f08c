use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;

use backstay_core::Silent;

use super::*;

/// What is told of a copy.
#[derive(Default)]
struct Told {
    totals: Mutex<(u64, u64)>,
    bytes: AtomicU64,
}

impl Events for Told {
    fn totals(&self, files: u64, bytes: u64, _: bool) {
        *self.totals.lock() = (files, bytes);
    }

    fn bytes_done(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

struct Fixture {
    folder: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("data/schema")).unwrap();
        fs::write(folder.path().join("data/schema/table"), vec![7; 3_000_000]).unwrap();
        fs::write(folder.path().join("data/empty"), "").unwrap();
        symlink("schema/table", folder.path().join("data/link")).unwrap();
        fs::set_permissions(folder.path().join("data/schema"), fs::Permissions::from_mode(0o750)).unwrap();
        let sparse = File::create(folder.path().join("data/sparse")).unwrap();
        sparse.set_len(64 << 20).unwrap();
        rustix::io::pwrite(&sparse, b"in the middle", 32 << 20).unwrap();
        drop(UnixListener::bind(folder.path().join("data/socket")).unwrap());
        Self { folder }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn spool(&self) -> PathBuf {
        self.folder.path().join("spool")
    }

    fn copied(&self) -> PathBuf {
        self.spool().join(self.data().strip_prefix("/").unwrap())
    }
}

#[test]
fn a_copy_is_as_the_original_in_all_that_a_backup_looks_at() {
    let fixture = Fixture::new();
    let (from, told) = (fixture.data(), Told::default());
    let copied = copy(std::slice::from_ref(&from), &fixture.spool(), &Control::new(), &told).unwrap();
    assert_eq!((copied.files, copied.bytes), (3, (64 << 20) + 3_000_000));
    assert_eq!(*told.totals.lock(), (3, copied.bytes));
    assert!((3_000_000..=copied.bytes).contains(&told.bytes.into_inner()), "what is copied is told as it is");
    let to = fixture.copied();
    for name in ["schema/table", "empty", "sparse", "schema", "link", ""] {
        let (one, other) = (from.join(name), to.join(name));
        let (meta, copy) = (fs::symlink_metadata(&one).unwrap(), fs::symlink_metadata(&other).unwrap());
        let facts = |meta: &fs::Metadata| {
            (
                meta.mode(),
                meta.uid(),
                meta.gid(),
                meta.mtime(),
                meta.mtime_nsec(),
                meta.is_file().then_some(meta.len()),
            )
        };
        assert_eq!(facts(&copy), facts(&meta), "{name:?}");
        if meta.is_file() {
            assert!(fs::read(&one).unwrap() == fs::read(&other).unwrap(), "{name:?}");
        }
    }
    assert_eq!(fs::read_link(to.join("link")).unwrap(), Path::new("schema/table"));
    assert!(!to.join("socket").exists());
    let taken = fs::metadata(to.join("sparse")).unwrap().blocks() * 512;
    assert!(taken < 1 << 20, "holes stay holes: {taken}");
    assert_eq!(extent(&[from]).unwrap(), extent(&[to]).unwrap());
}

#[test]
fn a_copy_is_never_made_over_another_and_ends_when_it_is_not_wanted() {
    let fixture = Fixture::new();
    let paths = [fixture.data()];
    let cancelled = Control::new();
    cancelled.cancel();
    let outcome = copy(&paths, &fixture.spool(), &cancelled, &Silent);
    assert!(matches!(outcome, Err(CopyError::Interrupted)), "{outcome:?}");
    fs::remove_dir_all(fixture.spool()).unwrap();
    let table = fixture.copied().join("schema/table");
    fs::create_dir_all(table.parent().unwrap()).unwrap();
    fs::write(&table, "somebody's").unwrap();
    let error = copy(&paths, &fixture.spool(), &Control::new(), &Silent).unwrap_err();
    assert!(matches!(&error, CopyError::Failed { path, .. } if *path == table), "{error}");
    assert_eq!(fs::read(&table).unwrap(), b"somebody's");
    let error = extent(&[fixture.folder.path().join("nowhere")]).unwrap_err();
    assert!(error.to_string().contains("nowhere"), "{error}");
}
