//! Plain archives as backup destinations: no repository, no deduplication, readable by tools that are
//! everywhere.

#![forbid(unsafe_code)]

pub mod tar;
pub mod tee;
