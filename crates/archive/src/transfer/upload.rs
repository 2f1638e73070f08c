//! One file on its way.

use std::collections::{BTreeSet, VecDeque};
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use backstay_core::{
    CallContext, Chunk, Control, ErrorKind, FileId, Interrupted, NewFile, StorageError, StoredFile, Timestamp,
};
use parking_lot::Mutex;

use super::tokens::Begun;
use super::{Progress, Sender, TransferError, TransferKey};
use crate::error::interrupted;
use crate::hashing::{HashingReader, HashingWriter};
use crate::read::ReadAt;

/// Contents are read in pieces of this size.
const PIECE: usize = 256 << 10;

/// A chunk, or the whole, that arrives as something else is sent again so often.
const MOST_GARBLED: u32 = 8;

/// A file whose token the store forgets is begun again so often.
const MOST_RESTARTS: u32 = 3;

/// A wait is cut into naps of this length, to hear of a cancellation.
const NAP: Duration = Duration::from_millis(200);

/// Why an attempt at a file ended.
enum Ended {
    /// For good.
    Failed(TransferError),
    /// The store does not know the token any more.
    TokenLost(StorageError),
    /// What was put together is not the file.
    Garbled(StorageError),
}

impl Ended {
    /// What the failure of a call with a token means.
    fn of(error: TransferError) -> Self {
        match error {
            TransferError::Store(error) if error.kind == ErrorKind::NotFound => Self::TokenLost(error),
            other => Self::Failed(other),
        }
    }
}

/// Chunks that are not what was sent, whatever the store said when they came.
#[derive(Debug, thiserror::Error)]
#[error("{0} of its chunks do not lie there as they were sent")]
struct Unproved(usize);

impl From<TransferError> for Ended {
    fn from(error: TransferError) -> Self {
        Self::Failed(error)
    }
}

impl From<Interrupted> for Ended {
    fn from(error: Interrupted) -> Self {
        Self::Failed(error.into())
    }
}

impl Sender {
    /// Sends a file; its token stays known.
    pub(super) fn transfer(
        &self,
        local: &dyn ReadAt,
        name: &str,
        sha256: FileId,
    ) -> Result<StoredFile, TransferError> {
        let key = self.key(local, name, sha256);
        let last_success = Mutex::new(self.clock.now());
        let mut restarts = 0;
        loop {
            let (sizes, unit) = (self.store.chunk_sizes(), self.store.chunk_unit());
            let chunk_size = self.chunking.chunk_size_within(local.size(), &sizes, unit);
            let file = NewFile { name: name.to_owned(), size: local.size(), sha256, chunk_size };
            let attempt = Attempt { sender: self, local, key: &key, file, last_success: &last_success };
            let (error, is_garbled) = match attempt.run() {
                Ok(stored) => return Ok(stored),
                Err(Ended::Failed(error)) => return Err(error),
                Err(Ended::TokenLost(error)) => (error, false),
                Err(Ended::Garbled(error)) => (error, true),
            };
            if is_garbled && self.changed(local, sha256, name)? {
                return Err(TransferError::Changed { name: name.to_owned() });
            }
            restarts += 1;
            if restarts > MOST_RESTARTS {
                return Err(TransferError::Store(error));
            }
            if is_garbled {
                self.abandon(local, name, sha256)?;
            }
            self.tokens.remove(&key).map_err(TransferError::Tokens)?;
        }
    }

    /// Whether the file is not what its hash says.
    fn changed(&self, local: &dyn ReadAt, sha256: FileId, name: &str) -> Result<bool, TransferError> {
        let (_, found) =
            hash(local, 0, local.size(), &self.control).map_err(|error| failed_locally(error, name))?;
        Ok(found != sha256)
    }

