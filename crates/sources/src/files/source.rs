//! A folder of the file system while it is walked.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// A folder of the file system that is held open.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) fd: OwnedFd,
    /// Its absolute path.
    pub(super) path: Vec<u8>,
    /// The file system it is on.
    pub(super) device: u64,
    /// The file system that it and everything below it is to be on.
    pub(super) home: u64,
    /// Names of the tag files in it, each of which keeps all but itself out.
    pub(super) tags: Vec<Vec<u8>>,
}

impl AsFd for Source {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

pub(super) fn beneath(folder: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = Vec::with_capacity(folder.len() + name.len() + 1);
    extend_beneath(&mut path, folder, name);
    path
}

pub(super) fn extend_beneath(path: &mut Vec<u8>, folder: &[u8], name: &[u8]) {
    path.extend_from_slice(folder);
    if path.last() != Some(&b'/') {
        path.push(b'/');
    }
    path.extend_from_slice(name);
}
