//! The folder that people listed last, for its next page: a large one takes long to read, and its pages are parts of one list.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backstay_core::FileId;
use backstay_model::RepositoryId;
use backstay_model::command::FolderItem;
use parking_lot::Mutex;

/// A list that nobody asked for during this time is let go.
const IDLE: Duration = Duration::from_secs(60);

/// What a list is of.
#[derive(PartialEq, Eq)]
pub(super) enum Listed {
    /// A folder of a snapshot. Trees are named by their content, so that its list never changes.
    Tree(RepositoryId, FileId),
    /// A folder of an archive, which never changes either.
    Archive(RepositoryId, String, Vec<u8>),
    /// A folder of the host, as it was when its first page was asked for.
    Host(PathBuf),
}

/// One list, in memory.
#[derive(Default)]
pub(super) struct Listings(Mutex<Option<Kept>>);

struct Kept {
    of: Listed,
    items: Arc<Vec<FolderItem>>,
    used: Instant,
}

impl Listings {
    /// The list that is kept of this.
    pub(super) fn of(&self, of: &Listed) -> Option<Arc<Vec<FolderItem>>> {
        self.0.lock().as_mut().filter(|kept| kept.of == *of).map(|kept| {
            kept.used = Instant::now();
            Arc::clone(&kept.items)
        })
    }

    /// Keeps a list in place of the one before.
    pub(super) fn keep(&self, of: Listed, items: Vec<FolderItem>) -> Arc<Vec<FolderItem>> {
        let items = Arc::new(items);
        *self.0.lock() = Some(Kept { of, items: Arc::clone(&items), used: Instant::now() });
        items
    }

    /// Lets go what nobody has asked for in a while.
    pub(super) fn tidy(&self) {
        self.0.lock().take_if(|kept| kept.used.elapsed() > IDLE);
    }
}
