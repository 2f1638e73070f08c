//! Compression on several threads: content is cut into blocks, each of which is compressed apart, so that one after the other they
//! are one stream. Blocks of deflate end at a byte (RFC 1951, section 3.2.4); those of zstd are frames (RFC 8878, section 3.1) and those of
//! gzip members (RFC 1952, section 2.2).

use std::borrow::BorrowMut;
use std::collections::VecDeque;
use std::io::{self, Write};
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};
use flate2::write::GzEncoder;
use flate2::{Compress, Compression, FlushCompress};

/// How much work deflate puts into each byte where nothing else is said; 9 is the most. From here on files get hardly smaller and
/// take much longer.
pub(crate) const DEFLATE_LEVEL: u32 = 4;

/// More threads than these would hold more blocks in memory than is worth it.
const MOST_THREADS: usize = 12;

/// How content is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    /// Deflate, at a level from 0 to 9.
    Deflate(u32),
    /// Frames of zstd, at a level from 1 to 22.
    Zstd(i32),
    /// Members of gzip, at a level from 0 to 9.
    Gzip(u32),
}

impl Codec {
    /// Content is cut into blocks of this size. Each is compressed without what was before it, which costs next to nothing at
    /// this size.
    const fn block(self) -> usize {
        match self {
            Self::Deflate(_) | Self::Gzip(_) => 1 << 20,
            Self::Zstd(_) => 2 << 20,
        }
    }
}

/// A block to compress, and where to give it back.
struct Job {
    block: Vec<u8>,
    back: Sender<io::Result<Pressed>>,
}

/// A compressed block, and the memory that it was in before.
struct Pressed {
    bytes: Vec<u8>,
    block: Vec<u8>,
}

/// Threads that compress. They end with it.
pub(crate) struct Press {
    codec: Codec,
    /// Once there is a block for them.
    threads: Option<Threads>,
    /// For what the caller's thread compresses, once it does.
    own: Option<State>,
}

struct Threads {
    jobs: Sender<Job>,
    /// How many blocks may be on their way.
    ahead: usize,
}

impl Threads {
    /// As many threads as there are cores, within bounds; where none can be started, the caller's does it alone.
    fn start(codec: Codec) -> Self {
        let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get).min(MOST_THREADS);
        let (jobs, queue) = bounded::<Job>(cores);
        let started = (0..cores).filter(|_| {
            let queue: Receiver<Job> = queue.clone();
            let work = move || {
                let Ok(mut state) = State::new(codec) else { return };
                for Job { block, back } in queue {
                    let bytes = state.press(&block, false);
                    // Nobody waits for it any more if the content is not wanted to its end.
                    let _ = back.send(bytes.map(|bytes| Pressed { bytes, block }));
                }
            };
            thread::Builder::new().name("deflate".to_owned()).spawn(work).is_ok()
        });
        let ahead = 2 * started.count();
        Self { jobs, ahead }
    }
}

impl Press {
    pub(crate) const fn new(codec: Codec) -> Self {
        Self { codec, threads: None, own: None }
    }

    fn threads(&mut self) -> &Threads {
        let codec = self.codec;
        self.threads.get_or_insert_with(|| Threads::start(codec))
    }

    /// Compresses a block in the caller's thread.
    fn press_here(&mut self, block: &[u8], is_last: bool) -> io::Result<Vec<u8>> {
        let own = match &mut self.own {
            Some(own) => own,
            none => none.insert(State::new(self.codec)?),
        };
        own.press(block, is_last)
    }
}

/// Content that is being compressed. It is whole only after [`Pressing::finish`].
pub(crate) struct Pressing<P: BorrowMut<Press>, W: Write> {
    press: P,
    out: W,
    block: Vec<u8>,
    /// Blocks that are being compressed, in their order.
    waiting: VecDeque<Receiver<io::Result<Pressed>>>,
    spare: Vec<Vec<u8>>,
}

