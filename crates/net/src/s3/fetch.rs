//! Objects that are fetched in the background: small ones whole and ahead of time, long ones as a stream that goes on where it was cut.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use backstay_core::{CallContext, Control, ErrorKind, StorageError};
use backstay_policy::Backoff;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use reqwest::Response;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::AbortHandle;

use super::client::{Answer, Call, Client};
use crate::failure;
use crate::http::fault;

/// How often a request that fails in passing is made, and how long is waited between.
const TRIES: u32 = 6;
const WAITS: Backoff =
    Backoff { first: Duration::from_millis(200), factor: 2, most: Duration::from_secs(10) };
/// Memory is given out in pieces of this many bytes.
const PIECE: u64 = 4 << 10;
/// Pieces of a stream that are read before they are asked for.
const AHEAD: usize = 64;
/// What an answer that says no is read of.
const LONGEST_REFUSAL: usize = 64 << 10;

/// Fetches objects of one bucket, so many at once and in so much memory.
#[derive(Clone)]
pub struct Fetcher {
    client: Arc<Client>,
    control: Control,
    requests: Arc<Semaphore>,
    memory: Arc<Semaphore>,
}

/// What is asked for: an object's name below the client's prefix, and the headers of the request.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// Headers of the request, as a condition.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

/// An object on its way.
pub struct Whole {
    answer: oneshot::Receiver<Result<Fetched, StorageError>>,
    task: AbortHandle,
    /// Its place in memory, until its bytes are used.
    _room: OwnedSemaphorePermit,
}

/// An object that is here.
pub struct Fetched {
    /// The headers of the answer.
    pub headers: HeaderMap,
    /// Its bytes.
    pub body: Vec<u8>,
}

/// A long object that is read as it comes.
pub struct Stream {
    /// The headers of the answer.
    pub headers: HeaderMap,
    client: Arc<Client>,
    control: Control,
    pieces: mpsc::Receiver<Result<Bytes, StorageError>>,
    piece: Bytes,
    task: AbortHandle,
}

impl Fetcher {
    /// Fetches through this client: so many requests at once, and so many bytes that wait to be used. Who waits for an object stops
    /// when the control is cancelled.
    #[must_use]
    pub fn new(client: Arc<Client>, control: Control, requests: usize, memory: usize) -> Self {
        let pieces = memory as u64 / PIECE;
        let memory = usize::try_from(pieces).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Self {
            client,
            control,
            requests: Arc::new(Semaphore::new(requests.max(1))),
            memory: Arc::new(Semaphore::new(memory)),
        }
    }

    /// Begins to fetch an object of about this size. None where there is no room for it now.
    #[must_use]
    pub fn begin(&self, wanted: &Wanted, size: u64) -> Option<Whole> {
        let pieces = u32::try_from(size / PIECE + 1).ok()?;
        let room = Arc::clone(&self.memory).try_acquire_many_owned(pieces).ok()?;
        let (sender, answer) = oneshot::channel();
        let (client, wanted, requests) =
            (Arc::clone(&self.client), wanted.clone(), Arc::clone(&self.requests));
        let task = self.client.connection.runtime.spawn(async move {
            let _turn = requests.acquire_owned().await;
            // Nobody waits for it any more when this fails.
            let _ = sender.send(whole(&client, &wanted, usize::try_from(size).unwrap_or(usize::MAX)).await);
        })?;
        Some(Whole { answer, task: task.abort_handle(), _room: room })
    }

    /// The object that was begun.
    ///
    /// # Errors
    /// When it cannot be had, or the work is cancelled.
    pub fn finish(&self, mut whole: Whole, name: &str) -> Result<Fetched, StorageError> {
        let receiver = &mut whole.answer;
        self.wait(name, async {
            match receiver.await {
                Ok(outcome) => outcome,
                Err(_) => Err(failure::cancelled("read", name)),
            }
        })
    }

    /// Fetches an object of at most this size now.
    ///
    /// # Errors
    /// When it cannot be had, or the work is cancelled; [`ErrorKind::Exists`] when it is another one by now, or longer.
    pub fn now(&self, wanted: &Wanted, size: u64) -> Result<Fetched, StorageError> {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        self.wait(&wanted.name, whole(&self.client, wanted, size))
    }

    /// Begins to read a long object.
    ///
    /// # Errors
    /// When it cannot be had, or the work is cancelled.
    pub fn stream(&self, wanted: &Wanted) -> Result<Stream, StorageError> {
        let first = self.wait(&wanted.name, get(&self.client, wanted))?;
        let headers = first.headers().clone();
        let (sender, pieces) = mpsc::channel(AHEAD);
        let (client, wanted) = (Arc::clone(&self.client), wanted.clone());
        let runtime = &self.client.connection.runtime;
        let name = wanted.name.clone();
        let task = runtime.spawn(async move { pass(&client, wanted, first, &sender).await });
        let task = task.ok_or_else(|| failure::cancelled("read", &name))?.abort_handle();
        let client = Arc::clone(&self.client);
        Ok(Stream { headers, client, control: self.control.clone(), pieces, piece: Bytes::new(), task })
    }

    fn wait<T>(
        &self,
        name: &str,
        work: impl Future<Output = Result<T, StorageError>>,
    ) -> Result<T, StorageError> {
        wait(&self.client, &self.control, name, work)
    }
}

