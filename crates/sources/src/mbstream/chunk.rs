//! The chunks of the stream: reading them apart and writing them.

use std::io::{ErrorKind, Read, Write};

use backstay_core::{Interrupted, SinkError};

const MAGIC: &[u8; 8] = b"XBSTCK01";
const IGNORABLE: u8 = 1;

/// The longest path taken; the tools themselves stop at 512 bytes.
const LONGEST_PATH: u32 = 4096;

/// Why a stream could not be taken in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// The stream itself cannot be read or written.
    #[error("cannot read the stream: {0}")]
    Io(#[from] std::io::Error),
    /// The stream ends within a chunk.
    #[error("the stream ends in the middle of a chunk: the tool that writes it was cut off")]
    Truncated,
    /// What should be a chunk is none.
    #[error("no chunk begins at byte {at} of the stream: it is damaged, or no xbstream or mbstream")]
    NoChunk {
        /// Where, in bytes from the start of the stream.
        at: u64,
    },
    /// A chunk of a type that is not known and may not be skipped.
    #[error("chunk of unknown type {kind:#04x} at byte {at} of the stream")]
    UnknownType {
        /// The type.
        kind: u8,
        /// Where the chunk begins.
        at: u64,
    },
    /// The stream was made with holes in its files left out, which only newer Percona tools do.
    #[error("the stream holds sparse chunks, which are not supported: let the tool compress nothing")]
    Sparse,
    /// A path that is empty, too long, absolute, or leads out of the backup.
    #[error("the stream names a file {path:?}, which cannot be stored")]
    BadPath {
        /// The path, as text.
        path: String,
    },
    /// Data that is not what the tool wrote.
    #[error("the data of {path:?} at byte {offset} is damaged: its checksum is wrong")]
    Checksum {
        /// The file.
        path: String,
        /// Where in the file the data belongs.
        offset: u64,
    },
    /// A chunk that does not continue its file where the last one ended.
    #[error("{path:?} should go on at byte {expected}, but the stream goes on at {found}")]
    Gap {
        /// The file.
        path: String,
        /// Bytes of it so far.
        expected: u64,
        /// Where the chunk goes.
        found: u64,
    },
    /// The same path comes twice, or as a file and as a folder.
    #[error("the stream holds {path:?} more than once")]
    Conflict {
        /// The path.
        path: String,
    },
    /// The stream ends although files are not whole.
    #[error(
        "the stream ends before {count} of its files, among them {path:?}: the tool was cut off or failed"
    )]
    Unfinished {
        /// How many files.
        count: usize,
        /// One of them.
        path: String,
    },
    /// Content that had to wait could not be put aside.
    #[error("cannot put waiting content aside in a temporary file: {0}")]
    Spool(#[source] std::io::Error),
    /// The sink cannot go on, or the work was cancelled.
    #[error(transparent)]
    Sink(#[from] SinkError),
}

impl From<Interrupted> for StreamError {
    fn from(interrupted: Interrupted) -> Self {
        Self::Sink(interrupted.into())
    }
}

/// The head of a chunk. Data follows a payload's in the stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Chunk {
    Payload {
        path: Vec<u8>,
        offset: u64,
        length: u64,
        checksum: u32,
    },
    End {
        path: Vec<u8>,
    },
    /// Of a type that is not known, with data that may be skipped.
    Ignored {
        length: u64,
    },
}

/// Reads a stream chunk by chunk.
#[derive(Debug)]
pub(super) struct ChunkReader<R> {
    stream: R,
    at: u64,
}

impl<R: Read> ChunkReader<R> {
    pub(super) fn new(stream: R) -> Self {
        Self { stream, at: 0 }
    }

    /// The head of the next chunk; nothing at the end of the stream.
    pub(super) fn next(&mut self) -> Result<Option<Chunk>, StreamError> {
        let start = self.at;
        let mut magic = [0; 8];
        match self.fill(&mut magic)? {
            0 => return Ok(None),
            8 if magic == *MAGIC => {}
            8 => return Err(StreamError::NoChunk { at: start }),
            _ => return Err(StreamError::Truncated),
        }
        let [flags, kind] = self.array()?;
        let length = u32::from_le_bytes(self.array()?);
        if length == 0 || length > LONGEST_PATH {
            return Err(StreamError::BadPath { path: format!("({length} bytes long)") });
        }
        let mut path = vec![0; length as usize];
        self.exact(&mut path)?;
        match kind {
            b'E' => return Ok(Some(Chunk::End { path })),
            b'S' => return Err(StreamError::Sparse),
            b'P' => {}
            _ if flags & IGNORABLE != 0 => {}
            _ => return Err(StreamError::UnknownType { kind, at: start }),
        }
        let length = u64::from_le_bytes(self.array()?);
        let offset = u64::from_le_bytes(self.array()?);
        let checksum = u32::from_le_bytes(self.array()?);
        Ok(Some(match kind {
            b'P' => Chunk::Payload { path, offset, length, checksum },
            _ => Chunk::Ignored { length },
        }))
    }

    /// Reads data of a payload chunk, all that is asked for.
    pub(super) fn exact(&mut self, buffer: &mut [u8]) -> Result<(), StreamError> {
        if self.fill(buffer)? == buffer.len() { Ok(()) } else { Err(StreamError::Truncated) }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], StreamError> {
        let mut bytes = [0; N];
        self.exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads until the buffer is full or the stream ends.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, StreamError> {
        let mut filled = 0;
        while let Some(room @ [_, ..]) = buffer.get_mut(filled..) {
            match self.stream.read(room) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.at += filled as u64;
        Ok(filled)
    }
}

/// Writes a stream, for giving files back to the vendors' tools.
#[derive(Debug)]
pub struct StreamWriter<W>(W);

impl<W: Write> StreamWriter<W> {
    /// A stream that begins here.
    pub fn new(stream: W) -> Self {
        Self(stream)
    }

    /// Writes a piece of a file; the pieces of one file have to come in order.
    ///
    /// # Errors
    /// When the stream cannot be written, or the path is longer than 4 GiB.
    pub fn payload(&mut self, path: &[u8], offset: u64, data: &[u8]) -> std::io::Result<()> {
        self.head(b'P', path)?;
        self.0.write_all(&(data.len() as u64).to_le_bytes())?;
        self.0.write_all(&offset.to_le_bytes())?;
        self.0.write_all(&crc32fast::hash(data).to_le_bytes())?;
        self.0.write_all(data)
    }

    /// Says that a file is whole.
    ///
    /// # Errors
    /// As for [`StreamWriter::payload`].
    pub fn end(&mut self, path: &[u8]) -> std::io::Result<()> {
        self.head(b'E', path)
    }

    /// Gives the stream back.
    pub fn into_inner(self) -> W {
        self.0
    }

    fn head(&mut self, kind: u8, path: &[u8]) -> std::io::Result<()> {
        let length = u32::try_from(path.len()).map_err(|_| ErrorKind::InvalidInput)?;
        self.0.write_all(MAGIC)?;
        self.0.write_all(&[0, kind])?;
        self.0.write_all(&length.to_le_bytes())?;
        self.0.write_all(path)
    }
}
