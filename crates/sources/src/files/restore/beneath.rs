//! Finds items beneath a root folder without ever leaving it.
//!
//! Folders are opened so that the kernel refuses symbolic links on the way (`openat2`), or component
//! by component where it has no such call. A snapshot may come from anywhere and a restore may go where
//! others write too, so a link out of the target must not be followed even if it appears meanwhile.

use std::num::NonZeroUsize;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lru::LruCache;
use parking_lot::Mutex;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

/// Folders kept open: a restore writes many files of one folder one after the other.
const KEPT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(127);

/// The longest piece of a path given to the kernel at once.
const LONGEST: usize = 4000;

const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// A root folder and the folders open beneath it.
#[derive(Debug)]
pub(super) struct Root {
    /// None of a folder that is not there.
    fd: Option<Arc<OwnedFd>>,
    kept: Mutex<LruCache<Vec<u8>, Arc<OwnedFd>>>,
    kernel_checks: AtomicBool,
}

/// An item by its name in an open folder; the root itself is `.` in itself.
#[derive(Debug)]
pub(super) struct Spot<'a> {
    pub(super) folder: Arc<OwnedFd>,
    pub(super) name: &'a [u8],
}

impl Spot<'_> {
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }
}

impl Root {
    pub(super) fn open(path: &Path) -> std::io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(CWD, path, flags, Mode::empty())?;
        Ok(Self::new(Some(Arc::new(fd))))
    }

    /// A folder that need not be there; then nothing is found in it.
    pub(super) fn open_if_there(path: &Path) -> std::io::Result<Self> {
        match Self::open(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::new(None)),
            outcome => outcome,
        }
    }

    fn new(fd: Option<Arc<OwnedFd>>) -> Self {
        Self { fd, kept: Mutex::new(LruCache::new(KEPT)), kernel_checks: AtomicBool::new(true) }
    }

    fn fd(&self) -> Result<&Arc<OwnedFd>, Errno> {
        self.fd.as_ref().ok_or(Errno::NOENT)
    }

    /// The folder that holds an item, and the item's name in it.
    pub(super) fn spot<'a>(&self, path: &'a [u8]) -> Result<Spot<'a>, Errno> {
        if path.is_empty() {
            return Ok(Spot { folder: Arc::clone(self.fd()?), name: b"." });
        }
        let (above, name) = split(path);
        if !is_name(name) {
            return Err(Errno::INVAL);
        }
        Ok(Spot { folder: self.folder(above)?, name })
    }

    /// An open folder.
    fn folder(&self, path: &[u8]) -> Result<Arc<OwnedFd>, Errno> {
        if path.is_empty() {
            return Ok(Arc::clone(self.fd()?));
        }
        if let Some(fd) = self.kept.lock().get(path) {
            return Ok(Arc::clone(fd));
        }
        if !path.split(|&byte| byte == b'/').all(is_name) {
            return Err(Errno::INVAL);
        }
        // Mostly the folder above is open, and then the way is one step.
        let (above, name) = split(path);
        let nearest = self.kept.lock().get(above).map(Arc::clone);
        let fd = match nearest {
            Some(above) => rustix::fs::openat(&above, name, FOLDER, Mode::empty()).map_err(no_link)?,
            None => self.descend(path)?,
        };
        let fd = Arc::new(fd);
        self.kept.lock().put(path.to_vec(), Arc::clone(&fd));
        Ok(fd)
    }

    /// Opens a folder from the root on.
    fn descend(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        let root = self.fd()?;
        let mut here: Option<OwnedFd> = None;
        let mut rest = path;
        while !rest.is_empty() {
            let (piece, after) = self.next_piece(rest);
            let base = here.as_ref().map_or(root.as_fd(), |fd| fd.as_fd());
            match self.step(base, piece)? {
                Some(fd) => {
                    here = Some(fd);
                    rest = after;
                }
                // The kernel will not check this for us: go on in single steps.
                None => self.kernel_checks.store(false, Ordering::Relaxed),
            }
        }
        here.ok_or(Errno::INVAL)
    }

    /// As much of a path as can be opened at once, and what comes behind it.
    fn next_piece<'a>(&self, path: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        let limit = if self.kernel_checks.load(Ordering::Relaxed) { LONGEST } else { 0 };
        if path.len() <= limit {
            return (path, b"");
        }
        let is_slash = |byte: &u8| *byte == b'/';
        let cut = path.get(..limit).and_then(|start| start.iter().rposition(is_slash));
        match cut.or_else(|| path.iter().position(is_slash)) {
            Some(at) => (path.get(..at).unwrap_or(path), path.get(at + 1..).unwrap_or_default()),
            None => (path, b""),
        }
    }

    fn step(&self, base: BorrowedFd<'_>, piece: &[u8]) -> Result<Option<OwnedFd>, Errno> {
        if !self.kernel_checks.load(Ordering::Relaxed) {
            return rustix::fs::openat(base, piece, FOLDER, Mode::empty()).map(Some).map_err(no_link);
        }
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        match rustix::fs::openat2(base, piece, FOLDER, Mode::empty(), resolve) {
            Ok(fd) => Ok(Some(fd)),
            // Too old a kernel, a sandbox that forbids the call, or renames under way.
            Err(Errno::NOSYS | Errno::PERM | Errno::AGAIN) => Ok(None),
            Err(error) => Err(no_link(error)),
        }
    }

    /// Closes what is kept open of a folder that goes away.
    pub(super) fn forget(&self, path: &[u8]) {
        let mut kept = self.kept.lock();
        let beneath =
            |key: &[u8]| key.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"));
        let gone: Vec<_> = kept.iter().map(|(key, _)| key).filter(|key| beneath(key)).cloned().collect();
        for key in gone {
            kept.pop(&key);
        }
    }

    #[cfg(test)]
    pub(super) fn without_kernel_checks(self) -> Self {
        self.kernel_checks.store(false, Ordering::Relaxed);
        self
    }
}

/// A link where a folder should be is no folder, however the kernel puts it.
fn no_link(error: Errno) -> Errno {
    if error == Errno::LOOP { Errno::NOTDIR } else { error }
}

/// The path of the folder above, and the last name.
pub(super) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|&byte| byte == b'/') {
        Some(at) => (path.get(..at).unwrap_or_default(), path.get(at + 1..).unwrap_or_default()),
        None => (b"", path),
    }
}

fn is_name(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b"..") && !name.contains(&0)
}
