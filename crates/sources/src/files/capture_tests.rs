use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::sync::{Arc, LazyLock};

use backstay_core::{Content, CutHint, Entry, EntryKind, Folder, Meta, Pushed, Silent, Xattr};
use parking_lot::Mutex;
use rustix::fs::{CWD, FileType, Mode, XattrFlags};

use super::*;
use crate::files::filter::{Case, List};

static HOME: LazyLock<PathBuf> = LazyLock::new(|| std::env::current_dir().unwrap());

/// What arrived, by path.
#[derive(Debug, Clone, Default)]
struct Recorder(Arc<Mutex<Record>>);

/// What reading gave, of an item that has content.
type ReadContent = Option<Result<Vec<u8>, String>>;

#[derive(Debug, Default)]
struct Record {
    items: BTreeMap<Vec<u8>, (Meta, ReadContent)>,
    failures: Vec<(Vec<u8>, String)>,
    open_folders: usize,
}

struct RecordedFolder {
    recorder: Recorder,
    path: Vec<u8>,
}

impl Sink for Recorder {
    fn root(&self) -> Result<Box<dyn Folder>, SinkError> {
        self.0.lock().open_folders += 1;
        Ok(Box::new(RecordedFolder { recorder: self.clone(), path: Vec::new() }))
    }

    fn open_limit(&self) -> usize {
        0
    }
}

impl RecordedFolder {
    fn at(&self, name: &[u8]) -> Vec<u8> {
        [&self.path[..], b"/", name].concat()
    }
}

impl Folder for RecordedFolder {
    fn folder(&self, name: &[u8]) -> Result<Box<dyn Folder>, SinkError> {
        self.recorder.0.lock().open_folders += 1;
        Ok(Box::new(Self { recorder: self.recorder.clone(), path: self.at(name) }))
    }

    fn add(&self, entry: Entry) -> Result<(), SinkError> {
        let here = std::env::current_dir().unwrap();
        assert_eq!(here, *HOME, "sinks are called from the working folder of the process");
        let content = match entry.content {
            Content::Lazy(opener, CutHint::ByContent) => {
                // The second opener has to give the same as the first.
                let mut duplicate = opener.duplicate().unwrap().open();
                let read = || {
                    let mut bytes = Vec::new();
                    opener.open()?.read_to_end(&mut bytes)?;
                    let mut again = Vec::new();
                    duplicate
                        .as_mut()
                        .map_err(|_| std::io::Error::other("no duplicate"))?
                        .read_to_end(&mut again)?;
                    assert_eq!(bytes, again);
                    Ok(bytes)
                };
                Some(read().map_err(|error: std::io::Error| error.to_string()))
            }
            Content::None => None,
            other => panic!("unexpected {other:?}"),
        };
        let old = self.recorder.0.lock().items.insert(self.at(&entry.name), (entry.meta, content));
        assert!(old.is_none(), "{:?} came twice", self.at(&entry.name));
        Ok(())
    }

    fn begin(&self, _: &[u8], _: CutHint) -> Result<Box<dyn Pushed>, SinkError> {
        panic!("files are not pushed")
    }

    fn failed(&self, name: &[u8], error: &str) {
        self.recorder.0.lock().failures.push((self.at(name), error.to_owned()));
    }

    fn close(self: Box<Self>, meta: Meta) -> Result<(), SinkError> {
        let mut record = self.recorder.0.lock();
        record.open_folders -= 1;
        let old = record.items.insert(self.path, (meta, None));
        assert!(old.is_none());
        Ok(())
    }
}

impl Recorder {
    /// Runs a capture of one folder; gives the items by their path in it.
    fn run(capture: &Capture) -> (CaptureReport, Record) {
        let recorder = Self::default();
        LazyLock::force(&HOME);
        let report = capture.run(&recorder, &Control::new(), &Silent).unwrap();
        let record = Arc::into_inner(recorder.0).unwrap().into_inner();
        assert_eq!(record.open_folders, 0, "every folder is closed");
        (report, record)
    }
}

