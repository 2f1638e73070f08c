//! A thread of the walk: room that it uses again, and a working folder of its own.
//!
//! On Linux each thread can have its own working folder. From there the name of an item is all it
//! takes to ask for its extended attributes, which saves the kernel the walk along the whole path, and
//! works however long that path is. The thread goes there for that alone: rules and sinks are called
//! from where the process is, as they may mean relative paths.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;

use super::attributes;
use super::source::Source;

/// What a thread of the walk has for itself.
#[derive(Default)]
pub(super) struct Worker {
    pub(super) listing: Vec<u8>,
    pub(super) path: Vec<u8>,
    pub(super) names: Vec<u8>,
    /// The working folder of the process, if the thread can leave it alone.
    home: Option<OwnedFd>,
}

impl Worker {
    pub(super) fn new() -> Self {
        Self { home: leave_process_folder().ok(), ..Self::default() }
    }

    /// Lets attributes of items of a folder be read.
    pub(super) fn within(&mut self, folder: &Source, read: impl FnOnce(&mut Reader<'_>)) {
        let is_there = self.home.is_some() && rustix::process::fchdir(folder).is_ok();
        read(&mut Reader { folder, is_there, path: &mut self.path, names: &mut self.names });
        if is_there
            && let Some(home) = &self.home
            && rustix::process::fchdir(home).is_err()
        {
            // It worked before, so this is a folder that was closed to us meanwhile. Stay in a harmless place.
            let _ = rustix::process::chdir("/");
            self.home = None;
        }
    }
}

/// Reads attributes of items of one folder.
pub(super) struct Reader<'a> {
    folder: &'a Source,
    /// The folder is the working folder.
    is_there: bool,
    path: &'a mut Vec<u8>,
    names: &'a mut Vec<u8>,
}

impl Reader<'_> {
    pub(super) fn read(&mut self, name: &[u8]) -> Result<attributes::Read, Errno> {
        let item = if self.is_there {
            attributes::path_here(name, self.path)
        } else {
            attributes::path_of(&self.folder.path, self.folder.as_fd(), name, self.path)
        };
        attributes::read(attributes::Item::Path(item.ok_or(Errno::INVAL)?), self.names)
    }
}

/// Gives the thread a working folder of its own, and the one of the process to come back to.
/// Sandboxes may forbid this; then items are named by their paths.
fn leave_process_folder() -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let home = rustix::fs::openat(CWD, ".", flags, Mode::empty())?;
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_FS).map_err(|_| Errno::PERM)?;
    rustix::process::fchdir(&home)?;
    Ok(home)
}
