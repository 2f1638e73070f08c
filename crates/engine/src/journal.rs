//! What an interrupted backup had done, kept on the node so that the next one need not do it again.
//!
//! A snapshot of a part would be taken for a whole by everybody who reads it, so none is ever written. Instead this
//! file notes each pack that is stored, each folder whose tree is stored and each big file whose content is. It is only a hint: nothing
//! in it is believed before the repository is asked. Its records are sealed with the repository's key, and a
//! torn end is passed over.

use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use backstay_core::{FileId, FileKind, Meta, Random};
use parking_lot::Mutex;

use crate::Result;
use crate::check::pack_length;
use crate::crypto::Key;
use crate::format::IndexFile;
use crate::format::index::PackIndex;
use crate::format::pack::{parse_header, write_header};
use crate::index::Index;
use crate::repository::{Lock, Repository};

/// The journal of one backup.
pub struct Journal {
    path: PathBuf,
    key: Key,
    random: Arc<dyn Random>,
    file: Mutex<BufWriter<File>>,
    past: Past,
}

/// What an earlier, interrupted backup noted.
#[derive(Default)]
struct Past {
    packs: Vec<PackIndex>,
    folders: HashMap<Vec<u8>, FileId>,
    files: HashMap<Vec<u8>, FileRecord>,
}

/// A big file whose content is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
struct FileRecord {
    stamp: Stamp,
    content: Vec<FileId>,
}

/// What must be the same for a file to be taken as unchanged: size, inode, and both times.
type Stamp = [u64; 6];

fn stamp(meta: &Meta) -> Stamp {
    let (modified, changed) = (meta.modified, meta.changed);
    [
        meta.size,
        meta.inode,
        modified.seconds as u64,
        u64::from(modified.nanos),
        changed.seconds as u64,
        u64::from(changed.nanos),
    ]
}

/// Longest record that is read back.
const RECORD_LIMIT: u32 = 64 << 20;
const PACK: u8 = 1;
const FOLDER: u8 = 2;
const FILE: u8 = 3;

