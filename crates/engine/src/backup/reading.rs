//! Reading a file once for all who take it.

use std::io::Read;
use std::sync::Arc;

use backstay_core::{Content, CutHint, Meta, Opener, SinkError};

use super::chunks::complete;
use super::content::{ChunkStream, STEP, read_full};
use super::crew::{Crew, Hands, Taker};
use super::guests::{Feeds, InMemory, Unreadable, pipe};
use super::worker::File;
use crate::chunker::{ChunkSizes, Chunker};
use crate::format::BlobKind;

impl Crew {
    /// Reads and stores a content.
    pub(super) fn read(
        &self,
        mut file: File,
        opener: Box<dyn Opener>,
        hint: &CutHint,
        hands: &mut Hands,
        scratch: &mut Vec<u8>,
    ) -> Result<(), SinkError> {
        let twin = opener.duplicate().filter(|_| !file.guests.is_empty());
        // Of what is far away it may be found out only now that it is gone.
        let may_be_gone = opener.amends();
        let mut reader = match opener.open_with(&mut file.meta) {
            Ok(reader) => self.pace.slow(reader),
            Err(error) if may_be_gone && error.kind() == std::io::ErrorKind::NotFound => {
                let path = self.path_of(&file.takers, &file.name);
                self.events.message(&format!("{}: it was removed meanwhile", String::from_utf8_lossy(&path)));
                for taker in &file.takers {
                    taker.shared.attempt(|shared| shared.settle(&taker.folder, None));
                }
                return Ok(());
            }
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
    pub(super) fn cut(
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
    pub(super) fn cannot_read(&self, file: &File, error: &std::io::Error) {
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
