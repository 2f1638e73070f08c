//! A worker: takes files and chunks, and carries each through.

use std::io::Read;
use std::ops::Range;
use std::sync::Arc;

use backstay_core::{Content, CutHint, Meta, Opener, SinkError};
use crossbeam_channel::{Receiver, TryRecvError, select};

use super::compare::is_complete;
use super::content::{ChunkStream, read_full};
use super::folder::FolderState;
use super::sink::{Shared, amends};
use crate::format::BlobKind;
use crate::pack::Packer;
use crate::repository::BlobReader;

/// What a worker is sent.
pub(super) enum Work {
    /// A file.
    Job(Box<Job>),
    /// Nothing more comes.
    End,
}

/// An entry whose content has to be read.
pub(super) struct Job {
    pub(super) folder: Arc<FolderState>,
    pub(super) name: Vec<u8>,
    pub(super) meta: Meta,
    pub(super) content: Content,
}

/// Bytes beyond the parent's end that a patch takes in at a time.
const PIECE: u64 = 1 << 20;

/// Fails the backup if its thread ends by a panic: nobody would wait for the rest in vain.
struct Watch<'a>(&'a Shared);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail(SinkError::failed("a worker of the backup ended unexpectedly"));
        }
    }
}

/// Runs until no more jobs can come.
pub(super) fn work(shared: &Shared, jobs: &Receiver<Work>) {
    let _watch = Watch(shared);
    let Ok(packers) = shared.packers() else { return };
    packers.with(|packer| {
        let mut scratch = Vec::new();
        loop {
            // Chunks first: they hold memory.
            let outcome = match shared.chunks.receiver.try_recv() {
                Ok(task) => shared.run(task, packer),
                Err(TryRecvError::Disconnected) => return,
                Err(TryRecvError::Empty) => select! {
                    recv(shared.chunks.receiver) -> task => match task {
                        Ok(task) => shared.run(task, packer),
                        Err(_) => return,
                    },
                    recv(jobs) -> job => match job {
                        Ok(Work::Job(_)) if shared.has_failed() => Ok(()),
                        Ok(Work::Job(job)) => shared.process(*job, packer, &mut scratch),
                        // The root is done or the backup failed: no chunk is worth waiting for.
                        Ok(Work::End) | Err(_) => return,
                    },
                },
            };
            if let Err(error) = outcome {
                shared.fail(error);
            }
        }
    });
}

impl Shared {
    fn process(&self, job: Job, packer: &mut Packer, scratch: &mut Vec<u8>) -> Result<(), SinkError> {
        self.control().checkpoint()?;
        let Job { folder, name, meta, content } = job;
        self.events.file_started(&folder.path_of(&name));
        // Of what is far away it may be found out only now that it is gone.
        let may_be_gone = amends(&content);
        let outcome = match content {
            Content::Lazy(opener, hint) => self.read(&folder, &name, meta, opener, hint, packer, scratch),
            Content::Patched { opener, ranges } => self.patch(&folder, &name, meta, opener, &ranges, packer),
            Content::None | Content::SameAsParent => Ok(Ok(())),
        };
        match outcome? {
            Ok(()) => Ok(()),
            Err(error) if may_be_gone && error.kind() == std::io::ErrorKind::NotFound => {
                let path = folder.path_of(&name);
                self.events.message(&format!("{}: it was removed meanwhile", String::from_utf8_lossy(&path)));
                self.settle(&folder, None)
            }
            Err(error) => {
                self.item_failed(&folder, &name, "archival", &error.to_string());
                self.settle(&folder, None)
            }
        }
    }

