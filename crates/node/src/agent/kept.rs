//! What an agent keeps of having joined: one file, so that its key never lies beside the certificate of another.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

const NAME: &str = "agent.json";
/// Nothing that is kept comes near.
const LIMIT: u64 = 1 << 20;

/// How an agent reaches its server, and shows who it is.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Kept {
    /// Where the server is, as `https://backup.example.org:8420`.
    pub(super) server: String,
    /// The authority's certificate, as PEM.
    pub(super) authority: String,
    /// The agent's certificate, as PEM.
    pub(super) certificate: String,
    /// Its key, as PEM.
    pub(super) key: String,
}

impl std::fmt::Debug for Kept {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Kept({})", self.server)
    }
}

/// Why what an agent keeps is of no use.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// It has not joined.
    #[error("this host has not joined a server: there is no {}", .0.display())]
    NotJoined(PathBuf),
    /// The file could not be read or written.
    #[error("cannot {what} {}: {cause}", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// The file holds something else than it should.
    #[error("{} is damaged: {why}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

impl KeptError {
    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::NotJoined(_) => {
                "join one: `backstay agent join https://SERVER --token TOKEN`, with a token of that server"
            }
            Self::File { .. } => "see that the data folder exists, has room, and belongs to the agent's user",
            Self::Damaged { .. } => {
                "let the host join anew with a token that was made for this very node, under Nodes"
            }
        }
    }

    pub(super) fn damaged(folder: &Path, why: impl std::fmt::Display) -> Self {
        Self::Damaged { path: folder.join(NAME), why: why.to_string() }
    }
}

impl Kept {
    /// What is kept in a data folder.
    pub(super) fn read(folder: &Path) -> Result<Self, KeptError> {
        let path = folder.join(NAME);
        let failed = |cause| KeptError::File { what: "read", path: path.clone(), cause };
        let file = match File::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(KeptError::NotJoined(path)),
            other => other.map_err(failed)?,
        };
        if file.metadata().map_err(failed)?.permissions().mode() & 0o077 != 0 {
            let why = format!("others may read it; close it with: chmod 600 {}", path.display());
            return Err(KeptError::damaged(folder, why));
        }
        let mut text = String::new();
        file.take(LIMIT).read_to_string(&mut text).map_err(failed)?;
        // What the parser says of a place in the text may quote it, and there is a key in it.
        serde_json::from_str(&text).map_err(|_| KeptError::damaged(folder, "it is not as it was written"))
    }

    /// Puts it in place, whole and durable or not at all, for its owner alone.
    pub(super) fn write(&self, folder: &Path) -> Result<(), KeptError> {
        let path = folder.join(NAME);
        let failed = |cause| KeptError::File { what: "write", path: path.clone(), cause };
        let partial = path.with_extension("partial");
        // One that a crash left behind may have whatever mode.
        match std::fs::remove_file(&partial) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let text = serde_json::to_vec_pretty(self).map_err(|error| failed(error.into()))?;
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial).map_err(failed)?;
        let written = file
            .write_all(&text)
            .and_then(|()| file.sync_all())
            .and_then(|()| std::fs::rename(&partial, &path))
            .and_then(|()| File::open(folder)?.sync_all());
        if written.is_err() {
            // The attempt's own error is what counts.
            let _ = std::fs::remove_file(&partial);
        }
        written.map_err(failed)
    }
}

/// Makes the data folder, which others may not look into.
pub(super) fn make_folder(folder: &Path) -> Result<(), KeptError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|cause| KeptError::File { what: "make", path: folder.to_owned(), cause })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_back_closed_to_others_and_is_refused_when_opened() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(Kept::read(folder.path()), Err(KeptError::NotJoined(_))));
        let text = |name: &str| format!("-----{name}-----");
        let kept = Kept {
            server: "https://nas".to_owned(),
            authority: text("authority"),
            certificate: text("certificate"),
            key: text("secret"),
        };
        std::fs::write(folder.path().join("agent.partial"), "half").unwrap();
        kept.write(folder.path()).unwrap();
        kept.write(folder.path()).unwrap();
        assert_eq!(Kept::read(folder.path()).unwrap().key, kept.key);
        assert!(!format!("{kept:?}").contains("secret"));

        let path = folder.path().join(NAME);
        let mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        mode(0o640);
        assert!(Kept::read(folder.path()).unwrap_err().to_string().contains("chmod 600"));
        mode(0o600);
        std::fs::write(&path, r#"{"key": "-----secret-----", "server": 5}"#).unwrap();
        let error = Kept::read(folder.path()).unwrap_err();
        assert!(matches!(error, KeptError::Damaged { .. }) && !format!("{error:?}").contains("secret"));
    }
}
