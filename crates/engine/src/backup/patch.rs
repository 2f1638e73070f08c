//! A file of which only changes are known: they are laid over what the parent snapshot has.

use std::io::Read;
use std::ops::Range;
use std::sync::Arc;

use backstay_core::{Content, CutHint, Meta, Opener, SinkError};

use super::compare::is_complete;
use super::content::ChunkStream;
use super::crew::{Crew, Hands, Taker};
use super::guests::{Feeds, pipe};
use super::worker::File;
use crate::format::BlobKind;
use crate::repository::BlobReader;

/// Bytes beyond the parent's end that a patch takes in at a time.
const PIECE: u64 = 1 << 20;

impl Crew {
    /// Patches a file at each who takes it. The new bytes are read once; what they are laid over is everybody's own.
    pub(super) fn patch_each(
        &self,
        file: &File,
        opener: Box<dyn Opener>,
        ranges: &[Range<u64>],
        hands: &mut Hands,
    ) -> Result<(), SinkError> {
        let mut patches = match opener.open() {
            Ok(reader) => self.pace.slow(reader),
            Err(error) => {
                self.cannot_read(file, &error);
                return Ok(());
            }
        };
        if let ([taker], []) = (file.takers.as_slice(), file.guests.as_slice()) {
            return self.patch_at(file, taker, &mut *patches, ranges, hands);
        }
        std::thread::scope(|scope| {
            let mut feeds = Feeds::default();
            for taker in &file.takers {
                let (end, outlet) = pipe(None);
                feeds.0.push(end);
                scope.spawn(move || {
                    let Ok(mut patches) = Box::new(outlet).open() else { return };
                    let mut hands = self.lend();
                    if let Err(error) = self.patch_at(file, taker, &mut *patches, ranges, &mut hands) {
                        taker.shared.fail(error);
                    }
                    self.give_back(hands);
                });
            }
            for place in &file.guests {
                let (end, outlet) = pipe(None);
                feeds.0.push(end);
                let content = Content::Patched { opener: Box::new(outlet), ranges: ranges.to_vec() };
                scope.spawn(move || place.add(&file.name, &file.meta, content));
            }
            let outcome = self.cut(&mut *patches, &[], &mut [], &mut feeds, hands)?;
            feeds.end(&outcome);
            Ok(())
        })
    }

    fn patch_at(
        &self,
        file: &File,
        taker: &Taker,
        patches: &mut dyn Read,
        ranges: &[Range<u64>],
        hands: &mut Hands,
    ) -> Result<(), SinkError> {
        let one = std::slice::from_ref(taker);
        if let Err(error) = self.patch(file, taker, patches, ranges, hands)? {
            self.leave_out(one, &file.name, &error.to_string());
        }
        Ok(())
    }

    /// Stores the parent's content with some ranges replaced: blobs that no range touches are kept as they are. The inner error is the
    /// file's, the outer one the backup's.
    fn patch(
        &self,
        file: &File,
        taker: &Taker,
        patches: &mut dyn Read,
        ranges: &[Range<u64>],
        hands: &mut Hands,
    ) -> Result<std::io::Result<()>, SinkError> {
        let Taker { shared, folder } = taker;
        let previous = folder.previous(&file.name).filter(|node| is_complete(node, &shared.index));
        let Some(old) = previous.and_then(|node| node.content.clone()) else {
            return Ok(Err(std::io::Error::other("the parent snapshot does not have its content")));
        };
        let mut reader = BlobReader::new(&shared.repository, Arc::clone(&shared.index));
        let chunker = Arc::clone(&shared.chunker);
        let mut stream = ChunkStream::new(self, CutHint::ByContent, chunker, vec![taker.clone()]);
        let (mut at, size) = (0_u64, file.meta.size);
        for id in old {
            if at >= size {
                break;
            }
            let length = u64::from(shared.index.content_length(BlobKind::Data, &id).unwrap_or_default());
            let touched = ranges.iter().any(|range| range.start < at + length && range.end > at);
            if !touched && at + length <= size && stream.is_empty() {
                stream.file.add_known(id);
                stream.skip(length);
                at += length;
                continue;
            }
            let mut content = match reader.read(BlobKind::Data, &id) {
                Ok(content) => content.to_vec(),
                Err(error) => return Ok(Err(std::io::Error::other(error))),
            };
            content.truncate(usize::try_from(size - at).unwrap_or(usize::MAX));
            if let Err(error) = overlay(&mut content, at, ranges, patches) {
                return Ok(Err(error));
            }
            at += content.len() as u64;
            self.push(&mut stream, &content, Some(hands))?;
            // The blobs after this one keep their boundaries.
            stream.flush(self, Some(hands))?;
        }
        // What is new beyond the parent's end may be long: a piece at a time.
        let mut piece = Vec::new();
        while at < size {
            self.check()?;
            piece.clear();
            piece.resize((size - at).min(PIECE) as usize, 0);
            if let Err(error) = overlay(&mut piece, at, ranges, patches) {
                return Ok(Err(error));
            }
            at += piece.len() as u64;
            self.push(&mut stream, &piece, Some(hands))?;
        }
        stream.flush(self, Some(hands))?;
        stream.file.end(file.name.clone(), Meta { size: stream.size, ..file.meta.clone() });
        Ok(Ok(()))
    }
}

/// Writes the parts of the ranges that lie in `content`, which begins at `start`. The ranges ascend, so the patches are read in order.
fn overlay(
    content: &mut [u8],
    start: u64,
    ranges: &[Range<u64>],
    patches: &mut dyn Read,
) -> std::io::Result<()> {
    let end = start + content.len() as u64;
    for range in ranges.iter().filter(|range| range.start < end && range.end > start) {
        let from = (range.start.max(start) - start) as usize;
        let to = (range.end.min(end) - start) as usize;
        if let Some(target) = content.get_mut(from..to) {
            patches.read_exact(target)?;
        }
    }
    Ok(())
}
