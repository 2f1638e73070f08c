//! The sink: takes entries in and hands what must be read to the workers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use backstay_core::{
    Content, Control, CutHint, Entry, EntryKind, Events, FileId, Folder, Interrupted, ItemAction, Meta,
    Pushed, Sink, SinkError,
};
use crossbeam_channel::{Sender, bounded};
use parking_lot::{Condvar, Mutex, RwLock};

use super::chunks::ChunkQueue;
use super::compare::{ChangeDetection, is_complete};
use super::folder::{FolderState, Previous};
use super::pace::Pace;
use super::pushed::PushedFile;
use super::stats::Stats;
use super::worker::{Job, Work, work};
use crate::chunker::Chunker;
use crate::format::{BlobKind, Node};
use crate::index::Index;
use crate::journal::Journal;
use crate::pack::{Packer, Packers, Stored, Uploader};
use crate::repository::{Lock, Repository, TreeCache};
use crate::{Error, Result};

/// How a backup is taken.
///
/// ```
/// # use std::sync::Arc;
/// # use backstay_core::Silent;
/// # use backstay_engine::testing::{CountingRandom, TestClock};
/// # use backstay_engine::{Environment, Identity};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let (clock, random) = (Arc::new(TestClock::default()), Arc::new(CountingRandom::default()));
/// # let environment = Environment { clock, random, identity: Identity::default() };
/// # let storage = Arc::new(backstay_storage::Memory::new());
/// # use backstay_engine::crypto::KdfParams;
/// # use backstay_engine::repository::{InitOptions, init};
/// # use backstay_engine::Settings;
/// # let settings = Settings { kdf: KdfParams::CHEAP, ..Settings::default() };
/// # let repository = init(storage, "password", InitOptions::default(), environment, settings)?;
/// use backstay_core::{Control, Meta, Sink};
/// use backstay_engine::backup::{BackupOptions, BackupSink, ChangeDetection};
///
/// let take = |options| -> Result<_, Box<dyn std::error::Error>> {
///     let index = repository.load_index()?;
///     let sink = BackupSink::start(&repository, index, None, options, Arc::new(Silent))?;
///     sink.root()?.close(Meta::default())?; // a source would fill it
///     Ok(sink.finish()?)
/// };
/// let first = take(BackupOptions::default())?;
/// let second = take(BackupOptions {
///     parent_tree: Some(first.tree),
///     change_detection: ChangeDetection { ignore_inode: true, ..ChangeDetection::default() },
///     ..BackupOptions::default()
/// })?;
/// assert_eq!(first.tree, second.tree);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct BackupOptions {
    /// The tree to compare with: its files that are as they were are not read again.
    pub parent_tree: Option<FileId>,
    /// What counts as a change.
    pub change_detection: ChangeDetection,
    /// Notes what is done, and knows what an interrupted backup had done.
    pub journal: Option<Arc<Journal>>,
    /// Store the time of last access; otherwise that of the last change stands in its place, as restic does.
    pub with_atime: bool,
}

/// A backup that is being taken. Give it to a source, then [finish](BackupSink::finish) it.
pub struct BackupSink {
    pub(super) shared: Arc<Shared>,
    pub(super) workers: Vec<JoinHandle<()>>,
    pub(super) jobs: Sender<Work>,
}

/// What all threads of a backup share.
pub(super) struct Shared {
    pub(super) repository: Repository,
    pub(super) index: Arc<Index>,
    pub(super) options: BackupOptions,
    pub(super) events: Arc<dyn Events>,
    pub(super) chunker: Chunker,
    pub(super) chunks: ChunkQueue,
    pub(super) pace: Pace,
    pub(super) stats: Arc<Stats>,
    pub(super) root_tree: Mutex<Option<FileId>>,
    pub(super) root_done: Condvar,
    pub(super) open_pushes: AtomicUsize,
    trees: TreeCache,
    packers: RwLock<Option<Arc<Packers>>>,
    failed: AtomicBool,
    failure: Mutex<Option<SinkError>>,
}

/// Entries that may wait for a worker.
const QUEUE: usize = 256;
/// Contents that may be pushed at once: each holds up to a chunk in memory.
const PUSH_LIMIT: usize = 8;

