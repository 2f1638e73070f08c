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
    files: Vec<FileId>,
    index: Arc<Index>,
    used: Instant,
}

impl Indexes {
    /// The index of a repository as it is now.
    pub(super) fn of(&self, repository: &Repository) -> backstay_engine::Result<Arc<Index>> {
        let before = self.0.lock().as_ref().map(|kept| (kept.files.clone(), Arc::clone(&kept.index)));
        let known = before.as_ref().map_or(&[][..], |(files, _)| files.as_slice());
        match (repository.load_index_unless(known)?, before) {
            (Some((files, index)), _) => {
                *self.0.lock() = Some(Kept { files, index: Arc::clone(&index), used: Instant::now() });
                Ok(index)
            }
            (None, Some((_, index))) => {
                self.0.lock().iter_mut().for_each(|kept| kept.used = Instant::now());
                Ok(index)
            }
            // No files at all.
            (None, None) => repository.load_index(),
        }
    }

    /// Lets go what nobody has asked for in a while.
    pub(super) fn tidy(&self) {
        self.0.lock().take_if(|kept| kept.used.elapsed() > IDLE);
    }
}
