//! Where Backstay keeps repositories: back ends behind [`backstay_core::Storage`].
//!
//! A back end ([`local`], [`s3`], [`gdrive`], [`memory`]) stores; the wrappers ([`retry`], [`limit`], [`cache`]) add one
//! thing each and are storages themselves.
//! Nothing here knows the repository format: files are bytes under a handle.

#![forbid(unsafe_code)]

mod address;
pub mod archives;
pub mod cache;
pub mod gdrive;
#[cfg(feature = "rest")]
mod http;
mod layout;
pub mod limit;
pub mod local;
pub mod memory;
mod options;
mod pause;
pub mod rest;
pub mod retry;
pub mod s3;
#[cfg(feature = "testing")]
pub mod testing;

pub use address::{Address, AddressError, RestAddress};
pub(crate) use backstay_net::failure;
pub use backstay_net::s3::S3Address;
pub use backstay_net::{Http, Reach, Secret, reach};
#[cfg(feature = "http")]
pub use backstay_net::{NoClient, client_tls};
pub use cache::Cache;
pub use limit::Limit;
pub use local::Local;
pub use memory::Memory;
pub use options::{OptionError, Options, open, wrapped};
pub use retry::Retry;
