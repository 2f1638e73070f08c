//! Deflate on several threads: content is cut into blocks, each of which is compressed apart and ends at a byte, so that one
//! after the other they are one stream (RFC 1951, section 3.2.4).

use std::collections::VecDeque;
use std::io::{self, Write};
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};
use flate2::{Compress, Compression, FlushCompress};

/// Content is cut into blocks of this size. Each is compressed without what was before it, which costs next to nothing at this
/// size.
const BLOCK: usize = 1 << 20;
/// How much work is put into each byte; 9 is the most. From here on files get hardly smaller and take much longer.
const LEVEL: u32 = 4;

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
pub(super) struct Press {
    jobs: Sender<Job>,
    ahead: usize,
    /// For what the caller's thread compresses.
    own: Compress,
}

impl Press {
    /// As many threads as there are cores; where none can be started, the caller's does it alone.
    pub(super) fn new() -> Self {
        let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let (jobs, queue) = bounded::<Job>(cores);
        let started = (0..cores).filter(|_| {
            let queue: Receiver<Job> = queue.clone();
            let work = move || {
                let mut state = state();
                for Job { block, back } in queue {
                    let bytes = deflate(&mut state, &block, FlushCompress::Sync);
                    // Nobody waits for it any more if the content is not wanted to its end.
                    let _ = back.send(bytes.map(|bytes| Pressed { bytes, block }));
                }
            };
            thread::Builder::new().name("deflate".to_owned()).spawn(work).is_ok()
        });
        let ahead = 2 * started.count();
        Self { jobs, ahead, own: state() }
    }

    /// Compresses what is written, into `out`.
    pub(super) fn begin<W: Write>(&mut self, out: W) -> Pressing<'_, W> {
        Pressing { press: self, out, block: Vec::new(), waiting: VecDeque::new(), spare: Vec::new() }
    }
}

/// Content that is being compressed. It is whole only after [`Pressing::finish`].
pub(super) struct Pressing<'a, W: Write> {
    press: &'a mut Press,
    out: W,
    block: Vec<u8>,
    /// Blocks that are being compressed, in their order.
    waiting: VecDeque<Receiver<io::Result<Pressed>>>,
    spare: Vec<Vec<u8>>,
}

impl<W: Write> Pressing<'_, W> {
    /// Compresses what is left, and gives the output back.
    pub(super) fn finish(mut self) -> io::Result<W> {
        while !self.waiting.is_empty() {
            self.take_one()?;
        }
        let last = deflate(&mut self.press.own, &self.block, FlushCompress::Finish)?;
        self.out.write_all(&last)?;
        Ok(self.out)
    }

    fn hand_over(&mut self) -> io::Result<()> {
        if self.press.ahead == 0 {
            let bytes = deflate(&mut self.press.own, &self.block, FlushCompress::Sync)?;
            self.block.clear();
            return self.out.write_all(&bytes);
        }
        if self.waiting.len() >= self.press.ahead {
            self.take_one()?;
        }
        let next = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(BLOCK));
        let (back, waiting) = bounded(1);
        let block = std::mem::replace(&mut self.block, next);
        self.press.jobs.send(Job { block, back }).map_err(|_| gone())?;
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

impl<W: Write> Write for Pressing<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(BLOCK.saturating_sub(self.block.len()));
        self.block.extend_from_slice(bytes.get(..taken).unwrap_or_default());
        if self.block.len() >= BLOCK {
            self.hand_over()?;
        }
        Ok(taken)
    }

    /// Does nothing: a block that is not full waits for more.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn state() -> Compress {
    Compress::new(Compression::new(LEVEL), false)
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

    fn pressed(press: &mut Press, content: &[u8], step: usize) -> Vec<u8> {
        let mut pressing = press.begin(Vec::new());
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
        let mut press = Press::new();
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
    fn one_thread_does_it_alone_where_there_are_no_others() {
        let (jobs, _) = bounded(1);
        let mut press = Press { jobs, ahead: 0, own: state() };
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
        let mut press = Press::new();
        let mut pressing = press.begin(Full);
        let failed = noise(64 * BLOCK).chunks(BLOCK).find_map(|some| pressing.write_all(some).err());
        assert_eq!(failed.unwrap().kind(), io::ErrorKind::StorageFull);
    }
}
