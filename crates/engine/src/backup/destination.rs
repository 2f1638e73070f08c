//! One repository that a backup goes to: what it has already, and what is stored in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use backstay_core::{Content, Control, EntryKind, Events, FileId, ItemAction, Meta, SinkError};
use parking_lot::{Mutex, RwLock};

use super::compare::{ChangeDetection, is_complete};
use super::crew::{Standing, again};
use super::folder::{FolderState, Previous};
use super::stats::Stats;
use crate::Result;
use crate::chunker::Chunker;
use crate::format::{BlobKind, Node};
use crate::index::Index;
use crate::journal::Journal;
use crate::pack::{Gauge, Packer, Packers, Stored, Uploader};
use crate::repository::{Lock, Repository, TreeCache};

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

/// A repository that a backup goes to.
pub struct Destination {
    /// The repository. Where there are several, the control of each is a [part](Control::part) of the backup's: it is cancelled when
    /// the destination is left aside.
    pub repository: Repository,
    /// Its index.
    pub index: Arc<Index>,
    /// Its lock. Nothing is written before that is confirmed.
    pub lock: Option<Arc<Lock>>,
    /// How the backup is taken there.
    pub options: BackupOptions,
}

/// What all threads share of one destination.
pub(super) struct Shared {
    /// Its place among the destinations.
    pub(super) number: usize,
    pub(super) standing: Arc<Standing>,
    pub(super) gauge: Arc<Gauge>,
    pub(super) repository: Repository,
    pub(super) index: Arc<Index>,
    pub(super) options: BackupOptions,
    pub(super) events: Arc<dyn Events>,
    /// The same one where others cut alike.
    pub(super) chunker: Arc<Chunker>,
    pub(super) stats: Stats,
    pub(super) root_tree: Mutex<Option<FileId>>,
    trees: TreeCache,
    packers: RwLock<Option<Arc<Packers>>>,
    failed: AtomicBool,
    failure: Mutex<Option<SinkError>>,
}

/// How a repository is cut: as one of these, if they are cut alike.
pub(super) fn way_to_cut(repository: &Repository, others: &[Arc<Shared>]) -> Arc<Chunker> {
    let of = |repository: &Repository| (repository.config().polynomial, repository.settings().chunk_sizes);
    let like = others.iter().find(|other| of(&other.repository) == of(repository));
    like.map_or_else(
        || {
            let (polynomial, sizes) = of(repository);
            Arc::new(Chunker::new(polynomial, sizes))
        },
        |other| Arc::clone(&other.chunker),
    )
}

impl Shared {
    pub(super) fn new(
        number: usize,
        destination: Destination,
        chunker: Arc<Chunker>,
        standing: &Arc<Standing>,
        events: &Arc<dyn Events>,
    ) -> Result<Self> {
        let Destination { repository, index, lock, options } = destination;
        let uploader = Uploader::start(&repository, Arc::clone(&index), lock, options.journal.clone())?;
        let gauge = uploader.gauge();
        let packers = Packers::new(&repository, Arc::clone(&index), uploader);
        Ok(Self {
            number,
            standing: Arc::clone(standing),
            gauge,
            trees: TreeCache::new(&repository, Arc::clone(&index)),
            repository,
            index,
            options,
            events: Arc::clone(events),
            chunker,
            stats: Stats::default(),
            root_tree: Mutex::new(None),
            packers: RwLock::new(Some(Arc::new(packers))),
            failed: AtomicBool::new(false),
            failure: Mutex::new(None),
        })
    }

    /// A folder in one of this destination.
    pub(super) fn subfolder(&self, folder: &Arc<FolderState>, name: &[u8]) -> Arc<FolderState> {
        if self.has_failed() {
            return Arc::clone(folder);
        }
        let previous_node = folder.previous(name).filter(|node| node.is_folder()).cloned();
        let subtree = previous_node.as_ref().and_then(|node| node.subtree);
        let path = folder.path_of(name);
        let resumed = self.resumed_tree(&path);
        let previous = resumed.or_else(|| subtree.and_then(|id| self.previous_tree(&id, &path)));
        folder.expect();
        Arc::new(FolderState::new(Some(Arc::clone(folder)), name.to_vec(), previous, previous_node))
    }

