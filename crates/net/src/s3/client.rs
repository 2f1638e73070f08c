//! Signed requests on the objects below one prefix of a bucket.

use std::fmt::Display;
use std::io::Read;
use std::time::{Duration, Instant, SystemTime};

use backstay_core::{CallContext, ErrorKind, FileId, StorageError};
use backstay_policy::Backoff;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use reqwest::Response;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::S3Address;
use crate::Http;
use crate::failure;
use crate::http::fault;
use crate::http::sending::Sending;
use crate::s3::bucket::UNSIGNED;
use crate::s3::connection::Connection;
use crate::s3::refusal::{Refusal, of_code, tells_error};
use crate::s3::{Encryption, Lock, Settings};
use crate::text::{encoded, told};

/// Bytes that an answer may have which is held in memory: a page of a listing has less.
pub(super) const LONGEST_ANSWER: usize = 16 << 20;
/// How often a request is made that fails in passing, and how long is waited between.
const TRIES: u32 = 5;
const WAITS: Backoff = Backoff { first: Duration::from_millis(200), factor: 2, most: Duration::from_secs(5) };
const MAY_TAKE_NO_LOCKS: &str =
    "; it was to be locked, which a bucket takes only if it was made with Object Lock";
/// How long is slept without a look whether it is still wanted.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What a request is about, for errors.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// How long the caller waits.
    pub context: CallContext<'a>,
    /// What is done.
    pub action: &'static str,
    /// On what.
    pub what: &'a dyn Display,
}

/// A request on an object, or on the bucket.
pub struct Ask<'a> {
    method: Method,
    /// The object's name below the prefix; none for the bucket itself.
    name: Option<&'a str>,
    query: String,
    headers: HeaderMap,
    body: Vec<u8>,
    patience: Duration,
}

/// An answer, whatever it says.
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub text: String,
}

/// The objects below one prefix of a bucket.
pub struct Client {
    /// The way to the bucket.
    pub connection: Connection,
    /// The bucket's URL, with a slash at its end.
    root: String,
    /// What the keys of all objects here begin with: nothing, or something with a slash at its end.
    pub prefix: String,
}

