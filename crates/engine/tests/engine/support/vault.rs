//! A repository with all that a test does to it.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use backstay_core::{
    Clock, Control, Events, FileId, FileKind, Folder, Handle, Random, Silent, Sink, SinkError, Storage,
    Timestamp,
};
use backstay_engine::backup::{BackupOptions, BackupOutcome, BackupSink, SnapshotDetails, save_snapshot};
use backstay_engine::check::{CheckOptions, CheckReport, ReadData, check};
use backstay_engine::chunker::ChunkSizes;
use backstay_engine::crypto::KdfParams;
use backstay_engine::format::Snapshot;
use backstay_engine::prune::{MaxUnused, PruneOptions, prune_plan};
use backstay_engine::repository::{InitOptions, Lock, init, unlock};
use backstay_engine::restore::{RestoreOptions, RestoreReport, Selected, restore};
use backstay_engine::testing::{CountingRandom, TestClock};
use backstay_engine::{Environment, Identity, Repository, Result, Settings};
use backstay_sources::files::Capture;
use backstay_sources::files::restore::FolderTarget;
use backstay_storage::{Local, Memory};

use super::recorder::Recorder;
use super::shelf::Shelf;
use super::source::folder_meta;

pub(crate) const PASSWORD: &str = "the mast stands";

/// The machine's clock.
struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Timestamp::utc(since.as_secs() as i64, since.subsec_nanos())
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

/// The machine's random bytes.
struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).unwrap();
    }
}

fn identity() -> Identity {
    Identity {
        host: "workshop".into(),
        user: "tester".into(),
        pid: std::process::id(),
        ..Identity::default()
    }
}

/// A world of its own: its time stands still, and its random bytes are no other test's.
pub(crate) fn environment() -> Environment {
    static SEED: AtomicU64 = AtomicU64::new(1);
    let random = CountingRandom::seeded(SEED.fetch_add(1, Ordering::Relaxed));
    Environment { clock: Arc::new(TestClock::default()), random: Arc::new(random), identity: identity() }
}

/// The world that restic lives in too.
pub(crate) fn real_environment() -> Environment {
    Environment { clock: Arc::new(SystemClock), random: Arc::new(SystemRandom), identity: identity() }
}

/// Small chunks and packs, and keys that cost nothing.
pub(crate) fn tiny() -> Settings {
    Settings {
        chunk_sizes: ChunkSizes::TINY,
        pack_size: 64 << 10,
        // Enough for big contents to be cut in segments.
        threads: 4,
        kdf: KdfParams::CHEAP,
        ..Settings::default()
    }
}

/// As restic has it, but for the cost of keys.
pub(crate) fn like_restic() -> Settings {
    Settings { kdf: KdfParams::CHEAP, ..Settings::default() }
}

/// A repository.
#[derive(Clone)]
pub(crate) struct Vault {
    pub(crate) repository: Repository,
}

/// A snapshot that was just taken.
pub(crate) struct Taken {
    pub(crate) id: FileId,
    pub(crate) snapshot: Snapshot,
    pub(crate) outcome: BackupOutcome,
    pub(crate) events: Arc<Recorder>,
}

/// What came out of a restore into memory.
pub(crate) struct Restored {
    pub(crate) shelf: Shelf,
    pub(crate) report: RestoreReport,
    pub(crate) events: Arc<Recorder>,
}

impl Restored {
    /// All files, when nothing failed.
    #[track_caller]
    pub(crate) fn whole(self) -> BTreeMap<String, Vec<u8>> {
        assert_eq!(self.events.failed_paths(), [""; 0]);
        assert_eq!(self.report.failures, 0);
        self.shelf.files()
    }
}

impl Vault {
    /// A new repository in memory.
    pub(crate) fn new() -> (Self, Memory) {
        let memory = Memory::new();
        (Self::made(Arc::new(memory.clone()), tiny()), memory)
    }

