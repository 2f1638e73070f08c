//! Content of any length on its way to a service, as it is read.

use std::future::Future;
use std::io::Read;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use backstay_core::{CallContext, StorageError};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use reqwest::{RequestBuilder, Response};
use tokio::sync::mpsc;

use super::fault;
use super::runtime::{Background, SLOWEST_BYTES_PER_SECOND};
use crate::failure;

/// Bytes of content that are read and handed on at once, and how many such pieces wait for the connection.
const PIECE: usize = 128 << 10;
const AHEAD: usize = 4;

/// A request with content, and who waits for it.
pub struct Sending<'a> {
    /// Where it runs.
    pub runtime: &'a Background,
    /// How long the service may be silent, beside what the content needs.
    pub patience: Duration,
    /// How long the caller waits.
    pub context: CallContext<'a>,
    /// What is done, for errors.
    pub action: &'static str,
    /// On what, for errors.
    pub what: &'a dyn std::fmt::Display,
}

impl Sending<'_> {
    /// Sends `length` bytes of content with a request, as they are read, and gives the answer.
    pub fn send(
        &self,
        request: RequestBuilder,
        length: u64,
        content: &mut dyn Read,
    ) -> Result<Response, StorageError> {
        let (action, what) = (self.action, self.what);
        let (sender, pieces) = mpsc::channel(AHEAD);
        let body = reqwest::Body::wrap(Piped { pieces, left: length });
        let request = request.body(body).send();
        let mut task = self.runtime.spawn(request).ok_or_else(|| failure::cancelled(action, what))?;
        let patience = self.patience + Duration::from_secs(length / SLOWEST_BYTES_PER_SECOND);
        if let Err(error) = self.pass(length, content, sender) {
            task.abort();
            return Err(error);
        }
        let outcome = self.run(patience, async {
            match (&mut task).await {
                Ok(response) => response.map_err(|error| fault::of_client(action, what, error)),
                Err(_) => Err(failure::cancelled(action, what)),
            }
        });
        if outcome.is_err() {
            task.abort();
        }
        outcome
    }

    fn run<T>(
        &self,
        patience: Duration,
        request: impl Future<Output = Result<T, StorageError>>,
    ) -> Result<T, StorageError> {
        self.runtime.run(self.context, self.action, self.what, patience, request)
    }

    /// Hands content on until all of it is taken, or the request has ended.
    fn pass(
        &self,
        length: u64,
        content: &mut dyn Read,
        sender: mpsc::Sender<Result<Bytes, std::io::Error>>,
    ) -> Result<(), StorageError> {
        let mut left = length;
        while left > 0 {
            let mut piece = vec![0; PIECE.min(usize::try_from(left).unwrap_or(PIECE))];
            let read = content.read(&mut piece);
            let read = match read {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                read => read.map_err(|error| failure::from_io(self.action, self.what, error))?,
            };
            if read == 0 {
                let end = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
                return Err(failure::from_io(self.action, self.what, end));
            }
            piece.truncate(read);
            left -= read as u64;
            let sending = async { Ok(sender.send(Ok(piece.into())).await) };
            if self.run(self.patience, sending)?.is_err() {
                // The request ended before its body: its answer tells why.
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Content as the connection reads it.
struct Piped {
    pieces: mpsc::Receiver<Result<Bytes, std::io::Error>>,
    left: u64,
}

impl http_body::Body for Piped {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        let this = self.get_mut();
        match this.pieces.poll_recv(cx) {
            Poll::Ready(Some(Ok(piece))) => {
                this.left = this.left.saturating_sub(piece.len() as u64);
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
            Poll::Ready(None) if this.left > 0 => {
                this.left = 0;
                Poll::Ready(Some(Err(std::io::ErrorKind::UnexpectedEof.into())))
            }
            other => other.map(|piece| piece.map(|piece| piece.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
