//! Sending an archive to where it is kept, over networks that fail.
//!
//! A file goes in chunks, each with its hash. What was begun is noted as a resume token before anything is sent, so that a transfer
//! goes on after an interruption of any kind, also with a new process: the store tells which chunks it has, by their hashes as they
//! lie there now, and only what is missing or wrong is sent. A store that is out of reach is tried again, after waits that grow; a
//! cut costs the chunks that were under way. The manifest beside an archive goes last: an archive without one is not whole.

mod chunking;
mod error;
mod tokens;
mod upload;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use backstay_core::{ArchiveStore, Clock, Control, FileId, StoredFile};
use backstay_policy::Backoff;

pub use self::chunking::{Chunking, MOST_CHUNKS};
pub use self::error::TransferError;
pub use self::tokens::{Begun, FileTokens, Tokens, TransferKey};
use crate::hashing::sha256;
use crate::manifest::{Manifest, beside_name};
use crate::read::ReadAt;

/// Hears how a transfer goes. Called from several threads; must return quickly.
#[allow(unused_variables)]
pub trait Progress: Send + Sync {
    /// A file is to be sent, and so much of it is there already.
    fn begun(&self, name: &str, size: u64, already: u64) {}
    /// So many more bytes were handed to the store.
    fn sent(&self, bytes: u64) {}
    /// So many bytes that were handed over did not arrive and are sent again.
    fn lost(&self, bytes: u64) {}
    /// The store failed, and is tried again after this wait.
    fn waiting(&self, why: &str, wait: Duration) {}
    /// All is sent; the store puts it together and checks it.
    fn finishing(&self, name: &str) {}
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unheard;

impl Progress for Unheard {}

/// How long a store that fails is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// The waits between tries.
    pub backoff: Backoff,
    /// How long nothing may come through before the transfer is given up; its token stays. `None` tries for ever.
    pub give_up_after: Option<Duration>,
    /// What the waits are spread by; another one for each transfer.
    pub seed: u64,
}

impl Default for Patience {
    /// Gives up after a day.
    fn default() -> Self {
        Self { backoff: Backoff::default(), give_up_after: Some(Duration::from_secs(86_400)), seed: 0 }
    }
}

/// Sends files to a store.
pub struct Sender {
    /// Where to.
    pub store: Arc<dyn ArchiveStore>,
    /// Where resume tokens are kept.
    pub tokens: Arc<dyn Tokens>,
    /// How files are cut.
    pub chunking: Chunking,
    /// How long a store that fails is tried.
    pub patience: Patience,
    /// Tells the time and waits.
    pub clock: Arc<dyn Clock>,
    /// Pauses and cancels.
    pub control: Control,
    /// Is told how it goes.
    pub progress: Arc<dyn Progress>,
}

impl Sender {
    /// Sends one file, or what is missing of it. Afterwards its token is forgotten.
    ///
    /// # Errors
    /// When it could not be sent. With everything but a name that is taken it can be gone on with later.
    pub fn send(&self, file: &dyn ReadAt, name: &str, sha256: FileId) -> Result<StoredFile, TransferError> {
        let stored = self.transfer(file, name, sha256)?;
        self.forget(file, name, sha256)?;
        Ok(stored)
    }

    /// Sends an archive and the manifest beside it into a folder of the store; the empty name is the uppermost.
    ///
    /// # Errors
    /// When one of both could not be sent.
    pub fn send_archive(
        &self,
        archive: &dyn ReadAt,
        folder: &str,
        manifest: &Manifest,
    ) -> Result<StoredFile, TransferError> {
        let name =
            if folder.is_empty() { manifest.name.clone() } else { format!("{folder}/{}", manifest.name) };
        self.send_archive_as(archive, &name, manifest)
    }

    /// The same under a name, with its folders, that need not be the one that its manifest tells.
    ///
    /// # Errors
    /// When one of both could not be sent.
    pub fn send_archive_as(
        &self,
        archive: &dyn ReadAt,
        name: &str,
        manifest: &Manifest,
    ) -> Result<StoredFile, TransferError> {
        let local = |cause: io::Error| TransferError::Local { name: name.to_owned(), cause };
        let facts =
            manifest.file.ok_or_else(|| local(io::Error::other("its manifest does not tell its hash")))?;
        if facts.size != archive.size() {
            return Err(local(io::Error::other("it is not of the length that its manifest tells")));
        }
        let text = manifest.to_json().map_err(|error| local(io::Error::other(error)))?;
        let stored = self.transfer(archive, name, facts.sha256.0)?;
        let beside = Memory(text);
        self.send(&beside, &beside_name(name), sha256(&beside.0))?;
        // Until now the token tells that the archive that lies there is this one.
        self.forget(archive, name, facts.sha256.0)?;
        Ok(stored)
    }

    /// Gives up what was begun of a file.
    ///
    /// # Errors
    /// When the store or the tokens fail.
    pub fn abandon(&self, file: &dyn ReadAt, name: &str, sha256: FileId) -> Result<(), TransferError> {
        let key = self.key(file, name, sha256);
        if let Some(begun) = self.tokens.load(&key).map_err(TransferError::Tokens)? {
            let context = backstay_core::CallContext::with(&self.control);
            self.store.abandon(&begun.token, context).map_err(|error| TransferError::of(error, name))?;
        }
        self.tokens.remove(&key).map_err(TransferError::Tokens)
    }

    /// Forgets the token of a file that arrived, here and, as far as that can be reached, at the store.
    fn forget(&self, file: &dyn ReadAt, name: &str, sha256: FileId) -> Result<(), TransferError> {
        let key = self.key(file, name, sha256);
        let begun = self.tokens.load(&key).map_err(TransferError::Tokens)?;
        self.tokens.remove(&key).map_err(TransferError::Tokens)?;
        if let Some(begun) = begun {
            // A store that cannot be asked forgets it in time.
            let _ = self.store.abandon(&begun.token, backstay_core::CallContext::with(&self.control));
        }
        Ok(())
    }

    fn key(&self, file: &dyn ReadAt, name: &str, sha256: FileId) -> TransferKey {
        TransferKey { location: self.store.location(), name: name.to_owned(), size: file.size(), sha256 }
    }
}

/// A small file in memory.
struct Memory(Vec<u8>);

impl ReadAt for Memory {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = self.0.get(from..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        if let (Some(to), Some(piece)) = (buffer.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(piece);
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
