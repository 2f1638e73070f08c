//! The index that people looked things up in last, for their next question: a large one takes seconds to load.
//!
//! Index files are named by their content, so the index of the same files is the same index.

use std::sync::Arc;
use std::time::{Duration, Instant};

use backstay_core::FileId;
use backstay_engine::index::Index;
use backstay_engine::repository::Repository;
use parking_lot::Mutex;

/// An index that nobody asked for during this time is let go.
const IDLE: Duration = Duration::from_secs(5 * 60);

/// One index, in memory.
#[derive(Default)]
pub(super) struct Indexes(Mutex<Option<Kept>>);

struct Kept {
    ids: Vec<FileId>,
    index: Arc<Index>,
    used: Instant,
}

impl Indexes {
    /// The index of a repository as it is now.
    pub(super) fn of(&self, repository: &Repository) -> backstay_engine::Result<Arc<Index>> {
        let files = repository.index_files()?;
        let ids: Vec<FileId> = files.iter().map(|(id, _)| *id).collect();
        if let Some(kept) = self.0.lock().as_mut().filter(|kept| kept.ids == ids) {
            kept.used = Instant::now();
            return Ok(Arc::clone(&kept.index));
        }
        let index = repository.load_index_of(&files)?;
        *self.0.lock() = Some(Kept { ids, index: Arc::clone(&index), used: Instant::now() });
        Ok(index)
    }

    /// Lets go what nobody has asked for in a while.
    pub(super) fn tidy(&self) {
        self.0.lock().take_if(|kept| kept.used.elapsed() > IDLE);
    }
}
