//! Bodies that come in: from the connection over a short queue to a thread that writes and hashes them.
//!
//! The queue is what bounds memory: a disk that is slow slows the connection.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, watch};

/// Pieces of a body that wait to be written; each is as long as the connection's buffer at most.
const AHEAD: usize = 8;

/// What is computed over a body while it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Sha1,
    Sha256,
}

enum Hasher {
    None,
    Sha1(Sha1),
    Sha256(Sha256),
}

/// How a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It is whole.
    Whole,
    /// The connection broke, or was too slow.
    Cut,
    /// It has more bytes than there is room for.
    TooLong,
    /// Somebody else wants to go on with the same upload, or the receiver ends.
    Interrupted,
}

/// What came.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) written: u64,
    pub(crate) end: End,
    /// The hash over what was written, where one was asked for.
    pub(crate) digest: Vec<u8>,
}

/// Writes a body into `file` from `offset` on, `most` bytes at most. `kept` is told now and then how much is written.
pub(crate) async fn take(
    body: Body,
    file: File,
    offset: u64,
    most: u64,
    algorithm: Option<Algorithm>,
    interrupt: &mut watch::Receiver<u64>,
    mut kept: impl FnMut(&File, u64) -> io::Result<()> + Send + 'static,
) -> io::Result<Taken> {
    let (sender, mut pieces) = mpsc::channel::<Bytes>(AHEAD);
    let writing = tokio::task::spawn_blocking(move || {
        let mut hasher = match algorithm {
            None => Hasher::None,
            Some(Algorithm::Sha1) => Hasher::Sha1(Sha1::new()),
            Some(Algorithm::Sha256) => Hasher::Sha256(Sha256::new()),
        };
        let mut written = 0;
        while let Some(piece) = pieces.blocking_recv() {
            file.write_all_at(&piece, offset + written)?;
            match &mut hasher {
                Hasher::None => {}
                Hasher::Sha1(hasher) => hasher.update(&piece),
                Hasher::Sha256(hasher) => hasher.update(&piece),
            }
            written += piece.len() as u64;
            kept(&file, written)?;
        }
        let digest = match hasher {
            Hasher::None => Vec::new(),
            Hasher::Sha1(hasher) => hasher.finalize().to_vec(),
            Hasher::Sha256(hasher) => hasher.finalize().to_vec(),
        };
        Ok::<_, io::Error>((written, digest))
    });
    let end = pass(body, sender, most, interrupt).await;
    // The writing thread ends when the queue does, and only a panic would keep it from its answer.
    let (written, digest) = writing.await.map_err(io::Error::other)??;
    Ok(Taken { written, end, digest })
}

/// Passes a body on piece by piece, until it ends in one way or another.
async fn pass(
    mut body: Body,
    sender: mpsc::Sender<Bytes>,
    most: u64,
    interrupt: &mut watch::Receiver<u64>,
) -> End {
    let mut room = most;
    loop {
        let frame = tokio::select! {
            frame = body.frame() => frame,
            _ = interrupt.changed() => return End::Interrupted,
        };
        let data = match frame {
            None => return End::Whole,
            Some(Err(_)) => return End::Cut,
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => data,
                Err(_trailers) => continue,
            },
        };
        if data.len() as u64 > room {
            return End::TooLong;
        }
        room -= data.len() as u64;
        // The thread ends early only when it cannot write, which it says itself.
        if sender.send(data).await.is_err() {
            return End::Cut;
        }
    }
}
