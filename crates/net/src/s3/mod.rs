//! S3: where a bucket is, who we are to it, and signed requests on it.
//!
//! Settings and credentials come in as plain data ([`Settings`]); the environment and the home folder are the caller's.

mod address;
#[cfg(feature = "s3")]
pub mod bucket;
#[cfg(feature = "s3")]
pub mod client;
#[cfg(feature = "s3")]
pub mod connection;
#[cfg(feature = "s3")]
mod credentials;
#[cfg(feature = "s3")]
mod download;
#[cfg(feature = "s3")]
pub mod endpoint;
#[cfg(feature = "s3")]
pub mod fetch;
mod keeping;
#[cfg(feature = "s3")]
pub mod listing;
#[cfg(feature = "s3")]
pub mod multipart;
#[cfg(feature = "s3")]
mod profile;
pub mod refusal;
mod settings;

pub use address::S3Address;
pub use keeping::{ArchiveClass, Encryption, Lock, LockMode, Thaw, Tier};
pub use settings::{Credentials, Settings, Style};
