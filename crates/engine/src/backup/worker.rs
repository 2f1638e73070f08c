//! A worker: takes files and chunks, and carries each through.

use std::io::Read;
use std::ops::Range;
use std::sync::Arc;

use backstay_core::{Content, CutHint, Meta, Opener, SinkError};
use crossbeam_channel::{Receiver, TryRecvError, select};

use super::chunks::complete;
use super::compare::is_complete;
use super::content::{ChunkStream, STEP, read_full};
use super::crew::{Crew, Hands, Taker};
use super::guests::{Feeds, InMemory, Place, Unreadable, pipe};
use crate::chunker::{ChunkSizes, Chunker};
use crate::format::BlobKind;
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
    pub(super) file: File,
    pub(super) content: Content,
}

/// A file that is wanted.
pub(super) struct File {
    pub(super) name: Vec<u8>,
    pub(super) meta: Meta,
    pub(super) takers: Vec<Taker>,
    pub(super) guests: Vec<Place>,
}

/// Bytes beyond the parent's end that a patch takes in at a time.
const PIECE: u64 = 1 << 20;

/// Fails the backup if its thread ends by a panic: nobody would wait for the rest in vain.
struct Watch<'a>(&'a Crew);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail(&SinkError::failed("a worker of the backup ended unexpectedly"));
        }
    }
}

/// Runs until no more jobs can come.
pub(super) fn work(crew: &Crew, jobs: &Receiver<Work>) {
    let _watch = Watch(crew);
    let mut hands = crew.lend();
    crew.take_jobs(jobs, &mut hands);
    crew.give_back(hands);
}

impl Crew {
    fn take_jobs(&self, jobs: &Receiver<Work>, hands: &mut Hands) {
        let mut scratch = Vec::new();
        loop {
            // Chunks first: they hold memory.
            let outcome = match self.chunks.receiver.try_recv() {
                Ok(task) => self.run(task, hands),
                Err(TryRecvError::Disconnected) => return,
                Err(TryRecvError::Empty) => select! {
                    recv(self.chunks.receiver) -> task => match task {
                        Ok(task) => self.run(task, hands),
                        Err(_) => return,
                    },
                    recv(jobs) -> job => match job {
                        Ok(Work::Job(_)) if self.has_failed() => Ok(()),
                        Ok(Work::Job(job)) => self.process(*job, hands, &mut scratch),
                        // The root is done or the backup failed: no chunk is worth waiting for.
                        Ok(Work::End) | Err(_) => return,
                    },
                },
            };
            if let Err(error) = outcome {
                self.fail(&error);
            }
        }
    }

    fn process(&self, job: Job, hands: &mut Hands, scratch: &mut Vec<u8>) -> Result<(), SinkError> {
        self.control.checkpoint()?;
        let Job { mut file, content } = job;
        file.takers.retain(|taker| self.takes_part(&taker.shared));
        if file.takers.is_empty() && file.guests.is_empty() {
            return Ok(());
        }
        self.events.file_started(&self.path_of(&file.takers, &file.name));
        match content {
            Content::Lazy(opener, hint) => self.read(file, opener, &hint, hands, scratch),
            Content::Patched { opener, ranges } => self.patch_each(&file, opener, &ranges, hands),
            Content::None | Content::SameAsParent => Ok(()),
        }
    }

    /// Reads and stores a content.
    fn read(
        &self,
        file: File,
        opener: Box<dyn Opener>,
        hint: &CutHint,
        hands: &mut Hands,
        scratch: &mut Vec<u8>,
    ) -> Result<(), SinkError> {
        let twin = opener.duplicate().filter(|_| !file.guests.is_empty());
        let mut reader = match opener.open() {
            Ok(reader) => self.pace.slow(reader),
            Err(error) => {
                self.cannot_read(&file, &error);
                return Ok(());
            }
        };
        let sizes = file.takers.iter().map(|taker| taker.shared.chunker.sizes().min);
        let least = sizes.min().unwrap_or(ChunkSizes::RESTIC.min);
        if *hint == CutHint::ByContent && file.meta.size < least as u64 {
            return self.read_small(file, &mut *reader, hands, scratch);
        }
        self.read_big(&file, &mut *reader, &[], (hint, twin), hands)
    }

