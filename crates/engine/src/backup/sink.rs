//! The sink: takes entries in and hands what must be read to the workers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use backstay_core::{
    Clock, Content, Control, CutHint, Entry, EntryKind, Events, FileId, Folder, ItemAction, Meta, Pushed,
    Sink, SinkError,
};
use crossbeam_channel::{Sender, bounded};
use parking_lot::{Mutex, RwLock};

use super::chunks::ChunkQueue;
use super::compare::{ChangeDetection, is_complete};
use super::crew::{Crew, Standing, Taker, again};
use super::folder::{FolderState, Previous};
use super::guests::{Guest, Place};
use super::pace::Pace;
use super::patience::Watch;
use super::pushed::PushedFile;
use super::stats::Stats;
use super::worker::{File, Job, Work, work};
use crate::chunker::Chunker;
use crate::format::{BlobKind, Node};
use crate::index::Index;
use crate::journal::Journal;
use crate::pack::{Gauge, Packer, Packers, Stored, Uploader};
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

/// How a backup to several destinations runs.
pub struct Together {
    /// The reins of the whole.
    pub control: Control,
    /// The clock that the read rate is kept by.
    pub clock: Arc<dyn Clock>,
    /// How many threads read and store.
    pub threads: usize,
    /// Over what time it is judged whether a destination holds up the others. One that does is left aside.
    pub patience: Duration,
}

/// A backup that is being taken. Give it to a source, then [finish](BackupSink::finish) it.
pub struct BackupSink {
    pub(super) crew: Arc<Crew>,
    pub(super) workers: Vec<JoinHandle<()>>,
    pub(super) jobs: Sender<Work>,
    pub(super) watch: Option<Watch>,
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

/// Entries that may wait for a worker.
const QUEUE: usize = 256;
/// Contents that may be pushed at once: each holds up to a chunk in memory.
const PUSH_LIMIT: usize = 8;
/// How long a destination of several may hold up the others, if nothing else is said.
pub const PATIENCE: Duration = Duration::from_secs(30);

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
        let together = Together {
            control: repository.control().clone(),
            clock: Arc::clone(&repository.environment().clock),
            threads: repository.settings().threads,
            patience: PATIENCE,
        };
        let destination = Destination { repository: repository.clone(), index, lock, options };
        Self::start_together(vec![destination], Vec::new(), together, events)
    }

    /// Starts the threads of a backup into several repositories and other sinks at once: the source is read once, cut once for
    /// all repositories with the same polynomial, and each succeeds or fails by itself. [`finish_each`](BackupSink::finish_each) ends
    /// it. Whoever owns the other sinks finishes them; they are told nothing more once it has.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start_together(
        destinations: Vec<Destination>,
        sinks: Vec<Arc<dyn Sink>>,
        together: Together,
        events: Arc<dyn Events>,
    ) -> Result<Self> {
        let Together { control, clock, threads, patience } = together;
        let threads = threads.max(1);
        let standing = Arc::new(Standing::new(destinations.len(), sinks.len()));
        let mut shared: Vec<Arc<Shared>> = Vec::new();
        for destination in destinations {
            let chunker = way_to_cut(&destination.repository, &shared);
            let number = shared.len();
            shared.push(Arc::new(Shared::new(number, destination, chunker, &standing, &events)?));
        }
        let longest = shared.iter().map(|shared| shared.chunker.sizes().max).max();
        let crew = Arc::new(Crew {
            events,
            threads,
            guests: sinks.into_iter().map(|sink| Arc::new(Guest::new(sink, Arc::clone(&standing)))).collect(),
            standing,
            chunks: ChunkQueue::new(threads, longest.unwrap_or(0)),
            pace: Pace::new(control.clone(), clock),
            control,
            destinations: shared,
            open_pushes: AtomicUsize::new(0),
        });
        let watch = if crew.standing.is_shared { Some(Watch::start(&crew, patience)?) } else { None };
        let (jobs, queue) = bounded(QUEUE);
        let mut workers = Vec::new();
        for number in 0..threads {
            let (crew, queue) = (Arc::clone(&crew), queue.clone());
            let worker = std::thread::Builder::new()
                .name(format!("worker {number}"))
                .spawn(move || work(&crew, &queue))
                .map_err(|error| Error::Invalid(format!("cannot start a thread: {error}")))?;
            workers.push(worker);
        }
        Ok(Self { crew, workers, jobs, watch })
    }
}

