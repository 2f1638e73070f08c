//! Archives in a folder of this machine: made under a hidden name, and given their own when they are whole and durable.
//!
//! Only who owns a file reads it. The hidden name, `.NAME.partial`, is held by a lock of its maker, so that two who make archives at
//! once never choose the same name; what one who was killed left behind is removed by the next.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, RenameFlags};

use crate::ArchiveError;
use crate::create::{Finished, Output};
use crate::manifest::{LONGEST_BESIDE, Manifest, beside_name};

/// What hidden names end with.
const PARTIAL: &str = ".partial";
/// What the hidden names of small files begin with, which are not locked.
const SMALL: &str = ".new-";
/// An archive's hidden file is locked this long after it is made, at the latest.
const JUST_MADE: Duration = Duration::from_secs(60);

/// Gives a name that the function it is given does not know.
pub type Choose<'a, E> = &'a mut dyn FnMut(&mut dyn FnMut(&str) -> bool) -> Result<String, E>;

/// An archive that is being made. What is not published is removed.
#[derive(Debug)]
pub struct NewArchive {
    folder: PathBuf,
    name: String,
    partial: PathBuf,
    file: File,
    is_published: bool,
}

impl NewArchive {
    /// Takes a name in a folder.
    ///
    /// # Errors
    /// When the folder cannot be written to, and whatever `choose` fails with.
    pub fn begin<E: From<ArchiveError>>(folder: &Path, choose: Choose<'_, E>) -> Result<Self, E> {
        loop {
            let name = choose(&mut |name| is_taken(folder, name))?;
            let partial = partial_path(folder, &name);
            let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial);
            let file = match made {
                Ok(file) => file,
                // Somebody else was quicker.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => {
                    return Err(ArchiveError::io("make", partial.display().to_string())(error).into());
                }
            };
            let locked = rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive);
            if let Err(error) = locked {
                let _ = fs::remove_file(&partial);
                return Err(ArchiveError::io("lock", partial.display().to_string())(error.into()).into());
            }
            remove_left_behind(folder, &file);
            return Ok(Self { folder: folder.to_owned(), name, partial, file, is_published: false });
        }
    }

    /// The name that it will have.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where its content goes.
    ///
    /// # Errors
    /// When the file cannot be opened a second time.
    pub fn output(&self) -> Result<Output, ArchiveError> {
        let file = self.file.try_clone();
        Ok(Box::new(file.map_err(ArchiveError::io("open", self.partial.display().to_string()))?))
    }

    /// Makes it durable and gives it its name, then puts its manifest beside it. Tells where it lies.
    ///
    /// # Errors
    /// When the disk fails, or its name was taken by somebody who does not ask.
    pub fn publish(mut self, finished: &Finished) -> Result<PathBuf, ArchiveError> {
        let path = self.folder.join(&self.name);
        let shown = path.display().to_string();
        let failed = || ArchiveError::io("write", shown.clone());
        self.file.sync_all().map_err(failed())?;
        rename(&self.partial, &path).map_err(failed())?;
        self.is_published = true;
        sync(&self.folder).map_err(failed())?;
        write_new(&self.folder, &beside_name(&self.name), &finished.manifest.to_json()?)?;
        Ok(path)
    }
}

impl Drop for NewArchive {
    fn drop(&mut self) {
        if !self.is_published {
            // It is removed at the latest when its name is wanted again.
            let _ = fs::remove_file(&self.partial);
        }
    }
}

/// Removes what makers that were killed have left in a folder. `new` was made there just now.
fn remove_left_behind(folder: &Path, new: &File) {
    let Ok(now) = new.metadata().and_then(|meta| meta.modified()) else { return };
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_str().unwrap_or_default();
        let is_partial = name.starts_with('.') && name.ends_with(PARTIAL) && !name.starts_with(SMALL);
        let modified = entry.metadata().and_then(|meta| meta.modified());
        // One that was made a moment ago may not be locked yet.
        let is_old = modified.is_ok_and(|at| now.duration_since(at).is_ok_and(|age| age > JUST_MADE));
        if is_partial && is_old {
            // One that is being made is locked.
            remove_unless_held(&entry.path());
        }
    }
}

fn partial_path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!(".{name}{PARTIAL}"))
}

/// Whether a name is in use, or being made by somebody who is still there.
fn is_taken(folder: &Path, name: &str) -> bool {
    let exists = |path: PathBuf| fs::symlink_metadata(path).is_ok();
    if exists(folder.join(name)) || exists(folder.join(beside_name(name))) {
        return true;
    }
    !remove_unless_held(&partial_path(folder, name))
}

/// Removes a hidden file whose maker is gone. Says whether there is none any more.
fn remove_unless_held(partial: &Path) -> bool {
    let file = match OpenOptions::new().write(true).custom_flags(NOFOLLOW).open(partial) {
        Ok(file) => file,
        Err(error) => return error.kind() == io::ErrorKind::NotFound,
    };
    if rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        return false;
    }
    // Its maker is gone, unless another one has put a new file there since.
    let inode = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    let is_same = match (file.metadata(), fs::symlink_metadata(partial)) {
        (Ok(own), Ok(there)) => inode(own) == inode(there),
        _ => false,
    };
    is_same && fs::remove_file(partial).is_ok()
}

