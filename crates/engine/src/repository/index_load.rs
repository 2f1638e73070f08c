//! Reading all index files, on several threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use backstay_core::{FileId, FileKind};
use parking_lot::Mutex;

use super::Repository;
use crate::format::IndexFile;
use crate::index::Index;
use crate::{Error, Result};

impl Repository {
    /// Loads the index.
    ///
    /// # Errors
    /// When an index file cannot be read: what it names would be stored again or, worse, pruned.
    pub fn load_index(&self) -> Result<Arc<Index>> {
        self.load_index_of(&self.index_files()?)
    }

    /// The files of the index, in the order of their ids.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn index_files(&self) -> Result<Vec<FileId>> {
        let mut files: Vec<FileId> = self.list(FileKind::Index)?.into_iter().map(|(id, _)| id).collect();
        files.sort_unstable();
        Ok(files)
    }

    /// Loads the index out of these files.
    ///
    /// # Errors
    /// As [`Self::load_index`].
    pub fn load_index_of(&self, files: &[FileId]) -> Result<Arc<Index>> {
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

    fn load_index_files(&self, files: &[FileId]) -> (Index, Vec<(FileId, Error)>) {
        let index = Mutex::new(Index::default());
        let damaged = Mutex::new(Vec::new());
        let next = AtomicUsize::new(0);
        let threads = self.settings().threads.max(self.storage().connections()).min(files.len());
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while let Some(id) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let file = self.load_unpacked(FileKind::Index, *id);
                        match file.and_then(|json| IndexFile::parse(&json)) {
                            Ok(file) => {
                                let mut index = index.lock();
                                file.packs.into_iter().for_each(|pack| index.load(pack));
                            }
                            Err(error) => damaged.lock().push((*id, error)),
                        }
                    }
                });
            }
        });
        let mut index = index.into_inner();
        index.seal();
        (index, damaged.into_inner())
    }
}
