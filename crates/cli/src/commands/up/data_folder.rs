//! The folder in which everything of a server and its node lies. One process at a time has it.

use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use backstay_core::Random;
use rustix::fs::{FlockOperation, flock};

use crate::args;
use crate::default_repository as repository;
use crate::environment::{config_folder, data_folder, variable};
use crate::failure::{Explain, Failure, Outcome};
use crate::password::Password;

/// A data folder.
#[derive(Debug)]
pub(crate) struct DataFolder {
    path: PathBuf,
    /// Where keys are: apart from the data in the user's own folders, so that who copies the one has not the other.
    keys: PathBuf,
    /// Held as long as this lives.
    _lock: Option<File>,
}

impl DataFolder {
    /// The folder that is named, or the user's own; made if it is not there, and for this process alone.
    pub(crate) fn claim(args: &args::DataFolder) -> Outcome<Self> {
        let mut folder = Self::find(args)?;
        folder._lock = Some(lock(&folder.path)?);
        Ok(folder)
    }

    /// The folder, beside a process that may be using it.
    pub(crate) fn find(args: &args::DataFolder) -> Outcome<Self> {
        let named = args.data_dir.clone().or_else(|| variable("DATA_DIR").map(PathBuf::from));
        let (path, keys) = match named {
            Some(path) => {
                let absolute = std::path::absolute(&path);
                let path = absolute.explain(format!("cannot use the data folder {}", path.display()))?;
                (path.clone(), path)
            }
            None => match (data_folder(), config_folder()) {
                (Some(path), Some(keys)) => (path, keys),
                _ => {
                    return Err(Failure::fatal("there is no home folder to keep data in")
                        .hint("name a folder with --data-dir"));
                }
            },
        };
        make(&path)?;
        make(&keys)?;
        Ok(Self { path, keys, _lock: None })
    }

    /// The folder itself.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A key file of the default name.
    pub(crate) fn key_file(&self, name: &str) -> PathBuf {
        self.keys.join(name)
    }

    /// A folder within it.
    pub(crate) fn make(&self, name: &str) -> Outcome<PathBuf> {
        let path = self.path.join(name);
        make(&path)?;
        Ok(path)
    }

    /// What opens the local repository, if that is in a file.
    pub(crate) fn repository_password(&self) -> Outcome<Option<Password>> {
        repository::stored_password_in(&self.repository_key())
    }

    /// The file that the password of the local repository is read from.
    pub(crate) fn repository_key(&self) -> PathBuf {
        self.key_file(repository::KEY_FILE)
    }

    /// A new password for the local repository, in its file.
    pub(crate) fn make_repository_password(&self, random: &dyn Random) -> Outcome<Password> {
        repository::make_key_file_at(&self.repository_key(), random)
    }
}

/// Takes a data folder for this process, as long as what comes back lives.
pub(crate) fn lock(folder: &Path) -> Outcome<File> {
    make(folder)?;
    let open =
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(folder.join("lock"));
    let lock = open.explain(format!("cannot use the data folder {}", folder.display()))?;
    if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
        let text = format!("another process uses the data folder {}", folder.display());
        return Err(Failure::fatal(text).hint("end it first, or name another folder with --data-dir"));
    }
    Ok(lock)
}

/// Makes a folder for this user alone, with those that lead to it.
pub(crate) fn make(path: &Path) -> Outcome {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .explain(format!("cannot make the folder {}", path.display()))
}