    /// A new repository on this storage.
    #[track_caller]
    pub(crate) fn made(storage: Arc<dyn Storage>, settings: Settings) -> Self {
        let repository = init(storage, PASSWORD, InitOptions::default(), environment(), settings);
        Self { repository: repository.unwrap() }
    }

    /// A new repository on this storage that cuts as this one does.
    #[track_caller]
    pub(crate) fn alike(&self, storage: Arc<dyn Storage>) -> Self {
        let polynomial = Some(self.repository.config().polynomial);
        let options = InitOptions { polynomial, ..InitOptions::default() };
        Self { repository: init(storage, PASSWORD, options, environment(), tiny()).unwrap() }
    }

    /// The repository on this storage, opened as a second program would.
    pub(crate) fn open(storage: Arc<dyn Storage>) -> Result<Self> {
        Self::open_with(storage, PASSWORD, environment(), tiny())
    }

    pub(crate) fn open_with(
        storage: Arc<dyn Storage>,
        password: &str,
        environment: Environment,
        settings: Settings,
    ) -> Result<Self> {
        let key = unlock(&storage, password, None)?;
        Ok(Self { repository: Repository::new(storage, key, environment, settings) })
    }

    /// A new repository in a folder that restic shares.
    #[track_caller]
    pub(crate) fn made_in(folder: &Path) -> Self {
        let storage = Arc::new(Local::new(folder));
        let made = init(storage, PASSWORD, InitOptions::default(), real_environment(), like_restic());
        Self { repository: made.unwrap() }
    }

