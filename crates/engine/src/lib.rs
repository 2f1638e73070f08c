//! Sink and reader of repositories in restic's format, version 2.

#![deny(unsafe_code)]

pub mod backup;
pub mod check;
pub mod chunker;
pub mod copy;
pub mod crypto;
mod error;
pub mod forget;
pub mod format;
pub mod index;
pub mod journal;
pub mod pack;
pub mod prune;
mod records;
pub mod repair;
pub mod repository;
pub mod restore;
pub mod rewrite;
mod room;
mod side_by_side;
pub mod testing;

/// The examples of the guide, so that they are compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/library.md")]
mod guide {}

pub use error::{Error, Result};
pub use repository::{Environment, Identity, Repository, Settings};
