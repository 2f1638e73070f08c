//! Accounts of Google: each is signed in once for all work of the node, and a refresh token that Google replaces is kept.
//!
//! What the server has of a connection is the token that its user once allowed. Where Google gives another one in its place, only this node
//! knows, so it is kept here: sealed to the node's key, in a file that is named after the token of the server, durable before the new one
//! is used. When the user signs in again, the server tells another token, and what was kept for the old one counts no more.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use backstay_core::{FileId, Random};
use backstay_model::connection::GoogleDriveSettings;
use backstay_storage::gdrive::{Account, App, Endpoints, GoogleDrive, OnRotation, Settings};
use backstay_storage::{Http, Secret};
use backstay_vault::{NodeKey, RecordId, SealedBox, seal_to};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::repository::make_folder;
use super::storage::PATIENCE;
use super::{Result, Workshop};
use crate::seals::Opened;

/// The folder of what is kept, in the node's data folder.
const FOLDER: &str = "google";
/// Accounts that nobody uses are forgotten when there are more than these.
const MOST_IDLE: usize = 16;

/// The accounts that are signed in.
#[derive(Default)]
pub(super) struct Accounts {
    known: Mutex<HashMap<String, Arc<Account>>>,
    /// What tokens are sealed to.
    key: Option<NodeKey>,
}

impl Workshop {
    /// The same workshop, that keeps tokens which services replace, sealed to this key.
    #[must_use]
    pub fn keeping_tokens(mut self, key: NodeKey) -> Self {
        self.google.key = Some(key);
        self
    }

    /// The account of a connection.
    pub(super) fn google_account(&self, drive: &GoogleDriveSettings, secrets: &Opened) -> Arc<Account> {
        let client_secret = secrets.get("client_secret").or_else(|| drive.client_secret.expose());
        let told = secrets.get("refresh_token").or_else(|| drive.refresh_token.expose()).unwrap_or_default();
        let client_secret = client_secret.unwrap_or_default();
        let endpoint = drive.endpoint.as_deref().unwrap_or_default();
        let name = digest(&[&drive.client_id, client_secret, told, endpoint]);
        let mut known = self.google.known.lock();
        if let Some(account) = known.get(&name) {
            return Arc::clone(account);
        }
        let kept = Kept { folder: self.data_dir.join(FOLDER), name: digest(&[&drive.client_id, told]) };
        let last = self.google.key.as_ref().and_then(|key| kept.read(key));
        let account = Arc::new(Account::new(Settings {
            app: App { client_id: drive.client_id.clone(), client_secret: Secret::new(client_secret) },
            refresh_token: last.unwrap_or_else(|| Secret::new(told)),
            endpoints: drive.endpoint.as_deref().map_or_else(Endpoints::default, Endpoints::at),
            on_rotation: self
                .google
                .key
                .clone()
                .map(|key| kept.keeper(key, Arc::clone(&self.environment.random))),
        }));
        if known.len() > MOST_IDLE {
            known.retain(|_, account| Arc::strong_count(account) > 1);
        }
        known.insert(name, Arc::clone(&account));
        account
    }

    /// The storage in a folder of a connection.
    pub(super) fn google_drive(
        &self,
        drive: &GoogleDriveSettings,
        path: &str,
        secrets: &Opened,
    ) -> Result<GoogleDrive> {
        let account = self.google_account(drive, secrets);
        Ok(GoogleDrive::new(&folder(drive, path), account, &self.google_http(drive), None)?)
    }

    /// How Google is spoken to.
    pub(super) fn google_http(&self, drive: &GoogleDriveSettings) -> Http {
        Http { reach: self.reach_of(drive.allow_private), patience: Some(PATIENCE), ..Http::default() }
    }
}

/// The folder of a repository, in the account's Drive.
pub(super) fn folder(drive: &GoogleDriveSettings, path: &str) -> String {
    if path.is_empty() { drive.folder.clone() } else { format!("{}/{path}", drive.folder) }
}

/// A hash of texts, in hexadecimal digits.
fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    FileId(hash.finalize().into()).to_hex()
}

/// Where the token is kept that took the place of the server's.
struct Kept {
    folder: PathBuf,
    /// Made of the server's token, and so another one for the next.
    name: String,
}

impl Kept {
    fn path(&self) -> PathBuf {
        self.folder.join(&self.name)
    }

    fn record(&self) -> RecordId {
        RecordId::new("google", self.name.clone(), "refresh_token")
    }

    /// The token, if there is one. One that cannot be read is none: the server's is tried then.
    fn read(&self, key: &NodeKey) -> Option<Secret> {
        let text = fs::read_to_string(self.path()).ok()?;
        let plain = key.open(&self.record(), &SealedBox::from_text(text.trim()).ok()?).ok()?;
        std::str::from_utf8(&plain).ok().map(Secret::new)
    }

    fn keeper(self, key: NodeKey, random: Arc<dyn Random>) -> OnRotation {
        Arc::new(move |token: &Secret| {
            let sealed = seal_to(key.public(), &self.record(), token.expose().as_bytes(), &*random);
            let sealed = sealed.map_err(io::Error::other)?.to_text();
            make_folder(&self.folder)?;
            replace(&self.path(), sealed.as_bytes())
        })
    }
}

/// Replaces a file that only its owner may read; the old or the new content is there whatever happens.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting;

    impl Random for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.iter_mut().zip(1_u8..).for_each(|(byte, number)| *byte = number);
        }
    }

    #[test]
    fn a_token_that_was_replaced_is_kept_sealed_and_for_its_predecessor_alone() {
        let folder = tempfile::tempdir().unwrap();
        let key = NodeKey::generate(&Counting);
        let kept =
            |told: &str| Kept { folder: folder.path().join("google"), name: digest(&["client", told]) };
        assert!(kept("first").read(&key).is_none());
        let keep = kept("first").keeper(key.clone(), Arc::new(Counting));
        keep(&Secret::new("the second one")).unwrap();
        keep(&Secret::new("the third one")).unwrap();
        assert_eq!(kept("first").read(&key).unwrap().expose(), "the third one");
        assert!(kept("another").read(&key).is_none());
        let text = fs::read_to_string(kept("first").path()).unwrap();
        assert!(!text.contains("third"));
        assert_eq!(fs::read_dir(folder.path().join("google")).unwrap().count(), 1);
    }
}
