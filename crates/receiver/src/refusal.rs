//! Refusals that are heard: what is left of a body is read and dropped before the answer goes out.
//!
//! Who closes a connection while the other end still sends has it reset, and the answer is lost with it: a client would
//! learn of a broken connection where it was told that the file is there already.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::EXPECT;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::sync::oneshot;

/// Bytes that are read for nothing: a pack of restic's default size. Who sends more learns of it by the connection's end.
const MOST: u64 = 16 << 20;
/// How long they may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A body that is handed back when whoever read it leaves some of it.
struct Lent {
    body: Body,
    is_read: bool,
    back: Option<oneshot::Sender<(Body, bool)>>,
}

impl http_body::Body for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.is_read = true;
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(back) = self.back.take() {
            // Nobody waits for it when the request itself was given up.
            let _ = back.send((std::mem::take(&mut self.body), self.is_read));
        }
    }
}

/// Answers a request, and has its client hear a refusal.
pub(crate) async fn heard(request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    if body.is_end_stream() {
        return next.run(Request::from_parts(head, body)).await;
    }
    // Who asks first whether to send, and is refused, sends nothing.
    let asks_first = head.headers.contains_key(EXPECT);
    let (back, mut rest) = oneshot::channel();
    let lent = Lent { body, is_read: false, back: Some(back) };
    let response = next.run(Request::from_parts(head, Body::new(lent))).await;
    if let Ok((body, is_read)) = rest.try_recv()
        && response.status().is_client_error()
        && (is_read || !asks_first)
    {
        drop_rest(body).await;
    }
    response
}

async fn drop_rest(mut body: Body) {
    if body.size_hint().lower() > MOST {
        return;
    }
    let reading = async {
        let mut read = 0;
        while let Some(Ok(frame)) = body.frame().await {
            read += frame.data_ref().map_or(0, |data| data.len() as u64);
            if read > MOST {
                return;
            }
        }
    };
    // Who is too slow loses the answer, and nothing else.
    let _ = tokio::time::timeout(PATIENCE, reading).await;
}
