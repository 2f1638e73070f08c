//! Taking a piece of an upload in.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::Body;

use super::store::DATA;
use super::{Turn, Upload};
use crate::intake::{self, Algorithm, End, Taken};
use crate::problem::Problem;
use crate::receiver::Receiver;
use crate::text;

/// After so many bytes of a piece without a checksum, what there is counts: a process that is killed loses no more of it.
const KEEP_EVERY: u64 = 64 << 20;

/// A piece of an upload, as a request announces it.
pub(crate) struct Piece {
    /// Where it begins: at the upload's offset, or before it where it replaces what is there.
    pub(crate) offset: u64,
    /// Its checksum, where it has one. Then all of it counts, or nothing.
    pub(crate) checksum: Option<(Algorithm, Vec<u8>)>,
    pub(crate) body: Body,
}

impl Receiver {
    /// Takes a piece in, and gives the offset that counts then. Before this returns, it is on the disk.
    ///
    /// A piece with a checksum that is cut or garbled leaves the offset as it was. One without keeps what came.
    pub(crate) async fn take_piece(
        &self,
        upload: &Arc<Upload>,
        turn: &mut Turn,
        piece: Piece,
    ) -> Result<u64, Problem> {
        let Piece { offset, checksum, body } = piece;
        let before = upload.state().offset;
        let room = upload.record.length - offset;
        let _place = self.place().await?;
        let opened = {
            let upload = Arc::clone(upload);
            self.blocking(move |receiver| {
                upload.hash_again_from(offset);
                let file =
                    receiver.open_data(&upload).map_err(|error| Problem::io("open the upload", &error))?;
                // What lies beyond the offset is left of a piece that did not count.
                let cut = if offset == before { file.set_len(before) } else { Ok(()) };
                cut.map_err(|error| Problem::io("write the upload", &error))?;
                Ok(file)
            })
        };
        let file = opened.await?;
        let keep = {
            let (receiver, upload, counts) = (self.clone(), Arc::clone(upload), checksum.is_none());
            let mut kept = 0;
            move |file: &File, written: u64| -> io::Result<()> {
                upload.arriving.store(written, Ordering::Relaxed);
                if counts && written - kept >= KEEP_EVERY {
                    kept = written;
                    receiver.count(&upload, file, before.max(offset + written))?;
                }
                Ok(())
            }
        };
        let algorithm = checksum.as_ref().map(|(algorithm, _)| *algorithm);
        let writing = file.try_clone().map_err(|error| Problem::io("write the upload", &error))?;
        let taken = intake::take(body, writing, offset, room, algorithm, &mut turn.interrupt, keep).await;
        upload.arriving.store(0, Ordering::Relaxed);
        let upload = Arc::clone(upload);
        self.blocking(move |receiver| receiver.settle(&upload, file, before, offset, checksum, taken)).await
    }

    fn settle(
        &self,
        upload: &Arc<Upload>,
        file: File,
        before: u64,
        offset: u64,
        checksum: Option<(Algorithm, Vec<u8>)>,
        taken: io::Result<Taken>,
    ) -> Result<u64, Problem> {
        let undo = || {
            // What stays beyond the offset does not count, and is written over.
            if offset == before && checksum.is_some() {
                let _ = file.set_len(before);
            }
        };
        let failed = |error: io::Error| Problem::io("write the upload", &error);
        let taken = match taken {
            Ok(taken) => taken,
            Err(error) => {
                undo();
                return Err(failed(error));
            }
        };
        if taken.end == End::TooLong {
            let _ = file.set_len(before.max(upload.state().offset));
            let status = axum::http::StatusCode::PAYLOAD_TOO_LARGE;
            let text = format!("more came than the {} bytes that were announced", upload.record.length);
            return Err(Problem::new(status, "too_long", text));
        }
        if let Some((_, expected)) = &checksum {
            if taken.end != End::Whole {
                undo();
                return Err(broken_off(taken.end));
            }
            if taken.digest != *expected {
                undo();
                return Err(Problem::checksum(
                    "the piece is not what its checksum says; nothing of it is kept",
                )
                .hint("send it again"));
            }
        }
        let reached = before.max(offset + taken.written);
        if taken.written > 0 {
            self.count(upload, &file, reached).map_err(failed)?;
        }
        if taken.end != End::Whole {
            return Err(broken_off(taken.end));
        }
        // A part has no hash of its own, and an end that is near is looked after by whoever finishes.
        if !upload.record.partial && reached < upload.record.length {
            let upload = Arc::clone(upload);
            tokio::task::spawn_blocking(move || {
                if let Err(error) = upload.hash_ahead(&file) {
                    tracing::warn!(upload = upload.id, cause = %error, "what was received cannot be read back yet");
                }
            });
        }
        Ok(reached)
    }

    /// Brings what was written to the disk, and counts it then.
    fn count(&self, upload: &Upload, file: &File, offset: u64) -> io::Result<()> {
        file.sync_data()?;
        let mut state = upload.state();
        state.offset = offset;
        state.expires = text::later(self.now(), self.settings.upload_lifetime);
        self.put_state(upload, state)?;
        upload.refused.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// The bytes of an upload, to read and write.
    pub(crate) fn open_data(&self, upload: &Upload) -> io::Result<File> {
        self.upload_folder(upload)?.update(DATA)
    }
}

fn broken_off(end: End) -> Problem {
    match end {
        End::Interrupted => {
            Problem::unavailable("another request goes on with this upload, or the receiver ends")
        }
        _ => Problem::bad_request("the body ended before its time")
            .hint("ask for the offset, and go on from there"),
    }
}
