//! Content that comes in parts, as the body of a request or an answer.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::sync::mpsc::Receiver;

use crate::uplink::Chunk;

/// The parts of content, as they come. Without its end the body breaks off, so that nobody takes it for whole.
#[derive(Debug)]
pub struct Content {
    first: Option<Chunk>,
    rest: Receiver<Chunk>,
}

impl Content {
    /// A body of these parts.
    #[must_use]
    pub const fn new(parts: Receiver<Chunk>) -> Self {
        Self { first: None, rest: parts }
    }

    /// A body whose first part has come already.
    #[must_use]
    pub const fn after(first: Chunk, rest: Receiver<Chunk>) -> Self {
        Self { first: Some(first), rest }
    }

    /// The next part; nothing after the last.
    ///
    /// # Errors
    /// Why there is no more of it: it is torn.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, String> {
        let part = match self.first.take() {
            Some(first) => Some(first),
            None => self.rest.recv().await,
        };
        part.unwrap_or_else(|| Err(TORN.to_owned())).map(|part| (!part.is_empty()).then_some(part))
    }
}

const TORN: &str = "the content is torn";

impl Body for Content {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        let part = match self.first.take() {
            Some(first) => Poll::Ready(Some(first)),
            None => self.rest.poll_recv(context),
        };
        part.map(|part| match part {
            Some(Ok(end)) if end.is_empty() => None,
            Some(Ok(part)) => Some(Ok(Frame::data(Bytes::from(part)))),
            Some(Err(why)) => Some(Err(std::io::Error::other(why))),
            None => Some(Err(std::io::Error::other(TORN))),
        })
    }
}
