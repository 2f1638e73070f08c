//! Where Backstay keeps repositories: back ends behind [`backstay_core::Storage`].
//!
//! A back end ([`local`], [`memory`]) stores; the wrappers add one thing each and are storages
//! themselves.
//! Nothing here knows the repository format: files are bytes under a handle.

#![forbid(unsafe_code)]

mod failure;
mod layout;
pub mod local;
pub mod memory;

pub use local::Local;
pub use memory::Memory;
