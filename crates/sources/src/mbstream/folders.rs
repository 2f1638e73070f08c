//! The folders that the paths in a stream name, made in the sink as they come up.

use std::collections::BTreeMap;

use backstay_core::{Folder, Meta, SinkError};

use super::chunk::StreamError;

/// Folders by path; the root's is empty.
pub(super) struct Folders(BTreeMap<Vec<u8>, Box<dyn Folder>>);

impl Folders {
    pub(super) fn new(root: Box<dyn Folder>) -> Self {
        Self(BTreeMap::from([(Vec::new(), root)]))
    }

    pub(super) fn contains(&self, path: &[u8]) -> bool {
        self.0.contains_key(path)
    }

    /// The folder that a file lies in, made with those above it where needed; `taken` knows what is a
    /// file already.
    pub(super) fn of(
        &mut self,
        path: &[u8],
        taken: impl Fn(&[u8]) -> bool,
    ) -> Result<&dyn Folder, StreamError> {
        let mut above: &[u8] = b"";
        for (end, _) in path.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
            let folder = path.get(..end).unwrap_or_default();
            if !self.0.contains_key(folder) {
                if taken(folder) {
                    return Err(conflict(folder));
                }
                let name = folder.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
                let made = self.get(above)?.folder(name)?;
                self.0.insert(folder.to_vec(), made);
            }
            above = folder;
        }
        self.get(above)
    }

    fn get(&self, path: &[u8]) -> Result<&dyn Folder, StreamError> {
        self.0.get(path).map(|folder| &**folder).ok_or_else(|| conflict(path))
    }

    /// Closes all, the inner ones first.
    pub(super) fn close(self, meta: &Meta) -> Result<(), SinkError> {
        self.0.into_iter().rev().try_for_each(|(_, folder)| folder.close(meta.clone()))
    }
}

pub(super) fn conflict(path: &[u8]) -> StreamError {
    StreamError::Conflict { path: String::from_utf8_lossy(path).into_owned() }
}

/// The path without its `.` components, as the tools begin theirs with `./`.
pub(super) fn clean(path: &[u8]) -> Result<Vec<u8>, StreamError> {
    let parts: Vec<_> = path.split(|&byte| byte == b'/').filter(|part| *part != b".").collect();
    let is_bad = |part: &&[u8]| part.is_empty() || *part == b".." || part.contains(&0);
    if parts.is_empty() || parts.iter().any(is_bad) {
        return Err(StreamError::BadPath { path: String::from_utf8_lossy(path).into_owned() });
    }
    Ok(parts.join(&b'/'))
}
