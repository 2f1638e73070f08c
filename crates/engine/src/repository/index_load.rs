//! Reading all index files, on several threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use backstay_core::FileKind;
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
        let (index, mut damaged) = self.load_index_leniently()?;
        match damaged.pop() {
            Some((_, error)) => Err(error),
            None => Ok(Arc::new(index)),
        }
    }

    /// Loads what can be loaded of the index, and tells which files cannot be read and why.
    ///
    /// # Errors
    /// When the files cannot be listed.
    pub fn load_index_leniently(&self) -> Result<(Index, Vec<(backstay_core::FileId, Error)>)> {
        let files = self.list(FileKind::Index)?;
        let index = Mutex::new(Index::default());
        let damaged = Mutex::new(Vec::new());
        let next = AtomicUsize::new(0);
        let threads = self.settings().threads.max(self.storage().connections()).min(files.len());
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while let Some((id, _)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
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
        Ok((index, damaged.into_inner()))
    }
}
