//! Where Backstay keeps repositories: back ends behind [`backstay_core::Storage`].
//!
//! A back end ([`local`], [`s3`], [`memory`]) stores; the wrappers ([`retry`], [`limit`], [`cache`]) add one
//! thing each and are storages themselves.
//! Nothing here knows the repository format: files are bytes under a handle.

#![forbid(unsafe_code)]

mod address;
pub mod archives;
pub mod cache;
mod failure;
#[cfg(feature = "http")]
mod http;
mod layout;
pub mod limit;
pub mod local;
pub mod memory;
mod options;
mod pause;
pub mod reach;
pub mod rest;
pub mod retry;
pub mod s3;
#[cfg(feature = "testing")]
pub mod testing;

#[cfg(feature = "http")]
pub use http::transport::{NoClient, client_tls};

pub use address::{Address, AddressError, RestAddress, S3Address};
pub use cache::Cache;
pub use limit::Limit;
pub use local::Local;
pub use memory::Memory;
pub use options::{Http, OptionError, Options, Secret, open};
pub use reach::Reach;
pub use retry::Retry;
