//! The servers that somebody signed in to: a file in the configuration folder that only its owner may read.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::environment::config_folder;
use crate::failure::{Explain, Failure, Outcome};

/// All servers.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Profiles {
    /// The one that is meant when none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) default: Option<String>,
    /// By address.
    #[serde(default)]
    pub(crate) servers: BTreeMap<String, Profile>,
}

/// How to get in to a server.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Profile {
    /// The API token.
    pub(crate) token: String,
    /// SHA-256 of the server's certificate, where no authority of the system vouches for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fingerprint: Option<String>,
}

impl Profiles {
    /// What is kept; nothing when there is no file yet.
    pub(crate) fn load() -> Outcome<Self> {
        let path = path()?;
        match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).explain(format!("{} is damaged", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).explain(format!("cannot read {}", path.display())),
        }
    }

    /// Keeps it, whole or not at all.
    pub(crate) fn save(&self) -> Outcome {
        let path = path()?;
        let write = || -> std::io::Result<()> {
            if let Some(folder) = path.parent() {
                std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            }
            let partial = path.with_extension("partial");
            let mut options = std::fs::OpenOptions::new();
            let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
            file.write_all(&serde_json::to_vec_pretty(self)?)?;
            file.sync_all()?;
            std::fs::rename(&partial, &path)
        };
        write().explain(format!("cannot write {}", path.display()))
    }
}

fn path() -> Outcome<PathBuf> {
    let folder =
        config_folder().ok_or_else(|| Failure::fatal("there is no home folder to keep a token in"))?;
    Ok(folder.join("servers.json"))
}
