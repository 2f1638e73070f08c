//! What an archive's bytes go through on their way out: encryption where it is wanted, and the hash of the file.

use std::io::{self, Write};

use age::stream::StreamWriter;
use backstay_core::FileId;

use crate::crypt::Recipients;
use crate::hashing::HashingWriter;

/// Where an archive is written to.
pub type Output = Box<dyn Write + Send>;

/// Bytes are sent on in pieces of this size.
const PIECE: usize = 256 << 10;

pub(super) struct Outer {
    way: Way,
    /// Bytes before encryption.
    count: u64,
}

enum Way {
    Plain(io::BufWriter<HashingWriter<Output>>),
    Encrypted(Box<StreamWriter<io::BufWriter<HashingWriter<Output>>>>),
}

impl Outer {
    pub(super) fn new(output: Output, recipients: Option<&Recipients>) -> io::Result<Self> {
        let hashing = io::BufWriter::with_capacity(PIECE, HashingWriter::new(output));
        let way = match recipients {
            None => Way::Plain(hashing),
            Some(recipients) => Way::Encrypted(Box::new(recipients.encrypt(hashing)?)),
        };
        Ok(Self { way, count: 0 })
    }

    /// Bytes that were written so far, before encryption.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// Ends the file. Tells its length and its hash.
    pub(super) fn finish(self) -> io::Result<(u64, FileId)> {
        let hashing = match self.way {
            Way::Plain(hashing) => hashing,
            Way::Encrypted(writer) => writer.finish()?,
        };
        hashing.into_inner().map_err(io::IntoInnerError::into_error)?.finish()
    }
}

impl Write for Outer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match &mut self.way {
            Way::Plain(out) => out.write(bytes),
            Way::Encrypted(out) => out.write(bytes),
        }?;
        self.count += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.way {
            Way::Plain(out) => out.flush(),
            Way::Encrypted(out) => out.flush(),
        }
    }
}
