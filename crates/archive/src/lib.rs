//! Plain archives, as backup destinations and for taking data out: no repository, no deduplication, readable by tools that are
//! everywhere.

#![forbid(unsafe_code)]

pub mod tar;
pub mod tee;
pub mod zip;