impl<P: BorrowMut<Press>, W: Write> Pressing<P, W> {
    /// Compresses what is written, into `out`.
    pub(crate) fn new(press: P, out: W) -> Self {
        Self { press, out, block: Vec::new(), waiting: VecDeque::new(), spare: Vec::new() }
    }

    /// Compresses what is left, and gives the output back.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.drain()?;
        let last = self.press.borrow_mut().press_here(&self.block, true)?;
        self.out.write_all(&last)?;
        Ok(self.out)
    }

    /// Ends the block, and gives the output when all that was written until now is in it.
    pub(crate) fn cut(&mut self) -> io::Result<&mut W> {
        self.drain()?;
        if !self.block.is_empty() {
            let bytes = self.press.borrow_mut().press_here(&self.block, false)?;
            self.block.clear();
            self.out.write_all(&bytes)?;
        }
        Ok(&mut self.out)
    }

    fn drain(&mut self) -> io::Result<()> {
        while !self.waiting.is_empty() {
            self.take_one()?;
        }
        Ok(())
    }

    fn hand_over(&mut self) -> io::Result<()> {
        let press = self.press.borrow_mut();
        let (ahead, block) = (press.threads().ahead, press.codec.block());
        if ahead == 0 {
            let bytes = press.press_here(&self.block, false)?;
            self.block.clear();
            return self.out.write_all(&bytes);
        }
        if self.waiting.len() >= ahead {
            self.take_one()?;
        }
        let next = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(block));
        let (back, waiting) = bounded(1);
        let block = std::mem::replace(&mut self.block, next);
        self.press.borrow_mut().threads().jobs.send(Job { block, back }).map_err(|_| gone())?;
        self.waiting.push_back(waiting);
        Ok(())
    }

    fn take_one(&mut self) -> io::Result<()> {
        let Some(waiting) = self.waiting.pop_front() else { return Ok(()) };
        let Pressed { bytes, mut block } = waiting.recv().map_err(|_| gone())??;
        block.clear();
        self.spare.push(block);
        self.out.write_all(&bytes)
    }
}

impl<P: BorrowMut<Press>, W: Write> Write for Pressing<P, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let most = self.press.borrow_mut().codec.block();
        let taken = bytes.len().min(most.saturating_sub(self.block.len()));
        self.block.extend_from_slice(bytes.get(..taken).unwrap_or_default());
        if self.block.len() >= most {
            self.hand_over()?;
        }
        Ok(taken)
    }

    /// Does nothing: a block that is not full waits for more.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A compressor, used again and again.
pub(crate) enum State {
    Deflate(Compress),
    Zstd(zstd::bulk::Compressor<'static>),
    Gzip(Compression),
}

impl State {
    pub(crate) fn new(codec: Codec) -> io::Result<Self> {
        Ok(match codec {
            Codec::Deflate(level) => Self::Deflate(Compress::new(Compression::new(level), false)),
            Codec::Zstd(level) => {
                let mut compressor = zstd::bulk::Compressor::new(level)?;
                compressor.include_checksum(true)?;
                Self::Zstd(compressor)
            }
            Codec::Gzip(level) => Self::Gzip(Compression::new(level)),
        })
    }

