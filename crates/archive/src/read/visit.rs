//! Going through the items of an archive.

use std::io::Read;

use crate::ArchiveError;
use crate::manifest::Item;

/// What of an item lies in the archive that is gone through.
pub enum Stored<'a> {
    /// The content of a file.
    Content(&'a mut dyn Read),
    /// A content that nobody wants and that had to be read all the same: its checksum fits.
    Passed,
    /// An entry without content.
    Here,
    /// Nothing: the manifest alone tells of it, or its content lies in an earlier archive.
    Elsewhere,
}

/// Called with each item.
pub type Each<'a> = &'a mut dyn FnMut(&Item, Stored<'_>) -> Result<(), ArchiveError>;

pub(super) const MANIFEST_EXPECTED: &str = "where its manifest should be there is something else";

pub(super) fn missing(what: &str, item: &Item) -> ArchiveError {
    ArchiveError::damaged(what, format!("the entry of {:?} is missing", item.path))
}

pub(super) fn other(what: &str, item: &Item, found: &[u8]) -> ArchiveError {
    let found = String::from_utf8_lossy(found.get(..200).unwrap_or(found)).into_owned();
    ArchiveError::damaged(what, format!("in the place of {:?} there is an entry {found:?}", item.path))
}
