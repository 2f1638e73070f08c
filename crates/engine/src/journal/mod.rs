//! What an interrupted backup had done, kept on the node so that the next one need not do it again.
//!
//! A snapshot of a part would be taken for a whole by everybody who reads it, so none is ever written. Instead this
//! file notes each pack that is stored, each folder whose tree is stored and each big file whose content is. It is only a hint: nothing
//! in it is believed before the repository is asked. Its records are sealed with the repository's key, and a
//! torn end is passed over.

mod notes;

use std::collections::{HashMap, HashSet};
use std::path::Path;

use backstay_core::{FileId, FileKind, Meta};
use parking_lot::Mutex;

use crate::Result;
use crate::check::pack_length;
use crate::format::IndexFile;
use crate::format::index::PackIndex;
use crate::index::Index;
use crate::records::Records;
use crate::repository::{Lock, Repository};

pub use notes::{FileNote, Notes};

/// The journal of one backup.
pub struct Journal {
    records: Records,
    past: Notes,
    /// The packs of the past that nobody has looked for yet.
    packs: Mutex<Vec<PackIndex>>,
}

impl Journal {
    /// Opens the journal at this path, or makes one. `None` when another backup is writing it.
    ///
    /// # Errors
    /// When the file cannot be opened or made.
    pub fn open(repository: &Repository, path: &Path) -> std::io::Result<Option<Self>> {
        let mut past = Notes::default();
        let records = Records::open(repository, path, |record| {
            past.take(record);
        })?;
        let packs = Mutex::new(std::mem::take(&mut past.packs));
        Ok(records.map(|records| Self { records, past, packs }))
    }

    /// Whether an earlier backup left something.
    #[must_use]
    pub fn is_resumed(&self) -> bool {
        !self.packs.lock().is_empty()
    }

    /// Indexes the packs that were stored before the earlier backup was interrupted but that no index file names; returns how many.
    ///
    /// # Errors
    /// When packs cannot be listed or the index not be stored.
    pub fn adopt_packs(&self, repository: &Repository, index: &Index, lock: &Lock) -> Result<usize> {
        let known: HashSet<FileId> =
            (0..index.pack_count()).filter_map(|number| index.pack(number as u32)).collect();
        let mut unknown = std::mem::take(&mut *self.packs.lock());
        unknown.retain(|pack| !known.contains(&pack.id));
        if unknown.is_empty() {
            return Ok(0);
        }
        let stored: HashMap<FileId, u64> = repository.list(FileKind::Pack)?.into_iter().collect();
        unknown.retain(|pack| stored.get(&pack.id) == Some(&pack_length(pack)));
        if unknown.is_empty() {
            return Ok(0);
        }
        lock.confirm()?;
        let count = unknown.len();
        for pack in &unknown {
            index.add(pack.id, &pack.blobs);
        }
        let file = IndexFile { supersedes: Vec::new(), packs: unknown };
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
            .filter(|note| note.stamp == notes::stamp(meta))
            .map(|note| note.content.as_slice())
    }

    /// Notes a pack that is stored, and gets all notes so far out of memory.
    pub(crate) fn note_pack(&self, pack: &PackIndex) {
        self.records.append(&notes::pack(pack), true);
    }

    /// Notes a folder whose tree is stored.
    pub(crate) fn note_folder(&self, path: &[u8], tree: &FileId) {
        self.records.append(&notes::folder(path, tree), false);
    }

    /// Notes a file whose content is stored.
    pub(crate) fn note_file(&self, path: &[u8], meta: &Meta, content: &[FileId]) {
        if let Some(record) = notes::file(path, meta, content) {
            self.records.append(&record, false);
        }
    }

    /// The backup is complete: the journal is no longer needed.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn complete(&self) -> std::io::Result<()> {
        self.records.remove()
    }
}
