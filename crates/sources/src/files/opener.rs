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
    /// Device and inode of the file whose metadata was read.
    pub(super) identity: (u64, u64),
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
        // Its content must not go with the owner and permissions of another.
        if (stat.st_dev, stat.st_ino) != self.identity {
            return Err(Error::other("another file came into its place meanwhile"));
        }
        Ok(Box::new(File::from(file)))
    }

    fn duplicate(&self) -> Option<Box<dyn Opener>> {
        Some(Box::new(Self {
            folder: Arc::clone(&self.folder),
            name: self.name.clone(),
            identity: self.identity,
        }))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_came_into_the_place_of_another_is_not_taken_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "secret").unwrap();
        let held = Arc::new(File::open(folder.path()).unwrap());
        let stat = rustix::fs::statat(&held, "file", rustix::fs::AtFlags::empty()).unwrap();
        let identity = (stat.st_dev, stat.st_ino);
        let opener = || Box::new(FileOpener { folder: Arc::clone(&held), name: b"file".to_vec(), identity });
        opener().open().unwrap();
        std::fs::write(folder.path().join("other"), "public").unwrap();
        std::fs::rename(folder.path().join("other"), &path).unwrap();
        assert!(opener().open().err().unwrap().to_string().contains("another file"));
    }
}