/// An answer that is not what the protocol says.
#[derive(Debug, thiserror::Error)]
#[error("the service's answer cannot be understood: {0}")]
pub struct Strange(pub &'static str);

impl<'a> Call<'a> {
    /// Something that is done to something.
    pub fn new(context: CallContext<'a>, action: &'static str, what: &'a dyn Display) -> Self {
        Self { context, action, what }
    }

    /// Why it failed.
    pub fn failed(
        &self,
        kind: ErrorKind,
        cause: impl std::error::Error + Send + Sync + 'static,
    ) -> StorageError {
        StorageError::new(kind, self.action, self.what, cause)
    }

    /// Does work again that fails in passing, so many times in all, while it is wanted.
    ///
    /// # Errors
    /// When it fails for good, or each time.
    pub fn persist<T>(
        &self,
        tries: u32,
        waits: Backoff,
        work: impl Fn() -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let mut attempt = 0;
        loop {
            match work() {
                Err(error)
                    if matches!(error.kind, ErrorKind::Transient | ErrorKind::Timeout)
                        && attempt + 1 < tries =>
                {
                    let end = Instant::now() + waits.delay(attempt, u64::from(std::process::id()));
                    while Instant::now() < end {
                        failure::check(self.context, self.action, self.what)?;
                        std::thread::sleep(LOOK_EVERY);
                    }
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// When it is another one.
    pub fn read<T: for<'de> Deserialize<'de>>(
        &self,
        answer: &Answer,
        what: &'static str,
    ) -> Result<T, StorageError> {
        read(&answer.text).ok_or_else(|| self.failed(ErrorKind::Other, Strange(what)))
    }
}

/// Reads an answer; none when it is another one.
#[must_use]
pub fn read<T: for<'a> Deserialize<'a>>(text: &str) -> Option<T> {
    quick_xml::de::from_str(text).ok()
}

impl<'a> Ask<'a> {
    /// A request on an object.
    pub fn of(method: Method, name: &'a str) -> Self {
        Self { name: Some(name), ..Self::of_bucket(method) }
    }

    /// A request on the bucket itself.
    pub fn of_bucket(method: Method) -> Self {
        let (query, headers) = (String::new(), HeaderMap::new());
        Self { method, name: None, query, headers, body: Vec::new(), patience: Duration::ZERO }
    }

    /// Adds a parameter to the query.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        let mark = if self.query.is_empty() { '?' } else { '&' };
        // In a query the slash is one character among others.
        self.query.push_str(&format!("{mark}{name}={}", encoded(value).replace('/', "%2F")));
        self
    }

    /// Adds a header. One that cannot be sent is left out; those of ours can.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = value.parse() {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// Has the service keep a new object so.
    pub fn encrypted(self, encryption: Option<&Encryption>) -> Self {
        let (name, key_name) =
            ("x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id");
        match encryption {
            None => self,
            Some(Encryption::Aes256) => self.header(name, "AES256"),
            Some(Encryption::Kms(None)) => self.header(name, "aws:kms"),
            Some(Encryption::Kms(Some(key))) => self.header(name, "aws:kms").header(key_name, key),
        }
    }

    /// Has the service lock a new object, from now on. Its content has to come with a checksum.
    pub fn locked(self, lock: Option<&Lock>) -> Self {
        let Some(lock) = lock else { return self };
        let until = SystemTime::now() + Duration::from_secs(u64::from(lock.days) * 24 * 60 * 60);
        self.header("x-amz-object-lock-mode", lock.mode.name())
            .header("x-amz-object-lock-retain-until-date", &told(until))
    }

    /// Has the service keep a new object in this class.
    pub fn in_class(self, class: Option<&str>) -> Self {
        match class {
            Some(class) => self.header("x-amz-storage-class", class),
            None => self,
        }
    }

    /// Adds a header whose name is only known now.
    #[must_use]
    pub fn header_of(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// Sends this along.
    pub fn body(self, body: Vec<u8>) -> Self {
        Self { body, ..self }
    }

    /// Waits so much longer for the answer.
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }
}

impl Client {
    /// The objects below the prefix of this address.
    ///
    /// # Errors
    /// When credentials are missing, certificates cannot be read, or the settings make no sense.
    pub fn open(address: &S3Address, settings: &Settings, http: &Http) -> Result<Self, StorageError> {
        let connection = Connection::open(address, settings, http)?;
        let root = format!("{}/", connection.bucket.url.trim_end_matches('/'));
        let prefix = if address.prefix.is_empty() { String::new() } else { format!("{}/", address.prefix) };
        Ok(Self { connection, root, prefix })
    }

    /// The answer to a request, whatever it says.
    pub fn answer(&self, call: Call<'_>, ask: Ask<'_>) -> Result<Answer, StorageError> {
        let patience = ask.patience;
        let response = self.response(call, ask)?;
        self.whole(call, patience, response)
    }

    pub(super) fn whole(
        &self,
        call: Call<'_>,
        patience: Duration,
        mut response: Response,
    ) -> Result<Answer, StorageError> {
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        self.run(call, patience, async {
            while let Some(piece) = response.chunk().await.map_err(|error| of_client(call, error))? {
                body.extend_from_slice(&piece);
                if body.len() > LONGEST_ANSWER {
                    break;
                }
            }
            Ok(())
        })?;
        Ok(Answer { status, headers, text: String::from_utf8_lossy(&body).into_owned() })
    }

    /// The answer to a request, if it is a success.
    pub fn success(&self, call: Call<'_>, ask: Ask<'_>) -> Result<Answer, StorageError> {
        let answer = self.answer(call, ask)?;
        // Some say that they are at work, and then what went wrong.
        let is_fine = answer.status.is_success() && !tells_error(&answer.text);
        if is_fine { Ok(answer) } else { Err(answer.refusal(call)) }
    }

    /// The answer to a request, if it is a success. What fails in passing is asked again a few times.
    ///
    /// # Errors
    /// When it fails for good, or again and again.
    pub fn insist<'a>(&self, call: Call<'_>, ask: impl Fn() -> Ask<'a>) -> Result<Answer, StorageError> {
        call.persist(TRIES, WAITS, || self.success(call, ask()))
    }

    /// Why an object may not be looked at, where the service says it: its answer to HEAD has no body, so that it is asked for a byte.
    pub fn denial(&self, call: Call<'_>, name: &str) -> Option<StorageError> {
        let answer = self.answer(call, Ask::of(Method::GET, name).header("range", "bytes=0-0")).ok()?;
        Some(answer.refusal(call)).filter(|error| error.kind == ErrorKind::Denied)
    }

    /// The answer to a request before its body is read.
    pub fn response(&self, call: Call<'_>, ask: Ask<'_>) -> Result<Response, StorageError> {
        let sha256 = FileId(Sha256::digest(&ask.body).into()).to_hex();
        let Ask { method, name, query, headers, body, patience } = ask;
        let url = self.url(name, &query);
        let bucket = &self.connection.bucket;
        self.run(call, patience, async {
            let signed = bucket.sign(method, &url, headers, &sha256).await;
            let signed = signed.map_err(|error| error.into_error(call.action, call.what))?;
            signed.on(&bucket.client).body(body).send().await.map_err(|error| of_client(call, error))
        })
    }

    /// The answer to content on its way there. The signature does not hold for it: its MD5 in a header does.
    pub fn upload(&self, call: Call<'_>, ask: Ask<'_>, content: &[u8]) -> Result<Answer, StorageError> {
        self.deliver(call, ask, UNSIGNED, content.len() as u64, &mut &*content)
    }

    /// Sends content of this length and SHA-256 with a request, as it is read. The signature holds for that content alone.
    pub fn send(
        &self,
        call: Call<'_>,
        ask: Ask<'_>,
        (length, sha256): (u64, FileId),
        content: &mut dyn Read,
    ) -> Result<Answer, StorageError> {
        self.deliver(call, ask, &sha256.to_hex(), length, content)
    }

    fn deliver(
        &self,
        call: Call<'_>,
        ask: Ask<'_>,
        sha256: &str,
        length: u64,
        content: &mut dyn Read,
    ) -> Result<Answer, StorageError> {
        let url = self.url(ask.name, &ask.query);
        let connection = &self.connection;
        let signed = self.run(call, Duration::ZERO, async {
            let signed = connection.bucket.sign(ask.method, &url, ask.headers, sha256).await;
            signed.map_err(|error| error.into_error(call.action, call.what))
        })?;
        let sending = Sending {
            runtime: &connection.runtime,
            patience: connection.patience,
            context: call.context,
            action: call.action,
            what: call.what,
        };
        let mut response = sending.send(signed.on(&connection.sending), length, content)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut text = Vec::new();
        self.run(call, Duration::ZERO, async {
            // What cannot be read of it does not matter: the status is known.
            while let Ok(Some(piece)) = response.chunk().await {
                text.extend_from_slice(&piece);
                if text.len() > LONGEST_ANSWER {
                    break;
                }
            }
            Ok(())
        })?;
        Ok(Answer { status, headers, text: String::from_utf8_lossy(&text).into_owned() })
    }

    /// Asks for an object from within the runtime, and gives the answer before its body is read.
    pub(super) async fn get(&self, name: &str, headers: HeaderMap) -> Result<Response, StorageError> {
        let sha256 = FileId(Sha256::digest(b"").into()).to_hex();
        let signed =
            self.connection.bucket.sign(Method::GET, &self.url(Some(name), ""), headers, &sha256).await;
        let signed = signed.map_err(|error| error.into_error("read", &name))?;
        let request = signed.on(&self.connection.bucket.client);
        request.send().await.map_err(|error| fault::of_client("read", name, error))
    }

    fn url(&self, name: Option<&str>, query: &str) -> String {
        let key = name.map(|name| encoded(&format!("{}{name}", self.prefix))).unwrap_or_default();
        match name {
            Some(_) => format!("{}{key}{query}", self.root),
            None => format!("{}{query}", self.connection.bucket.url),
        }
    }

    fn run<T>(
        &self,
        call: Call<'_>,
        patience: Duration,
        request: impl Future<Output = Result<T, StorageError>>,
    ) -> Result<T, StorageError> {
        let Connection { runtime, patience: usual, .. } = &self.connection;
        runtime.run(call.context, call.action, call.what, *usual + patience, request)
    }
}

impl Answer {
    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The code by which the service says no; empty where it says none.
    pub fn code(&self) -> String {
        match self.text.contains("<Code>") {
            true => Refusal::in_xml(&self.text, self.status.as_u16()).code().to_owned(),
            false => String::new(),
        }
    }

    /// Whether the service does not know something that was asked of it.
    pub fn is_not_implemented(&self) -> bool {
        self.status == StatusCode::NOT_IMPLEMENTED || self.code() == "NotImplemented"
    }

    /// What the service says that says no.
    pub fn refusal(&self, call: Call<'_>) -> StorageError {
        self.refused(call, Refusal::in_xml(&self.text, self.status.as_u16()))
    }

    /// The same, where a new object was to be locked: when a bucket takes no locks, some services say no more than that the request is not
    /// valid.
    pub fn refusal_of_locked(&self, call: Call<'_>) -> StorageError {
        let refusal = Refusal::in_xml(&self.text, self.status.as_u16());
        let is_clear = refusal.code() != "InvalidRequest" || self.text.contains("Lock");
        self.refused(call, if is_clear { refusal } else { refusal.with(MAY_TAKE_NO_LOCKS) })
    }

    fn refused(&self, call: Call<'_>, refusal: Refusal) -> StorageError {
        let kind = of_code(refusal.code()).unwrap_or(match self.status.as_u16() {
            401 | 403 => ErrorKind::Denied,
            404 => ErrorKind::NotFound,
            412 => ErrorKind::Exists,
            416 => ErrorKind::Corrupt,
            301 | 302 | 307 | 308 => ErrorKind::Config,
            507 => ErrorKind::NoSpace,
            408 | 409 | 425 | 429 | 500 | 502..=504 => ErrorKind::Transient,
            _ => ErrorKind::Other,
        });
        StorageError::new(kind, call.action, call.what, refusal)
    }
}

fn of_client(call: Call<'_>, error: reqwest::Error) -> StorageError {
    fault::of_client(call.action, call.what, error)
}
