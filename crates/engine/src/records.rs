//! A file of sealed records that only grows, and that may end anywhere.
//!
//! Each record stands with its length in four bytes, little endian, before it, and is sealed with the repository's key: what
//! another wrote, or garbled, is not taken for a record.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use backstay_core::Random;
use parking_lot::Mutex;

use crate::crypto::Key;
use crate::repository::Repository;

/// Longest record that is read back, in bytes.
const LONGEST: u32 = 64 << 20;

/// An open file of records.
pub(crate) struct Records {
    path: PathBuf,
    key: Key,
    random: Arc<dyn Random>,
    file: Mutex<BufWriter<File>>,
}

impl Records {
    /// Opens the file at this path, or makes one, and hands each whole record in it to `each`. `None` when somebody else is
    /// writing it.
    ///
    /// # Errors
    /// When the file cannot be opened or made.
    pub(crate) fn open(
        repository: &Repository,
        path: &Path,
        each: impl FnMut(&[u8]),
    ) -> std::io::Result<Option<Self>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        if file.try_lock().is_err() {
            return Ok(None);
        }
        let whole = read(&mut file, repository.key(), each);
        file.set_len(whole)?;
        file.seek(SeekFrom::End(0))?;
        Ok(Some(Self {
            path: path.to_owned(),
            key: repository.key().clone(),
            random: Arc::clone(&repository.environment().random),
            file: Mutex::new(BufWriter::new(file)),
        }))
    }

    /// Adds a record; with `flush` it gets out of memory, with all that were added before. A record that cannot be written costs
    /// time later and nothing else, so errors are passed over.
    pub(crate) fn append(&self, record: &[u8], flush: bool) {
        let mut sealed = Vec::new();
        self.key.seal(&*self.random, record, &mut sealed);
        let Some(length) = u32::try_from(sealed.len()).ok().filter(|length| *length <= LONGEST) else {
            return;
        };
        let framed = [&length.to_le_bytes(), sealed.as_slice()].concat();
        let mut file = self.file.lock();
        let _ = file.write_all(&framed);
        if flush {
            let _ = file.flush();
        }
    }

    /// Forgets all records.
    ///
    /// # Errors
    /// When the file cannot be cut.
    pub(crate) fn clear(&self) -> std::io::Result<()> {
        let mut file = self.file.lock();
        file.flush()?;
        file.get_ref().set_len(0)?;
        file.seek(SeekFrom::Start(0)).map(drop)
    }

    /// Removes the file.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub(crate) fn remove(&self) -> std::io::Result<()> {
        std::fs::remove_file(&self.path)
    }
}

/// Hands records on, up to the first that is torn, garbled or of another key; returns the bytes they take.
pub(crate) fn read(file: impl Read, key: &Key, mut each: impl FnMut(&[u8])) -> u64 {
    let mut file = BufReader::new(file);
    let (mut whole, mut sealed) = (0, Vec::new());
    loop {
        let mut length = [0; 4];
        if file.read_exact(&mut length).is_err() {
            return whole;
        }
        let length = u32::from_le_bytes(length);
        sealed.clear();
        let read = file.by_ref().take(u64::from(length.min(LONGEST))).read_to_end(&mut sealed);
        if read.ok() != Some(length as usize) {
            return whole;
        }
        let Ok(record) = key.open(&mut sealed) else { return whole };
        each(record);
        whole += 4 + u64::from(length);
    }
}
