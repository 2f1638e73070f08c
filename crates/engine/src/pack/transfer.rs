//! Moving blobs from packs into new packs, of the same repository or another.
//!
//! Every blob is opened and its hash compared before it is taken over; its compressed bytes are used again.

use std::sync::atomic::{AtomicUsize, Ordering};

use backstay_core::{Events, FileKind, Handle};
use parking_lot::Mutex;

use super::{Compress, Decompressor, Packer, Packers};
use crate::crypto::{IV, MAC};
use crate::format::index::PackIndex;
use crate::format::{Blob, BlobKind};
use crate::index::Index;
use crate::repository::{BlobReader, Repository, open_blob};
use crate::room::Room;
use crate::side_by_side::try_for_each;
use crate::{Error, Result};

/// A transfer of blobs.
pub struct Transfer<'a> {
    /// Where they are read.
    pub source: &'a Repository,
    /// The source's index.
    pub index: &'a std::sync::Arc<Index>,
    /// Where they go.
    pub target: &'a Repository,
    /// The target's packers.
    pub packers: &'a Packers,
    /// Compress data that is not compressed, even if it gets longer by that: once done, it need not be tried again. Trees
    /// always are.
    pub compress: bool,
    /// What the steps are called.
    pub step: &'a str,
}

/// Bytes between two wanted blobs that are rather read than skipped.
const GAP: u32 = 256 << 10;
/// Most bytes that are read at once.
const STRETCH: u32 = 16 << 20;
/// Bytes that are read and not moved yet.
const AHEAD: u64 = 48 << 20;

impl Transfer<'_> {
    /// Moves the blobs that are listed for each pack. `unreadable` is asked about each blob that no copy of is sound.
    ///
    /// # Errors
    /// What `unreadable` returns, or that something could not be stored.
    pub fn run(
        &self,
        packs: &[PackIndex],
        events: &dyn Events,
        unreadable: &(dyn Fn(&Blob, Error) -> Result<()> + Sync),
    ) -> Result<()> {
        let done = AtomicUsize::new(0);
        events.step(self.step, 0, packs.len() as u64);
        let settings = self.source.settings();
        let crew = Crew {
            read: Room::new(AHEAD),
            turns: Room::new(settings.threads as u64),
            idle: Mutex::default(),
        };
        // Many read, since each may wait long for its answer; as many move as there are processors.
        let threads = settings.threads.max(self.source.storage().small_calls());
        try_for_each(packs, threads, |pack| {
            self.move_pack(pack, &crew, events, unreadable)?;
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            events.step(self.step, done as u64, packs.len() as u64);
            Ok(())
        })
    }

    fn move_pack(
        &self,
        pack: &PackIndex,
        crew: &Crew,
        events: &dyn Events,
        unreadable: &(dyn Fn(&Blob, Error) -> Result<()> + Sync),
    ) -> Result<()> {
        let mut blobs = pack.blobs.clone();
        blobs.sort_unstable_by_key(|blob| blob.offset);
        let end = |blob: &Blob| blob.offset.saturating_add(blob.length);
        let mut rest = blobs.as_slice();
        while let Some(first) = rest.first() {
            self.source.control().checkpoint()?;
            let mut count = 1;
            let mut until = end(first);
            for blob in rest.iter().skip(1) {
                if blob.offset > until.saturating_add(GAP) || end(blob) - first.offset > STRETCH {
                    break;
                }
                until = until.max(end(blob));
                count += 1;
            }
            let (now, later) = rest.split_at(count);
            let length = (until - first.offset) as usize;
            let _held = crew.read.take(length as u64);
            let mut sealed = Vec::new();
            let read = self.source.confirm_range(pack.id, first.offset, length).and_then(|()| {
                sealed.resize(length, 0);
                let handle = Handle::new(FileKind::Pack, pack.id);
                let context = self.source.context();
                Ok(self.source.storage().read_at(&handle, u64::from(first.offset), &mut sealed, context)?)
            });
            let _turn = crew.turns.take(1);
            let mut mover = crew.idle.lock().pop().unwrap_or_default();
            self.packers.with(|packer| {
                now.iter().try_for_each(|blob| {
                    let at = (blob.offset - first.offset) as usize;
                    if read.is_err() || self.move_blob(blob, &sealed, at, packer, &mut mover).is_err() {
                        return self.move_copy(blob, packer, unreadable);
                    }
                    Ok(())
                })
            })?;
            crew.idle.lock().push(mover);
            events.bytes_done(now.iter().map(|blob| u64::from(blob.length)).sum());
            rest = later;
        }
        Ok(())
    }

    /// Moves a blob out of what was read.
    fn move_blob(
        &self,
        blob: &Blob,
        read: &[u8],
        at: usize,
        packer: &mut Packer,
        mover: &mut Mover,
    ) -> Result<()> {
        let short = || Error::damaged("a pack", "too short");
        let sealed = read.get(at..at + blob.length as usize).ok_or_else(short)?;
        mover.opened.clear();
        mover.opened.extend_from_slice(sealed);
        let content =
            open_blob(self.source, blob, &mut mover.opened, &mut mover.decompressor, &mut mover.content)?;
        let compressed = blob.raw_length != 0;
        let as_it_is = compressed || !(self.compress || blob.kind == BlobKind::Tree);
        if as_it_is && self.source.config().id == self.target.config().id {
            self.packers.store_sealed(packer, blob.kind, blob.id, sealed, blob.raw_length)?;
            return Ok(());
        }
        if !compressed || self.target.config().version < 2 {
            self.packers.store_content(packer, blob.kind, blob.id, content, self.when_to_compress())?;
        } else {
            let packed = mover.opened.get(IV..mover.opened.len() - MAC).ok_or_else(short)?;
            self.packers.store_packed(packer, blob.kind, blob.id, packed, blob.raw_length)?;
        }
        Ok(())
    }

    const fn when_to_compress(&self) -> Compress {
        if self.compress { Compress::Always } else { Compress::IfSmaller }
    }

    /// Moves a blob that is damaged where it was looked for, from wherever it is whole.
    fn move_copy(
        &self,
        blob: &Blob,
        packer: &mut Packer,
        unreadable: &(dyn Fn(&Blob, Error) -> Result<()> + Sync),
    ) -> Result<()> {
        let mut reader = BlobReader::new(self.source, std::sync::Arc::clone(self.index));
        match reader.read(blob.kind, &blob.id) {
            Ok(content) => {
                let compress = self.when_to_compress();
                self.packers.store_content(packer, blob.kind, blob.id, content, compress).map(|_| ())
            }
            Err(error) if error.is_interrupted() => Err(error),
            Err(error) => unreadable(blob, error),
        }
    }
}

/// Who moves blobs.
struct Crew {
    /// Room for what is read.
    read: Room,
    /// One for each who moves at once.
    turns: Room,
    idle: Mutex<Vec<Mover>>,
}

#[derive(Default)]
struct Mover {
    opened: Vec<u8>,
    content: Vec<u8>,
    decompressor: Decompressor,
}
