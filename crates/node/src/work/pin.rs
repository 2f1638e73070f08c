//! Opening the folder that a restore goes to, so that nobody turns it into another one meanwhile.
//!
//! A path was judged, without links on its way. Whoever may write to a folder on that way could put a link in its place before
//! the restore begins. So the path is walked anew, folder by folder, and a link is refused; then the restore works through the
//! open folder and the path is not looked at again.

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
use rustix::io::Errno;

/// A folder that is held open.
pub(super) struct Pinned {
    fd: OwnedFd,
}

impl Pinned {
    /// Walks to a folder, making what is missing where `make` says so. `None` when it is not there and is not to be made.
    ///
    /// # Errors
    /// When there is a link or no folder on the way, or it cannot be made.
    pub(super) fn open(real: &Path, make: bool) -> std::io::Result<Option<Self>> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut fd = openat(CWD, "/", flags, Mode::empty())?;
        for component in real.components() {
            let Component::Normal(name) = component else { continue };
            let next = match openat(&fd, name, flags, Mode::empty()) {
                Err(Errno::NOENT) if !make => return Ok(None),
                Err(Errno::NOENT) => {
                    match mkdirat(&fd, name, Mode::from_raw_mode(0o755)) {
                        Ok(()) | Err(Errno::EXIST) => {}
                        Err(error) => return Err(error.into()),
                    }
                    openat(&fd, name, flags, Mode::empty())?
                }
                opened => opened?,
            };
            fd = next;
        }
        Ok(Some(Self { fd }))
    }

    /// A path that leads to the open folder, whatever its name leads to by now.
    pub(super) fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.fd.as_raw_fd()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_refused_and_what_is_open_stays() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        assert!(Pinned::open(&root.join("a/b"), false).unwrap().is_none());
        let pinned = Pinned::open(&root.join("a/b"), true).unwrap().unwrap();
        std::fs::create_dir(root.join("elsewhere")).unwrap();
        std::fs::rename(root.join("a"), root.join("moved")).unwrap();
        std::os::unix::fs::symlink(root.join("elsewhere"), root.join("a")).unwrap();
        assert!(Pinned::open(&root.join("a/b"), true).is_err());
        std::fs::write(pinned.path().join("file"), "x").unwrap();
        assert!(root.join("moved/b/file").is_file());
    }
}