    /// Reads a content that is too short to be cut, unless it grew.
    fn read_small(
        &self,
        file: File,
        reader: &mut dyn Read,
        hands: &mut Hands,
        scratch: &mut Vec<u8>,
    ) -> Result<(), SinkError> {
        // One byte of room more than the file had shows whether it grew.
        let expected = file.meta.size as usize;
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
        let all = match first {
            Ok(count) if count == expected && expected > 0 => Ok(count),
            Ok(count) => match room.get_mut(count..) {
                Some(rest) => read_full(reader, rest).map(|more| count + more),
                None => Ok(count),
            },
            Err(error) => Err(error),
        };
        let length = match all {
            Ok(length) => length,
            Err(error) => {
                self.cannot_read(&file, &error);
                return Ok(());
            }
        };
        let data = scratch.get(..length).unwrap_or_default();
        if length > expected {
            return self.read_big(&file, reader, data, (&CutHint::ByContent, None), hands);
        }
        let File { name, mut meta, takers, guests } = file;
        if !guests.is_empty() {
            let content = InMemory(data.into());
            for place in guests {
                place.add(&name, &meta, Content::Lazy(Box::new(content.clone()), CutHint::ByContent));
            }
        }
        meta.size = length as u64;
        let mut stored = Lengths::of(&takers);
        let mut content = Vec::new();
        if length > 0 {
            content.push(self.store(hands, &takers, BlobKind::Data, data, |place, length| {
                stored.set(place, length);
            }));
        }
        if self.is_told(&takers) {
            self.events.bytes_done(length as u64);
        }
        complete(&takers, name, meta, content, |place| stored.get(place));
        Ok(())
    }

    /// Reads a content of any length, of which the start may be read already.
    fn read_big(
        &self,
        file: &File,
        reader: &mut dyn Read,
        start: &[u8],
        (hint, twin): (&CutHint, Option<Box<dyn Opener>>),
        hands: &mut Hands,
    ) -> Result<(), SinkError> {
        let File { name, meta, takers, guests } = file;
        let mut streams = self.streams(takers.clone(), hint);
        let outcome = match streams.as_mut_slice() {
            [stream]
                if guests.is_empty()
                    && start.is_empty()
                    && *hint == CutHint::ByContent
                    && self.pays_in_segments(&stream.chunker, meta.size) =>
            {
                self.cut_in_segments(reader, stream, hands)?
            }
            streams => self.fed(file, twin, |feeds| self.cut(reader, start, streams, feeds, hands))?,
        };
        match outcome {
            Ok(()) => {
                for stream in &streams {
                    stream.file.end(name.clone(), Meta { size: stream.size, ..meta.clone() });
                }
            }
            Err(error) => self.leave_out(takers, name, &error.to_string()),
        }
        Ok(())
    }

    /// Lets the guests of a file take it in on threads of their own while `feed` reads it.
    fn fed(
        &self,
        file: &File,
        twin: Option<Box<dyn Opener>>,
        feed: impl FnOnce(&mut Feeds) -> Result<std::io::Result<()>, SinkError>,
    ) -> Result<std::io::Result<()>, SinkError> {
        let mut feeds = Feeds::default();
        if file.guests.is_empty() {
            return feed(&mut feeds);
        }
        std::thread::scope(|scope| {
            for place in &file.guests {
                let (end, outlet) = pipe(twin.as_ref().and_then(|twin| twin.duplicate()));
                feeds.0.push(end);
                let content = Content::Lazy(Box::new(outlet), CutHint::ByContent);
                scope.spawn(move || place.add(&file.name, &file.meta, content));
            }
            let outcome = feed(&mut feeds);
            if let Ok(outcome) = &outcome {
                feeds.end(outcome);
            }
            outcome
        })
    }

