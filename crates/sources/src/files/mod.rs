//! Files and folders of this machine, as a source of backups and as a target of restores.
//!
//! A [`Capture`] walks targets into a sink with the tree and the metadata that restic would record,
//! so that both programs make the same tree of the same files. A [`restore::FolderTarget`] takes them back.

mod attributes;
mod capture;
pub mod copy;
pub mod filter;
mod listing;
mod opener;
mod owners;
pub mod path;
pub mod restore;
mod rules;
mod scan;
mod selection;
mod source;
mod stat;
mod targets;
mod walk;
pub mod wildcard;
mod worker;
mod zone;

pub use capture::{Capture, CaptureError, CaptureOptions, CaptureReport, raise_open_file_limit};
pub use rules::{MetaRule, NameRule, TagFile};
pub use scan::scan;
pub use targets::LayoutError;