impl Record {
    fn below(&self, folder: &Path) -> BTreeMap<String, &Meta> {
        let prefix = folder.as_os_str().as_bytes();
        let below =
            |path: &[u8]| path.strip_prefix(prefix).map(|rest| String::from_utf8_lossy(rest).into_owned());
        self.items.iter().filter_map(|(path, (meta, _))| Some((below(path)?, meta))).collect()
    }

    fn names_below(&self, folder: &Path) -> Vec<String> {
        self.below(folder).into_keys().filter(|name| !name.is_empty()).collect()
    }

    fn content(&self, path: &Path) -> &[u8] {
        self.items[path.as_os_str().as_bytes()].1.as_ref().unwrap().as_ref().unwrap()
    }
}

/// A folder whose path has no symbolic link in it.
fn scene() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap();
    (folder, path)
}

fn capture_of(folder: &Path) -> Capture {
    Capture::new(vec![folder.to_owned()])
}

#[test]
fn every_kind_of_entry_comes_with_its_metadata() {
    let (_guard, base) = scene();
    std::fs::create_dir(base.join("folder")).unwrap();
    std::fs::write(base.join("folder/file"), b"content").unwrap();
    std::fs::set_permissions(base.join("folder/file"), std::fs::Permissions::from_mode(0o4751)).unwrap();
    std::fs::hard_link(base.join("folder/file"), base.join("twin")).unwrap();
    symlink("no/where", base.join("link")).unwrap();
    rustix::fs::mknodat(CWD, base.join("pipe"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(base.join("socket")).unwrap();
    let file = std::fs::File::options().write(true).open(base.join("twin")).unwrap();
    let moment = std::time::UNIX_EPOCH + std::time::Duration::new(1_000_000_000, 123_456_789);
    file.set_modified(moment).unwrap();
    let has_attributes =
        rustix::fs::fsetxattr(&file, "user.comment", b"\x00\xff", XattrFlags::empty()).is_ok();

    let (report, record) = Recorder::run(&capture_of(&base));
    let found = record.below(&base);
    assert_eq!(record.names_below(&base), ["/folder", "/folder/file", "/link", "/pipe", "/twin"]);
    assert_eq!(record.content(&base.join("twin")), b"content");
    assert_eq!((report.files, report.others, report.bytes, report.failed), (2, 2, 14, 0));

    let twin = found["/twin"];
    let stat = std::fs::metadata(base.join("twin")).unwrap();
    assert_eq!((twin.kind, twin.permissions, twin.links), (EntryKind::File, 0o4751, 2));
    assert_eq!((twin.modified.seconds, twin.modified.nanos), (1_000_000_000, 123_456_789));
    assert_eq!(twin.accessed, twin.modified);
    assert_eq!((twin.inode, twin.device_id, twin.size), (stat.ino(), stat.dev(), 7));
    assert_eq!((twin.changed.seconds, i64::from(twin.changed.nanos)), (stat.ctime(), stat.ctime_nsec()));
    assert_eq!((twin.uid, twin.gid), (stat.uid(), stat.gid()));
    assert_eq!(found["/folder/file"].inode, twin.inode);
    if has_attributes {
        let wanted = Xattr { name: "user.comment".into(), value: b"\x00\xff".to_vec() };
        assert!(twin.xattrs.contains(&wanted));
    }
    assert_eq!(found["/link"].link_target.as_deref(), Some(&b"no/where"[..]));
    assert_eq!((found["/link"].kind, found["/link"].size, found["/link"].links), (EntryKind::Symlink, 0, 1));
    assert_eq!((found["/pipe"].kind, found["/pipe"].links), (EntryKind::Fifo, 0));
    assert_eq!((found["/folder"].kind, found["/folder"].links), (EntryKind::Folder, 0));
    // The folders on the way have their own metadata.
    let parent = std::fs::metadata(base.parent().unwrap()).unwrap();
    let recorded = &record.items[base.parent().unwrap().as_os_str().as_bytes()].0;
    assert_eq!((recorded.inode, recorded.permissions), (parent.ino(), parent.mode() & 0o7777));
}

#[test]
fn devices_carry_their_number() {
    let (_, record) = Recorder::run(&capture_of(Path::new("/dev/null")));
    let (meta, content) = &record.items[&b"/dev/null"[..]];
    assert_eq!((meta.kind, meta.links), (EntryKind::CharDevice, 1));
    assert_eq!(meta.device, rustix::fs::makedev(1, 3));
    assert!(content.is_none());
}

#[test]
fn the_owner_has_a_name() {
    let (_guard, base) = scene();
    let (_, record) = Recorder::run(&capture_of(&base));
    let meta = &record.items[base.as_os_str().as_bytes()].0;
    let user = uzers::get_user_by_uid(meta.uid).map(|user| user.name().to_string_lossy().into_owned());
    assert_eq!(*meta.user, *user.unwrap_or_default());
}

#[test]
fn odd_names_come_through() {
    let (_guard, base) = scene();
    let long = "n".repeat(255).into_bytes();
    let names = [b"new\nline".to_vec(), b"\xff\xfe not text".to_vec(), b"a-b".to_vec(), b" ".to_vec(), long];
    for name in &names {
        std::fs::write(base.join(std::ffi::OsStr::from_bytes(name)), name).unwrap();
    }
    let (_, record) = Recorder::run(&capture_of(&base));
    for name in &names {
        assert_eq!(record.content(&base.join(std::ffi::OsStr::from_bytes(name))), name);
    }
}

#[test]
fn trees_deeper_than_the_longest_path_are_walked() {
    const DEPTH: usize = 1000;
    let (_guard, base) = scene();
    let name = "d".repeat(60);
    let mut folder = std::fs::File::open(&base).unwrap();
    for _ in 0..DEPTH {
        rustix::fs::mkdirat(&folder, &name, Mode::RWXU).unwrap();
        let flags = rustix::fs::OFlags::DIRECTORY;
        folder = rustix::fs::openat(&folder, &name, flags, Mode::empty()).unwrap().into();
    }
    let flags = rustix::fs::OFlags::CREATE | rustix::fs::OFlags::WRONLY;
    let bottom = rustix::fs::openat(&folder, "bottom", flags, Mode::RWXU).unwrap();
    rustix::io::write(&bottom, b"reached").unwrap();

    let (report, record) = Recorder::run(&capture_of(&base));
    assert_eq!((report.files, report.failed), (1, 0));
    let (path, (_, content)) = record.items.iter().max_by_key(|(path, _)| path.len()).unwrap();
    assert!(path.len() > DEPTH * 60);
    assert_eq!(content.as_ref().unwrap().as_ref().unwrap(), b"reached");
    remove_deep(&base, &name);
}

/// Plain removal walks by path and would fail below a depth.
fn remove_deep(base: &Path, name: &str) {
    let top = base.join(name);
    while top.exists() {
        let mut path = top.clone();
        for _ in 0..10 {
            path.push(name);
        }
        // Cut the chain into pieces that are short enough.
        let piece = base.join("piece");
        if path.exists() {
            std::fs::rename(&path, &piece).unwrap();
        }
        std::fs::remove_dir_all(&top).unwrap();
        if piece.exists() {
            std::fs::rename(&piece, &top).unwrap();
        }
    }
}

#[test]
fn excludes_by_name_size_and_tag() {
    let (_guard, base) = scene();
    for folder in ["keep", "cache/deep", "tagged", "not-tagged"] {
        std::fs::create_dir_all(base.join(folder)).unwrap();
    }
    for (file, content) in [
        ("keep/a.c", &b"1"[..]),
        ("keep/a.o", b"2"),
        ("keep/big", &[0; 5000]),
        ("cache/CACHEDIR.TAG", b"Signature: 8a477f597d28d172789f06886806bc55 etc"),
        ("cache/lost", b"3"),
        ("cache/deep/lost", b"4"),
        ("tagged/.skip", b""),
        ("tagged/lost", b"5"),
        ("not-tagged/CACHEDIR.TAG", b"no signature"),
        ("not-tagged/kept", b"6"),
    ] {
        std::fs::write(base.join(file), content).unwrap();
    }
    let mut capture = capture_of(&base);
    capture.options.exclude(List::parse(["*.o"], Case::Sensitive).unwrap());
    capture.options.exclude_larger_than = Some(4999);
    capture.options.exclude_if_present = vec![TagFile::cache(), TagFile::parse(b".skip").unwrap()];
    let (_, record) = Recorder::run(&capture);
    assert_eq!(
        record.names_below(&base),
        [
            "/cache",
            "/cache/CACHEDIR.TAG",
            "/keep",
            "/keep/a.c",
            "/not-tagged",
            "/not-tagged/CACHEDIR.TAG",
            "/not-tagged/kept",
            "/tagged",
            "/tagged/.skip",
        ]
    );
}

#[test]
fn rules_do_not_touch_what_was_named() {
    let (_guard, base) = scene();
    std::fs::create_dir(base.join("x.o")).unwrap();
    std::fs::write(base.join("x.o/y.o"), b"").unwrap();
    let mut capture = capture_of(&base.join("x.o"));
    capture.options.exclude(List::parse(["y.o"], Case::Sensitive).unwrap());
    capture.options.meta_rules.push(Arc::new(|_, meta| meta.kind == EntryKind::Folder));
    let (_, record) = Recorder::run(&capture);
    assert_eq!(record.names_below(&base), ["/x.o"]);
}

#[test]
fn other_file_systems_are_left_as_mount_points() {
    let mut capture = Capture::new(vec![PathBuf::from("/dev")]);
    capture.options.one_file_system = true;
    let (_, record) = Recorder::run(&capture);
    let home = record.items[&b"/dev"[..]].0.device_id;
    let foreign: Vec<_> = record
        .items
        .iter()
        .filter(|(path, (meta, _))| path.starts_with(b"/dev/") && meta.device_id != home)
        .collect();
    assert!(foreign.iter().all(|(_, (meta, _))| meta.kind == EntryKind::Folder));
    // Nothing in a mount point came along.
    assert!(foreign.iter().all(|(mount, _)| {
        !record.items.keys().any(|path| path.starts_with(&[&mount[..], b"/"].concat()))
    }));
}

#[test]
fn a_file_that_vanishes_is_reported_by_its_opener() {
    let (_guard, base) = scene();
    std::fs::write(base.join("gone"), b"x").unwrap();
    std::fs::write(base.join("stays"), b"y").unwrap();
    let victim = base.join("gone");
    let mut capture = capture_of(&base);
    // A rule is asked between the look at the file and its opening.
    capture.options.meta_rules.push(Arc::new(move |path, _| {
        if path.ends_with(b"/gone") {
            std::fs::remove_file(&victim).unwrap();
        }
        false
    }));
    let (_, record) = Recorder::run(&capture);
    let (_, content) = &record.items[base.join("gone").as_os_str().as_bytes()];
    assert!(content.as_ref().unwrap().as_ref().unwrap_err().contains("No such file"));
    assert_eq!(record.content(&base.join("stays")), b"y");
}

#[test]
fn a_file_replaced_by_a_link_or_pipe_is_not_followed() {
    for replace in [(|path: &Path| symlink("/etc/passwd", path).unwrap()) as fn(&Path), |path| {
        rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::RWXU, 0).unwrap()
    }] {
        let (_guard, base) = scene();
        let victim = base.join("file");
        std::fs::write(&victim, b"x").unwrap();
        let mut capture = capture_of(&base);
        capture.options.meta_rules.push(Arc::new(move |path, _| {
            if path.ends_with(b"/file") {
                std::fs::remove_file(&victim).unwrap();
                replace(&victim);
            }
            false
        }));
        let (_, record) = Recorder::run(&capture);
        assert!(record.items[base.join("file").as_os_str().as_bytes()].1.as_ref().unwrap().is_err());
    }
}

#[test]
fn a_folder_that_vanishes_is_passed_over_and_one_replaced_is_reported() {
    let (_guard, base) = scene();
    std::fs::create_dir(base.join("gone")).unwrap();
    std::fs::create_dir(base.join("swapped")).unwrap();
    let inner = base.clone();
    let mut capture = capture_of(&base);
    // The rule sees both names after the folder was listed and before they are opened.
    capture.options.name_rules.push(Arc::new(move |path| {
        if path.ends_with(b"/gone") {
            std::fs::remove_dir(inner.join("gone")).unwrap();
        } else if path.ends_with(b"/swapped") {
            std::fs::remove_dir(inner.join("swapped")).unwrap();
            symlink("/etc", inner.join("swapped")).unwrap();
        }
        false
    }));
    let (report, record) = Recorder::run(&capture);
    assert_eq!(record.names_below(&base), Vec::<String>::new());
    assert_eq!(report.failed, 1);
    assert!(record.failures[0].0.ends_with(b"/swapped"), "{:?}", record.failures);
}

#[test]
fn missing_targets_are_named_and_none_at_all_is_an_error() {
    let (_guard, base) = scene();
    let missing = base.join("missing");
    let capture = Capture::new(vec![base.clone(), missing.clone()]);
    let (report, _) = Recorder::run(&capture);
    assert_eq!(report.missing, std::slice::from_ref(&missing));
    let outcome = Capture::new(vec![missing]).run(&Recorder::default(), &Control::new(), &Silent);
    assert!(matches!(outcome, Err(CaptureError::NoTargets)));
}

#[test]
fn a_cancelled_capture_ends() {
    let (_guard, base) = scene();
    let control = Control::new();
    control.cancel();
    let outcome = capture_of(&base).run(&Recorder::default(), &control, &Silent);
    assert!(matches!(outcome, Err(CaptureError::Sink(SinkError::Interrupted(_)))));
}

#[test]
fn a_scan_counts_what_a_capture_takes() {
    #[derive(Default)]
    struct Totals(Mutex<Vec<(u64, u64, bool)>>);
    impl Events for Totals {
        fn totals(&self, files: u64, bytes: u64, complete: bool) {
            self.0.lock().push((files, bytes, complete));
        }
    }
    let (_guard, base) = scene();
    std::fs::create_dir(base.join("folder")).unwrap();
    std::fs::write(base.join("folder/one"), [0; 10]).unwrap();
    std::fs::write(base.join("two"), [0; 5]).unwrap();
    let totals = Totals::default();
    crate::files::scan(&capture_of(&base), &Control::new(), &totals).unwrap();
    assert_eq!(totals.0.lock().last(), Some(&(2, 15, true)));
}

#[test]
fn a_copy_is_taken_under_the_names_of_the_original() {
    let (_folder, path) = scene();
    let data = path.join("data");
    std::fs::create_dir_all(data.join("schema")).unwrap();
    std::fs::write(data.join("schema/table"), "rows").unwrap();
    std::fs::write(path.join("my.cnf"), "[mysqld]").unwrap();
    let targets = vec![data.clone(), data.join("schema"), path.join("my.cnf")];
    let spool = path.join("spool");
    super::super::copy::copy(&[data.clone(), path.join("my.cnf")], &spool, &Control::new(), &Silent).unwrap();

    let (direct, of_original) = Recorder::run(&Capture::new(targets.clone()));
    let mut capture = Capture::new(targets);
    capture.options.root = Some(spool);
    std::fs::rename(&data, path.join("gone")).unwrap();
    let (copied, of_copy) = Recorder::run(&capture);
    assert_eq!((copied.files, copied.folders, copied.bytes), (direct.files, direct.folders, direct.bytes));
    let facts = |record: &Record| {
        let facts = |meta: &Meta| {
            (meta.kind, meta.permissions, meta.size, (meta.kind == EntryKind::File).then_some(meta.modified))
        };
        record.below(&path).into_iter().map(|(name, meta)| (name, facts(meta))).collect::<Vec<_>>()
    };
    assert_eq!(facts(&of_copy), facts(&of_original));
    assert_eq!(of_copy.content(&data.join("schema/table")), b"rows");
}
