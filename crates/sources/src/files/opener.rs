//! Opens the content of a file when a sink asks for it.

use std::fs::File;
use std::io::{Error, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use backstay_core::Opener;
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

/// A file by its name in a folder that is kept open for it, so that no path has to be walked again
/// and nobody can slip another file in by moving folders.
#[derive(Debug, Clone)]
pub(super) struct FileOpener<D> {
    pub(super) folder: Arc<D>,
    pub(super) name: Vec<u8>,
}

impl<D: AsFd + Send + Sync + 'static> Opener for FileOpener<D> {
    fn open(self: Box<Self>) -> std::io::Result<Box<dyn Read + Send>> {
        // Without NONBLOCK a pipe put in the file's place would hold us for ever.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = quiet_open(self.folder.as_fd(), &self.name, flags)?;
        let stat = rustix::fs::fstat(&file)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(Error::other("it is no regular file any more"));
        }
        Ok(Box::new(File::from(file)))
    }

    fn duplicate(&self) -> Option<Box<dyn Opener>> {
        Some(Box::new(Self { folder: Arc::clone(&self.folder), name: self.name.clone() }))
    }
}

/// Opens without leaving an access time behind, where the owner of the file lets us.
pub(super) fn quiet_open(folder: impl AsFd, name: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::CLOEXEC;
    match rustix::fs::openat(&folder, name, flags | OFlags::NOATIME, Mode::empty()) {
        Err(Errno::PERM) => rustix::fs::openat(&folder, name, flags, Mode::empty()),
        outcome => outcome,
    }
}
