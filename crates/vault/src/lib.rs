//! Secrets at rest and on their way.
//!
//! ```text
//!  file, text or passphrase ──▶ MasterKey ──opens──▶ key ring (a file) ──▶ Vault ──seals──▶ Sealed   what is stored
//!                                                                     NodePublicKey ──seals──▶ SealedBox  what travels
//! ```
//!
//! - **What is stored** is sealed by a [`Vault`] with AES-256-GCM-SIV. Its keys lie in a key ring file, each sealed with the
//!   [`MasterKey`], so that another passphrase or master key costs one small file and no record is touched. The ring holds a
//!   primary key, which seals, and older ones, which still open; [`Vault::rotate`] puts a new primary in.
//! - **What travels to a node** is sealed to the node's own X25519 key ([`NodeKey`]) by HPKE (RFC 9180). Only that node opens
//!   it. Anybody who knows the public key can seal, so who sent it is for the connection to prove.
//! - Both bind in which record they belong to ([`RecordId`]). A sealed value that was moved to another record does not open.
//! - Plain secrets are held in [`Secret`] or `Zeroizing` buffers. They do not show themselves and are wiped when dropped.
//!
//! The caller names every file and reads every environment variable; random bytes come in as [`backstay_core::Random`].

#![forbid(unsafe_code)]

mod cipher;
mod error;
mod master;
mod node;
mod passphrase;
mod private_file;
mod record;
mod ring;
mod secret;
#[cfg(test)]
mod testing;
mod vault;

pub use cipher::{KeyId, Sealed};
pub use error::VaultError;
pub use master::MasterKey;
pub use node::{NodeKey, NodePublicKey, SealedBox, seal_to};
pub use passphrase::PassphraseCost;
pub use record::RecordId;
pub use secret::Secret;
pub use vault::Vault;

/// The vault's result.
pub type Result<T, E = VaultError> = std::result::Result<T, E>;
