//! Folders that are entered step by step, so that no link leads out of them, and files that appear whole or not at all.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use jiff::Timestamp;
use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, RenameFlags, mkdirat, openat, renameat, unlinkat,
};
use rustix::io::Errno;

/// What is ours alone.
const FOLDER_MODE: Mode = Mode::RWXU;
const FILE_MODE: Mode = Mode::RUSR.union(Mode::WUSR);

/// An open folder.
#[derive(Debug)]
pub(crate) struct Folder(OwnedFd);

/// What lies in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) is_folder: bool,
    /// Bytes of a file.
    pub(crate) size: u64,
    pub(crate) modified: Timestamp,
}

/// Whether an error says that a symbolic link was met where none may be.
pub(crate) fn is_link(error: &io::Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::LOOP)
}

impl Folder {
    /// Opens a folder by its path, links allowed: for those that an administrator names.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(openat(CWD, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?))
    }

    /// A folder within this one; a link in its place is refused.
    pub(crate) fn enter(&self, name: &str) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Self(openat(&self.0, name, flags, Mode::empty())?))
    }

    /// A folder within this one, made durably if it is not there.
    pub(crate) fn make(&self, name: &str) -> io::Result<Self> {
        match mkdirat(&self.0, name, FOLDER_MODE) {
            Ok(()) => self.sync()?,
            Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        self.enter(name)
    }

    /// The folder at the end of these steps.
    pub(crate) fn walk<'a>(&self, steps: impl Iterator<Item = &'a str>) -> io::Result<Self> {
        let mut folder = self.again()?;
        for step in steps {
            folder = folder.enter(step)?;
        }
        Ok(folder)
    }

    /// The same, each made if it is not there.
    pub(crate) fn make_walk<'a>(&self, steps: impl Iterator<Item = &'a str>) -> io::Result<Self> {
        let mut folder = self.again()?;
        for step in steps {
            folder = folder.make(step)?;
        }
        Ok(folder)
    }

    /// The same folder once more.
    pub(crate) fn again(&self) -> io::Result<Self> {
        Ok(Self(self.0.try_clone()?))
    }

    /// Opens a regular file to read.
    pub(crate) fn read(&self, name: &str) -> io::Result<File> {
        // Without NONBLOCK a pipe would be waited for.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(openat(&self.0, name, flags, Mode::empty())?);
        if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    /// Opens a regular file to read and write.
    pub(crate) fn update(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(File::from(openat(&self.0, name, flags, Mode::empty())?))
    }

    /// Makes a new file.
    pub(crate) fn create(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(File::from(openat(&self.0, name, flags, FILE_MODE)?))
    }

    /// Whether something has this name.
    pub(crate) fn has(&self, name: &str) -> io::Result<bool> {
        match rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives a file a name in another folder, durably; never over another.
    pub(crate) fn publish(&self, name: &str, to: &Self, new: &str) -> io::Result<()> {
        match rustix::fs::renameat_with(&self.0, name, &to.0, new, RenameFlags::NOREPLACE) {
            // Old kernels and some file systems know no such flag.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                rustix::fs::linkat(&self.0, name, &to.0, new, AtFlags::empty())?;
                self.remove(name)?;
            }
            renamed => renamed?,
        }
        to.sync()
    }

    /// Gives an entry another name in this folder, in the place of a file that has it.
    pub(crate) fn rename(&self, name: &str, new: &str) -> io::Result<()> {
        renameat(&self.0, name, &self.0, new)?;
        self.sync()
    }

    /// Writes a small file whole and durably, in the place of one of that name. One writer at a time.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let temporary = format!(".{name}.new");
        match self.remove(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let written = self.create(&temporary).and_then(|mut file| {
            file.write_all(content)?;
            file.sync_all()
        });
        if let Err(error) = written.and_then(|()| self.rename(&temporary, name)) {
            // What is left of it is of no use, and removed by the next attempt at the latest.
            let _ = self.remove(&temporary);
            return Err(error);
        }
        Ok(())
    }

    /// Removes a file.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        Ok(unlinkat(&self.0, name, AtFlags::empty())?)
    }

    /// Removes an empty folder.
    pub(crate) fn remove_folder(&self, name: &str) -> io::Result<()> {
        Ok(unlinkat(&self.0, name, AtFlags::REMOVEDIR)?)
    }

    /// Removes a folder with the files in it; there are no folders in it.
    pub(crate) fn remove_flat(&self, name: &str) -> io::Result<()> {
        let inner = match self.enter(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            inner => inner?,
        };
        for entry in inner.entries_with_hidden()? {
            inner.remove(&entry.name)?;
        }
        self.remove_folder(name)?;
        self.sync()
    }

    /// Brings the folder's entries to the disk, where the file system knows how.
    pub(crate) fn sync(&self) -> io::Result<()> {
        match rustix::fs::fsync(&self.0) {
            Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(()),
            synced => Ok(synced?),
        }
    }

    /// Bytes that are free for us on this file system.
    pub(crate) fn free(&self) -> io::Result<u64> {
        let told = rustix::fs::fstatvfs(&self.0)?;
        Ok(told.f_bavail.saturating_mul(told.f_frsize))
    }

    /// The regular files and folders in it, without hidden ones and such whose names are no UTF-8.
    pub(crate) fn entries(&self) -> io::Result<Vec<Entry>> {
        let mut all = self.entries_with_hidden()?;
        all.retain(|entry| !entry.name.starts_with('.'));
        Ok(all)
    }

    /// The same with those whose names begin with a dot.
    pub(crate) fn entries_with_hidden(&self) -> io::Result<Vec<Entry>> {
        let mut all = Vec::new();
        for entry in Dir::read_from(&self.0)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            if matches!(name, "." | "..") {
                continue;
            }
            let stat = match rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
                // Gone meanwhile.
                Err(Errno::NOENT) => continue,
                stat => stat?,
            };
            let is_folder = match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory => true,
                FileType::RegularFile => false,
                _ => continue,
            };
            all.push(Entry {
                name: name.to_owned(),
                is_folder,
                size: u64::try_from(stat.st_size).unwrap_or(0),
                modified: Timestamp::new(stat.st_mtime, i32::try_from(stat.st_mtime_nsec).unwrap_or(0))
                    .unwrap_or(Timestamp::UNIX_EPOCH),
            });
        }
        Ok(all)
    }

    /// Calls `each` with every regular file below, by its name from here. What goes away meanwhile is passed over.
    pub(crate) fn each_file(&self, each: &mut dyn FnMut(&str, &Entry) -> io::Result<()>) -> io::Result<()> {
        self.each_below("", 0, each)
    }

    fn each_below(
        &self,
        prefix: &str,
        depth: usize,
        each: &mut dyn FnMut(&str, &Entry) -> io::Result<()>,
    ) -> io::Result<()> {
        for entry in self.entries()? {
            let path =
                if prefix.is_empty() { entry.name.clone() } else { format!("{prefix}/{}", entry.name) };
            if !entry.is_folder {
                each(&path, &entry)?;
            } else if depth < 32 {
                match self.enter(&entry.name) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    inner => inner?.each_below(&path, depth + 1, each)?,
                }
            }
        }
        Ok(())
    }

    /// Takes the folder's lock file `name` for as long as what comes back lives; waits for who has it.
    pub(crate) fn lock(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = File::from(openat(&self.0, name, flags, FILE_MODE)?);
        rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive)?;
        Ok(file)
    }

    /// The same, or `None` when somebody has it.
    pub(crate) fn try_lock(&self, name: &str) -> io::Result<Option<File>> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = File::from(openat(&self.0, name, flags, FILE_MODE)?);
        match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(file)),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl AsFd for Folder {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}