/// How a repository is cut: as one of these, if they are cut alike.
fn way_to_cut(repository: &Repository, others: &[Arc<Shared>]) -> Arc<Chunker> {
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

impl Sink for BackupSink {
    fn root(&self) -> Result<Box<dyn Folder>, SinkError> {
        let root = |shared: &Arc<Shared>| {
            let previous = shared.options.parent_tree.and_then(|id| shared.previous_tree(&id, b"/"));
            Arc::new(FolderState::new(None, Vec::new(), previous, None))
        };
        Ok(Box::new(FolderHandle {
            states: self.crew.destinations.iter().map(root).collect(),
            places: self.crew.guests.iter().map(Place::root).collect(),
            crew: Arc::clone(&self.crew),
            jobs: self.jobs.clone(),
        }))
    }

    fn open_limit(&self) -> usize {
        let guests = self.crew.guests.iter().map(|guest| guest.sink.open_limit());
        guests.min().unwrap_or(PUSH_LIMIT).min(PUSH_LIMIT)
    }
}

/// A folder, as sources hold it.
struct FolderHandle {
    crew: Arc<Crew>,
    jobs: Sender<Work>,
    /// The folder at each destination.
    states: Vec<Arc<FolderState>>,
    /// The folder at each guest.
    places: Vec<Place>,
}

impl FolderHandle {
    /// The destinations that still take part, with the folder there.
    fn parts(&self) -> impl Iterator<Item = (&Arc<Shared>, &Arc<FolderState>)> {
        let all = self.crew.destinations.iter().zip(&self.states);
        all.filter(|(shared, _)| self.crew.takes_part(shared))
    }

    fn takers(&self) -> Vec<Taker> {
        let taker = |(shared, folder): (&Arc<Shared>, &Arc<FolderState>)| Taker {
            shared: Arc::clone(shared),
            folder: Arc::clone(folder),
        };
        self.parts().map(taker).collect()
    }
}

impl Folder for FolderHandle {
    fn folder(&self, name: &[u8]) -> Result<Box<dyn Folder>, SinkError> {
        self.crew.check()?;
        let states = self.crew.destinations.iter().zip(&self.states);
        let states = states.map(|(shared, state)| shared.subfolder(state, name)).collect();
        let places = self.places.iter().map(|place| place.folder(name)).collect();
        Ok(Box::new(Self { crew: Arc::clone(&self.crew), jobs: self.jobs.clone(), states, places }))
    }

    fn add(&self, entry: Entry) -> Result<(), SinkError> {
        self.crew.check()?;
        let Entry { name, meta, content } = entry;
        let mut takers = Vec::new();
        for (shared, state) in self.parts() {
            if !shared.settles(state, &name, &meta, &content) {
                state.expect();
                takers.push(Taker { shared: Arc::clone(shared), folder: Arc::clone(state) });
            }
        }
        match content {
            Content::None => self.places.iter().for_each(|place| place.add(&name, &meta, Content::None)),
            Content::SameAsParent => {
                self.places.iter().for_each(|place| place.add(&name, &meta, Content::SameAsParent));
            }
            // Nobody but one guest needs it: it reads what it wants by itself.
            content if takers.is_empty() && self.places.len() <= 1 => {
                if let Some(place) = self.places.first() {
                    place.add(&name, &meta, content);
                }
            }
            content => {
                let file = File { name, meta, takers, guests: self.places.clone() };
                self.jobs
                    .send(Work::Job(Box::new(Job { file, content })))
                    .map_err(|_| SinkError::failed("the backup's workers ended"))?;
                return Ok(());
            }
        }
        self.crew.check_failed()
    }

    fn begin(&self, name: &[u8], cut: CutHint) -> Result<Box<dyn Pushed>, SinkError> {
        self.crew.check()?;
        if self.crew.open_pushes.fetch_add(1, Ordering::SeqCst) >= PUSH_LIMIT {
            self.crew.open_pushes.fetch_sub(1, Ordering::SeqCst);
            return Err(SinkError::failed(format!(
                "more than {PUSH_LIMIT} contents are being pushed at once"
            )));
        }
        let takers = self.takers();
        takers.iter().for_each(|taker| taker.folder.expect());
        Ok(Box::new(PushedFile::new(Arc::clone(&self.crew), name.to_vec(), takers, &self.places, &cut)))
    }

    fn failed(&self, name: &[u8], error: &str) {
        self.crew.item_failed(&self.takers(), name, error);
        for place in &self.places {
            place.attempt(|folder| {
                folder.failed(name, error);
                Ok(())
            });
        }
    }

    fn close(self: Box<Self>, meta: Meta) -> Result<(), SinkError> {
        for (shared, state) in self.parts() {
            state.set_meta(shared.stored_meta(meta.clone()));
            shared.attempt(|shared| shared.settle(state, None));
        }
        self.places.into_iter().for_each(|place| place.close(meta.clone()));
        self.crew.check_failed()
    }
}

impl Shared {
    fn new(
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
    fn subfolder(&self, folder: &Arc<FolderState>, name: &[u8]) -> Arc<FolderState> {
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
    fn settles(&self, folder: &Arc<FolderState>, name: &[u8], meta: &Meta, content: &Content) -> bool {
        let previous = folder.previous(name);
        let unchanged = previous.is_some_and(|previous| match content {
            Content::SameAsParent => true,
            Content::Lazy(..) => !self.options.change_detection.has_changed(meta, previous),
            Content::None | Content::Patched { .. } => false,
        });
        match previous {
            Some(previous) if unchanged => {
                if is_complete(previous, &self.index) {
                    self.keep(folder, name.to_vec(), meta.clone(), previous);
                    return true;
                }
                let missing = "parts of it are not in the repository's index; it is stored again";
                self.events
                    .warning(&format!("{}: {missing}", String::from_utf8_lossy(&folder.path_of(name))));
            }
            _ => {}
        }
        if let Some(node) = self.resumed_file(folder, name, meta, content) {
            self.keep(folder, name.to_vec(), meta.clone(), &node);
            return true;
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

impl Shared {
    /// A tree of the parent snapshot. One that cannot be read costs time, not data: all is read again.
    fn previous_tree(&self, id: &FileId, path: &[u8]) -> Option<Previous> {
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
