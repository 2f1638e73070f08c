//! A service on loopback that webhooks are sent to.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use hmac::{Hmac, KeyInit, Mac};
use parking_lot::Mutex;
use serde_json::Value;

pub(crate) const SECRET: &str = "a secret of some length";

/// Something that was received.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

/// The service.
pub(crate) struct Receiver {
    pub(crate) url: String,
    got: Arc<Mutex<Vec<Received>>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Receiver {
    /// Answers the first `refused` requests with an error.
    pub(crate) async fn new(refused: usize) -> Self {
        let got: Arc<Mutex<Vec<Received>>> = Arc::default();
        let (kept, left) = (Arc::clone(&got), Arc::new(AtomicUsize::new(refused)));
        let take = move |headers: HeaderMap, text: String| {
            kept.lock().push(Received { headers, text });
            let refuses = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            let status = if refuses.is_ok() { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK };
            async move { status }
        };
        let elsewhere = || async { (StatusCode::TEMPORARY_REDIRECT, [("location", "/hook")]) };
        let silent = || async { tokio::time::sleep(Duration::from_secs(300)).await };
        let router = Router::new().route("/hook", post(take)).route("/elsewhere", post(elsewhere));
        let router = router.route("/silent", post(silent));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, got, serving }
    }

    /// What was received so far.
    pub(crate) fn got(&self) -> Vec<Received> {
        self.got.lock().clone()
    }

    /// Waits until so many were received.
    pub(crate) async fn until(&self, number: usize) -> Vec<Received> {
        let end = Instant::now() + Duration::from_secs(60);
        while self.got.lock().len() < number {
            assert!(Instant::now() < end, "{number} expected, got {:#?}", self.got());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.got()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Received {
    /// The notice, whose signature must be right and new.
    pub(crate) fn notice(&self) -> Value {
        let signature = self.headers["x-backstay-signature"].to_str().unwrap();
        let (time, digest) = signature.split_once(",v1=").unwrap();
        let time = time.strip_prefix("t=").unwrap();
        assert!((jiff::Timestamp::now().as_second() - time.parse::<i64>().unwrap()).abs() < 120);
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(format!("{time}.{}", self.text).as_bytes());
        let expected: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, expected);
        let body: Value = serde_json::from_str(&self.text).unwrap();
        assert_eq!(body["notification"].as_str().unwrap(), self.key());
        body["notice"].clone()
    }

    /// What is the same for each try.
    pub(crate) fn key(&self) -> &str {
        self.headers["idempotency-key"].to_str().unwrap()
    }
}