    /// Compresses a block, the last of its content or one of those before.
    pub(crate) fn press(&mut self, block: &[u8], is_last: bool) -> io::Result<Vec<u8>> {
        match self {
            Self::Deflate(state) => {
                deflate(state, block, if is_last { FlushCompress::Finish } else { FlushCompress::Sync })
            }
            Self::Zstd(_) | Self::Gzip(_) if is_last && block.is_empty() => Ok(Vec::new()),
            Self::Zstd(compressor) => compressor.compress(block),
            Self::Gzip(level) => {
                let mut encoder = GzEncoder::new(Vec::with_capacity(block.len() / 2), *level);
                encoder.write_all(block)?;
                encoder.finish()
            }
        }
    }
}

fn gone() -> io::Error {
    io::Error::other("the threads that compress are gone")
}

/// Compresses a block to its end, up to a whole byte.
fn deflate(state: &mut Compress, block: &[u8], flush: FlushCompress) -> io::Result<Vec<u8>> {
    state.reset();
    // What cannot be made smaller grows by five bytes in each 16 KiB.
    let mut bytes = Vec::with_capacity(block.len() + block.len() / 1024 + 64);
    loop {
        let taken = usize::try_from(state.total_in()).map_err(io::Error::other)?;
        let status = state.compress_vec(block.get(taken..).unwrap_or_default(), &mut bytes, flush);
        let is_done = match status.map_err(io::Error::other)? {
            flate2::Status::StreamEnd => true,
            _ => {
                let is_taken = state.total_in() == block.len() as u64;
                is_taken && bytes.len() < bytes.capacity() && !matches!(flush, FlushCompress::Finish)
            }
        };
        if is_done {
            return Ok(bytes);
        }
        bytes.reserve(64 << 10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: usize = 1 << 20;
    const CODEC: Codec = Codec::Deflate(DEFLATE_LEVEL);

    fn pressed(press: &mut Press, content: &[u8], step: usize) -> Vec<u8> {
        let mut pressing = Pressing::new(press, Vec::new());
        content.chunks(step.max(1)).for_each(|some| pressing.write_all(some).unwrap());
        pressing.finish().unwrap()
    }

    fn raised(bytes: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        io::Read::read_to_end(&mut flate2::read::DeflateDecoder::new(bytes), &mut plain).unwrap();
        plain
    }

    /// Bytes that nothing can make smaller.
    fn noise(length: usize) -> Vec<u8> {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        };
        std::iter::repeat_with(next).flatten().take(length).collect()
    }

    #[test]
    fn blocks_make_one_stream_that_comes_back_as_it_was() {
        let mut press = Press::new(CODEC);
        for length in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 9 * BLOCK + 7] {
            let text: Vec<u8> = b"all the same ".iter().copied().cycle().take(length).collect();
            let small = pressed(&mut press, &text, 64 << 10);
            assert!(small.len() <= text.len() / 50 + 64, "{length}");
            assert!(raised(&small) == text, "{length}");
        }
        let noise = noise(3 * BLOCK + 5);
        let pressed = pressed(&mut press, &noise, 1 << 16);
        assert!(raised(&pressed) == noise && pressed.len() < noise.len() + noise.len() / 500 + 64);
    }

    #[test]
    fn frames_of_zstd_make_one_stream_and_can_be_cut_anywhere() {
        let mut pressing = Pressing::new(Press::new(Codec::Zstd(3)), Vec::new());
        let content = noise(9 * BLOCK + 3);
        pressing.write_all(&content).unwrap();
        let begun = pressing.cut().unwrap().len();
        pressing.write_all(b"behind the cut").unwrap();
        let bytes = pressing.finish().unwrap();
        let all = zstd::decode_all(&bytes[..]).unwrap();
        assert!(all == [&content[..], b"behind the cut"].concat());
        assert_eq!(zstd::decode_all(&bytes[begun..]).unwrap(), b"behind the cut");
    }

    #[test]
    fn one_thread_does_it_alone_where_there_are_no_others() {
        let (jobs, _) = bounded(1);
        let mut press = Press { codec: CODEC, threads: Some(Threads { jobs, ahead: 0 }), own: None };
        let noise = noise(2 * BLOCK + 9);
        assert!(raised(&pressed(&mut press, &noise, 4096)) == noise);
    }

    #[test]
    fn an_output_that_fails_ends_it() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::Error::from(io::ErrorKind::StorageFull))
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut press = Press::new(CODEC);
        let mut pressing = Pressing::new(&mut press, Full);
        let failed = noise(64 * BLOCK).chunks(BLOCK).find_map(|some| pressing.write_all(some).err());
        assert_eq!(failed.unwrap().kind(), io::ErrorKind::StorageFull);
    }
}
