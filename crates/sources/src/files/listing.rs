//! The names in a folder, read in large pieces straight from the kernel.

use std::os::fd::AsFd;

use rustix::fs::{FileType, RawDir};
use rustix::io::Errno;

/// Room for one piece of a listing: some 500 names of the usual length.
const PIECE: usize = 32 << 10;

/// All names with the kind the folder says they are, if it says, in the order of their bytes.
/// `piece` is room that is used again from folder to folder.
pub(super) fn sorted(folder: impl AsFd, piece: &mut Vec<u8>) -> Result<Vec<(Vec<u8>, FileType)>, Errno> {
    piece.clear();
    piece.reserve(PIECE);
    let mut names = Vec::new();
    let mut entries = RawDir::new(folder, piece.spare_capacity_mut());
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if !matches!(name, b"." | b"..") {
            names.push((name.to_vec(), entry.file_type()));
        }
    }
    names.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    Ok(names)
}
