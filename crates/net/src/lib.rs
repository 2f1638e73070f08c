//! How services on the network are spoken to: which addresses may be reached ([`reach`]), one HTTP client with its runtime and its
//! errors ([`http`]), and the requests of S3 ([`s3`]) and of Google Drive ([`google`]).
//!
//! Everything here blocks, takes a [`CallContext`](backstay_core::CallContext) and ends when its caller loses interest. Errors are
//! [`StorageError`](backstay_core::StorageError)s, classed by what may be done about them. No runtime is visible outside.

#![forbid(unsafe_code)]

mod circle;
pub mod failure;
pub mod google;
pub mod http;
pub mod reach;
pub mod s3;
mod secret;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "text")]
pub mod text;

pub use http::Http;
#[cfg(feature = "http")]
pub use http::transport::{NoClient, client_tls};
pub use reach::Reach;
pub use secret::Secret;
