//! Documents of MongoDB on their way into an archive: compressed as they come, into a file without a name.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::path::Path;

use backstay_core::FileId;
use backstay_mongodump::{Boundaries, Crc};
use sha2::{Digest, Sha256};

use crate::press::{Codec, Press, Pressing};

/// Compresses the documents of a namespace.
pub(super) struct Packer {
    pressing: Pressing<Press, Counted>,
    boundaries: Boundaries,
    sum: Crc,
    hash: Sha256,
    size: u64,
}

/// The documents of a namespace as members of gzip.
pub(super) struct Packed {
    /// To be read from its beginning.
    pub(super) file: File,
    /// Its bytes.
    pub(super) length: u64,
    /// The sum of the documents, as the archive has it.
    pub(super) sum: Crc,
    /// The bytes of the documents.
    pub(super) size: u64,
    /// Their hash.
    pub(super) hash: FileId,
}

impl Packer {
    /// Packs into a file in this folder, at this level of gzip.
    pub(super) fn new(spool: &Path, level: u32) -> io::Result<Self> {
        let out = Counted { file: tempfile::tempfile_in(spool)?, count: 0 };
        Ok(Self {
            pressing: Pressing::new(Press::new(Codec::Gzip(level)), out),
            boundaries: Boundaries::default(),
            sum: Crc::default(),
            hash: Sha256::new(),
            size: 0,
        })
    }

    /// Takes the next bytes; a document may begin in one piece and end in another.
    pub(super) fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.boundaries.pass(bytes).map_err(io::Error::other)?;
        self.sum.add(bytes);
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        self.pressing.write_all(bytes)
    }

    pub(super) fn finish(self) -> io::Result<Packed> {
        if !self.boundaries.is_between() {
            return Err(io::Error::other("it ends in the middle of a document"));
        }
        let Counted { mut file, count } = self.pressing.finish()?;
        file.rewind()?;
        let hash = FileId(self.hash.finalize().into());
        Ok(Packed { file, length: count, sum: self.sum, size: self.size, hash })
    }
}

/// A file, and how much was written to it.
struct Counted {
    file: File,
    count: u64,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.count += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
