//! SHA-256 of what passes through.

use std::io::{self, Read, Write};

use backstay_core::FileId;
use sha2::{Digest, Sha256};

/// Hashes and counts what is written through it.
pub(crate) struct HashingWriter<W> {
    out: W,
    hash: Sha256,
    count: u64,
}

impl<W: Write> HashingWriter<W> {
    pub(crate) fn new(out: W) -> Self {
        Self { out, hash: Sha256::new(), count: 0 }
    }

    /// Sends on what is held back, and tells how much was written and its hash.
    pub(crate) fn finish(mut self) -> io::Result<(u64, FileId)> {
        self.out.flush()?;
        Ok((self.count, FileId(self.hash.finalize().into())))
    }
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or(bytes));
        self.count += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Hashes and counts what is read through it.
pub(crate) struct HashingReader<R> {
    reader: R,
    hash: Sha256,
    count: u64,
}

impl<R: Read> HashingReader<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, hash: Sha256::new(), count: 0 }
    }

    /// How much was read, and its hash.
    pub(crate) fn finish(self) -> (u64, FileId) {
        (self.count, FileId(self.hash.finalize().into()))
    }
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.hash.update(buffer.get(..read).unwrap_or_default());
        self.count += read as u64;
        Ok(read)
    }
}

/// The SHA-256 of a slice.
pub(crate) fn sha256(bytes: &[u8]) -> FileId {
    FileId(Sha256::digest(bytes).into())
}

/// What stands for a path in large sets: the first half of its SHA-256, so that nobody can make two paths that stand for the same.
pub(crate) fn path_key(path: &[u8]) -> u128 {
    let FileId(hash) = sha256(path);
    hash.iter().take(16).fold(0, |key, byte| key << 8 | u128::from(*byte))
}
