//! Files that only their owner may read: written whole or not at all, and durable before the caller goes on.
//!
//! New content goes to a temporary file in the same folder, which is synced, put in its place, and the folder is synced. So
//! a power cut leaves the old file or the new one. A new file is put in place by a hard link, which fails when somebody else
//! was first; where the file system has no links, it is written in place under `O_EXCL`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use backstay_core::Random;
use zeroize::Zeroizing;

use crate::{Result, VaultError};

/// Most that is read: no file of ours comes near.
const LIMIT: u64 = 1 << 20;

/// What a file holds; `None` when there is none.
///
/// # Errors
/// [`VaultError::TooOpen`] when others may use it, [`VaultError::Damaged`] when it is no plain file or absurdly long,
/// [`VaultError::File`] when it cannot be read.
pub(crate) fn read(path: &Path, what: &'static str) -> Result<Option<Zeroizing<Vec<u8>>>> {
    let file = match nonblocking(OpenOptions::new().read(true)).open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other.map_err(VaultError::file("open", path))?,
    };
    // The open file is looked at, not its name: it cannot be exchanged in between.
    let meta = file.metadata().map_err(VaultError::file("look at", path))?;
    if !meta.is_file() {
        return Err(VaultError::damaged(what, path, "it is not a plain file"));
    }
    refuse_open(path, &meta)?;
    if meta.len() > LIMIT {
        return Err(VaultError::damaged(what, path, format_args!("it has {} bytes", meta.len())));
    }
    // Room for all of it from the start: a buffer that grows leaves copies behind.
    let mut content = Zeroizing::new(Vec::with_capacity(usize::try_from(meta.len()).unwrap_or(0) + 1));
    file.take(LIMIT).read_to_end(&mut content).map_err(VaultError::file("read", path))?;
    Ok(Some(content))
}

/// Makes a file; `false` when there is one already, which stays as it is.
///
/// # Errors
/// [`VaultError::File`] when it cannot be made.
pub(crate) fn create(path: &Path, content: &[u8], random: &dyn Random) -> Result<bool> {
    let temporary = Temporary::write(path, content, random)?;
    let made = match fs::hard_link(&temporary.path, path) {
        Err(error) if matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::NotFound) => Err(error),
        Err(_) => write_new(path, content),
        Ok(()) => Ok(()),
    };
    match made {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
        other => other.map_err(VaultError::file("make", path))?,
    }
    drop(temporary);
    sync_folder(path)?;
    Ok(true)
}

/// Puts new content in the place of a file.
///
/// # Errors
/// [`VaultError::File`] when it cannot be written; the old content is there then.
pub(crate) fn replace(path: &Path, content: &[u8], random: &dyn Random) -> Result<()> {
    let temporary = Temporary::write(path, content, random)?;
    fs::rename(&temporary.path, path).map_err(VaultError::file("replace", path))?;
    sync_folder(path)
}

/// Holds off others who change the file, until it is dropped. The lock lies beside the file, which is replaced itself.
pub(crate) struct Held {
    _lock: File,
}

impl Held {
    pub(crate) fn take(path: &Path) -> Result<Self> {
        let beside = beside(path, "lock");
        let lock = private(OpenOptions::new().write(true).create(true).truncate(false)).open(&beside);
        let lock = lock.map_err(VaultError::file("open", &beside))?;
        lock.lock().map_err(VaultError::file("lock", &beside))?;
        Ok(Self { _lock: lock })
    }
}

/// A file under another name; removed when dropped, unless it was renamed.
struct Temporary {
    path: PathBuf,
}

impl Temporary {
    fn write(target: &Path, content: &[u8], random: &dyn Random) -> Result<Self> {
        let mut suffix = [0; 8];
        random.fill(&mut suffix);
        let path = beside(target, &format!("{:016x}.tmp", u64::from_le_bytes(suffix)));
        write_new(&path, content).map_err(VaultError::file("write", &path))?;
        Ok(Self { path })
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = private(OpenOptions::new().write(true).create_new(true)).open(path)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    if written.is_err() {
        let _ = fs::remove_file(path);
    }
    written
}

/// The path with something more at its end.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}

#[cfg(unix)]
fn refuse_open(path: &Path, meta: &fs::Metadata) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = meta.permissions().mode() & 0o7777;
    if mode & !0o600 == 0 { Ok(()) } else { Err(VaultError::TooOpen { path: path.to_owned(), mode }) }
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600)
}

/// Opening a pipe must not wait for somebody who writes into it.
#[cfg(unix)]
fn nonblocking(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    options.custom_flags(i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0))
}

#[cfg(unix)]
fn sync_folder(path: &Path) -> Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(VaultError::file("sync", folder))
}

#[cfg(not(unix))]
fn refuse_open(_: &Path, _: &fs::Metadata) -> Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

#[cfg(not(unix))]
fn nonblocking(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::testing::TestRandom;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn files_are_made_once_replaced_whole_and_closed_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let random = TestRandom::seeded(1);
        assert!(read(&path, "key").unwrap().is_none());
        assert!(create(&path, b"one", &random).unwrap());
        assert!(!create(&path, b"two", &random).unwrap());
        assert_eq!(**read(&path, "key").unwrap().unwrap(), *b"one");
        assert_eq!(mode(&path), 0o600);
        replace(&path, b"three", &random).unwrap();
        assert_eq!(**read(&path, "key").unwrap().unwrap(), *b"three");
        assert_eq!(mode(&path), 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays");
    }

    #[test]
    fn what_others_may_use_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, b"x").unwrap();
        for bad in [0o644, 0o640, 0o660, 0o604, 0o620, 0o601, 0o700, 0o4600] {
            fs::set_permissions(&path, fs::Permissions::from_mode(bad)).unwrap();
            let error = read(&path, "key").unwrap_err();
            assert!(matches!(error, VaultError::TooOpen { mode, .. } if mode == bad), "{error}");
            assert!(error.hint().unwrap().starts_with("close it with: chmod 600 /"), "{error}");
        }
        for good in [0o600, 0o400] {
            fs::set_permissions(&path, fs::Permissions::from_mode(good)).unwrap();
            assert!(read(&path, "key").unwrap().is_some(), "{good:o}");
        }
    }

    #[test]
    fn what_is_no_file_is_refused_without_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
        for path in [folder.path(), &pipe] {
            let error = read(path, "key").unwrap_err();
            assert!(matches!(error, VaultError::Damaged { .. }), "{error}");
        }
    }

    #[test]
    fn a_missing_folder_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let error = create(&folder.path().join("none/key"), b"x", &TestRandom::seeded(1)).unwrap_err();
        assert!(error.to_string().contains("none/key"), "{error}");
    }
}