const NOFOLLOW: i32 = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();

/// Writes a small file under a name that nothing has yet.
///
/// # Errors
/// When the disk fails, or the name is taken.
pub fn write_new(folder: &Path, name: &str, content: &[u8]) -> Result<(), ArchiveError> {
    let path = folder.join(name);
    let write = || -> io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(SMALL).suffix(PARTIAL).tempfile_in(folder)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        rename(file.path(), &path)?;
        // The name is gone; there is nothing left to remove.
        let _ = file.into_temp_path().keep();
        sync(folder)
    };
    write().map_err(ArchiveError::io("write", path.display().to_string()))
}

/// Gives a file its name, unless that is taken.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    let here = rustix::fs::CWD;
    match rustix::fs::renameat_with(here, from, here, to, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        // File systems that cannot rename so can link so.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
            fs::hard_link(from, to)?;
            fs::remove_file(from)
        }
        Err(error) => Err(error.into()),
    }
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The manifest beside an archive; `None` where there is none.
///
/// # Errors
/// When it cannot be read, or is none.
pub fn read_beside(archive: &Path) -> Result<Option<Manifest>, ArchiveError> {
    let mut path = archive.as_os_str().to_owned();
    path.push(crate::manifest::BESIDE);
    let path = PathBuf::from(path);
    let shown = path.display().to_string();
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(ArchiveError::io("read", shown)(error)),
    };
    let mut text = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(file, LONGEST_BESIDE), &mut text)
        .map_err(ArchiveError::io("read", shown.clone()))?;
    Manifest::from_json(&text, &shown).map(Some)
}

/// Removes an archive: its manifest first, so that what is left of it after a crash counts as no archive.
///
/// # Errors
/// When it cannot be removed.
pub fn remove(archive: &Path) -> Result<(), ArchiveError> {
    let mut beside = archive.as_os_str().to_owned();
    beside.push(crate::manifest::BESIDE);
    for (path, may_miss) in [(Path::new(&beside), true), (archive, false)] {
        match fs::remove_file(path) {
            Err(error) if may_miss && error.kind() == io::ErrorKind::NotFound => {}
            outcome => outcome.map_err(ArchiveError::io("remove", path.display().to_string()))?,
        }
        if let Some(folder) = path.parent() {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            sync(folder).map_err(ArchiveError::io("remove", path.display().to_string()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn begin(folder: &Path, name: &str) -> NewArchive {
        let mut number = 1;
        NewArchive::begin::<ArchiveError>(folder, &mut |taken| {
            loop {
                let name = if number == 1 { name.to_owned() } else { format!("{name}-{number}") };
                number += 1;
                if !taken(&name) {
                    return Ok(name);
                }
            }
        })
        .unwrap()
    }

    fn finished() -> Finished {
        let place = tempfile::tempdir().unwrap();
        let settings = crate::create::Settings::plain_zip(place.path().to_owned());
        let made = crate::testing::make(place.path(), &settings, None, |_| {});
        let facts = made.manifest.file.unwrap();
        Finished { size: facts.size, sha256: facts.sha256.0, manifest: made.manifest }
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn names_are_unique_also_while_archives_are_made() {
        let folder = tempfile::tempdir().unwrap();
        let one = begin(folder.path(), "x");
        let two = begin(folder.path(), "x");
        assert_eq!((one.name(), two.name()), ("x", "x-2"));
        two.output().unwrap().write_all(b"two").unwrap();
        let path = two.publish(&finished()).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(read_beside(&path).unwrap().is_some());
        drop(one);
        assert_eq!(names(folder.path()), ["x-2", "x-2.manifest.json"]);
        assert_eq!(begin(folder.path(), "x-2").name(), "x-2-2");
        remove(&path).unwrap();
        assert_eq!(names(folder.path()), [""; 0]);
    }

    #[test]
    fn what_a_killed_maker_left_is_removed_and_nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(".x.partial"), "left behind").unwrap();
        let new = begin(folder.path(), "x");
        assert_eq!(new.name(), "x");
        fs::write(folder.path().join("x"), "somebody else's").unwrap();
        assert!(new.publish(&finished()).is_err());
        assert_eq!(fs::read(folder.path().join("x")).unwrap(), b"somebody else's");
        assert_eq!(names(folder.path()), ["x"]);
        // What was left under other names goes too, but not what is being made.
        let left = folder.path().join(".y.partial");
        fs::write(&left, "left behind").unwrap();
        let held = begin(folder.path(), "z");
        let long_ago = std::time::SystemTime::now() - Duration::from_secs(3600);
        for name in [".y.partial", ".z.partial"] {
            let file = File::options().append(true).open(folder.path().join(name)).unwrap();
            file.set_modified(long_ago).unwrap();
        }
        drop(begin(folder.path(), "another"));
        assert_eq!(names(folder.path()), [".z.partial", "x"]);
        drop(held);
        assert!(write_new(folder.path(), "x", b"").is_err());
        assert_eq!(names(folder.path()), ["x"]);
    }
}
