//! A folder of this machine as the target of a restore.

mod beneath;
mod metadata;
mod removal;

use std::fs::File;
use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use backstay_core::{EntryKind, Meta, RestoreTarget, TargetError, TargetFile};
use rustix::fs::{AtFlags, FallocateFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use self::beneath::{Root, Spot};
use self::metadata::Finisher;
use super::listing;
use super::opener::quiet_open;
use super::stat::{Describer, kind};

/// Picks extended attributes by name.
pub type AttributeFilter = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// How items are restored.
#[derive(Clone)]
#[non_exhaustive]
pub struct RestoreOptions {
    /// Give items to the users and groups of the recorded names; numbers stand in where there is no
    /// such name. Otherwise the recorded numbers count.
    pub owner_by_name: bool,
    /// The extended attributes that are restored, and removed where the snapshot has none of the name. All by default.
    pub attributes: AttributeFilter,
    /// A folder with something in it may be removed to make room for an item of another kind.
    /// Without this, only empty folders give way.
    pub replace_full_folders: bool,
    /// Only look at what is there: a target folder that does not exist is not made, and counts as empty.
    pub look_only: bool,
}

impl Default for RestoreOptions {
    fn default() -> Self {
        Self {
            owner_by_name: false,
            attributes: Arc::new(|_| true),
            replace_full_folders: false,
            look_only: false,
        }
    }
}

impl std::fmt::Debug for RestoreOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RestoreOptions")
            .field("owner_by_name", &self.owner_by_name)
            .field("replace_full_folders", &self.replace_full_folders)
            .field("look_only", &self.look_only)
            .finish_non_exhaustive()
    }
}

/// Restores into a folder, and never outside of it.
#[derive(Debug)]
pub struct FolderTarget {
    root: Root,
    describer: Describer,
    finisher: Arc<Finisher>,
}

impl FolderTarget {
    /// Takes a folder as target, making it and the folders above it if needed, unless it is only to be looked at.
    ///
    /// # Errors
    /// When the folder cannot be made or opened.
    pub fn open(folder: &Path, options: RestoreOptions) -> std::io::Result<Self> {
        let root = if options.look_only {
            Root::open_if_there(folder)?
        } else {
            std::fs::create_dir_all(folder)?;
            Root::open(folder)?
        };
        super::raise_open_file_limit();
        Ok(Self { root, describer: Describer::new(true), finisher: Arc::new(Finisher::new(options)) })
    }

    /// Makes room for an item.
    fn clear(&self, spot: &Spot<'_>, path: &[u8]) -> Result<(), Errno> {
        self.root.forget(path);
        removal::remove(spot.fd(), spot.name, self.finisher.options.replace_full_folders)
    }

