//! Takes items away.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::files::listing;

/// Removes a file, link, empty folder or, with `everything`, a folder and all in it. Nothing there is fine.
pub(super) fn remove(folder: BorrowedFd<'_>, name: &[u8], everything: bool) -> Result<(), Errno> {
    match rustix::fs::unlinkat(folder, name, AtFlags::empty()) {
        Err(Errno::ISDIR | Errno::PERM) => {}
        outcome => return gone(outcome),
    }
    match rustix::fs::unlinkat(folder, name, AtFlags::REMOVEDIR) {
        Err(Errno::NOTEMPTY | Errno::EXIST) if everything => remove_tree(folder, name),
        outcome => gone(outcome),
    }
}

/// A folder on the way down.
struct Level {
    fd: OwnedFd,
    name: Vec<u8>,
    folders: Vec<Vec<u8>>,
}

impl Level {
    /// Opens a folder, removes what is no folder from it, and keeps the names of those that are.
    fn enter(folder: BorrowedFd<'_>, name: &[u8]) -> Result<Self, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(folder, name, flags, Mode::empty())?;
        let mut folders = Vec::new();
        for (inner, _) in listing::sorted(&fd, &mut Vec::new())? {
            match rustix::fs::unlinkat(&fd, &inner, AtFlags::empty()) {
                Err(Errno::ISDIR | Errno::PERM) => folders.push(inner),
                outcome => gone(outcome)?,
            }
        }
        Ok(Self { fd, name: name.to_vec(), folders })
    }
}

/// Removes a tree of any depth, on a stack of its own.
fn remove_tree(folder: BorrowedFd<'_>, name: &[u8]) -> Result<(), Errno> {
    let mut way = vec![Level::enter(folder, name)?];
    while let Some(level) = way.last_mut() {
        if let Some(next) = level.folders.pop() {
            let entered = Level::enter(level.fd.as_fd(), &next)?;
            way.push(entered);
        } else if let Some(done) = way.pop() {
            let above = way.last().map_or(folder, |level| level.fd.as_fd());
            gone(rustix::fs::unlinkat(above, &done.name, AtFlags::REMOVEDIR))?;
        }
    }
    Ok(())
}

fn gone(outcome: Result<(), Errno>) -> Result<(), Errno> {
    match outcome {
        Err(Errno::NOENT) => Ok(()),
        other => other,
    }
}
