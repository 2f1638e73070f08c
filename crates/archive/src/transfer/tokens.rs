//! Resume tokens: what a transfer needs to know to go on after its process ended.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use backstay_core::FileId;
use serde::{Deserialize, Serialize};

use crate::hashing::sha256;
use crate::manifest::Sha256Text;

/// What a transfer is known by: the same file to the same place under the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferKey {
    /// The address of the store.
    pub location: String,
    /// The file's name there.
    pub name: String,
    /// Its length in bytes.
    pub size: u64,
    /// The SHA-256 of all of it.
    pub sha256: FileId,
}

impl TransferKey {
    /// What stands for it where one short text is needed: 64 hexadecimal digits.
    #[must_use]
    pub fn digest(&self) -> String {
        let Self { location, name, size, sha256: hash } = self;
        sha256(format!("{location}\0{name}\0{size}\0{hash}").as_bytes()).to_hex()
    }
}

/// A transfer that was begun. Whoever knows the token may go on with it, so it is shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Begun {
    /// The store's resume token.
    pub token: String,
    /// The length in bytes of each chunk but the last.
    pub chunk_size: u64,
}

impl fmt::Debug for Begun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Begun").field("chunk_size", &self.chunk_size).finish_non_exhaustive()
    }
}

/// Keeps resume tokens where they outlive the process.
pub trait Tokens: Send + Sync {
    /// The transfer of this key, if one was begun.
    ///
    /// # Errors
    /// When that cannot be told.
    fn load(&self, key: &TransferKey) -> io::Result<Option<Begun>>;

    /// Remembers a transfer, durably.
    ///
    /// # Errors
    /// When it cannot be kept.
    fn save(&self, key: &TransferKey, begun: &Begun) -> io::Result<()>;

    /// Forgets a transfer. Fine if it is not known.
    ///
    /// # Errors
    /// When it cannot be removed.
    fn remove(&self, key: &TransferKey) -> io::Result<()>;
}

/// Tokens in a folder, each in a file that only its owner reads.
#[derive(Debug, Clone)]
pub struct FileTokens {
    folder: PathBuf,
}

/// A token's file.
#[derive(Serialize, Deserialize)]
struct Written {
    location: String,
    name: String,
    size: u64,
    sha256: Sha256Text,
    chunk_size: u64,
    token: String,
}

/// A token's file is no longer than this.
const LONGEST: u64 = 1 << 20;

impl FileTokens {
    /// Keeps tokens in this folder, which is made when it is needed.
    #[must_use]
    pub const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    fn path(&self, key: &TransferKey) -> PathBuf {
        self.folder.join(format!("{}.json", key.digest()))
    }
}

impl Tokens for FileTokens {
    fn load(&self, key: &TransferKey) -> io::Result<Option<Begun>> {
        let file = match File::open(self.path(key)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut text = Vec::new();
        file.take(LONGEST).read_to_end(&mut text)?;
        // What cannot be read is no token: the file is begun again.
        let Ok(written) = serde_json::from_slice::<Written>(&text) else { return Ok(None) };
        let same = written.location == key.location
            && written.name == key.name
            && written.size == key.size
            && written.sha256.0 == key.sha256
            && written.chunk_size > 0;
        Ok(same.then_some(Begun { token: written.token, chunk_size: written.chunk_size }))
    }

    fn save(&self, key: &TransferKey, begun: &Begun) -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let TransferKey { location, name, size, sha256 } = key.clone();
        let Begun { token, chunk_size } = begun.clone();
        let written = Written { location, name, size, sha256: Sha256Text(sha256), chunk_size, token };
        let path = self.path(key);
        let new = path.with_extension("new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(&serde_json::to_vec(&written)?)?;
        file.sync_all()?;
        // The token of one transfer takes the place of the one before.
        fs::rename(&new, &path)?;
        sync(&self.folder)
    }

    fn remove(&self, key: &TransferKey) -> io::Result<()> {
        match fs::remove_file(self.path(key)) {
            Ok(()) => sync(&self.folder),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn tokens_are_kept_for_their_file_alone_and_read_by_their_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let tokens = FileTokens::new(folder.path().join("a/b"));
        let key = |name: &str, size| TransferKey {
            location: "https://there/".into(),
            name: name.into(),
            size,
            sha256: FileId([3; 32]),
        };
        let begun = Begun { token: "a secret".into(), chunk_size: 7 };
        assert_eq!(tokens.load(&key("x", 1)).unwrap(), None);
        tokens.remove(&key("x", 1)).unwrap();
        tokens.save(&key("x", 1), &begun).unwrap();
        let again = Begun { token: "another".into(), ..begun.clone() };
        tokens.save(&key("x", 1), &again).unwrap();
        assert_eq!(tokens.load(&key("x", 1)).unwrap(), Some(again));
        assert_eq!(tokens.load(&key("x", 2)).unwrap(), None);
        assert_eq!(tokens.load(&key("y", 1)).unwrap(), None);
        let path = tokens.path(&key("x", 1));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(folder.path().join("a/b")).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(!format!("{begun:?}").contains("secret"));
        fs::write(&path, "torn").unwrap();
        assert_eq!(tokens.load(&key("x", 1)).unwrap(), None);
        tokens.remove(&key("x", 1)).unwrap();
        assert!(!path.exists());
    }
}
