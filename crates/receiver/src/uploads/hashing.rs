//! The SHA-256 of a whole upload, read back from the disk while the rest is still coming: the end has little left to read.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use sha2::{Digest, Sha256};

use super::Upload;

/// Bytes that are read at once.
const BLOCK: usize = 256 << 10;

/// A hash over the first bytes of an upload.
#[derive(Debug, Default, Clone)]
pub(super) struct Hashed {
    hasher: Sha256,
    upto: u64,
}

impl Upload {
    /// Reads on to the offset, unless that is being done already.
    pub(super) fn hash_ahead(&self, file: &File) -> io::Result<()> {
        let Some(mut hashed) = self.hashed.try_lock() else { return Ok(()) };
        let offset = self.state.lock().offset;
        read_on(&mut hashed, file, offset)
    }

    /// The SHA-256 of the whole upload, as it lies on the disk.
    pub(super) fn whole_hash(&self, file: &File) -> io::Result<[u8; 32]> {
        let mut hashed = self.hashed.lock();
        read_on(&mut hashed, file, self.record.length)?;
        Ok(hashed.hasher.clone().finalize().into())
    }

    /// Bytes from here on are written anew: a hash that went further counts no more.
    pub(super) fn hash_again_from(&self, offset: u64) {
        let mut hashed = self.hashed.lock();
        if hashed.upto > offset {
            *hashed = Hashed::default();
        }
    }
}

fn read_on(hashed: &mut Hashed, file: &File, end: u64) -> io::Result<()> {
    let mut buffer = vec![0; BLOCK];
    while hashed.upto < end {
        let wanted = usize::try_from(end - hashed.upto).unwrap_or(BLOCK).min(BLOCK);
        let Some(block) = buffer.get_mut(..wanted) else { break };
        file.read_exact_at(block, hashed.upto)?;
        hashed.hasher.update(&*block);
        hashed.upto += wanted as u64;
    }
    Ok(())
}

/// The SHA-256 of a range of a file.
pub(crate) fn range_hash(file: &File, mut offset: u64, length: u64) -> io::Result<[u8; 32]> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; BLOCK];
    let end = offset.saturating_add(length);
    while offset < end {
        let wanted = usize::try_from(end - offset).unwrap_or(BLOCK).min(BLOCK);
        let Some(block) = buffer.get_mut(..wanted) else { break };
        file.read_exact_at(block, offset)?;
        hasher.update(&*block);
        offset += wanted as u64;
    }
    Ok(hasher.finalize().into())
}
