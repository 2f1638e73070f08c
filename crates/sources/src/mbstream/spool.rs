//! Content that has to wait in an unnamed temporary file until a sink has room for it.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use backstay_core::Opener;

/// Content that is being put aside.
#[derive(Debug)]
pub(super) struct Spool(File);

impl Spool {
    pub(super) fn new() -> std::io::Result<Self> {
        tempfile::tempfile().map(Self)
    }

    pub(super) fn write(&mut self, data: &[u8]) -> std::io::Result<()> {
        self.0.write_all(data)
    }

    pub(super) fn into_opener(self) -> Spooled {
        Spooled { file: Arc::new(self.0), at: 0 }
    }
}

/// Content that was put aside.
#[derive(Debug, Clone)]
pub(super) struct Spooled {
    file: Arc<File>,
    at: u64,
}

impl Opener for Spooled {
    fn open(self: Box<Self>) -> std::io::Result<Box<dyn Read + Send>> {
        Ok(self)
    }

    fn duplicate(&self) -> Option<Box<dyn Opener>> {
        Some(Box::new(self.clone()))
    }
}

impl Read for Spooled {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read_at(buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}
