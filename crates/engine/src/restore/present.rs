//! Whether a file at the target has a blob in its place already.

use backstay_core::{FileId, TargetFile};

use crate::crypto::Hasher;

/// What is read at once: the length of a blob is what an index claims, however absurd.
const PIECE: usize = 1 << 20;

/// Whether the `length` bytes at `offset` are the blob `id`.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn holds(
    file: &dyn TargetFile,
    offset: u64,
    length: u64,
    id: &FileId,
    buffer: &mut Vec<u8>,
) -> std::io::Result<bool> {
    buffer.resize(PIECE, 0);
    let mut hasher = Hasher::default();
    let mut done = 0;
    while done < length {
        let wanted = usize::try_from(length - done).unwrap_or(PIECE).min(PIECE);
        let piece = buffer.get_mut(..wanted).unwrap_or_default();
        if file.read_at(offset.saturating_add(done), piece)? != wanted {
            return Ok(false);
        }
        hasher.update(piece);
        done += wanted as u64;
    }
    Ok(hasher.finish() == *id)
}
