//! Other sinks that a backup goes to as well, such as an archive.
//!
//! What a worker reads for the repositories is handed on to them: small contents as bytes in memory, big ones through a pipe to a
//! thread that the sink reads from. A guest that fails is left aside. One that is slow is waited for: guests write to
//! this host.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use backstay_core::{Content, Entry, Folder, Interrupted, Meta, Opener, Sink, SinkError};
use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;

use super::crew::{Standing, again};

/// A sink that takes part in a backup.
pub(super) struct Guest {
    pub(super) sink: Arc<dyn Sink>,
    standing: Arc<Standing>,
    has_all: AtomicBool,
    failed: AtomicBool,
    failure: Mutex<Option<SinkError>>,
}

impl Guest {
    pub(super) fn new(sink: Arc<dyn Sink>, standing: Arc<Standing>) -> Self {
        let (has_all, failed) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { sink, standing, has_all, failed, failure: Mutex::new(None) }
    }

    pub(super) fn fail(&self, error: SinkError) {
        let mut failure = self.failure.lock();
        if !self.failed.swap(true, Ordering::SeqCst) {
            *failure = Some(error);
        }
        drop(failure);
        self.standing.ring();
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Whether its root folder is closed.
    pub(super) fn has_all(&self) -> bool {
        self.has_all.load(Ordering::Acquire)
    }

    pub(super) fn failure(&self) -> SinkError {
        again(self.failure.lock().as_ref())
    }

    /// The same with all that is known of it, for who asks first.
    pub(super) fn take_failure(&self) -> SinkError {
        let mut failure = self.failure.lock();
        let less = again(failure.as_ref());
        failure.replace(less).unwrap_or(SinkError::Interrupted(Interrupted))
    }

    /// Does something with the sink, unless it failed; its failure is noted.
    pub(super) fn attempt<T>(&self, work: impl FnOnce() -> Result<T, SinkError>) -> Option<T> {
        if self.has_failed() {
            return None;
        }
        work().map_err(|error| self.fail(error)).ok()
    }
}

/// A folder of a guest. It is closed when the source has closed it and nothing that belongs into it is on its way any more.
#[derive(Clone)]
pub(super) struct Place(Option<Arc<Inner>>);

struct Inner {
    guest: Arc<Guest>,
    folder: Box<dyn Folder>,
    parent: Option<Place>,
    meta: Mutex<Option<Meta>>,
}

impl Place {
    pub(super) fn root(guest: &Arc<Guest>) -> Self {
        Self::of(guest, guest.attempt(|| guest.sink.root()), None)
    }

    /// A folder in this one.
    pub(super) fn folder(&self, name: &[u8]) -> Self {
        let Some(inner) = &self.0 else { return Self(None) };
        let folder = inner.guest.attempt(|| inner.folder.folder(name));
        Self::of(&inner.guest, folder, Some(self.clone()))
    }

    fn of(guest: &Arc<Guest>, folder: Option<Box<dyn Folder>>, parent: Option<Self>) -> Self {
        let inner = |folder| Inner { guest: Arc::clone(guest), folder, parent, meta: Mutex::new(None) };
        Self(folder.map(|folder| Arc::new(inner(folder))))
    }

    /// Does something with the folder, unless its guest failed.
    pub(super) fn attempt<T>(&self, work: impl FnOnce(&dyn Folder) -> Result<T, SinkError>) -> Option<T> {
        let inner = self.0.as_ref()?;
        inner.guest.attempt(|| work(&*inner.folder))
    }

    pub(super) fn add(&self, name: &[u8], meta: &Meta, content: Content) {
        self.attempt(|folder| folder.add(Entry { name: name.to_vec(), meta: meta.clone(), content }));
    }