    /// Reads and stores a content. The inner error is the file's, the outer one the backup's.
    #[allow(clippy::too_many_arguments)]
    fn read(
        &self,
        folder: &Arc<FolderState>,
        name: &[u8],
        mut meta: Meta,
        opener: Box<dyn Opener>,
        hint: CutHint,
        packer: &mut Packer,
        scratch: &mut Vec<u8>,
    ) -> Result<std::io::Result<()>, SinkError> {
        let mut reader = match opener.open_with(&mut meta) {
            Ok(reader) => self.pace.slow(&self.repository, reader),
            Err(error) => return Ok(Err(error)),
        };
        let sizes = self.chunker.sizes();
        let small = hint == CutHint::ByContent && meta.size < sizes.min as u64;
        if hint == CutHint::ByContent && self.pays_in_segments(meta.size) {
            let mut stream = ChunkStream::new(self, hint);
            return match self.cut_in_segments(&mut *reader, &mut stream, packer)? {
                Ok(()) => self.end_file(folder, name, meta, &stream).map(Ok),
                Err(error) => Ok(Err(error)),
            };
        }
        if !small {
            return self.read_chunks(folder, name, meta, &mut *reader, ChunkStream::new(self, hint), packer);
        }
        // One byte of room more than the file had shows whether it grew.
        let expected = meta.size as usize;
        if scratch.len() <= expected {
            scratch.resize(expected + 1, 0);
        }
        let room = scratch.get_mut(..=expected).unwrap_or_default();
        let first = loop {
            match reader.read(room) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        let length = match first {
            Ok(count) if count == expected && expected > 0 => count,
            Ok(count) => match room.get_mut(count..).map(|rest| read_full(&mut *reader, rest)) {
                Some(Ok(more)) => count + more,
                Some(Err(error)) => return Ok(Err(error)),
                None => count,
            },
            Err(error) => return Ok(Err(error)),
        };
        if length > expected {
            let mut stream = ChunkStream::new(self, CutHint::ByContent);
            let start = scratch.get(..length).unwrap_or_default();
            self.push(&mut stream, start, Some(packer))?;
            return self.read_chunks(folder, name, meta, &mut *reader, stream, packer);
        }
        meta.size = length as u64;
        let (content, stored) = match scratch.get(..length) {
            Some(data) if length > 0 => {
                let (id, stored) = self.store(packer, BlobKind::Data, data)?;
                (vec![id], stored)
            }
            _ => (Vec::new(), 0),
        };
        self.events.bytes_done(length as u64);
        self.complete_file(folder, name.to_vec(), meta, content, u64::from(stored)).map(Ok)
    }

    /// Reads and stores a content of any length.
    fn read_chunks(
        &self,
        folder: &Arc<FolderState>,
        name: &[u8],
        meta: Meta,
        reader: &mut dyn Read,
        mut stream: ChunkStream,
        packer: &mut Packer,
    ) -> Result<std::io::Result<()>, SinkError> {
        loop {
            self.check()?;
            match read_full(reader, stream.room(self.chunker.sizes())) {
                Ok(0) => break,
                Ok(count) => stream.advance(self, count, Some(packer))?,
                Err(error) => return Ok(Err(error)),
            }
        }
        stream.flush(self, Some(packer))?;
        self.end_file(folder, name, meta, &stream).map(Ok)
    }

    /// The content is cut: the file is done once all its chunks are stored.
    fn end_file(
        &self,
        folder: &Arc<FolderState>,
        name: &[u8],
        meta: Meta,
        stream: &ChunkStream,
    ) -> Result<(), SinkError> {
        let meta = Meta { size: stream.size, ..meta };
        let (folder, name) = (Arc::clone(folder), name.to_vec());
        stream.file.end(
            self,
            Box::new(move |shared, content, stored| {
                shared.complete_file(&folder, name, meta, content, stored)
            }),
        )
    }

    /// Adds bytes to a stream of chunks.
    pub(super) fn push(
        &self,
        stream: &mut ChunkStream,
        mut data: &[u8],
        mut packer: Option<&mut Packer>,
    ) -> Result<(), SinkError> {
        while !data.is_empty() {
            let room = stream.room(self.chunker.sizes());
            let count = room.len().min(data.len());
            let (now, later) = data.split_at(count);
            if let Some(target) = room.get_mut(..count) {
                target.copy_from_slice(now);
            }
            data = later;
            stream.advance(self, count, packer.as_deref_mut())?;
        }
        Ok(())
    }

    /// Stores the parent's content with some ranges replaced: blobs that no range touches are kept as they are.
    fn patch(
        &self,
        folder: &Arc<FolderState>,
        name: &[u8],
        meta: Meta,
        opener: Box<dyn Opener>,
        ranges: &[Range<u64>],
        packer: &mut Packer,
    ) -> Result<std::io::Result<()>, SinkError> {
        let mut patches = match opener.open() {
            Ok(reader) => self.pace.slow(&self.repository, reader),
            Err(error) => return Ok(Err(error)),
        };
        let previous = folder.previous(name).filter(|node| is_complete(node, &self.index));
        let Some(old) = previous.and_then(|node| node.content.clone()) else {
            return Ok(Err(std::io::Error::other("the parent snapshot does not have its content")));
        };
        let mut reader = BlobReader::new(&self.repository, Arc::clone(&self.index));
        let mut stream = ChunkStream::new(self, CutHint::ByContent);
        let (mut at, size) = (0_u64, meta.size);
        for id in old {
            if at >= size {
                break;
            }
            let length = u64::from(self.index.content_length(BlobKind::Data, &id).unwrap_or_default());
            let touched = ranges.iter().any(|range| range.start < at + length && range.end > at);
            if !touched && at + length <= size && stream.is_empty() {
                self.known_chunk(&stream.file, id)?;
                stream.skip(length);
                at += length;
                continue;
            }
            let mut content = match reader.read(BlobKind::Data, &id) {
                Ok(content) => content.to_vec(),
                Err(error) => return Ok(Err(std::io::Error::other(error))),
            };
            content.truncate(usize::try_from(size - at).unwrap_or(usize::MAX));
            if let Err(error) = overlay(&mut content, at, ranges, &mut *patches) {
                return Ok(Err(error));
            }
            at += content.len() as u64;
            self.push(&mut stream, &content, Some(packer))?;
            // The blobs after this one keep their boundaries.
            stream.flush(self, Some(packer))?;
        }
        // What is new beyond the parent's end may be long: a piece at a time.
        let mut piece = Vec::new();
        while at < size {
            self.check()?;
            piece.clear();
            piece.resize((size - at).min(PIECE) as usize, 0);
            if let Err(error) = overlay(&mut piece, at, ranges, &mut *patches) {
                return Ok(Err(error));
            }
            at += piece.len() as u64;
            self.push(&mut stream, &piece, Some(packer))?;
        }
        stream.flush(self, Some(packer))?;
        self.end_file(folder, name, meta, &stream).map(Ok)
    }
}

/// Writes the parts of the ranges that lie in `content`, which begins at `start`. The ranges ascend, so the patches are read in order.
fn overlay(
    content: &mut [u8],
    start: u64,
    ranges: &[Range<u64>],
    patches: &mut dyn Read,
) -> std::io::Result<()> {
    let end = start + content.len() as u64;
    for range in ranges.iter().filter(|range| range.start < end && range.end > start) {
        let from = (range.start.max(start) - start) as usize;
        let to = (range.end.min(end) - start) as usize;
        if let Some(target) = content.get_mut(from..to) {
            patches.read_exact(target)?;
        }
    }
    Ok(())
}