impl Journal {
    /// Opens the journal at this path, or makes one. `None` when another backup is writing it.
    ///
    /// # Errors
    /// When the file cannot be opened or made.
    pub fn open(repository: &Repository, path: &Path) -> std::io::Result<Option<Self>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        if file.try_lock().is_err() {
            return Ok(None);
        }
        let (past, whole) = Past::read(&mut file, repository.key());
        file.set_len(whole)?;
        file.seek(SeekFrom::End(0))?;
        Ok(Some(Self {
            path: path.to_owned(),
            key: repository.key().clone(),
            random: Arc::clone(&repository.environment().random),
            file: Mutex::new(BufWriter::new(file)),
            past,
        }))
    }

    /// Whether an earlier backup left something.
    #[must_use]
    pub fn is_resumed(&self) -> bool {
        !self.past.packs.is_empty() || !self.past.folders.is_empty() || !self.past.files.is_empty()
    }

    /// Indexes the packs that were stored before the earlier backup was interrupted but that no index file names; returns how many.
    ///
    /// # Errors
    /// When packs cannot be listed or the index not be stored.
    pub fn adopt_packs(&self, repository: &Repository, index: &Index, lock: &Lock) -> Result<usize> {
        let known: HashSet<FileId> =
            (0..index.pack_count()).filter_map(|number| index.pack(number as u32)).collect();
        let unknown: Vec<&PackIndex> =
            self.past.packs.iter().filter(|pack| !known.contains(&pack.id)).collect();
        if unknown.is_empty() {
            return Ok(0);
        }
        let stored: HashMap<FileId, u64> = repository.list(FileKind::Pack)?.into_iter().collect();
        let found: Vec<PackIndex> = unknown
            .into_iter()
            .filter(|pack| stored.get(&pack.id) == Some(&pack_length(pack)))
            .cloned()
            .collect();
        if found.is_empty() {
            return Ok(0);
        }
        lock.confirm()?;
        let count = found.len();
        for pack in &found {
            index.add(pack.id, &pack.blobs);
        }
        let file = IndexFile { supersedes: Vec::new(), packs: found };
        repository.save_unpacked(FileKind::Index, &file.to_json())?;
        Ok(count)
    }

    /// The tree that a folder had when it was done.
    pub(crate) fn folder(&self, path: &[u8]) -> Option<FileId> {
        self.past.folders.get(path).copied()
    }

    /// The content that a big file had, if it is the same file still.
    pub(crate) fn file(&self, path: &[u8], meta: &Meta) -> Option<&[FileId]> {
        self.past
            .files
            .get(path)
            .filter(|record| record.stamp == stamp(meta))
            .map(|record| record.content.as_slice())
    }

    /// Notes a pack that is stored, and gets all notes so far out of memory.
    pub(crate) fn note_pack(&self, pack: &PackIndex) {
        let mut record = vec![PACK];
        record.extend_from_slice(&pack.id.0);
        record.extend_from_slice(&write_header(&pack.blobs));
        self.append(&record, true);
    }

    /// Notes a folder whose tree is stored.
    pub(crate) fn note_folder(&self, path: &[u8], tree: &FileId) {
        let mut record = vec![FOLDER];
        record.extend_from_slice(&tree.0);
        record.extend_from_slice(path);
        self.append(&record, false);
    }

    /// Notes a file whose content is stored.
    pub(crate) fn note_file(&self, path: &[u8], meta: &Meta, content: &[FileId]) {
        let Ok(count) = u32::try_from(content.len()) else { return };
        let mut record = vec![FILE];
        for number in stamp(meta) {
            record.extend_from_slice(&number.to_le_bytes());
        }
        record.extend_from_slice(&count.to_le_bytes());
        for id in content {
            record.extend_from_slice(&id.0);
        }
        record.extend_from_slice(path);
        self.append(&record, false);
    }

    /// A note that cannot be written costs time later and nothing else, so errors are passed over.
    fn append(&self, record: &[u8], flush: bool) {
        let mut sealed = vec![0; 4];
        self.key.seal(&*self.random, record, &mut sealed);
        let Ok(length) = u32::try_from(sealed.len() - 4) else { return };
        for (byte, value) in sealed.iter_mut().zip(length.to_le_bytes()) {
            *byte = value;
        }
        let mut file = self.file.lock();
        let _ = file.write_all(&sealed);
        if flush {
            let _ = file.flush();
        }
    }

    /// The backup is complete: the journal is no longer needed.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn complete(&self) -> std::io::Result<()> {
        std::fs::remove_file(&self.path)
    }
}

impl Past {
    /// Reads all whole records; returns them and the length that they take.
    fn read(file: &mut File, key: &Key) -> (Self, u64) {
        let mut past = Self::default();
        let mut bytes = Vec::new();
        if file.read_to_end(&mut bytes).is_err() {
            return (past, 0);
        }
        let mut rest = bytes.as_mut_slice();
        let mut whole = 0;
        while let Some((length, after)) = rest.split_first_chunk_mut::<4>() {
            let length = u32::from_le_bytes(*length);
            if length > RECORD_LIMIT {
                break;
            }
            let Some((sealed, later)) = after.split_at_mut_checked(length as usize) else { break };
            let Ok(record) = key.open(sealed) else { break };
            past.take(record);
            whole += 4 + u64::from(length);
            rest = later;
        }
        (past, whole)
    }

    fn take(&mut self, record: &[u8]) -> Option<()> {
        let (tag, rest) = record.split_first()?;
        match *tag {
            PACK => {
                let (id, header) = rest.split_first_chunk::<32>()?;
                self.packs.push(PackIndex { id: FileId(*id), blobs: parse_header(header).ok()? });
            }
            FOLDER => {
                let (id, path) = rest.split_first_chunk::<32>()?;
                self.folders.insert(path.to_vec(), FileId(*id));
            }
            FILE => {
                let (numbers, rest) = rest.split_first_chunk::<48>()?;
                let mut stamp = Stamp::default();
                for (number, bytes) in stamp.iter_mut().zip(numbers.as_chunks::<8>().0) {
                    *number = u64::from_le_bytes(*bytes);
                }
                let (count, rest) = rest.split_first_chunk::<4>()?;
                let (ids, path) = rest.split_at_checked(u32::from_le_bytes(*count) as usize * 32)?;
                let content = ids.as_chunks::<32>().0.iter().map(|id| FileId(*id)).collect();
                self.files.insert(path.to_vec(), FileRecord { stamp, content });
            }
            _ => {}
        }
        Some(())
    }
}
