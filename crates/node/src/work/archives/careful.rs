//! Writing to a disk without filling it: whatever else this host does needs some of it too.

use std::io::{self, Write};
use std::path::PathBuf;

use backstay_archive::create::Output;

use crate::host::{self, bytes};

/// Space that an archive leaves free on the disk that it is made on.
const RESERVE: u64 = 256 << 20;
/// How often it is looked whether that is free, in bytes written.
const LOOK_EVERY: usize = 64 << 20;

/// Writes, and stops before the disk is full.
pub(super) struct Careful {
    inner: Output,
    folder: PathBuf,
    /// Bytes until the next look.
    left: usize,
}

impl Careful {
    /// A file in this folder.
    pub(super) fn new(inner: Output, folder: PathBuf) -> Self {
        Self { inner, folder, left: 0 }
    }
}

impl Write for Careful {
    fn write(&mut self, content: &[u8]) -> io::Result<usize> {
        if self.left == 0 {
            let (total, free) = host::disk(&self.folder);
            if total > 0 && free < RESERVE {
                let text = format!("only {} are free on its disk", bytes(free));
                return Err(io::Error::new(io::ErrorKind::StorageFull, text));
            }
            self.left = LOOK_EVERY;
        }
        let count = self.inner.write(content)?;
        self.left = self.left.saturating_sub(count);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