    /// Whether an entry is settled by what is known of it, so that this destination needs no content.
    pub(super) fn settles(
        &self,
        folder: &Arc<FolderState>,
        name: &[u8],
        meta: &Meta,
        content: &Content,
    ) -> bool {
        let previous = folder.previous(name);
        let unchanged = previous.is_some_and(|previous| match content {
            Content::SameAsParent => true,
            Content::Lazy(..) => !self.options.change_detection.has_changed(meta, previous),
            Content::None | Content::Patched { .. } => false,
        });
        match previous {
            Some(previous) if unchanged => {
                if is_complete(previous, &self.index) {
                    let mut meta = meta.clone();
                    if amends(content) {
                        meta.xattrs.clone_from(&previous.meta.xattrs);
                    }
                    self.keep(folder, name.to_vec(), meta, previous);
                    return true;
                }
                let missing = "parts of it are not in the repository's index; it is stored again";
                self.events
                    .warning(&format!("{}: {missing}", String::from_utf8_lossy(&folder.path_of(name))));
            }
            _ => {}
        }
        if let Some(node) = self.resumed_file(folder, name, meta, content) {
            let mut meta = meta.clone();
            if described(content, &mut meta) {
                self.keep(folder, name.to_vec(), meta, &node);
                return true;
            }
        }
        match content {
            Content::None => {
                let meta = self.stored_meta(meta.clone());
                folder.push(Node { name: name.to_vec(), meta, ..Node::default() });
                true
            }
            Content::SameAsParent => {
                self.item_failed(folder, name, "archival", "the parent snapshot does not have its content");
                true
            }
            Content::Lazy(..) | Content::Patched { .. } => false,
        }
    }
}

/// Whether the metadata is whole only once the content is opened.
fn amends(content: &Content) -> bool {
    matches!(content, Content::Lazy(opener, _) if opener.amends())
}

/// Completes the metadata of content that is not opened; false where that fails.
fn described(content: &Content, meta: &mut Meta) -> bool {
    match content {
        Content::Lazy(opener, _) => opener.describe(meta).is_ok(),
        _ => true,
    }
}

impl Shared {
    /// A tree of the parent snapshot. One that cannot be read costs time, not data: all is read again.
    pub(super) fn previous_tree(&self, id: &FileId, path: &[u8]) -> Option<Previous> {
        match self.gauge.during(|| self.trees.tree_once(id)) {
            Ok(tree) => Some(Previous { id: *id, tree }),
            Err(_) if self.has_failed() => None,
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
        self.gauge.during(|| self.trees.tree_once(&id)).ok().map(|tree| Previous { id, tree })
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
        if self.is_told() {
            self.events.bytes_done(size);
            self.events.file_done(&folder.path_of(&name), ItemAction::Unchanged, size, 0);
        }
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
        if self.is_told() {
            self.events.file_done(&folder.path_of(&node.name), action, size, stored);
        }
        self.settle(folder, Some(node))
    }

    /// Reports an item that stays out of the backup.
    pub(super) fn item_failed(&self, folder: &FolderState, name: &[u8], during: &str, error: &str) {
        self.stats.failure();
        self.events.item_failed(&folder.path_of(name), during, error);
    }

    /// Whether the progress of the backup is told by this destination.
    pub(super) fn is_told(&self) -> bool {
        self.standing.speaker() == Some(self.number)
    }

    /// Does something at this destination, unless it failed; its failure is noted.
    pub(super) fn attempt(&self, work: impl FnOnce(&Self) -> Result<(), SinkError>) {
        if !self.has_failed()
            && let Err(error) = work(self)
        {
            self.fail(error);
        }
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

    pub(super) fn count(&self, kind: BlobKind, content: &[u8], stored: Stored) -> (FileId, u32) {
        if let Some(length) = stored.length {
            self.stats.blob(kind, content.len(), length);
        }
        (stored.id, stored.length.unwrap_or_default())
    }

    /// Takes the packers, to end the backup.
    pub(super) fn take_packers(&self) -> Option<Arc<Packers>> {
        self.packers.write().take()
    }

    /// Notes that nothing more can be stored here.
    pub(super) fn fail(&self, error: SinkError) {
        {
            let mut failure = self.failure.lock();
            if !self.failed.swap(true, Ordering::SeqCst) {
                *failure = Some(error);
            }
        }
        self.standing.leave(self.number);
        if self.standing.is_shared {
            // Whoever waits for it is needed by the others.
            self.gauge.give_up();
            self.control().cancel();
        }
        self.standing.ring();
    }

    /// Whether it failed.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Why it failed. Everybody who asks is told the reason.
    pub(super) fn failure(&self) -> SinkError {
        again(self.failure.lock().as_ref())
    }
}
