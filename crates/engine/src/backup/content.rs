//! Reading and cutting the content of one file.

use std::io::Read;
use std::sync::Arc;

use backstay_core::{CutHint, SinkError};

use super::buffers::Buffer;
use super::chunks::ChunkedFile;
use super::crew::{Crew, Hands, Taker};
use crate::chunker::Chunker;

/// Bytes read at a time once a chunk is beyond its least size.
pub(super) const STEP: usize = 256 << 10;

/// Finds the cuts in one content.
pub(super) struct Cutter {
    hint: CutHint,
    /// Bytes of the content before the chunk at hand.
    start: u64,
    /// The first mark that may lie beyond `start`.
    next_mark: usize,
}

impl Cutter {
    pub(super) fn new(hint: CutHint) -> Self {
        Self { hint, start: 0, next_mark: 0 }
    }

    /// The length of the chunk at the start of `data`, of which `searched` bytes are known to hold no cut.
    pub(super) fn cut(&mut self, chunker: &Chunker, data: &[u8], searched: usize) -> Option<usize> {
        let max = chunker.sizes().max;
        let length = match &self.hint {
            CutHint::ByContent => chunker.cut(data, searched),
            CutHint::Fixed(size) => {
                let size = (*size as usize).clamp(1, max);
                (data.len() >= size).then_some(size)
            }
            CutHint::Marks(marks) => {
                while marks.get(self.next_mark).is_some_and(|mark| *mark <= self.start) {
                    self.next_mark += 1;
                }
                let mark = marks.get(self.next_mark).map_or(u64::MAX, |mark| mark - self.start);
                let length = usize::try_from(mark).unwrap_or(usize::MAX).min(max);
                (data.len() >= length).then_some(length)
            }
        };
        if let Some(length) = length {
            self.start += length as u64;
        }
        length
    }
}

/// Chunks that are being filled from a stream of bytes.
pub(super) struct ChunkStream {
    pub(super) file: Arc<ChunkedFile>,
    pub(super) size: u64,
    pub(super) chunker: Arc<Chunker>,
    cutter: Cutter,
    buffer: Buffer,
    filled: usize,
    searched: usize,
}

impl ChunkStream {
    /// A stream for those who cut with this chunker.
    pub(super) fn new(crew: &Crew, hint: CutHint, chunker: Arc<Chunker>, takers: Vec<Taker>) -> Self {
        let (buffer, cutter) = (crew.chunks.buffers.lend(), Cutter::new(hint));
        Self { file: ChunkedFile::new(takers), size: 0, chunker, cutter, buffer, filled: 0, searched: 0 }
    }

    /// Room for the next bytes: never empty.
    pub(super) fn room(&mut self) -> &mut [u8] {
        let sizes = self.chunker.sizes();
        let target = if self.filled < sizes.min { sizes.min + STEP } else { self.filled + STEP };
        let target = target.min(self.buffer.len());
        self.buffer.get_mut(self.filled..target).unwrap_or_default()
    }

    /// Takes in `count` bytes that were put into the room, and hands on the chunks that they end.
    pub(super) fn advance(
        &mut self,
        crew: &Crew,
        count: usize,
        mut hands: Option<&mut Hands>,
    ) -> Result<(), SinkError> {
        self.filled += count;
        self.size += count as u64;
        loop {
            let data = self.buffer.get(..self.filled).unwrap_or_default();
            let Some(length) = self.cutter.cut(&self.chunker, data, self.searched) else {
                self.searched = self.filled;
                return Ok(());
            };
            let mut next = crew.chunks.buffers.lend();
            let rest = self.filled - length;
            if let (Some(target), Some(source)) = (next.get_mut(..rest), data.get(length..)) {
                target.copy_from_slice(source);
            }
            let chunk = std::mem::replace(&mut self.buffer, next);
            self.filled = rest;
            self.searched = 0;
            crew.submit_chunk(&self.file, Arc::new(chunk), 0..length, hands.as_deref_mut())?;
        }
    }

    /// Takes in what lies at the start of `data`, of the chunk at hand and no further; returns how much that was.
    pub(super) fn complete(
        &mut self,
        crew: &Crew,
        data: &[u8],
        hands: Option<&mut Hands>,
    ) -> Result<usize, SinkError> {
        let begun = self.filled;
        let room = self.room();
        let count = room.len().min(data.len());
        if let (Some(target), Some(source)) = (room.get_mut(..count), data.get(..count)) {
            target.copy_from_slice(source);
        }
        self.filled += count;
        let seen = self.buffer.get(..self.filled).unwrap_or_default();
        match self.cutter.cut(&self.chunker, seen, self.searched) {
            Some(length) => {
                let taken = length.saturating_sub(begun);
                self.size += taken as u64;
                self.filled = length;
                self.hand_on(crew, hands).map(|()| taken)
            }
            None => {
                self.size += count as u64;
                self.searched = self.filled;
                Ok(count)
            }
        }
    }

    /// Takes in the start of a chunk that is known to hold no cut.
    pub(super) fn begin(&mut self, data: &[u8]) {
        if let Some(room) = self.buffer.get_mut(..data.len()) {
            room.copy_from_slice(data);
            self.filled = data.len();
            self.searched = data.len();
            self.size += data.len() as u64;
        }
    }

    /// Whether no byte waits for its chunk to end.
    pub(super) fn is_empty(&self) -> bool {
        self.filled == 0
    }

    /// Counts bytes whose blob is known.
    pub(super) fn skip(&mut self, length: u64) {
        self.size += length;
        self.cutter.start += length;
    }

    /// Ends the chunk at hand here.
    pub(super) fn flush(&mut self, crew: &Crew, hands: Option<&mut Hands>) -> Result<(), SinkError> {
        if self.filled == 0 {
            return Ok(());
        }
        self.cutter.start += self.filled as u64;
        self.hand_on(crew, hands)
    }

    fn hand_on(&mut self, crew: &Crew, hands: Option<&mut Hands>) -> Result<(), SinkError> {
        let length = std::mem::take(&mut self.filled);
        self.searched = 0;
        let chunk = std::mem::replace(&mut self.buffer, crew.chunks.buffers.lend());
        crew.submit_chunk(&self.file, Arc::new(chunk), 0..length, hands)
    }
}

/// Reads until `buffer` is full or the content ends.
pub(super) fn read_full(reader: &mut dyn Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
        match reader.read(room) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
