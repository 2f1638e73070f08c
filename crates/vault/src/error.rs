//! Why a secret could not be sealed, opened or kept.

use std::io;
use std::path::{Path, PathBuf};

use crate::{KeyId, RecordId};

/// A vault operation that failed. No variant holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// Sealed with a key that the ring does not have.
    #[error("{record} cannot be opened: it is sealed with key {key}, which is not in the key ring")]
    UnknownKey {
        /// What was to be opened.
        record: RecordId,
        /// The key that it names.
        key: KeyId,
    },
    /// Sealed to the key of another node.
    #[error("{record} cannot be opened: it is sealed to node key {key}, and this node's is {own}")]
    OtherNode {
        /// What was to be opened.
        record: RecordId,
        /// The key that it names.
        key: KeyId,
        /// The key of this node.
        own: KeyId,
    },
    /// The seal does not hold. Which of both reasons it is cannot be told, by the nature of the cipher.
    #[error(
        "{record} cannot be opened: it was changed after it was sealed, or it was sealed for another record"
    )]
    Altered {
        /// What was to be opened.
        record: RecordId,
    },
    /// Too short to be anything sealed.
    #[error("{length} bytes are too few for a sealed value: the end is missing")]
    Truncated {
        /// How many bytes there are.
        length: usize,
    },
    /// Sealed in a form that this program does not know.
    #[error("the sealed value has format {version}, which this program does not know")]
    Version {
        /// The format's number.
        version: u8,
    },
    /// More than can be sealed at once.
    #[error("{record} is too long to be sealed")]
    TooLong {
        /// What was to be sealed.
        record: RecordId,
    },
    /// Text that is to be a key or a sealed value and is none. The text is not shown: it may be a secret.
    #[error("{what} cannot be read: {why}")]
    Text {
        /// What it was to be.
        what: &'static str,
        /// Why it is not.
        why: String,
    },
    /// A public key that nothing can be sealed to.
    #[error("nothing can be sealed to this public key: it is no valid X25519 key")]
    PublicKey,
    /// The passphrase does not open what it once sealed.
    #[error("wrong passphrase: it does not fit {}", path.display())]
    WrongPassphrase {
        /// The file beside which the passphrase was chosen.
        path: PathBuf,
    },
    /// A passphrase without a character.
    #[error("the passphrase is empty")]
    EmptyPassphrase,
    /// The key ring is sealed with another master key.
    #[error("the key ring {} is sealed with master key {sealed_with}, and this is master key {given}", path.display())]
    WrongMaster {
        /// The key ring.
        path: PathBuf,
        /// The master key that opens it.
        sealed_with: KeyId,
        /// The master key at hand.
        given: KeyId,
    },
    /// The primary key cannot be retired.
    #[error("key {0} is the primary key, with which everything new is sealed")]
    StillPrimary(KeyId),
    /// No such key in the ring.
    #[error("key {0} is not in the key ring")]
    NoSuchKey(KeyId),
    /// Others may use a file that holds secrets.
    #[error("{} is open to others: its mode is {mode:04o}, and no more than 0600 is allowed", path.display())]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A file that is not what it should be.
    #[error("{} is no valid {what}: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The file system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

impl VaultError {
    /// What to do about it, where there is something to do.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::UnknownKey { .. } => {
                "bring back the key ring file that belongs to these records, or enter the secret again".into()
            }
            Self::OtherNode { .. } => "let the node join again, so that its present key is known".into(),
            Self::Altered { .. } => "enter the secret again, or bring the record back from a copy".into(),
            Self::Version { .. } => {
                "a newer program sealed it: use that one, or a newer version of this one".into()
            }
            Self::WrongMaster { .. } => "give the master key that the key ring was made with".into(),
            Self::StillPrimary(_) => "rotate first, and seal everything again".into(),
            Self::TooOpen { path, .. } => format!("close it with: chmod 600 {}", path.display()),
            Self::Damaged { .. } => {
                "bring it back from a copy; without it, what it sealed cannot be opened".into()
            }
            _ => return None,
        })
    }

    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { action, path: path.to_owned(), source }
    }

    pub(crate) fn damaged(what: &'static str, path: &Path, why: impl ToString) -> Self {
        Self::Damaged { path: path.to_owned(), what, why: why.to_string() }
    }
}
