//! The content of a file on its way in: hashed, counted, and of the length that its metadata tells.

use std::io::{self, Read};

use backstay_core::{Control, Events, FileId};
use sha2::{Digest, Sha256};

use crate::error::interrupted;

/// Between two looks at whether the work is still wanted.
const PIECE: usize = 1 << 20;

/// Reads as much as a file is said to have. What it has beyond that is left out; where it has less or cannot be read on, the reason
/// is kept, and, if `pads` says so, zeros stand for the rest.
pub(super) struct Intake<'a> {
    pub(super) content: &'a mut dyn Read,
    pub(super) left: u64,
    pub(super) pads: bool,
    pub(super) control: &'a Control,
    pub(super) events: &'a dyn Events,
    pub(super) hash: Sha256,
    pub(super) count: u64,
    pub(super) trouble: Option<String>,
}

impl<'a> Intake<'a> {
    pub(super) fn new(
        content: &'a mut dyn Read,
        size: u64,
        pads: bool,
        control: &'a Control,
        events: &'a dyn Events,
    ) -> Self {
        Self { content, left: size, pads, control, events, hash: Sha256::new(), count: 0, trouble: None }
    }

    /// How much was read, its hash, and what went wrong.
    pub(super) fn finish(self) -> (u64, FileId, Option<String>) {
        (self.count, FileId(self.hash.finalize().into()), self.trouble)
    }
}

impl Read for Intake<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.control.checkpoint().map_err(|_| interrupted())?;
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len()).min(PIECE);
        let room = buffer.get_mut(..most).unwrap_or_default();
        if room.is_empty() {
            return Ok(0);
        }
        let mut count = 0;
        if self.trouble.is_none() {
            match self.content.read(room) {
                Ok(0) => self.trouble = Some("it shrank while it was read".to_owned()),
                Ok(read) => count = read.min(most),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
                Err(error) => self.trouble = Some(format!("cannot read it: {error}")),
            }
        }
        if count == 0 {
            if !self.pads {
                return Ok(0);
            }
            room.fill(0);
            count = most;
        }
        self.hash.update(room.get(..count).unwrap_or_default());
        self.events.bytes_done(count as u64);
        self.left -= count as u64;
        self.count += count as u64;
        Ok(count)
    }
}