    /// The repository in a folder that restic shares.
    #[track_caller]
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self::open_with(Arc::new(Local::new(folder)), PASSWORD, real_environment(), like_restic()).unwrap()
    }

    /// The same repository, steered by another control.
    pub(crate) fn steered_by(&self, control: &Control) -> Self {
        Self { repository: self.repository.with_control(control.clone()) }
    }

    /// Takes a backup of what `fill` puts into the sink.
    pub(crate) fn try_back_up(
        &self,
        parent: Option<&Taken>,
        events: &Arc<Recorder>,
        fill: impl FnOnce(&dyn Sink) -> Result<(), SinkError>,
    ) -> Result<Taken> {
        let repository = &self.repository;
        let lock = Arc::new(Lock::acquire(repository, false)?);
        let index = repository.load_index()?;
        let options = BackupOptions {
            parent_tree: parent.map(|taken| taken.snapshot.tree),
            ..BackupOptions::default()
        };
        let listener = Arc::clone(events) as Arc<dyn Events>;
        let sink = BackupSink::start(repository, index, Some(Arc::clone(&lock)), options, listener)?;
        fill(&sink)?;
        let outcome = sink.finish()?;
        let details = SnapshotDetails {
            started: repository.environment().clock.now(),
            parent: parent.map(|taken| taken.id),
            paths: vec!["/".into()],
            program: "backstay tests".into(),
            ..SnapshotDetails::default()
        };
        let (id, snapshot) = save_snapshot(repository, &outcome, details)?;
        Ok(Taken { id, snapshot, outcome, events: Arc::clone(events) })
    }

    /// Takes a backup of what `fill` adds to the root folder.
    #[track_caller]
    pub(crate) fn back_up(&self, fill: impl FnOnce(&dyn Folder)) -> Taken {
        self.back_up_after(None, fill)
    }

    /// The same, with a snapshot to compare with.
    #[track_caller]
    pub(crate) fn back_up_after(&self, parent: Option<&Taken>, fill: impl FnOnce(&dyn Folder)) -> Taken {
        let taken = self.try_back_up(parent, &Recorder::new(), |sink| {
            let root = sink.root()?;
            fill(&*root);
            root.close(folder_meta())
        });
        taken.unwrap()
    }

    /// Backs up a folder of this machine.
    #[track_caller]
    pub(crate) fn back_up_folder(&self, folder: &Path) -> Taken {
        self.back_up_folder_after(None, folder)
    }

    #[track_caller]
    pub(crate) fn back_up_folder_after(&self, parent: Option<&Taken>, folder: &Path) -> Taken {
        let events = Recorder::new();
        let taken = self.try_back_up(parent, &events, |sink| {
            let capture = Capture::new(vec![folder.to_owned()]);
            let report = capture.run(sink, self.repository.control(), &*events).map_err(SinkError::failed)?;
            assert_eq!((report.failed, report.missing.len()), (0, 0), "{:?}", events.failed_paths());
            Ok(())
        });
        let taken = taken.unwrap();
        assert_eq!(taken.events.failed_paths(), [""; 0]);
        taken
    }

    /// Restores a tree into memory.
    pub(crate) fn try_restore(&self, tree: FileId) -> Result<Restored> {
        let index = self.repository.load_index()?;
        let (shelf, events) = (Shelf::default(), Recorder::new());
        let options = RestoreOptions { verify: true, ..RestoreOptions::default() };
        let all = |_: &[u8], _: bool| Selected::ALL;
        let report = restore(&self.repository, &index, tree, &shelf, &all, options, &*events)?;
        Ok(Restored { shelf, report, events })
    }

    /// Restores a snapshot into memory; nothing may fail.
    #[track_caller]
    pub(crate) fn restored(&self, taken: &Taken) -> BTreeMap<String, Vec<u8>> {
        self.try_restore(taken.snapshot.tree).unwrap().whole()
    }

    /// Restores a snapshot into a folder; nothing may fail.
    #[track_caller]
    pub(crate) fn restore_into(&self, tree: FileId, folder: &Path, options: RestoreOptions) -> RestoreReport {
        let index = self.repository.load_index().unwrap();
        let target = FolderTarget::open(folder, Default::default()).unwrap();
        let events = Recorder::new();
        let all = |_: &[u8], _: bool| Selected::ALL;
        let report = restore(&self.repository, &index, tree, &target, &all, options, &*events).unwrap();
        assert_eq!(events.failed_paths(), [""; 0]);
        report
    }

    /// Checks the repository, all data included.
    #[track_caller]
    pub(crate) fn check(&self) -> CheckReport {
        self.try_check().unwrap()
    }

    pub(crate) fn try_check(&self) -> Result<CheckReport> {
        let options = CheckOptions { read_data: ReadData::All, ..CheckOptions::default() };
        check(&self.repository, &options, &Silent)
    }

    /// Checks that nothing is wrong.
    #[track_caller]
    pub(crate) fn is_sound(&self) {
        let report = self.check();
        assert_eq!(report.errors(), 0, "{:#?}", report.findings);
    }

    /// Forgets a snapshot.
    #[track_caller]
    pub(crate) fn forget(&self, id: FileId) {
        let handle = Handle::new(FileKind::Snapshot, id);
        self.repository.storage().remove(&handle, backstay_core::CallContext::NONE).unwrap();
    }

    /// Removes all that no snapshot needs.
    pub(crate) fn prune(&self) -> Result<()> {
        let lock = Arc::new(Lock::acquire(&self.repository, true)?);
        let options = PruneOptions { max_unused: MaxUnused::Bytes(0), ..PruneOptions::default() };
        prune_plan(&self.repository, &options, &HashSet::new(), &Silent)?.execute(&lock, &Silent)
    }

    /// The snapshots, oldest first.
    #[track_caller]
    pub(crate) fn snapshots(&self) -> Vec<(FileId, Snapshot)> {
        let (entries, damaged) = self.repository.load_snapshots().unwrap();
        assert!(damaged.is_empty(), "{damaged:?}");
        entries.into_iter().map(|entry| (entry.id, entry.snapshot)).collect()
    }

    /// The ids of all files of a kind.
    #[track_caller]
    pub(crate) fn ids(&self, kind: FileKind) -> Vec<FileId> {
        let mut ids: Vec<FileId> =
            self.repository.list(kind).unwrap().into_iter().map(|(id, _)| id).collect();
        ids.sort();
        ids
    }
}