    /// The place of an item in a folder that is made if needed.
    fn spot_to_write<'a>(&self, path: &'a [u8]) -> Result<Spot<'a>, Errno> {
        match self.root.spot(path) {
            Err(Errno::NOENT | Errno::NOTDIR) => {
                self.make_folders(beneath::split(path).0)?;
                self.root.spot(path)
            }
            outcome => outcome,
        }
    }

    fn make_folders(&self, path: &[u8]) -> Result<(), Errno> {
        match self.make_one(path) {
            Err(Errno::NOENT | Errno::NOTDIR) => {}
            outcome => return outcome,
        }
        // Something on the way is missing or no folder: begin at the top.
        let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        for end in slashes.chain([path.len()]) {
            self.make_one(path.get(..end).unwrap_or(path))?;
        }
        Ok(())
    }

    /// Makes a folder in a folder that is there.
    fn make_one(&self, path: &[u8]) -> Result<(), Errno> {
        if path.is_empty() {
            return Ok(());
        }
        let spot = self.root.spot(path)?;
        match rustix::fs::mkdirat(spot.fd(), spot.name, Mode::RWXU) {
            Err(Errno::EXIST) => {}
            outcome => return outcome,
        }
        let stat = rustix::fs::statat(spot.fd(), spot.name, AtFlags::SYMLINK_NOFOLLOW)?;
        if kind(&stat) != EntryKind::Folder {
            self.clear(&spot, path)?;
            return rustix::fs::mkdirat(spot.fd(), spot.name, Mode::RWXU);
        }
        // Its final permissions come with its metadata; until then its owner has to be able to write.
        if !self.finisher.is_root && stat.st_mode & 0o700 != 0o700 {
            return metadata::change_mode(&spot, Mode::from_raw_mode((stat.st_mode & 0o7777) | 0o700));
        }
        Ok(())
    }

    fn open_or_replace(&self, path: &[u8]) -> Result<(File, u64), Errno> {
        let spot = self.spot_to_write(path)?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let open = |extra| rustix::fs::openat(spot.fd(), spot.name, flags | extra, mode);
        let found = match open(OFlags::empty()) {
            // Perhaps a file that its owner may not write. One with other names is replaced, and they keep their permissions.
            Err(Errno::ACCESS) => {
                let stat = rustix::fs::statat(spot.fd(), spot.name, AtFlags::SYMLINK_NOFOLLOW)?;
                if stat.st_nlink > 1 {
                    None
                } else {
                    metadata::change_mode(&spot, Mode::RUSR | Mode::WUSR)?;
                    Some(open(OFlags::empty())?)
                }
            }
            // A link, a folder, a pipe or socket without a reader.
            Err(Errno::LOOP | Errno::ISDIR | Errno::NXIO | Errno::NODEV) => None,
            outcome => Some(outcome?),
        };
        if let Some(fd) = found {
            let stat = rustix::fs::fstat(&fd)?;
            let plain = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
            // Nobody can say cheaply which other names a file has, and they are not to change with it.
            if plain && stat.st_nlink == 1 {
                return Ok((File::from(fd), stat.st_size as u64));
            }
        }
        self.clear(&spot, path)?;
        Ok((File::from(open(OFlags::EXCL)?), 0))
    }

    fn open_to_read(&self, path: &[u8]) -> Result<File, Errno> {
        let spot = self.root.spot(path)?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let fd = quiet_open(spot.fd(), spot.name, flags)?;
        match kind(&rustix::fs::fstat(&fd)?) {
            EntryKind::File => Ok(File::from(fd)),
            _ => Err(Errno::INVAL),
        }
    }

    fn link(&self, original: &[u8], path: &[u8]) -> Result<(), Errno> {
        let from = self.root.spot(original)?;
        let to = self.spot_to_write(path)?;
        let stat = |spot: &Spot<'_>| {
            rustix::fs::statat(spot.fd(), spot.name, AtFlags::SYMLINK_NOFOLLOW)
                .map(|stat| (stat.st_dev, stat.st_ino))
        };
        let wanted = stat(&from)?;
        if stat(&to) == Ok(wanted) {
            return Ok(());
        }
        self.clear(&to, path)?;
        rustix::fs::linkat(from.fd(), from.name, to.fd(), to.name, AtFlags::empty())
    }

    fn make(&self, path: &[u8], meta: &Meta) -> Result<(), Errno> {
        let spot = self.spot_to_write(path)?;
        let node = |kind| {
            self.clear(&spot, path)?;
            rustix::fs::mknodat(spot.fd(), spot.name, kind, Mode::RUSR | Mode::WUSR, meta.device)
        };
        match meta.kind {
            EntryKind::Symlink => {
                let target = meta.link_target.as_deref().ok_or(Errno::INVAL)?;
                self.clear(&spot, path)?;
                rustix::fs::symlinkat(target, spot.fd(), spot.name)
            }
            EntryKind::BlockDevice => node(FileType::BlockDevice),
            EntryKind::CharDevice => node(FileType::CharacterDevice),
            EntryKind::Fifo => node(FileType::Fifo),
            // A socket without the program that serves it is of no use.
            EntryKind::Socket => Ok(()),
            EntryKind::File | EntryKind::Folder | EntryKind::Irregular => Err(Errno::INVAL),
        }
    }

    fn look(&self, path: &[u8]) -> Result<Option<Meta>, Errno> {
        let look = || {
            let spot = self.root.spot(path)?;
            let stat = rustix::fs::statat(spot.fd(), spot.name, AtFlags::SYMLINK_NOFOLLOW)?;
            let mut meta = self.describer.meta(&stat);
            if meta.kind == EntryKind::Symlink {
                let target = rustix::fs::readlinkat(spot.fd(), spot.name, Vec::new())?;
                meta.link_target = Some(target.into_bytes());
            }
            Ok(meta)
        };
        match look() {
            Ok(meta) => Ok(Some(meta)),
            // Beneath a file or a link there is nothing of ours.
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn list(&self, path: &[u8]) -> Result<Vec<Vec<u8>>, Errno> {
        let spot = self.root.spot(path)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(spot.fd(), spot.name, flags, Mode::empty())?;
        Ok(listing::sorted(fd.as_fd(), &mut Vec::new())?.into_iter().map(|(name, _)| name).collect())
    }
}

/// Says what was tried on which item.
fn explain<'a>(action: &'static str, path: &'a [u8]) -> impl Fn(Errno) -> TargetError + 'a {
    move |error| TargetError { action, path: path.to_vec(), cause: error.into() }
}

impl RestoreTarget for FolderTarget {
    fn existing(&self, path: &[u8]) -> Result<Option<Meta>, TargetError> {
        self.look(path).map_err(explain("look at", path))
    }

    fn names(&self, path: &[u8]) -> Result<Vec<Vec<u8>>, TargetError> {
        self.list(path).map_err(explain("list", path))
    }

    fn make_folder(&self, path: &[u8]) -> Result<(), TargetError> {
        self.make_folders(path).map_err(explain("make the folder", path))
    }

    fn open_file(&self, path: &[u8], size: u64) -> Result<Box<dyn TargetFile>, TargetError> {
        let failed = |cause| TargetError { action: "open for writing", path: path.to_vec(), cause };
        let (file, current) = self.open_or_replace(path).map_err(|error| failed(error.into()))?;
        if current > 0 && size > current {
            reserve(&file, current, size).map_err(|error| TargetError {
                action: "make room for",
                path: path.to_vec(),
                cause: error.into(),
            })?;
        }
        if current != size {
            file.set_len(size).map_err(failed)?;
        }
        Ok(Box::new(RestoredFile { file, finisher: Arc::clone(&self.finisher) }))
    }

    fn read_file(&self, path: &[u8]) -> Result<Box<dyn TargetFile>, TargetError> {
        let file = self.open_to_read(path).map_err(explain("open for reading", path))?;
        Ok(Box::new(RestoredFile { file, finisher: Arc::clone(&self.finisher) }))
    }

    fn make_special(&self, path: &[u8], meta: &Meta) -> Result<(), TargetError> {
        self.make(path, meta).map_err(explain("make", path))
    }

    fn hard_link(&self, original: &[u8], path: &[u8]) -> Result<(), TargetError> {
        self.link(original, path).map_err(explain("link", path))
    }

    fn set_metadata(&self, path: &[u8], meta: &Meta) -> Result<(), TargetError> {
        let outcome = self.root.spot(path).and_then(|spot| self.finisher.apply(&spot, meta));
        outcome.map_err(explain("set the metadata of", path))
    }

    fn remove(&self, path: &[u8]) -> Result<(), TargetError> {
        let remove = || {
            if path.is_empty() {
                return Err(Errno::INVAL);
            }
            let spot = self.root.spot(path)?;
            self.root.forget(path);
            removal::remove(spot.fd(), spot.name, true)
        };
        match remove() {
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(()),
            outcome => outcome.map_err(explain("remove", path)),
        }
    }
}

/// Gets room for what a file with content grows by, so that it is not found half changed when the disk is full.
fn reserve(file: &File, current: u64, size: u64) -> Result<(), Errno> {
    match rustix::fs::fallocate(file, FallocateFlags::empty(), current, size - current) {
        Err(error @ (Errno::NOSPC | Errno::DQUOT | Errno::FBIG)) => {
            // Some of it may have been given.
            let _ = file.set_len(current);
            Err(error)
        }
        // Not all file systems know this.
        _ => Ok(()),
    }
}

#[derive(Debug)]
struct RestoredFile {
    file: File,
    finisher: Arc<Finisher>,
}

impl TargetFile for RestoredFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
        let mut filled = 0;
        while let Some(room @ [_, ..]) = buffer.get_mut(filled..) {
            match self.file.read_at(room, offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> std::io::Result<()> {
        self.file.write_all_at(data, offset)
    }

    fn set_metadata(&self, meta: &Meta) -> std::io::Result<()> {
        Ok(self.finisher.apply_to_open(self.file.as_fd(), meta)?)
    }
}

#[cfg(test)]
#[path = "../restore_tests.rs"]
mod tests;
