//! Writes files so that they appear whole, last, and never over another.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::layout;

/// With which permissions folders and files are made. Without effect on Windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Modes {
    folder: u32,
    file: u32,
}

impl Modes {
    /// Nobody but the owner gets in.
    pub(crate) const PRIVATE: Self = Self { folder: 0o700, file: 0o600 };
    const GROUP: Self = Self { folder: 0o770, file: 0o660 };

    /// What the mode of a repository's `config` asks for: a group that may read it may read and write all.
    pub(super) fn like(config: &Path) -> Self {
        if group_may_read(config) { Self::GROUP } else { Self::PRIVATE }
    }

    /// Makes a repository's root with its folders, and syncs them.
    pub(super) fn make_tree(self, root: &Path) -> io::Result<()> {
        self.make_all(root)?;
        for kind in backstay_core::FileKind::FOLDERS {
            self.make(&root.join(kind.folder()))?;
        }
        let data = root.join(backstay_core::FileKind::Pack.folder());
        for shard in layout::shards() {
            self.make(&data.join(shard))?;
        }
        sync_folder(&data)?;
        sync_folder(root)?;
        root.parent().filter(|parent| !parent.as_os_str().is_empty()).map_or(Ok(()), |parent| {
            // A parent that may be entered but not read cannot be synced; the folders are there all the same.
            sync_folder(parent).or_else(|error| match error.kind() {
                io::ErrorKind::PermissionDenied => Ok(()),
                _ => Err(error),
            })
        })
    }

    /// Makes a folder below `root`, which must exist, and syncs what gained an entry.
    pub(super) fn make_below(self, root: &Path, relative: &str) -> io::Result<()> {
        let mut parent = root.to_owned();
        for part in relative.split('/') {
            let folder = parent.join(part);
            self.make(&folder)?;
            sync_folder(&parent)?;
            parent = folder;
        }
        Ok(())
    }

    /// Makes a folder and all that lead to it.
    pub(crate) fn make_all(self, folder: &Path) -> io::Result<()> {
        self.builder().recursive(true).create(folder)
    }

    /// Makes one folder; fine if it is there.
    pub(crate) fn make(self, folder: &Path) -> io::Result<()> {
        match self.builder().create(folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
            made => made,
        }
    }

    fn builder(self) -> fs::DirBuilder {
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, self.folder);
        builder
    }
}

#[cfg(unix)]
fn group_may_read(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o040 != 0)
}

#[cfg(not(unix))]
fn group_may_read(_path: &Path) -> bool {
    false
}

/// Writes `content` durably as a new file that is read-only from then on.
///
/// Fails with [`io::ErrorKind::AlreadyExists`] if the name is taken.
pub(super) fn publish(folder: &Path, name: &str, content: &[u8], modes: Modes) -> io::Result<()> {
    // Found out before megabytes are written; the rename decides all the same.
    if fs::symlink_metadata(folder.join(name)).is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let mut temporary = Temporary::create(folder, name, modes)?;
    temporary.file.write_all(content)?;
    make_read_only(&temporary.file, modes)?;
    let synced = sync(&temporary.file)?;
    temporary.rename_to(name)?;
    if synced { sync_folder(folder) } else { Ok(()) }
}

/// Writes `content` as a file that may be lost in a crash, over any other of that name: for caches.
pub(crate) fn publish_loosely(folder: &Path, name: &str, content: &[u8], modes: Modes) -> io::Result<()> {
    let mut temporary = Temporary::create(folder, name, modes)?;
    temporary.file.write_all(content)?;
    temporary.replace(name)
}

/// A file under a temporary name, removed when dropped unless it was renamed.
struct Temporary<'a> {
    folder: &'a Path,
    name: String,
    file: File,
    renamed: bool,
}

impl<'a> Temporary<'a> {
    fn create(folder: &'a Path, name: &str, modes: Modes) -> io::Result<Self> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let process = std::process::id();
        loop {
            let number = COUNTER.fetch_add(1, Ordering::Relaxed);
            let name = format!("{name}-tmp-{process}-{number}");
            let mut options = fs::OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, modes.file);
            #[cfg(not(unix))]
            let _ = modes;
            match options.open(folder.join(&name)) {
                Ok(file) => return Ok(Self { folder, name, file, renamed: false }),
                // Left by a process of the same number that crashed, or in use by one on another machine.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn rename_to(&mut self, name: &str) -> io::Result<()> {
        let (from, to) = (self.folder.join(&self.name), self.folder.join(name));
        rename_without_overwriting(&from, &to)?;
        self.renamed = true;
        Ok(())
    }

    fn replace(&mut self, name: &str) -> io::Result<()> {
        fs::rename(self.folder.join(&self.name), self.folder.join(name))?;
        self.renamed = true;
        Ok(())
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.renamed {
            // Best effort: what stays has a name that is no id.
            let _ = fs::remove_file(self.folder.join(&self.name));
        }
    }
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
pub(crate) fn rename_without_overwriting(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Old kernels and some network file systems know no such flag.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => link_without_overwriting(from, to),
        renamed => Ok(renamed?),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
pub(crate) fn rename_without_overwriting(from: &Path, to: &Path) -> io::Result<()> {
    link_without_overwriting(from, to)
}

/// A link never overwrites. Where there are no links (exFAT), a look before the rename has to do.
fn link_without_overwriting(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Ok(()) => fs::remove_file(from),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        Err(_) if to.try_exists()? => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => fs::rename(from, to),
    }
}

/// Takes the right to write away, against accidents. Some file systems cannot.
#[cfg(unix)]
fn make_read_only(file: &File, modes: Modes) -> io::Result<()> {
    use rustix::io::Errno;
    let mode = rustix::fs::Mode::from_raw_mode((modes.file & !0o222) as rustix::fs::RawMode);
    match rustix::fs::fchmod(file, mode) {
        Err(Errno::PERM | Errno::ACCESS | Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
        changed => Ok(changed?),
    }
}

/// Windows removes no read-only files, so they stay writable.
#[cfg(not(unix))]
fn make_read_only(_file: &File, _modes: Modes) -> io::Result<()> {
    Ok(())
}

/// Brings a file to the disk; `false` if the file system knows no such thing.
fn sync(file: &File) -> io::Result<bool> {
    match file.sync_all() {
        Ok(()) => Ok(true),
        Err(error) if no_sync(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Brings a folder's entries to the disk, where the system can.
#[cfg(unix)]
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    sync(&File::open(folder)?).map(|_| ())
}

#[cfg(not(unix))]
pub(crate) fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn no_sync(error: &io::Error) -> bool {
    use rustix::io::Errno;
    // NOTTY is what macOS says of exFAT.
    matches!(Errno::from_io_error(error), Some(Errno::OPNOTSUPP | Errno::INVAL | Errno::NOTTY))
}

#[cfg(not(unix))]
fn no_sync(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported
}
