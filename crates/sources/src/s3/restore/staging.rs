//! Content that is kept until it is whole.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

/// Content up to this size is kept in memory.
const SMALL: u64 = 512 << 10;

/// Content of a size that is known, written at any place. What is never written of it reads as zeros.
pub(super) enum Staged {
    Memory(Mutex<Vec<u8>>),
    Spooled { file: File, size: u64 },
}

/// Reads content from a place on.
pub(super) struct Part {
    content: Arc<Staged>,
    offset: u64,
    end: u64,
}

impl Staged {
    pub(super) fn new(size: u64, spool: &Path) -> io::Result<Self> {
        if size <= SMALL {
            return Ok(Self::Memory(Mutex::new(vec![0; usize::try_from(size).unwrap_or(0)])));
        }
        let file = tempfile::tempfile_in(spool)?;
        file.set_len(size)?;
        Ok(Self::Spooled { file, size })
    }

    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.lock().len() as u64,
            Self::Spooled { size, .. } => *size,
        }
    }

    pub(super) fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        match self {
            Self::Memory(bytes) => {
                let mut bytes = bytes.lock();
                let start = usize::try_from(offset).unwrap_or(usize::MAX);
                let place = bytes.get_mut(start..start.saturating_add(data.len()));
                place
                    .ok_or_else(|| io::Error::other("it is longer than it was said to be"))?
                    .copy_from_slice(data);
                Ok(())
            }
            Self::Spooled { file, .. } => file.write_all_at(data, offset),
        }
    }

    pub(super) fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Memory(bytes) => {
                let bytes = bytes.lock();
                let start = usize::try_from(offset).unwrap_or(usize::MAX);
                let mut rest = bytes.get(start..).unwrap_or_default();
                rest.read(buffer)
            }
            Self::Spooled { file, .. } => file.read_at(buffer, offset),
        }
    }
}

impl Part {
    /// So many bytes from a place on.
    pub(super) fn of(content: &Arc<Staged>, offset: u64, length: u64) -> Self {
        Self { content: Arc::clone(content), offset, end: offset.saturating_add(length) }
    }
}

impl Read for Part {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most =
            usize::try_from(self.end.saturating_sub(self.offset)).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.content.read_at(self.offset, buffer.get_mut(..most).unwrap_or_default())?;
        self.offset += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_comes_back_as_it_was_written_in_memory_and_in_a_file() {
        let spool = tempfile::tempdir().unwrap();
        for size in [6, SMALL + 6] {
            let content = Arc::new(Staged::new(size, spool.path()).unwrap());
            content.write_at(size - 3, b"end").unwrap();
            content.write_at(0, b"ab").unwrap();
            let mut text = Vec::new();
            Part::of(&content, 0, size).read_to_end(&mut text).unwrap();
            assert_eq!(text.len() as u64, size);
            assert!(text.starts_with(b"ab\0") && text.ends_with(b"end"));
            text.clear();
            Part::of(&content, size - 2, 100).read_to_end(&mut text).unwrap();
            assert_eq!(text, b"nd");
        }
        let small = Staged::new(3, spool.path()).unwrap();
        assert!(small.write_at(2, b"xx").is_err() && small.write_at(u64::MAX, b"x").is_err());
        assert_eq!(std::fs::read_dir(spool.path()).unwrap().count(), 0);
    }
}
