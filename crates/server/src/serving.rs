//! Speaks HTTP with those who are connected, and waits for nobody for long.
//!
//! ```text
//!  listener ──▶ a place (bounded) ──▶ a task: head (timeout) ──▶ body (has to flow) ──▶ router
//! ```
//!
//! Whoever connects and sends nothing, or a byte now and then, is sent away; until then it holds a place of its address and
//! nobody else up.

use std::convert::Infallible;
use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::{Body as HttpBody, Bytes, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep};
use tower::Service;

use crate::places::Places;
use crate::tls::listener::{Io, Listener, Peer};

/// How long a head may take, and a connection may be open without a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a body may take in any case.
const BODY_GRACE: Duration = Duration::from_secs(15);
/// For each so many bytes a body may take a second longer.
const BODY_BYTES_PER_SECOND: u64 = 16 << 10;
/// How long nothing may come of a body that may take any time: a file on its way to the receiver.
const LONGEST_SILENCE: Duration = Duration::from_secs(60);
/// Where bodies may take any time, as long as something comes. Nothing of them is read for somebody unknown.
const LONG: [&str; 2] = ["/archives/", "/repo/"];
/// How large the head of a request may be.
const LARGEST_HEAD: usize = 64 << 10;
/// Connections at most.
const CONNECTIONS: u64 = 8192;
/// Files that are left for everything else.
const OTHER_FILES: u64 = 256;

/// A body did not come in time.
#[derive(Debug, thiserror::Error)]
#[error("the body did not come in time")]
pub(crate) struct TooSlow;

/// The places of a server: as many as it can have files open. One address never takes all of them; a proxy, from which
/// everybody comes, has still many.
pub(crate) fn places() -> Places {
    let all = connections();
    Places::new(all, all / 2)
}

/// Answers until the end, and then those who have asked already.
pub(crate) async fn serve(
    mut listener: Listener,
    places: Places,
    router: Router,
    mut end: watch::Receiver<bool>,
) {
    let mut open = JoinSet::new();
    loop {
        let (io, peer) = tokio::select! {
            connection = listener.accept() => connection,
            Some(_) = open.join_next() => continue,
            () = ended(&mut end) => break,
        };
        let Some(place) = places.enter(peer.address.ip()) else {
            tracing::debug!(address = %peer.address, "too many connections are open");
            continue;
        };
        let (router, end) = (router.clone(), end.clone());
        open.spawn(async move {
            speak(io, peer, router, end).await;
            drop(place);
        });
    }
    drop(listener);
    while open.join_next().await.is_some() {}
}

async fn speak(io: Io, peer: Peer, router: Router, mut end: watch::Receiver<bool>) {
    let address = peer.address;
    let service = service_fn(move |request: Request<Incoming>| {
        let is_long = LONG.iter().any(|below| request.uri().path().starts_with(below));
        let mut request = request.map(|body| match is_long {
            true => Body::new(Trickling { body, silence: None }),
            false => Body::new(Flowing::new(body)),
        });
        request.extensions_mut().insert(ConnectInfo(peer.clone()));
        let mut router = router.clone();
        async move {
            Service::<Request<Body>>::call(&mut router, request).await.map_err(|never: Infallible| never)
        }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(LARGEST_HEAD);
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(io), service));
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = ended(&mut end) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%address, %error, "a connection broke");
    }
}

async fn ended(end: &mut watch::Receiver<bool>) {
    // A sender that is gone is an end too.
    let _ = end.wait_for(|end| *end).await;
}

/// How many connections there may be: each is an open file, and the catalog needs some too.
fn connections() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(CONNECTIONS + OTHER_FILES, |most| most.min(CONNECTIONS + OTHER_FILES));
    let mut files = limit.current.unwrap_or(u64::MAX);
    if files < wanted && setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), ..limit }).is_ok() {
        files = wanted;
    }
    let connections = files.saturating_sub(OTHER_FILES).clamp(64, CONNECTIONS);
    usize::try_from(connections).unwrap_or(usize::MAX)
}

/// A body that has to flow.
struct Flowing {
    body: Incoming,
    begun: Instant,
    bytes: u64,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl Flowing {
    fn new(body: Incoming) -> Self {
        let begun = Instant::now();
        let deadline =
            (!body.is_end_stream()).then(|| Box::pin(tokio::time::sleep_until(begun + BODY_GRACE)));
        Self { body, begun, bytes: 0, deadline }
    }
}

impl HttpBody for Flowing {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        if let Some(deadline) = &mut this.deadline
            && deadline.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Some(Err(TooSlow.into())));
        }
        let frame = ready!(Pin::new(&mut this.body).poll_frame(cx));
        if let (Some(Ok(frame)), Some(deadline)) = (&frame, &mut this.deadline) {
            this.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
            let earned = Duration::from_secs(this.bytes / BODY_BYTES_PER_SECOND);
            deadline.as_mut().reset(this.begun + BODY_GRACE + earned);
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A body that may take any time, but not be silent for long. Time in which nobody reads it does not count: a disk that is slow is no
/// fault of whoever sends.
struct Trickling {
    body: Incoming,
    /// Runs while more is waited for.
    silence: Option<Pin<Box<Sleep>>>,
}

impl HttpBody for Trickling {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) {
            this.silence = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let silence = this.silence.get_or_insert_with(|| Box::pin(tokio::time::sleep(LONGEST_SILENCE)));
        match silence.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Some(Err(TooSlow.into()))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    const ASK: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";

    async fn ask(stream: &mut TcpStream) -> Option<String> {
        stream.write_all(ASK).await.ok()?;
        let mut buffer = [0; 1024];
        let length = stream.read(&mut buffer).await.ok().filter(|length| *length > 0)?;
        Some(String::from_utf8_lossy(buffer.get(..length)?).into_owned())
    }

    #[tokio::test]
    async fn one_address_has_its_places_and_no_more_until_one_is_free() {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let (ending, end) = watch::channel(false);
        let router = Router::new().route("/", get(|| async { "here" }));
        let serving = tokio::spawn(serve(Listener::new(socket, None), Places::new(9, 2), router, end));

        let mut first = TcpStream::connect(address).await.unwrap();
        let mut second = TcpStream::connect(address).await.unwrap();
        assert!(ask(&mut first).await.unwrap().ends_with("here"));
        assert!(ask(&mut second).await.unwrap().ends_with("here"));
        let mut third = TcpStream::connect(address).await.unwrap();
        assert_eq!(ask(&mut third).await, None);
        assert!(ask(&mut first).await.unwrap().ends_with("here"), "those who are in are disturbed");

        drop(second);
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            let mut fourth = TcpStream::connect(address).await.unwrap();
            if ask(&mut fourth).await.is_some() {
                break;
            }
            assert!(Instant::now() < end, "the place does not become free");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // Who has asked for nothing is not waited for.
        ending.send(true).unwrap();
        tokio::time::timeout(Duration::from_secs(10), serving).await.unwrap().unwrap();
        assert_eq!(ask(&mut first).await, None);
    }
}
