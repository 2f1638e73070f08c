//! The sink: takes entries in and hands what must be read to the workers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use backstay_core::{Clock, Content, Control, CutHint, Entry, Events, Folder, Meta, Pushed, Sink, SinkError};
use crossbeam_channel::{Sender, bounded};

use super::chunks::ChunkQueue;
use super::crew::{Crew, Standing, Taker};
use super::destination::{BackupOptions, Destination, Shared, way_to_cut};
use super::folder::FolderState;
use super::guests::{Guest, Place};
use super::pace::Pace;
use super::patience::Watch;
use super::pushed::PushedFile;
use super::worker::{File, Job, Work, work};
use crate::index::Index;
use crate::repository::{Lock, Repository};
use crate::{Error, Result};

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
            mut content => {
                if let Content::Lazy(opener, _) | Content::Patched { opener, .. } = &mut content {
                    opener.prepare();
                }
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
