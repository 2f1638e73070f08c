//! Cutting a big file on all cores.
//!
//! One thread reads the file in segments. Each segment is searched by whoever is free, as if a chunk began where the segment does.
//! The thread that reads then settles the cuts in order. Where a chunk truly begins differs from what the search took for granted, but
//! whether a chunk may end at a place depends on the 64 bytes before it only; so the true cuts fall together with the
//! searched ones after a chunk or two, and from there on all that was found holds.
//!
//! This costs more work in all, since segments do not stay in the cache from one step to the next. Two threads are quicker when one cuts and the
//! other stores; with more, the one that cuts would keep the others waiting.

use std::collections::VecDeque;
use std::io::Read;
use std::sync::Arc;

use backstay_core::SinkError;
use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};

use super::buffers::Buffer;
use super::chunks::Task;
use super::content::{ChunkStream, STEP, read_full};
use super::crew::{Crew, Hands};
use crate::chunker::Chunker;

/// From so many threads on, cutting is shared.
const THREADS: usize = 3;
/// A content of so many segments or more is cut in them.
const SEGMENTS: u64 = 2;

/// A segment that is to be searched.
pub(super) struct Search {
    segment: Segment,
    chunker: Arc<Chunker>,
    found: Sender<Vec<usize>>,
}

/// A stretch of a file in memory.
#[derive(Clone)]
struct Segment {
    buffer: Arc<Buffer>,
    length: usize,
}

/// A segment whose cuts are being searched.
struct Searched {
    segment: Segment,
    found: Receiver<Vec<usize>>,
}

impl Segment {
    fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.length).unwrap_or_default()
    }

    /// Where chunks end if one begins at the start, ascending.
    fn cuts(&self, chunker: &Chunker) -> Vec<usize> {
        let (mut cuts, mut at) = (Vec::new(), 0);
        while let Some(length) = self.bytes().get(at..).and_then(|rest| chunker.cut(rest, 0)) {
            at += length;
            cuts.push(at);
        }
        cuts
    }
}

impl Search {
    pub(super) fn run(self) {
        // Nobody waits for it any more when the backup failed.
        let _ = self.found.send(self.segment.cuts(&self.chunker));
    }
}

impl Crew {
    /// Whether it pays to cut a content of this size in segments.
    pub(super) fn pays_in_segments(&self, chunker: &Chunker, size: u64) -> bool {
        self.threads >= THREADS && size >= SEGMENTS * chunker.sizes().max as u64
    }

    /// Reads a content to its end and stores it. The inner error is the file's, the outer one the backup's.
    pub(super) fn cut_in_segments(
        &self,
        reader: &mut dyn Read,
        stream: &mut ChunkStream,
        hands: &mut Hands,
    ) -> Result<std::io::Result<()>, SinkError> {
        let ahead = self.threads + 1;
        let mut waiting: VecDeque<Searched> = VecDeque::new();
        let mut more = true;
        while more || !waiting.is_empty() {
            // All big files together keep to the memory that one may take.
            let room =
                waiting.is_empty() || (waiting.len() < ahead && self.chunks.buffers.lent() <= 2 * ahead);
            if more && room {
                match self.read_segment(reader) {
                    Ok(segment) => {
                        more = segment.length == segment.buffer.len();
                        let (sender, found) = bounded(1);
                        waiting.push_back(Searched { segment: segment.clone(), found });
                        let chunker = Arc::clone(&stream.chunker);
                        self.submit(Task::Search(Search { segment, chunker, found: sender }), Some(hands))?;
                    }
                    Err(error) => return Ok(Err(error)),
                }
            } else if let Some(oldest) = waiting.pop_front() {
                let cuts = self.await_search(&oldest, &stream.chunker, hands)?;
                self.settle_segment(&oldest.segment, &cuts, stream, hands)?;
            }
        }
        stream.flush(self, Some(hands)).map(Ok)
    }

    /// Reads the next segment; one that is not full is the last.
    fn read_segment(&self, reader: &mut dyn Read) -> std::io::Result<Segment> {
        let mut buffer = self.chunks.buffers.lend();
        let mut length = 0;
        // Piece by piece, so that a limit of the rate is kept evenly.
        for piece in buffer.chunks_mut(STEP) {
            let count = read_full(reader, piece)?;
            length += count;
            if count < piece.len() {
                break;
            }
        }
        Ok(Segment { buffer: Arc::new(buffer), length })
    }

    /// The cuts of a segment; works on what waits meanwhile.
    fn await_search(
        &self,
        searched: &Searched,
        chunker: &Chunker,
        hands: &mut Hands,
    ) -> Result<Vec<usize>, SinkError> {
        loop {
            self.check()?;
            match searched.found.try_recv() {
                Ok(cuts) => return Ok(cuts),
                // Who searched it ended without a word.
                Err(TryRecvError::Disconnected) => return Ok(searched.segment.cuts(chunker)),
                Err(TryRecvError::Empty) => match self.chunks.receiver.try_recv() {
                    Ok(task) => self.run(task, hands)?,
                    // Somebody searches it right now.
                    Err(_) => match searched.found.recv() {
                        Ok(cuts) => return Ok(cuts),
                        Err(_) => continue,
                    },
                },
            }
        }
    }

    /// Hands on the chunks that end in a segment, and keeps the start of the one that does not.
    fn settle_segment(
        &self,
        segment: &Segment,
        cuts: &[usize],
        stream: &mut ChunkStream,
        hands: &mut Hands,
    ) -> Result<(), SinkError> {
        let bytes = segment.bytes();
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty() && !stream.is_empty()) {
            at += stream.complete(self, rest, Some(hands))?;
        }
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let next = cuts.partition_point(|cut| *cut <= at);
            let known = at == 0 || next.checked_sub(1).and_then(|last| cuts.get(last)) == Some(&at);
            let end = match cuts.get(next) {
                _ if !known => stream.chunker.cut(rest, 0).map(|length| at + length),
                end => end.copied(),
            };
            let Some(end) = end else {
                stream.begin(rest);
                break;
            };
            stream.skip((end - at) as u64);
            self.submit_chunk(&stream.file, Arc::clone(&segment.buffer), at..end, Some(hands))?;
            at = end;
        }
        Ok(())
    }
}
