//! The packs that were read last, kept open.

use std::fs::File;
use std::sync::Arc;

use backstay_core::FileId;
use parking_lot::Mutex;

/// A few open files, the latest used last. So few that a scan beats any map.
#[derive(Debug)]
pub(super) struct OpenFiles {
    capacity: usize,
    files: Mutex<Vec<(FileId, Arc<File>)>>,
}

impl OpenFiles {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, files: Mutex::new(Vec::with_capacity(capacity)) }
    }

    pub(super) fn get(&self, id: &FileId) -> Option<Arc<File>> {
        let mut files = self.files.lock();
        let at = files.iter().rposition(|(known, _)| known == id)?;
        let entry = files.remove(at);
        let file = Arc::clone(&entry.1);
        files.push(entry);
        Some(file)
    }

    pub(super) fn put(&self, id: FileId, file: Arc<File>) {
        let mut files = self.files.lock();
        files.retain(|(known, _)| *known != id);
        if files.len() >= self.capacity {
            files.remove(0);
        }
        files.push((id, file));
    }

    /// Lets go of a file that is about to be removed, so that its space comes free.
    pub(super) fn forget(&self, id: &FileId) {
        self.files.lock().retain(|(known, _)| known != id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_goes_first() {
        let open = OpenFiles::new(2);
        let file = || Arc::new(tempfile::tempfile().unwrap());
        let [a, b, c] = [1, 2, 3].map(|byte| FileId([byte; 32]));
        open.put(a, file());
        open.put(b, file());
        assert!(open.get(&a).is_some());
        open.put(c, file());
        assert!(open.get(&b).is_none());
        assert!(open.get(&a).is_some());
        open.forget(&a);
        assert!(open.get(&a).is_none());
        assert!(open.get(&c).is_some());
    }
}