    /// Waits before the next try, or gives up.
    fn wait(
        &self,
        attempt: u32,
        cause: StorageError,
        last_success: &Mutex<Timestamp>,
    ) -> Result<(), TransferError> {
        let since = *last_success.lock();
        let now = self.clock.now();
        let silent = u64::try_from(now.seconds.saturating_sub(since.seconds)).unwrap_or(0);
        let after = Duration::from_secs(silent);
        if self.patience.give_up_after.is_some_and(|most| after >= most) {
            return Err(TransferError::GaveUp { after, cause });
        }
        let mut left = self.patience.backoff.delay(attempt, self.patience.seed);
        self.progress.waiting(&cause.to_string(), left);
        while !left.is_zero() {
            self.control.checkpoint()?;
            let nap = left.min(NAP);
            self.clock.sleep(nap);
            left -= nap;
        }
        Ok(self.control.checkpoint()?)
    }
}

struct Attempt<'a> {
    sender: &'a Sender,
    local: &'a dyn ReadAt,
    key: &'a TransferKey,
    file: NewFile,
    last_success: &'a Mutex<Timestamp>,
}

/// What is there already of a file.
enum Begin {
    /// A token, and the chunks that are right.
    Sending(String, BTreeSet<u64>),
    /// All of it: it was finished before.
    Done(StoredFile),
}

