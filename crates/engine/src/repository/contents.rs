//! The contents of files, one blob after the other, read ahead on several threads.

use std::collections::VecDeque;
use std::sync::Arc;

use backstay_core::FileId;

use super::{BlobReader, Repository};
use crate::Error;
use crate::format::BlobKind;
use crate::index::Index;

/// Blobs that are read ahead; each is 8 MiB at most.
const AHEAD: usize = 4;

/// Hands over the blobs of a content in order, while threads read those that follow.
///
/// # Errors
/// When a blob cannot be read, the work was cancelled, or what `take` returns.
pub fn read_content<E: From<Error>>(
    repository: &Repository,
    index: &Arc<Index>,
    blobs: &[FileId],
    take: &mut dyn FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    if let [only] = blobs {
        let mut reader = BlobReader::new(repository, Arc::clone(index));
        return take(reader.read(BlobKind::Data, only)?);
    }
    std::thread::scope(|scope| {
        let mut lanes = VecDeque::new();
        for lane in 0..AHEAD.min(blobs.len()) {
            let (send, receive) = std::sync::mpsc::sync_channel(1);
            lanes.push_back(receive);
            let mut reader = BlobReader::new(repository, Arc::clone(index));
            scope.spawn(move || {
                for id in blobs.iter().skip(lane).step_by(AHEAD) {
                    let blob = reader.read(BlobKind::Data, id).map(<[u8]>::to_vec);
                    let ends = blob.is_err();
                    // Nobody takes any more: the writer failed.
                    if send.send(blob).is_err() || ends {
                        return;
                    }
                }
            });
        }
        for _ in blobs {
            repository.control().checkpoint().map_err(Error::from)?;
            let Some(lane) = lanes.pop_front() else { break };
            let gone = || Error::Invalid("a thread that reads contents ended unexpectedly".into());
            take(&lane.recv().map_err(|_| gone())??)?;
            lanes.push_back(lane);
        }
        Ok(())
    })
}
