//! Content on its way from here: all at once, broken off, standing still, or in small pieces.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::time::Sleep;

/// What has been sent is with the other side after so long.
const ARRIVAL: Duration = Duration::from_millis(50);

/// How content goes its way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Way {
    /// All at once.
    Good,
    /// The connection ends after so many bytes.
    Broken(usize),
    /// Nothing comes after so many bytes, and the connection stays.
    Stalled(usize),
    /// So many bytes come at a time, each time after such a wait.
    Trickling(usize, Duration),
    /// Not even the answer's head comes, and the connection stays.
    Silent,
}

/// Content on its way.
pub(super) struct Content {
    left: Bytes,
    way: Way,
    wait: Option<Pin<Box<Sleep>>>,
}

impl Content {
    pub(super) fn new(content: Vec<u8>, way: Way) -> Self {
        let way = match way {
            Way::Broken(most) | Way::Stalled(most) if most >= content.len() => Way::Good,
            way => way,
        };
        Self { left: content.into(), way, wait: None }
    }

    /// Whether a wait of this length goes on, which begins at the first call.
    fn waits(&mut self, length: Duration, cx: &mut Context<'_>) -> bool {
        let wait = self.wait.get_or_insert_with(|| Box::pin(tokio::time::sleep(length)));
        let waits = wait.as_mut().poll(cx).is_pending();
        if !waits {
            self.wait = None;
        }
        waits
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        let way = this.way;
        let most = match way {
            Way::Good => usize::MAX,
            Way::Broken(0) => {
                let cut = Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())));
                return if this.waits(ARRIVAL, cx) { Poll::Pending } else { cut };
            }
            Way::Stalled(0) | Way::Silent => return Poll::Pending,
            Way::Broken(most) => {
                this.way = Way::Broken(0);
                most
            }
            Way::Stalled(most) => {
                this.way = Way::Stalled(0);
                most
            }
            Way::Trickling(_, wait) if this.waits(wait, cx) => return Poll::Pending,
            Way::Trickling(most, _) => most,
        };
        let count = most.min(this.left.len());
        if count == 0 {
            return Poll::Ready(None);
        }
        Poll::Ready(Some(Ok(Frame::data(this.left.split_to(count)))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }
}