/// Waits for what ends by itself: each of its requests has its own time.
fn wait<T>(
    client: &Client,
    control: &Control,
    name: &str,
    work: impl Future<Output = Result<T, StorageError>>,
) -> Result<T, StorageError> {
    let patience = Duration::from_secs(24 * 3600);
    client.connection.runtime.run(CallContext::with(control), "read", &name, patience, work)
}

/// An answer that is a success, whose body is not read yet. What fails in passing is tried again.
async fn get(client: &Client, wanted: &Wanted) -> Result<Response, StorageError> {
    let mut attempt = 0;
    loop {
        match get_once(client, wanted).await {
            Err(error) if is_passing(&error) && attempt + 1 < TRIES => pause(attempt, &wanted.name).await,
            outcome => return outcome,
        }
        attempt += 1;
    }
}

async fn get_once(client: &Client, wanted: &Wanted) -> Result<Response, StorageError> {
    let headers = wanted.headers.iter().cloned().collect();
    let request = async {
        let mut response = client.get(&wanted.name, headers).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        while let Ok(Some(piece)) = response.chunk().await {
            body.extend_from_slice(&piece);
            if body.len() > LONGEST_REFUSAL {
                break;
            }
        }
        let answer = Answer { status, headers, text: String::from_utf8_lossy(&body).into_owned() };
        Err(answer.refusal(Call::new(CallContext::NONE, "read", &wanted.name)))
    };
    match tokio::time::timeout(client.connection.patience, request).await {
        Ok(outcome) => outcome,
        Err(_) => Err(failure::timeout("read", &wanted.name)),
    }
}

/// A whole object.
async fn whole(client: &Client, wanted: &Wanted, size: usize) -> Result<Fetched, StorageError> {
    let mut attempt = 0;
    loop {
        let outcome = async {
            let response = get_once(client, wanted).await?;
            let headers = response.headers().clone();
            let body = body(response, wanted, size).await?;
            Ok(Fetched { headers, body })
        };
        match outcome.await {
            Err(error) if is_passing(&error) && attempt + 1 < TRIES => pause(attempt, &wanted.name).await,
            outcome => return outcome,
        }
        attempt += 1;
    }
}

async fn body(mut response: Response, wanted: &Wanted, size: usize) -> Result<Vec<u8>, StorageError> {
    let length = response.content_length().and_then(|length| usize::try_from(length).ok());
    let mut body = Vec::with_capacity(length.unwrap_or(size).min(size));
    while let Some(piece) =
        response.chunk().await.map_err(|error| fault::of_client("read", &wanted.name, error))?
    {
        body.extend_from_slice(&piece);
        if body.len() > size {
            return Err(StorageError::new(ErrorKind::Exists, "read", &wanted.name, Longer));
        }
    }
    Ok(body)
}

/// What came is not what was listed.
#[derive(Debug, thiserror::Error)]
#[error("it is longer than it was said to be")]
struct Longer;

/// Hands a long object on, and asks for the rest of it where it is cut.
async fn pass(
    client: &Client,
    mut wanted: Wanted,
    first: Response,
    sender: &mpsc::Sender<Result<Bytes, StorageError>>,
) {
    let name = wanted.name.clone();
    // The rest has to be of the same object.
    if let Some(etag) = first.headers().get(header::ETAG) {
        wanted.headers.retain(|(name, _)| *name != header::IF_MATCH);
        wanted.headers.push((header::IF_MATCH, etag.clone()));
    }
    let length = first.content_length();
    let (mut response, mut done, mut attempt) = (first, 0_u64, 0);
    loop {
        let trouble = match response.chunk().await {
            Ok(Some(piece)) => {
                (done, attempt) = (done + piece.len() as u64, 0);
                if sender.send(Ok(piece)).await.is_err() {
                    return;
                }
                continue;
            }
            Ok(None) if length.is_none_or(|length| length == done) => return,
            Ok(None) => failure::from_io("read", &name, io::ErrorKind::UnexpectedEof),
            Err(error) => fault::of_client("read", &name, error),
        };
        if attempt + 1 >= TRIES {
            let _ = sender.send(Err(trouble)).await;
            return;
        }
        pause(attempt, &name).await;
        attempt += 1;
        let mut rest = wanted.clone();
        if let Ok(range) = HeaderValue::from_str(&format!("bytes={done}-")) {
            rest.headers.push((header::RANGE, range));
        }
        match get(client, &rest).await {
            Ok(next) if done == 0 || next.status() == StatusCode::PARTIAL_CONTENT => response = next,
            Ok(_) => {
                let error = io::Error::other("the service does not go on where it was cut");
                let _ = sender.send(Err(failure::from_io("read", &name, error))).await;
                return;
            }
            Err(error) => {
                let _ = sender.send(Err(error)).await;
                return;
            }
        }
    }
}

fn is_passing(error: &StorageError) -> bool {
    matches!(error.kind, ErrorKind::Transient | ErrorKind::Timeout)
}

async fn pause(attempt: u32, name: &str) {
    let seed = name.bytes().fold(0_u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
    tokio::time::sleep(WAITS.delay(attempt, seed)).await;
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while self.piece.is_empty() {
            let pieces = &mut self.pieces;
            let next = wait(&self.client, &self.control, "it", async { pieces.recv().await.transpose() });
            match next.map_err(io::Error::other)? {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        let count = self.piece.len().min(buffer.len());
        let taken = self.piece.split_to(count);
        buffer.iter_mut().zip(&taken).for_each(|(to, from)| *to = *from);
        Ok(count)
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.task.abort();
    }
}