    /// Reads a content to its end and hands it to all who take it. The inner error is the file's, the outer one the backup's.
    fn cut(
        &self,
        reader: &mut dyn Read,
        start: &[u8],
        streams: &mut [ChunkStream],
        feeds: &mut Feeds,
        hands: &mut Hands,
    ) -> Result<std::io::Result<()>, SinkError> {
        feeds.give(start);
        for stream in &mut *streams {
            self.push(stream, start, Some(hands))?;
        }
        let mut memory = Vec::new();
        loop {
            self.check()?;
            let (first, others) = match streams.split_first_mut() {
                Some((first, others)) => (Some(first), others),
                None => (None, Default::default()),
            };
            // The first takes the bytes in where they will be cut.
            let count = if let Some(first) = first {
                let room = first.room();
                let count = match read_full(reader, room) {
                    Ok(count) => count,
                    Err(error) => return Ok(Err(error)),
                };
                let bytes = room.get(..count).unwrap_or_default();
                feeds.give(bytes);
                for stream in others {
                    self.push(stream, bytes, Some(hands))?;
                }
                first.advance(self, count, Some(hands))?;
                count
            } else {
                memory.resize(STEP, 0);
                let count = match read_full(reader, &mut memory) {
                    Ok(count) => count,
                    Err(error) => return Ok(Err(error)),
                };
                feeds.give(memory.get(..count).unwrap_or_default());
                self.events.bytes_done(count as u64);
                count
            };
            if count == 0 {
                break;
            }
        }
        streams.iter_mut().try_for_each(|stream| stream.flush(self, Some(hands)))?;
        Ok(Ok(()))
    }

    /// Streams for these, one for each way to cut.
    pub(super) fn streams(&self, takers: Vec<Taker>, hint: &CutHint) -> Vec<ChunkStream> {
        let mut ways: Vec<(Arc<Chunker>, Vec<Taker>)> = Vec::new();
        for taker in takers {
            let chunker = &taker.shared.chunker;
            match ways.iter_mut().find(|(way, _)| Arc::ptr_eq(way, chunker)) {
                Some((_, takers)) => takers.push(taker),
                None => ways.push((Arc::clone(chunker), vec![taker])),
            }
        }
        let stream = |(chunker, takers)| ChunkStream::new(self, hint.clone(), chunker, takers);
        ways.into_iter().map(stream).collect()
    }

    /// A file stays out because it cannot be read.
    fn cannot_read(&self, file: &File, error: &std::io::Error) {
        let File { name, meta, takers, guests } = file;
        for place in guests {
            let content = Content::Lazy(Box::new(Unreadable(error.to_string())), CutHint::ByContent);
            place.add(name, meta, content);
        }
        self.leave_out(takers, name, &error.to_string());
    }

    /// Adds bytes to a stream of chunks.
    pub(super) fn push(
        &self,
        stream: &mut ChunkStream,
        mut data: &[u8],
        mut hands: Option<&mut Hands>,
    ) -> Result<(), SinkError> {
        while !data.is_empty() {
            let room = stream.room();
            let count = room.len().min(data.len());
            let (now, later) = data.split_at(count);
            if let Some(target) = room.get_mut(..count) {
                target.copy_from_slice(now);
            }
            data = later;
            stream.advance(self, count, hands.as_deref_mut())?;
        }
        Ok(())
    }

    /// Patches a file at each who takes it. The new bytes are read once; what they are laid over is everybody's own.
    fn patch_each(
        &self,
        file: &File,
        opener: Box<dyn Opener>,
        ranges: &[Range<u64>],
        hands: &mut Hands,
    ) -> Result<(), SinkError> {
        let mut patches = match opener.open() {
            Ok(reader) => self.pace.slow(reader),
            Err(error) => {
                self.cannot_read(file, &error);
                return Ok(());
            }
        };
        if let ([taker], []) = (file.takers.as_slice(), file.guests.as_slice()) {
            return self.patch_at(file, taker, &mut *patches, ranges, hands);
        }
        std::thread::scope(|scope| {
            let mut feeds = Feeds::default();
            for taker in &file.takers {
                let (end, outlet) = pipe(None);
                feeds.0.push(end);
                scope.spawn(move || {
                    let Ok(mut patches) = Box::new(outlet).open() else { return };
                    let mut hands = self.lend();
                    if let Err(error) = self.patch_at(file, taker, &mut *patches, ranges, &mut hands) {
                        taker.shared.fail(error);
                    }
                    self.give_back(hands);
                });
            }
            for place in &file.guests {
                let (end, outlet) = pipe(None);
                feeds.0.push(end);
                let content = Content::Patched { opener: Box::new(outlet), ranges: ranges.to_vec() };
                scope.spawn(move || place.add(&file.name, &file.meta, content));
            }
            let outcome = self.cut(&mut *patches, &[], &mut [], &mut feeds, hands)?;
            feeds.end(&outcome);
            Ok(())
        })
    }

