//! Who a node is: an id, a name, and the key that secrets for it are sealed to.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use backstay_core::{Clock, Random};
use backstay_model::NodeId;
use backstay_vault::{NodeKey, VaultError};
use serde::{Deserialize, Serialize};

/// A node's identity. It lies in its data folder, in `node.json` and `node.key`.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Its id.
    pub id: NodeId,
    /// Its name for people.
    pub name: String,
    /// Its key.
    pub key: NodeKey,
}

/// Why a node does not know who it is.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A file could not be read or written.
    #[error("{}: {cause}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// A file is not as it was written.
    #[error("{} is damaged: {why}", path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The key could not be read or made.
    #[error(transparent)]
    Key(#[from] VaultError),
}

#[derive(Serialize, Deserialize)]
struct Record {
    id: NodeId,
    name: String,
}

impl Identity {
    /// The identity in a data folder; where there is none, a new one with this name.
    ///
    /// # Errors
    /// [`IdentityError`] when it cannot be read or made.
    pub fn open_or_make(
        folder: &Path,
        name: &str,
        clock: &dyn Clock,
        random: &dyn Random,
    ) -> Result<Self, IdentityError> {
        let key = NodeKey::from_file_or_new(&folder.join("node.key"), random)?;
        let path = folder.join("node.json");
        let failed = |cause| IdentityError::File { path: path.clone(), cause };
        let record: Record = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| IdentityError::Damaged { path: path.clone(), why: error.to_string() })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let record = Record { id: NodeId::new(clock, random), name: name.to_owned() };
                write(folder, &path, &record).map_err(failed)?;
                record
            }
            Err(error) => return Err(failed(error)),
        };
        Ok(Self { id: record.id, name: record.name, key })
    }

    /// Keeps another name: what its server calls the node.
    ///
    /// # Errors
    /// [`IdentityError`] when it cannot be written.
    pub fn keep_name(&self, folder: &Path, name: &str) -> Result<(), IdentityError> {
        let path = folder.join("node.json");
        let record = Record { id: self.id, name: name.to_owned() };
        write(folder, &path, &record).map_err(|cause| IdentityError::File { path, cause })
    }
}

fn write(folder: &Path, path: &Path, record: &Record) -> std::io::Result<()> {
    let partial = path.with_extension("partial");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
    file.write_all(&serde_json::to_vec_pretty(record)?)?;
    file.sync_all()?;
    std::fs::rename(&partial, path)?;
    File::open(folder)?.sync_all()
}
