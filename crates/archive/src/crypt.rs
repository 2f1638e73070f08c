//! Encryption of whole archives in the format of age (age-encryption.org/v1), to X25519 recipients.
//!
//! A recipient can only encrypt; what reads an archive back is the identity that belongs to it, which need not be on the host that
//! makes backups. Whoever knows a recipient can make archives for it: age tells nothing of who made one.

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use age::secrecy::ExposeSecret;
use age::stream::StreamWriter;
use age::x25519;

use crate::ArchiveError;

/// The first bytes of an encrypted archive.
pub(crate) const MAGIC: &[u8] = b"age-encryption.org/v1\n";

/// To whom an archive is encrypted.
#[derive(Clone)]
pub struct Recipients(Vec<x25519::Recipient>);

impl Recipients {
    /// Reads recipients, one on each line; empty lines and lines that begin with `#` are passed over.
    ///
    /// # Errors
    /// When a line is no recipient, or there is none at all.
    pub fn parse(text: &str) -> Result<Self, ArchiveError> {
        let mut recipients = Vec::new();
        for (line, text) in lines(text) {
            let bad = |why: &str| ArchiveError::BadRecipient { line, why: why.to_owned() };
            recipients.push(x25519::Recipient::from_str(text).map_err(bad)?);
        }
        if recipients.is_empty() {
            return Err(ArchiveError::BadRecipient { line: 1, why: "there is none".to_owned() });
        }
        Ok(Self(recipients))
    }

    /// These and those.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// Encrypts what is written to `out`.
    pub(crate) fn encrypt<W: Write>(&self, out: W) -> io::Result<StreamWriter<W>> {
        let recipients = self.0.iter().map(|one| one as &dyn age::Recipient);
        let encryptor = age::Encryptor::with_recipients(recipients).map_err(io::Error::other)?;
        encryptor.wrap_output(out)
    }
}

/// Recipients are no secrets.
impl fmt::Debug for Recipients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(ToString::to_string)).finish()
    }
}

/// What opens encrypted archives. Its text is shown nowhere.
#[derive(Clone, Default)]
pub struct Identities(Vec<x25519::Identity>);

impl Identities {
    /// None: what is encrypted cannot be read.
    #[must_use]
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// Reads identities, one on each line; empty lines and lines that begin with `#` are passed over.
    ///
    /// # Errors
    /// When a line is no identity, or there is none at all.
    pub fn parse(text: &str) -> Result<Self, ArchiveError> {
        let mut identities = Vec::new();
        for (line, text) in lines(text) {
            let bad = |why: &str| ArchiveError::BadIdentity { line, why: why.to_owned() };
            identities.push(x25519::Identity::from_str(text).map_err(bad)?);
        }
        if identities.is_empty() {
            return Err(ArchiveError::BadIdentity { line: 1, why: "there is none".to_owned() });
        }
        Ok(Self(identities))
    }

    /// The recipients that belong to them; `None` where there are none.
    #[must_use]
    pub fn recipients(&self) -> Option<Recipients> {
        let recipients: Vec<_> = self.0.iter().map(x25519::Identity::to_public).collect();
        (!recipients.is_empty()).then_some(Recipients(recipients))
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &dyn age::Identity> {
        self.0.iter().map(|one| one as &dyn age::Identity)
    }
}

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} identities", self.0.len())
    }
}

/// A new identity, and the recipient that belongs to it.
pub struct KeyPair {
    identity: x25519::Identity,
}

impl KeyPair {
    /// A new one. Its randomness is that of the operating system, as the library of age takes it.
    #[must_use]
    pub fn generate() -> Self {
        Self { identity: x25519::Identity::generate() }
    }

    /// The recipient, which is no secret.
    #[must_use]
    pub fn recipient(&self) -> String {
        self.identity.to_public().to_string()
    }

    /// The text of the identity, which opens every archive that is encrypted to the recipient.
    #[must_use]
    pub fn secret(&self) -> age::secrecy::SecretString {
        self.identity.to_string()
    }

    /// Hands the text of the identity to somebody who keeps it.
    pub fn with_secret<T>(&self, keep: impl FnOnce(&str) -> T) -> T {
        keep(self.secret().expose_secret())
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair").field("recipient", &self.recipient()).finish_non_exhaustive()
    }
}

/// The lines that say something, with their numbers from 1 up.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}