    fn patch_at(
        &self,
        file: &File,
        taker: &Taker,
        patches: &mut dyn Read,
        ranges: &[Range<u64>],
        hands: &mut Hands,
    ) -> Result<(), SinkError> {
        let one = std::slice::from_ref(taker);
        if let Err(error) = self.patch(file, taker, patches, ranges, hands)? {
            self.leave_out(one, &file.name, &error.to_string());
        }
        Ok(())
    }

    /// Stores the parent's content with some ranges replaced: blobs that no range touches are kept as they are. The inner error is the
    /// file's, the outer one the backup's.
    fn patch(
        &self,
        file: &File,
        taker: &Taker,
        patches: &mut dyn Read,
        ranges: &[Range<u64>],
        hands: &mut Hands,
    ) -> Result<std::io::Result<()>, SinkError> {
        let Taker { shared, folder } = taker;
        let previous = folder.previous(&file.name).filter(|node| is_complete(node, &shared.index));
        let Some(old) = previous.and_then(|node| node.content.clone()) else {
            return Ok(Err(std::io::Error::other("the parent snapshot does not have its content")));
        };
        let mut reader = BlobReader::new(&shared.repository, Arc::clone(&shared.index));
        let chunker = Arc::clone(&shared.chunker);
        let mut stream = ChunkStream::new(self, CutHint::ByContent, chunker, vec![taker.clone()]);
        let (mut at, size) = (0_u64, file.meta.size);
        for id in old {
            if at >= size {
                break;
            }
            let length = u64::from(shared.index.content_length(BlobKind::Data, &id).unwrap_or_default());
            let touched = ranges.iter().any(|range| range.start < at + length && range.end > at);
            if !touched && at + length <= size && stream.is_empty() {
                stream.file.add_known(id);
                stream.skip(length);
                at += length;
                continue;
            }
            let mut content = match reader.read(BlobKind::Data, &id) {
                Ok(content) => content.to_vec(),
                Err(error) => return Ok(Err(std::io::Error::other(error))),
            };
            content.truncate(usize::try_from(size - at).unwrap_or(usize::MAX));
            if let Err(error) = overlay(&mut content, at, ranges, patches) {
                return Ok(Err(error));
            }
            at += content.len() as u64;
            self.push(&mut stream, &content, Some(hands))?;
            // The blobs after this one keep their boundaries.
            stream.flush(self, Some(hands))?;
        }
        // What is new beyond the parent's end may be long: a piece at a time.
        let mut piece = Vec::new();
        while at < size {
            self.check()?;
            piece.clear();
            piece.resize((size - at).min(PIECE) as usize, 0);
            if let Err(error) = overlay(&mut piece, at, ranges, patches) {
                return Ok(Err(error));
            }
            at += piece.len() as u64;
            self.push(&mut stream, &piece, Some(hands))?;
        }
        stream.flush(self, Some(hands))?;
        stream.file.end(file.name.clone(), Meta { size: stream.size, ..file.meta.clone() });
        Ok(Ok(()))
    }
}

/// How many bytes a blob takes at each who takes it. Most often that is one.
enum Lengths {
    One(u32),
    Several(Vec<u32>),
}

impl Lengths {
    fn of(takers: &[Taker]) -> Self {
        if takers.len() <= 1 { Self::One(0) } else { Self::Several(vec![0; takers.len()]) }
    }

    fn set(&mut self, place: usize, length: u32) {
        match self {
            Self::One(one) => *one = length,
            Self::Several(all) => all.get_mut(place).into_iter().for_each(|one| *one = length),
        }
    }

    fn get(&self, place: usize) -> u64 {
        u64::from(match self {
            Self::One(one) => *one,
            Self::Several(all) => all.get(place).copied().unwrap_or(0),
        })
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
