//! A receiver in a folder of its own, with a clock that tests turn.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use backstay_core::{Clock, Random, Timestamp};
use backstay_receiver::{NewClient, Peer, Receiver, Settings};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};
use tower::ServiceExt;

pub(crate) const STREAM: (&str, &str) = ("content-type", "application/offset+octet-stream");

#[derive(Debug, Default)]
pub(crate) struct Turned(AtomicI64);

impl Clock for Turned {
    fn now(&self) -> Timestamp {
        Timestamp::utc(self.0.load(Ordering::SeqCst), 0)
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).unwrap();
    }
}

pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) receiver: Receiver,
    router: Router,
    clock: Arc<Turned>,
    settings: Settings,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(
            self.status.as_u16(),
            status,
            "{:?} {}",
            self.headers,
            String::from_utf8_lossy(&self.body)
        );
        self
    }

    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", self.headers)).to_str().unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The word by which a problem is told apart.
    pub(crate) fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap().rsplit(':').next().unwrap().to_owned()
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|_| ())
    }

    pub(crate) fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings { min_free: 0, ..Settings::new(folder.path()) };
        change(&mut settings);
        let clock = Arc::new(Turned(AtomicI64::new(1_800_000_000)));
        let receiver =
            Receiver::open(settings.clone(), Arc::clone(&clock) as _, Arc::new(SystemRandom)).unwrap();
        Self { folder, router: receiver.router(), receiver, clock, settings }
    }

    /// Ends the receiver as a killed process does, lets `change` loose on its folder, and starts another over it.
    pub(crate) fn restart(self, change: impl FnOnce(&Path)) -> Self {
        let Self { folder, receiver, router, clock, settings } = self;
        drop((receiver, router));
        change(folder.path());
        let receiver =
            Receiver::open(settings.clone(), Arc::clone(&clock) as _, Arc::new(SystemRandom)).unwrap();
        Self { folder, router: receiver.router(), receiver, clock, settings }
    }

    pub(crate) fn later(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(crate) fn now(&self) -> i64 {
        self.clock.now().seconds
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// A client that has this name and no limits.
    pub(crate) fn client(&self, name: &str) -> One<'_> {
        self.client_with(NewClient { name: name.to_owned(), ..NewClient::default() })
    }

    pub(crate) fn client_with(&self, new: NewClient) -> One<'_> {
        let now = jiff::Timestamp::from_second(self.now()).unwrap();
        let (_, token) = self.receiver.clients().add(new, now, &SystemRandom).unwrap();
        One { world: self, token: token.unwrap() }
    }

    /// The client of a token, after a restart.
    pub(crate) fn known(&self, token: &str) -> One<'_> {
        One { world: self, token: token.to_owned() }
    }

    pub(crate) async fn ask(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes().to_vec()).unwrap_or_default();
        Answer { status: head.status, headers: head.headers, body }
    }

    /// All files below a folder of the receiver, by their paths.
    pub(crate) fn files(&self, below: &str) -> Vec<String> {
        fn collect(root: &Path, folder: &Path, all: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() && !path.is_symlink() {
                    collect(root, &path, all);
                } else {
                    all.push(path.strip_prefix(root).unwrap().display().to_string());
                }
            }
        }
        let mut all = Vec::new();
        collect(&self.path(below), &self.path(below), &mut all);
        all.sort();
        all
    }
}

/// A client of the receiver.
#[derive(Clone)]
pub(crate) struct One<'a> {
    world: &'a World,
    pub(crate) token: String,
}

impl One<'_> {
    pub(crate) async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let peer = Peer { address: "192.0.2.1".parse().unwrap(), certificate: None };
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", self.token))
            .header("tus-resumable", "1.0.0")
            .extension(peer);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.world.ask(request.body(body.into()).unwrap()).await
    }

    /// Begins an upload; gives the answer.
    pub(crate) async fn create(&self, name: &str, length: usize, headers: &[(&str, &str)]) -> Answer {
        let (length, metadata) = (length.to_string(), metadata(name, None));
        let mut all = vec![("upload-length", length.as_str()), ("upload-metadata", metadata.as_str())];
        all.extend_from_slice(headers);
        self.ask("POST", "/archives/", &all, Body::empty()).await
    }

    /// Begins an upload; gives its path.
    pub(crate) async fn begin(&self, name: &str, length: usize) -> String {
        self.create(name, length, &[]).await.is(201).header("location").to_owned()
    }

    pub(crate) async fn patch(
        &self,
        upload: &str,
        offset: usize,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let offset = offset.to_string();
        let mut all = vec![STREAM, ("upload-offset", offset.as_str())];
        all.extend_from_slice(headers);
        self.ask("PATCH", upload, &all, body).await
    }

    /// Puts a whole file there.
    pub(crate) async fn put(&self, name: &str, content: &[u8]) {
        let upload = self.begin(name, content.len()).await;
        self.patch(&upload, 0, &[], content.to_vec()).await.is(204);
    }

    pub(crate) async fn offset(&self, upload: &str) -> u64 {
        self.ask("HEAD", upload, &[], Body::empty()).await.is(200).header("upload-offset").parse().unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], Body::empty()).await
    }
}

pub(crate) fn metadata(name: &str, sha256: Option<&str>) -> String {
    let name = format!("filename {}", STANDARD.encode(name));
    sha256.map_or(name.clone(), |sum| format!("{name},sha256 {}", STANDARD.encode(sum)))
}

pub(crate) fn hex(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn checksum(content: &[u8]) -> String {
    format!("sha256 {}", STANDARD.encode(Sha256::digest(content)))
}

/// Bytes that do not repeat.
pub(crate) fn noise(length: usize, seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// A body that breaks off after these bytes.
pub(crate) fn cut(content: &[u8]) -> Body {
    struct Broken(Option<Vec<u8>>);
    impl http_body::Body for Broken {
        type Data = bytes::Bytes;
        type Error = std::io::Error;
        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, std::io::Error>>> {
            std::task::Poll::Ready(Some(match self.0.take() {
                Some(bytes) => Ok(http_body::Frame::data(bytes.into())),
                None => Err(std::io::ErrorKind::ConnectionReset.into()),
            }))
        }
    }
    Body::new(Broken(Some(content.to_vec())))
}

/// A body in pieces that counts the bytes it was asked for.
pub(crate) fn counted(content: &[u8], sent: &Arc<AtomicUsize>) -> Body {
    struct Counted(bytes::Bytes, Arc<AtomicUsize>);
    impl http_body::Body for Counted {
        type Data = bytes::Bytes;
        type Error = std::convert::Infallible;
        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, std::convert::Infallible>>>
        {
            let length = self.0.len().min(10_000);
            let piece = self.0.split_to(length);
            self.1.fetch_add(length, Ordering::SeqCst);
            std::task::Poll::Ready((length > 0).then(|| Ok(http_body::Frame::data(piece))))
        }
    }
    Body::new(Counted(content.to_vec().into(), Arc::clone(sent)))
}
