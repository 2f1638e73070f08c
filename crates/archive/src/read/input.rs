//! Where the bytes of an archive come from: a file, a place that holds archives, or either through decryption.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use age::stream::StreamReader;
use backstay_core::{ArchiveStore, CallContext, Control, StoredFile};
use backstay_policy::Backoff;
use parking_lot::Mutex;

use crate::ArchiveError;
use crate::crypt::Identities;

/// Bytes that can be read at any place, from any thread.
pub trait ReadAt: Send + Sync {
    /// How many there are.
    fn size(&self) -> u64;

    /// Fills as much of `buffer` as there is from `offset` on; tells how much that was.
    ///
    /// # Errors
    /// When reading fails.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
}

/// A file of this machine.
#[derive(Debug)]
pub struct FileInput {
    file: File,
    size: u64,
}

impl FileInput {
    /// Reads this file, as long as it is now.
    ///
    /// # Errors
    /// When its length cannot be told, or it is no plain file.
    pub fn new(file: File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no plain file"));
        }
        Ok(Self { file, size: metadata.len() })
    }
}

impl ReadAt for FileInput {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }
}

/// A file in a place that holds archives.
pub struct StoreInput {
    store: Arc<dyn ArchiveStore>,
    name: String,
    size: u64,
    control: Control,
    /// Pieces that were read lately, the last one first.
    pieces: Mutex<Vec<Piece>>,
}

/// A piece of a file, with its place.
struct Piece {
    offset: u64,
    bytes: Vec<u8>,
}

/// Small reads are answered from pieces of this size.
const PIECE: u64 = 1 << 20;

/// How often a piece is asked for that fails in passing, and how long is waited between: a long archive comes in many.
const TRIES: u32 = 6;
const WAITS: Backoff =
    Backoff { first: Duration::from_millis(200), factor: 2, most: Duration::from_secs(10) };
/// How long is slept without a look whether it is still wanted.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How many pieces are kept: an archive is read in a few places at once.
const PIECES: usize = 4;

impl StoreInput {
    /// Reads this file.
    #[must_use]
    pub fn new(store: Arc<dyn ArchiveStore>, file: &StoredFile, control: Control) -> Self {
        Self { store, name: file.name.clone(), size: file.size, control, pieces: Mutex::default() }
    }

    fn fetch(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let mut attempt = 0;
        loop {
            self.control.checkpoint().map_err(|_| crate::error::interrupted())?;
            let context = CallContext::with(&self.control);
            match self.store.read_at(&self.name, offset, buffer, context) {
                Err(error) if error.kind.is_transient() && attempt + 1 < TRIES => {
                    self.wait(WAITS.delay(attempt, offset))?;
                    attempt += 1;
                }
                outcome => return outcome.map_err(io::Error::other),
            }
        }
    }

    fn wait(&self, length: Duration) -> io::Result<()> {
        let end = Instant::now() + length;
        while Instant::now() < end {
            self.control.checkpoint().map_err(|_| crate::error::interrupted())?;
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }
}

impl ReadAt for StoreInput {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let most = buffer.len().min(left);
        let room = buffer.get_mut(..most).unwrap_or_default();
        if room.is_empty() {
            return Ok(0);
        }
        let mut pieces = self.pieces.lock();
        let found = pieces.iter().position(|piece| piece.rest(offset).is_some());
        let piece = match found {
            Some(place) => pieces.remove(place),
            None => {
                let length = PIECE.min(self.size.saturating_sub(offset));
                let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
                self.fetch(offset, &mut bytes)?;
                pieces.truncate(PIECES - 1);
                Piece { offset, bytes }
            }
        };
        let count = piece.rest(offset).map_or(0, |rest| {
            let count = rest.len().min(room.len());
            if let (Some(to), Some(from)) = (room.get_mut(..count), rest.get(..count)) {
                to.copy_from_slice(from);
            }
            count
        });
        pieces.insert(0, piece);
        Ok(count)
    }
}

impl Piece {
    /// What it has from a place on.
    fn rest(&self, offset: u64) -> Option<&[u8]> {
        let skip = usize::try_from(offset.checked_sub(self.offset)?).ok()?;
        self.bytes.get(skip..).filter(|rest| !rest.is_empty())
    }
}

/// The longest header of an encrypted archive: a thousand recipients have less.
const LONGEST_HEADER: usize = 256 << 10;

/// An encrypted archive, decrypted as it is read.
pub(super) struct Decrypted {
    reader: Mutex<StreamReader<Cursor>>,
    size: u64,
}

impl Decrypted {
    pub(super) fn open(
        input: Arc<dyn ReadAt>,
        identities: &Identities,
        what: &str,
    ) -> Result<Self, ArchiveError> {
        if identities.is_empty() {
            return Err(ArchiveError::NeedsIdentity(what.to_owned()));
        }
        has_header(&input, what)?;
        let read = || ArchiveError::io("decrypt", what);
        let failed = |error: age::DecryptError| match error {
            age::DecryptError::NoMatchingKeys => ArchiveError::WrongIdentity(what.to_owned()),
            age::DecryptError::Io(error) => read()(error),
            other => ArchiveError::damaged(what, format!("it cannot be decrypted: {other}")),
        };
        let decryptor = age::Decryptor::new(Cursor::new(input)).map_err(failed)?;
        let mut reader = decryptor.decrypt(identities.iter()).map_err(failed)?;
        // This reads the last piece, which tells that nothing was cut off.
        let size = reader.seek(SeekFrom::End(0)).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => {
                ArchiveError::damaged(what, "its end is missing or not what was written")
            }
            _ => read()(error),
        })?;
        Ok(Self { reader: Mutex::new(reader), size })
    }
}

/// Looks for the end of the header, which would otherwise be searched for to the end of the file.
fn has_header(input: &Arc<dyn ReadAt>, what: &str) -> Result<(), ArchiveError> {
    let mut begin = Vec::new();
    Cursor::new(Arc::clone(input))
        .take(LONGEST_HEADER as u64)
        .read_to_end(&mut begin)
        .map_err(ArchiveError::io("read", what))?;
    if begin.windows(5).any(|window| window == b"\n--- ") {
        return Ok(());
    }
    Err(ArchiveError::damaged(what, "the header of its encryption has no end"))
}

impl ReadAt for Decrypted {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        if offset >= self.size || buffer.is_empty() {
            return Ok(0);
        }
        let mut reader = self.reader.lock();
        reader.seek(SeekFrom::Start(offset))?;
        reader.read(buffer)
    }
}

/// Reads on from a place.
#[derive(Clone)]
pub(super) struct Cursor {
    input: Arc<dyn ReadAt>,
    at: u64,
    end: u64,
}

impl Cursor {
    pub(super) fn new(input: Arc<dyn ReadAt>) -> Self {
        let end = input.size();
        Self { input, at: 0, end }
    }

    pub(super) fn range(input: Arc<dyn ReadAt>, from: u64, to: u64) -> Self {
        let end = to.min(input.size());
        Self { at: from.min(end), input, end }
    }
}

impl Read for Cursor {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let most = buffer.len().min(left);
        let room = buffer.get_mut(..most).unwrap_or_default();
        let count = self.input.read_at(self.at, room)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Cursor {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.end.checked_add_signed(by),
        };
        self.at = place.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

/// The same for the library that reads zip.
pub(super) struct At(pub(super) Arc<dyn ReadAt>);

impl rawzip::ReaderAt for At {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(offset, buffer)
    }
}