    /// Nothing more comes from the source.
    pub(super) fn close(self, meta: Meta) {
        if let Some(inner) = &self.0 {
            *inner.meta.lock() = Some(meta);
        }
    }
}

impl Drop for Place {
    /// One after the other: each within the last would take a deep stack where folders are nested deeply.
    fn drop(&mut self) {
        let mut next = self.0.take();
        while let Some(inner) = next.and_then(Arc::into_inner) {
            let Inner { guest, folder, mut parent, meta } = inner;
            if let Some(meta) = meta.into_inner() {
                let is_closed = guest.attempt(|| folder.close(meta)).is_some();
                if parent.is_none() && is_closed {
                    guest.has_all.store(true, Ordering::Release);
                    guest.standing.ring();
                }
            }
            next = parent.as_mut().and_then(|parent| parent.0.take());
        }
    }
}

/// Pieces of a content that may wait in a pipe.
const AHEAD: usize = 4;

/// A piece of a content.
enum Piece {
    Bytes(Arc<[u8]>),
    End,
    Broken(String),
}

/// The end of a pipe that a content is fed into.
pub(super) struct Feed(Option<Sender<Piece>>);

/// The other end. Whoever does not want the content lets go of it.
pub(super) struct Pipe {
    pieces: Receiver<Piece>,
    /// For sinks that look at the content before they decide whether they want it.
    twin: Option<Box<dyn Opener>>,
}

/// A way for bytes from a thread to another.
pub(super) fn pipe(twin: Option<Box<dyn Opener>>) -> (Feed, Pipe) {
    let (sender, pieces) = bounded(AHEAD);
    (Feed(Some(sender)), Pipe { pieces, twin })
}

/// Pipes into several threads that are given the same content.
#[derive(Default)]
pub(super) struct Feeds(pub(super) Vec<Feed>);

impl Feeds {
    pub(super) fn give(&mut self, bytes: &[u8]) {
        if self.0.iter().all(|feed| feed.0.is_none()) || bytes.is_empty() {
            return;
        }
        let bytes: Arc<[u8]> = bytes.into();
        self.send(|| Piece::Bytes(Arc::clone(&bytes)));
    }

    /// The content is whole, or cannot be read on.
    pub(super) fn end(mut self, outcome: &std::io::Result<()>) {
        self.send(|| match outcome {
            Ok(()) => Piece::End,
            Err(error) => Piece::Broken(error.to_string()),
        });
    }

    fn send(&mut self, piece: impl Fn() -> Piece) {
        for feed in &mut self.0 {
            if feed.0.as_ref().is_some_and(|sender| sender.send(piece()).is_err()) {
                feed.0 = None;
            }
        }
    }
}

impl Opener for Pipe {
    fn open(self: Box<Self>) -> std::io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(Outlet { pieces: self.pieces, piece: Arc::from([]), at: 0, is_over: false }))
    }

    fn duplicate(&self) -> Option<Box<dyn Opener>> {
        self.twin.as_ref()?.duplicate()
    }
}

struct Outlet {
    pieces: Receiver<Piece>,
    piece: Arc<[u8]>,
    at: usize,
    is_over: bool,
}

impl Read for Outlet {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.at >= self.piece.len() {
            if self.is_over || buffer.is_empty() {
                return Ok(0);
            }
            match self.pieces.recv() {
                Ok(Piece::Bytes(piece)) => (self.piece, self.at) = (piece, 0),
                Ok(Piece::End) => self.is_over = true,
                Ok(Piece::Broken(why)) => return Err(std::io::Error::other(why)),
                Err(_) => return Err(std::io::Error::other("reading it was given up")),
            }
        }
        let rest = self.piece.get(self.at..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        if let (Some(room), Some(bytes)) = (buffer.get_mut(..count), rest.get(..count)) {
            room.copy_from_slice(bytes);
        }
        self.at += count;
        Ok(count)
    }
}

/// Content that is in memory.
#[derive(Clone)]
pub(super) struct InMemory(pub(super) Arc<[u8]>);

impl Opener for InMemory {
    fn open(self: Box<Self>) -> std::io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(Outlet { pieces: crossbeam_channel::never(), piece: self.0, at: 0, is_over: true }))
    }

    fn duplicate(&self) -> Option<Box<dyn Opener>> {
        Some(Box::new(self.clone()))
    }
}

/// Content that could not be read, for this reason.
pub(super) struct Unreadable(pub(super) String);

impl Opener for Unreadable {
    fn open(self: Box<Self>) -> std::io::Result<Box<dyn Read + Send>> {
        Err(std::io::Error::other(self.0))
    }
}
