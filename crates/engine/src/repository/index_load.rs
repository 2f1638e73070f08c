//! Reading all index files, on several threads.

use std::sync::Arc;

use backstay_core::{FileId, FileKind};
use parking_lot::Mutex;

use super::Repository;
use crate::format::IndexFile;
use crate::index::Index;
use crate::room::Room;
use crate::side_by_side::for_each;
use crate::{Error, Result};

/// How much of index files is held at once, as they are stored; in memory they take some six times as much.
pub(crate) const INDEX_HELD: u64 = 12 << 20;

impl Repository {
    /// Loads the index.
    ///
    /// # Errors
    /// When an index file cannot be read: what it names would be stored again or, worse, pruned.
    pub fn load_index(&self) -> Result<Arc<Index>> {
        self.load_index_of(&self.index_files()?)
    }

    /// The files of the index with their lengths, in the order of their ids.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn index_files(&self) -> Result<Vec<(FileId, u64)>> {
        let mut files = self.list(FileKind::Index)?;
        files.sort_unstable();
        Ok(files)
    }

    /// Loads the index out of these files.
    ///
    /// # Errors
    /// As [`Self::load_index`].
    pub fn load_index_of(&self, files: &[(FileId, u64)]) -> Result<Arc<Index>> {
        let (index, mut damaged) = self.load_index_files(files);
        match damaged.pop() {
            Some((_, error)) => Err(error),
            None => Ok(Arc::new(index)),
        }
    }

    /// Loads what can be loaded of the index, and tells which files cannot be read and why.
    ///
    /// # Errors
    /// When the files cannot be listed.
    pub fn load_index_leniently(&self) -> Result<(Index, Vec<(FileId, Error)>)> {
        Ok(self.load_index_files(&self.index_files()?))
    }

    fn load_index_files(&self, files: &[(FileId, u64)]) -> (Index, Vec<(FileId, Error)>) {
        let index = Mutex::new(Index::default());
        let damaged = Mutex::new(Vec::new());
        let room = Room::new(INDEX_HELD);
        let threads = self.settings().threads.max(self.storage().small_calls());
        for_each(files, threads, |(id, length)| {
            let _taken = room.take(*length);
            match self.load_index_file(*id) {
                Ok(file) => {
                    let mut index = index.lock();
                    file.packs.into_iter().for_each(|pack| index.load(pack));
                }
                Err(error) => damaged.lock().push((*id, error)),
            }
        });
        let mut index = index.into_inner();
        index.seal();
        (index, damaged.into_inner())
    }

    /// Loads one index file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn load_index_file(&self, id: FileId) -> Result<IndexFile> {
        IndexFile::parse(&self.load_unpacked(FileKind::Index, id)?)
    }
}
