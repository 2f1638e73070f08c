//! Repositories and archives in Google Drive.
//!
//! By a client of our own ([`backstay_net::google`]): the library that serves S3 knows Google Drive too, but its hosts are fixed, it writes
//! a file in one request that is sent anew from its beginning, and of all refusals it takes one literal text for passing.
//!
//! Google Drive is no tree of paths: a file has an id, and a folder may hold several of one name. So a name is looked up before it is
//! written and again afterwards, and of several the one that was made first counts, everywhere. Copies of the same content that were left
//! behind are harmless, and are removed when they are met. Folders of one name are all read, and the first one is written to.

#[cfg(feature = "gdrive")]
mod backend;
#[cfg(feature = "gdrive")]
pub(crate) mod place;

#[cfg(feature = "gdrive")]
pub use backend::GoogleDrive;
#[cfg(feature = "gdrive")]
pub use backstay_net::google::drive::About;
#[cfg(feature = "gdrive")]
pub use backstay_net::google::{Account, device};
pub use backstay_net::google::{App, Endpoints, OnRotation, Settings};

/// A call failed since Google does not take the sign-in any more, as the cause of an error.
#[cfg(feature = "gdrive")]
pub use backstay_net::google::SignedOut;

/// Google refused a call, as the cause of an error.
#[cfg(feature = "gdrive")]
pub use backstay_net::google::{OauthError, refusal::Refusal};