impl Attempt<'_> {
    fn run(mut self) -> Result<StoredFile, Ended> {
        let (token, there) = match self.begin()? {
            Begin::Done(stored) => return Ok(stored),
            Begin::Sending(token, there) => (token, there),
        };
        let already = there.iter().filter_map(|index| self.file.place(*index)).map(|(_, size)| size).sum();
        self.sender.progress.begun(&self.file.name, self.file.size, already);
        let missing = (0..self.file.chunks()).filter(|index| !there.contains(index)).collect();
        self.send_all(&token, missing)?;
        self.sender.progress.finishing(&self.file.name);
        if !self.sender.store.proves_whole() {
            self.prove(&token)?;
        }
        let finished = self.call(|context| self.sender.store.finish(&self.file, &token, context));
        finished.map_err(|error| match error {
            TransferError::Store(error) if error.kind == ErrorKind::Corrupt => Ended::Garbled(error),
            other => Ended::of(other),
        })
    }

    /// Goes on with what was begun, or begins.
    fn begin(&mut self) -> Result<Begin, Ended> {
        let tokens = &self.sender.tokens;
        if let Some(Begun { token, chunk_size }) = tokens.load(self.key).map_err(TransferError::Tokens)? {
            let fresh = self.file.chunk_size;
            self.file.chunk_size = chunk_size;
            let is_unknown = |error: &TransferError| matches!(error, TransferError::Store(e) if e.kind == ErrorKind::NotFound);
            match self.call(|context| self.sender.store.sent(&self.file, &token, context)) {
                Ok(chunks) => return Ok(Begin::Sending(token, self.right_ones(&chunks)?)),
                Err(error) if !is_unknown(&error) => return Err(error.into()),
                Err(_) => {}
            }
            // It may have been finished when the answer was lost.
            match self.call(|context| self.sender.store.finish(&self.file, &token, context)) {
                Ok(stored) => return Ok(Begin::Done(stored)),
                Err(TransferError::Interrupted(error)) => return Err(error.into()),
                Err(error @ TransferError::GaveUp { .. }) => return Err(error.into()),
                Err(_) => {}
            }
            tokens.remove(self.key).map_err(TransferError::Tokens)?;
            self.file.chunk_size = fresh;
        }
        let token = self.call(|context| self.sender.store.begin(&self.file, context))?;
        let begun = Begun { token, chunk_size: self.file.chunk_size };
        tokens.save(self.key, &begun).map_err(TransferError::Tokens)?;
        // A store that knew of it from before has some of it.
        let chunks = self.call(|context| self.sender.store.sent(&self.file, &begun.token, context));
        let chunks = chunks.map_err(Ended::of)?;
        Ok(Begin::Sending(begun.token, self.right_ones(&chunks)?))
    }

    /// The chunks that lie there as they are here.
    fn right_ones(&self, chunks: &[Chunk]) -> Result<BTreeSet<u64>, TransferError> {
        let mut right = BTreeSet::new();
        for chunk in chunks {
            self.sender.control.checkpoint()?;
            if self.file.place(chunk.index) == Some((chunk.offset, chunk.size))
                && self.describe(chunk.index)?.is_some_and(|own| own.sha256 == chunk.sha256)
            {
                right.insert(chunk.index);
            }
        }
        Ok(right)
    }

    /// Looks that the chunks which lie there are those of the file, and the file what its hash says. One that is not is sent again.
    fn prove(&self, token: &str) -> Result<(), Ended> {
        let (own, whole) = self.read_all()?;
        if whole != self.key.sha256 {
            return Err(TransferError::Changed { name: self.file.name.clone() }.into());
        }
        for is_last in [false, true] {
            let there = self.call(|context| self.sender.store.sent(&self.file, token, context));
            let there: BTreeSet<_> =
                there.map_err(Ended::of)?.into_iter().map(|chunk| (chunk.index, chunk.sha256.0)).collect();
            let wrong: VecDeque<_> = (0..)
                .zip(&own)
                .filter(|(index, hash)| !there.contains(&(*index, hash.0)))
                .map(|(index, _)| index)
                .collect();
            if wrong.is_empty() {
                return Ok(());
            }
            if is_last {
                let cause = Unproved(wrong.len());
                let error = StorageError::new(ErrorKind::Corrupt, "finish", &self.file.name, cause);
                return Err(Ended::Garbled(error));
            }
            self.send_all(token, wrong)?;
        }
        Ok(())
    }

    /// The hash of each chunk and of all of it, from one reading: so that together they are the file.
    fn read_all(&self) -> Result<(Vec<FileId>, FileId), TransferError> {
        let failed = |error| failed_locally(error, &self.file.name);
        let (mut chunks, mut all) = (Vec::new(), HashingWriter::new(io::sink()));
        let mut piece = vec![0; PIECE];
        for index in 0..self.file.chunks() {
            let Some((at, left)) = self.file.place(index) else { break };
            let mut chunk = HashingReader::new(Part { local: self.local, at, left });
            loop {
                self.sender.control.checkpoint()?;
                match chunk.read(&mut piece) {
                    Ok(0) => break,
                    Ok(count) => all.write_all(piece.get(..count).unwrap_or_default()).map_err(failed)?,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(failed(error)),
                }
            }
            chunks.push(chunk.finish().1);
        }
        Ok((chunks, all.finish().map_err(failed)?.1))
    }

    fn describe(&self, index: u64) -> Result<Option<Chunk>, TransferError> {
        let Some((offset, size)) = self.file.place(index) else { return Ok(None) };
        let hashed = hash(self.local, offset, size, &self.sender.control);
        let (count, sha256) = hashed.map_err(|error| failed_locally(error, &self.file.name))?;
        if count != size {
            return Err(TransferError::Changed { name: self.file.name.clone() });
        }
        Ok(Some(Chunk { index, offset, size, sha256 }))
    }

    /// Sends chunks, several at once where the store takes them so.
    fn send_all(&self, token: &str, missing: VecDeque<u64>) -> Result<(), Ended> {
        let threads = self.sender.store.connections().clamp(1, missing.len().max(1));
        let queue = Mutex::new(missing);
        let is_over = AtomicBool::new(false);
        let ended = Mutex::new(None::<Ended>);
        let work = || {
            while !is_over.load(Ordering::Relaxed) {
                let Some(index) = queue.lock().pop_front() else { return };
                if let Err(error) = self.send_one(token, index, &is_over) {
                    is_over.store(true, Ordering::Relaxed);
                    ended.lock().get_or_insert(error);
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..threads {
                // Where no thread can be started, fewer do the work.
                let _ = std::thread::Builder::new().name("upload".to_owned()).spawn_scoped(scope, work);
            }
            work();
        });
        ended.into_inner().map_or(Ok(()), Err)
    }

    fn send_one(&self, token: &str, index: u64, is_over: &AtomicBool) -> Result<(), Ended> {
        let Some(chunk) = self.describe(index)? else { return Ok(()) };
        let (mut attempt, mut garbled) = (0, 0);
        while !is_over.load(Ordering::Relaxed) {
            self.sender.control.checkpoint()?;
            let progress = &*self.sender.progress;
            let mut content = Outgoing::new(self.local, &chunk, &self.sender.control, progress);
            let context = CallContext::with(&self.sender.control);
            let sent = self.sender.store.send(&self.file, token, &chunk, &mut content, context);
            let (count, failed) = (content.count, content.failed.take());
            let error = match sent {
                Ok(()) => {
                    *self.last_success.lock() = self.sender.clock.now();
                    return Ok(());
                }
                Err(error) => error,
            };
            progress.lost(count);
            if let Some(cause) = failed {
                return Err(failed_locally(cause, &self.file.name).into());
            }
            match error.kind {
                ErrorKind::NotFound => return Err(Ended::TokenLost(error)),
                ErrorKind::Corrupt if garbled < MOST_GARBLED => garbled += 1,
                kind if kind.is_transient() => {}
                _ => return Err(TransferError::of(error, &self.file.name).into()),
            }
            self.sender.wait(attempt, error, self.last_success)?;
            attempt += 1;
        }
        Ok(())
    }

    /// A call that is tried again as long as that may help.
    fn call<T>(&self, call: impl Fn(CallContext<'_>) -> Result<T, StorageError>) -> Result<T, TransferError> {
        let mut attempt = 0;
        loop {
            self.sender.control.checkpoint()?;
            match call(CallContext::with(&self.sender.control)) {
                Ok(value) => {
                    *self.last_success.lock() = self.sender.clock.now();
                    return Ok(value);
                }
                Err(error) if error.kind.is_transient() => {
                    self.sender.wait(attempt, error, self.last_success)?;
                    attempt += 1;
                }
                Err(error) => return Err(TransferError::of(error, &self.file.name)),
            }
        }
    }
}

fn failed_locally(cause: io::Error, name: &str) -> TransferError {
    match cause.get_ref().is_some_and(|inner| inner.is::<Interrupted>()) {
        true => TransferError::Interrupted(Interrupted),
        false => TransferError::Local { name: name.to_owned(), cause },
    }
}

/// The length and SHA-256 of a part of a file.
fn hash(local: &dyn ReadAt, offset: u64, size: u64, control: &Control) -> io::Result<(u64, FileId)> {
    let mut reader = HashingReader::new(Part { local, at: offset, left: size });
    let mut buffer = vec![0; PIECE];
    loop {
        control.checkpoint().map_err(|_| interrupted())?;
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(reader.finish()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// A part of a file.
struct Part<'a> {
    local: &'a dyn ReadAt,
    at: u64,
    left: u64,
}

impl Read for Part<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.local.read_at(self.at, buffer.get_mut(..most).unwrap_or_default())?;
        self.at += count as u64;
        self.left -= count as u64;
        Ok(count)
    }
}

/// A chunk on its way out.
struct Outgoing<'a> {
    part: Part<'a>,
    control: &'a Control,
    progress: &'a dyn Progress,
    count: u64,
    failed: Option<io::Error>,
}

impl<'a> Outgoing<'a> {
    fn new(local: &'a dyn ReadAt, chunk: &Chunk, control: &'a Control, progress: &'a dyn Progress) -> Self {
        let part = Part { local, at: chunk.offset, left: chunk.size };
        Self { part, control, progress, count: 0, failed: None }
    }
}

impl Read for Outgoing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.control.checkpoint().is_err() {
            self.failed = Some(interrupted());
            return Err(interrupted());
        }
        match self.part.read(buffer) {
            Ok(count) => {
                self.count += count as u64;
                self.progress.sent(count as u64);
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let told = io::Error::new(error.kind(), error.to_string());
                self.failed = Some(error);
                Err(told)
            }
        }
    }
}