impl BackupSink {
    /// Starts the threads of a backup. Nothing is written before `lock` is confirmed.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(
        repository: &Repository,
        index: Arc<Index>,
        lock: Option<Arc<Lock>>,
        options: BackupOptions,
        events: Arc<dyn Events>,
    ) -> Result<Self> {
        let stats = Arc::new(Stats::default());
        let uploader = Uploader::start(repository, Arc::clone(&index), lock, options.journal.clone())?;
        let packers = Packers::new(repository, Arc::clone(&index), uploader);
        let threads = repository.settings().threads.max(1);
        let shared = Arc::new(Shared {
            repository: repository.clone(),
            trees: TreeCache::new(repository, Arc::clone(&index)),
            index,
            options,
            events,
            chunker: Chunker::new(repository.config().polynomial, repository.settings().chunk_sizes),
            chunks: ChunkQueue::new(threads, repository.settings().chunk_sizes.max),
            pace: Pace::default(),
            stats,
            root_tree: Mutex::new(None),
            root_done: Condvar::new(),
            open_pushes: AtomicUsize::new(0),
            packers: RwLock::new(Some(Arc::new(packers))),
            failed: AtomicBool::new(false),
            failure: Mutex::new(None),
        });
        let (jobs, queue) = bounded(QUEUE);
        let mut workers = Vec::new();
        for number in 0..threads {
            let (shared, queue) = (Arc::clone(&shared), queue.clone());
            let worker = std::thread::Builder::new()
                .name(format!("worker {number}"))
                .spawn(move || work(&shared, &queue))
                .map_err(|error| Error::Invalid(format!("cannot start a thread: {error}")))?;
            workers.push(worker);
        }
        Ok(Self { shared, workers, jobs })
    }
}

impl Sink for BackupSink {
    fn root(&self) -> Result<Box<dyn Folder>, SinkError> {
        let previous = self.shared.options.parent_tree.and_then(|id| self.shared.previous_tree(&id, b"/"));
        let state = Arc::new(FolderState::new(None, Vec::new(), previous, None));
        Ok(Box::new(FolderHandle { shared: Arc::clone(&self.shared), jobs: self.jobs.clone(), state }))
    }

    fn open_limit(&self) -> usize {
        PUSH_LIMIT
    }
}

/// Whether the metadata is whole only once the content is opened.
pub(super) fn amends(content: &Content) -> bool {
    matches!(content, Content::Lazy(opener, _) if opener.amends())
}

/// Completes the metadata of content that is not opened; false where that fails.
fn described(content: &Content, meta: &mut Meta) -> bool {
    match content {
        Content::Lazy(opener, _) => opener.describe(meta).is_ok(),
        _ => true,
    }
}

/// A folder, as sources hold it.
struct FolderHandle {
    shared: Arc<Shared>,
    jobs: Sender<Work>,
    state: Arc<FolderState>,
}

impl Folder for FolderHandle {
    fn folder(&self, name: &[u8]) -> Result<Box<dyn Folder>, SinkError> {
        self.shared.check()?;
        let previous_node = self.state.previous(name).filter(|node| node.is_folder()).cloned();
        let subtree = previous_node.as_ref().and_then(|node| node.subtree);
        let path = self.state.path_of(name);
        let resumed = self.shared.resumed_tree(&path);
        let previous = resumed.or_else(|| subtree.and_then(|id| self.shared.previous_tree(&id, &path)));
        self.state.expect();
        let parent = Some(Arc::clone(&self.state));
        let state = Arc::new(FolderState::new(parent, name.to_vec(), previous, previous_node));
        Ok(Box::new(Self { shared: Arc::clone(&self.shared), jobs: self.jobs.clone(), state }))
    }

    fn add(&self, entry: Entry) -> Result<(), SinkError> {
        self.shared.check()?;
        let Entry { name, meta, content } = entry;
        let previous = self.state.previous(&name);
        let unchanged = previous.is_some_and(|previous| match &content {
            Content::SameAsParent => true,
            Content::Lazy(..) => !self.shared.options.change_detection.has_changed(&meta, previous),
            Content::None | Content::Patched { .. } => false,
        });
        match previous {
            Some(previous) if unchanged => {
                if is_complete(previous, &self.shared.index) {
                    let meta = if amends(&content) {
                        Meta { xattrs: previous.meta.xattrs.clone(), ..meta }
                    } else {
                        meta
                    };
                    self.shared.keep(&self.state, name, meta, previous);
                    return Ok(());
                }
                let missing = "parts of it are not in the repository's index; it is stored again";
                self.shared
                    .events
                    .warning(&format!("{}: {missing}", String::from_utf8_lossy(&self.state.path_of(&name))));
            }
            _ => {}
        }
        if let Some(node) = self.shared.resumed_file(&self.state, &name, &meta, &content) {
            let mut whole = meta.clone();
            if described(&content, &mut whole) {
                self.shared.keep(&self.state, name, whole, &node);
                return Ok(());
            }
        }
        match content {
            Content::None => {
                self.state.push(Node { name, meta: self.shared.stored_meta(meta), ..Node::default() });
                Ok(())
            }
            Content::SameAsParent => {
                self.shared.item_failed(
                    &self.state,
                    &name,
                    "archival",
                    "the parent snapshot does not have its content",
                );
                Ok(())
            }
            mut content => {
                if let Content::Lazy(opener, _) | Content::Patched { opener, .. } = &mut content {
                    opener.prepare();
                }
                self.state.expect();
                let job = Job { folder: Arc::clone(&self.state), name, meta, content };
                self.jobs
                    .send(Work::Job(Box::new(job)))
                    .map_err(|_| SinkError::failed("the backup's workers ended"))
            }
        }
    }

    fn begin(&self, name: &[u8], cut: CutHint) -> Result<Box<dyn Pushed>, SinkError> {
        self.shared.check()?;
        if self.shared.open_pushes.fetch_add(1, Ordering::SeqCst) >= PUSH_LIMIT {
            self.shared.open_pushes.fetch_sub(1, Ordering::SeqCst);
            return Err(SinkError::failed(format!(
                "more than {PUSH_LIMIT} contents are being pushed at once"
            )));
        }
        self.state.expect();
        Ok(Box::new(PushedFile::new(Arc::clone(&self.shared), Arc::clone(&self.state), name.to_vec(), cut)))
    }

    fn failed(&self, name: &[u8], error: &str) {
        self.shared.item_failed(&self.state, name, "archival", error);
    }

    fn close(self: Box<Self>, meta: Meta) -> Result<(), SinkError> {
        self.state.set_meta(self.shared.stored_meta(meta));
        self.shared.settle(&self.state, None)
    }
}

impl Shared {
    /// A tree of the parent snapshot. One that cannot be read costs time, not data: all is read again.
    fn previous_tree(&self, id: &FileId, path: &[u8]) -> Option<Previous> {
        match self.trees.tree_once(id) {
            Ok(tree) => Some(Previous { id: *id, tree }),
            Err(error) => {
                let path = String::from_utf8_lossy(path);
                self.events.warning(&format!(
                    "{path}: the parent snapshot cannot be read, all is read again: {error}"
                ));
                None
            }
        }
    }

    /// The tree that an interrupted backup stored for a folder.
    fn resumed_tree(&self, path: &[u8]) -> Option<Previous> {
        let id = self.options.journal.as_ref()?.folder(path)?;
        self.trees.tree_once(&id).ok().map(|tree| Previous { id, tree })
    }

    /// The content that an interrupted backup stored for a file that is the same still.
    fn resumed_file(
        &self,
        folder: &FolderState,
        name: &[u8],
        meta: &Meta,
        content: &Content,
    ) -> Option<Node> {
        let journal = self.options.journal.as_ref()?;
        if !matches!(content, Content::Lazy(..)) {
            return None;
        }
        let content = journal.file(&folder.path_of(name), meta)?.to_vec();
        let meta = Meta { size: meta.size, ..Meta::default() };
        let node = Node { meta, content: Some(content), ..Node::default() };
        is_complete(&node, &self.index).then_some(node)
    }

    /// The metadata as it is stored.
    pub(super) fn stored_meta(&self, mut meta: Meta) -> Meta {
        if !self.options.with_atime {
            meta.accessed = meta.modified;
        }
        meta
    }

    /// Takes over the content that the parent snapshot has.
    fn keep(&self, folder: &Arc<FolderState>, name: Vec<u8>, meta: Meta, previous: &Node) {
        let size = previous.meta.size;
        let meta = Meta { size, ..self.stored_meta(meta) };
        self.stats.file(ItemAction::Unchanged, size);
        self.events.bytes_done(size);
        self.events.file_done(&folder.path_of(&name), ItemAction::Unchanged, size, 0);
        folder.push_kept(name, meta, previous);
    }

    /// Ends a file whose content is stored.
    pub(super) fn complete_file(
        &self,
        folder: &Arc<FolderState>,
        name: Vec<u8>,
        meta: Meta,
        content: Vec<FileId>,
        stored: u64,
    ) -> Result<(), SinkError> {
        let meta = Meta { kind: EntryKind::File, ..self.stored_meta(meta) };
        let size = meta.size;
        if let Some(journal) = &self.options.journal
            && content.len() > 1
        {
            journal.note_file(&folder.path_of(&name), &meta, &content);
        }
        let node = Node { name, meta, content: Some(content), ..Node::default() };
        let action = match folder.previous(&node.name) {
            None => ItemAction::New,
            Some(previous) if *previous == node => ItemAction::Unchanged,
            Some(_) => ItemAction::Changed,
        };
        self.stats.file(action, size);
        self.events.file_done(&folder.path_of(&node.name), action, size, stored);
        self.settle(folder, Some(node))
    }

    /// Reports an item that stays out of the backup.
    pub(super) fn item_failed(&self, folder: &FolderState, name: &[u8], during: &str, error: &str) {
        self.stats.failure();
        self.events.item_failed(&folder.path_of(name), during, error);
    }

    pub(super) fn control(&self) -> &Control {
        self.repository.control()
    }

    /// The packers, while the backup runs.
    pub(super) fn packers(&self) -> Result<Arc<Packers>, SinkError> {
        self.packers.read().clone().ok_or_else(|| SinkError::failed("the backup is over"))
    }

    /// Stores a blob unless the repository has it; returns its id and how many bytes it takes if it is new.
    pub(super) fn store(
        &self,
        packer: &mut Packer,
        kind: BlobKind,
        content: &[u8],
    ) -> Result<(FileId, u32), SinkError> {
        let stored = self.packers()?.store(packer, kind, content)?;
        Ok(self.count(kind, content, stored))
    }

    /// Stores two blobs.
    pub(super) fn store_both(
        &self,
        packer: &mut Packer,
        kind: BlobKind,
        contents: [&[u8]; 2],
    ) -> Result<[(FileId, u32); 2], SinkError> {
        let [a, b] = self.packers()?.store_both(packer, kind, contents)?;
        Ok([self.count(kind, contents[0], a), self.count(kind, contents[1], b)])
    }

    fn count(&self, kind: BlobKind, content: &[u8], stored: Stored) -> (FileId, u32) {
        if let Some(length) = stored.length {
            self.stats.blob(kind, content.len(), length);
        }
        (stored.id, stored.length.unwrap_or_default())
    }

    /// Takes the packers, to end the backup.
    pub(super) fn take_packers(&self) -> Option<Arc<Packers>> {
        self.packers.write().take()
    }

    /// Whether the backup can go on; waits while it is paused.
    pub(super) fn check(&self) -> Result<(), SinkError> {
        if self.failed.load(Ordering::Relaxed) {
            return Err(self.failure());
        }
        Ok(self.control().checkpoint()?)
    }

    /// Notes that the backup cannot go on.
    pub(super) fn fail(&self, error: SinkError) {
        {
            let mut failure = self.failure.lock();
            if !self.failed.swap(true, Ordering::SeqCst) {
                *failure = Some(error);
            }
        }
        // Under its lock, so that the notice never comes between the look of who waits and the waiting.
        let _root = self.root_tree.lock();
        self.root_done.notify_all();
    }

    /// Whether the backup failed.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Why it failed. Every thread is told the reason.
    pub(super) fn failure(&self) -> SinkError {
        match &*self.failure.lock() {
            Some(SinkError::Failed(cause)) => match cause.downcast_ref::<Error>() {
                Some(error) => SinkError::failed(error.again()),
                None => SinkError::failed(cause.to_string()),
            },
            Some(SinkError::Interrupted(_)) | None => SinkError::Interrupted(Interrupted),
        }
    }
}
