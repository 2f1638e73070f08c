//! An HTTP service that somebody signs in to: requests, their answers, and content of any length either way.

use std::io::Read;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use backstay_core::{CallContext, ErrorKind, StorageError};
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Method};
use http_body::{Frame, SizeHint};
use reqwest::{RequestBuilder, Response};
use tokio::sync::mpsc;

use super::fault::{self, Answer};
use super::runtime::{Background, SLOWEST_BYTES_PER_SECOND};
use super::transport::{self, Use};
use crate::rest::Credentials;
use crate::{Http, failure};

/// A request may take this long, and as much longer as its content needs at the slowest rate.
const PATIENCE: Duration = Duration::from_secs(120);
/// Bytes of content that are read and handed on at once, and how many such pieces wait for the connection.
const PIECE: usize = 128 << 10;
const AHEAD: usize = 4;
/// Bytes that are read of an answer that says no.
const LONGEST_REFUSAL: usize = 16 << 10;

/// The service below one address.
pub(crate) struct Service {
    /// The address, with a slash at its end.
    pub(crate) url: String,
    asking: reqwest::Client,
    sending: reqwest::Client,
    authorization: Option<HeaderValue>,
    patience: Duration,
    pub(crate) runtime: Background,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Service {
    pub(crate) fn new(url: &str, credentials: &Credentials, http: &Http) -> Result<Self, StorageError> {
        let config = |cause: Box<dyn std::error::Error + Send + Sync>| {
            StorageError::new(ErrorKind::Config, "open", url, cause)
        };
        let tls = url.starts_with("https:");
        let client = |used_for| transport::client(tls, http, used_for).map_err(|error| config(error.into()));
        transport::check_host(url, http.reach).map_err(|error| config(error.into()))?;
        let authorization = match credentials.header() {
            None => None,
            Some(text) => {
                let mut value = HeaderValue::from_str(&text)
                    .map_err(|_| config("the user, password or token cannot be sent in a header".into()))?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        Ok(Self {
            url: format!("{}/", url.trim_end_matches('/')),
            asking: client(Use::Asking)?,
            sending: client(Use::Sending)?,
            authorization,
            patience: http.patience.unwrap_or(PATIENCE),
            runtime: Background::new("backstay-http")
                .map_err(|error| failure::from_io("open", url, error))?,
        })
    }

    /// A request for what lies at `path` below the address.
    pub(crate) fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        self.signed(self.asking.request(method, format!("{}{path}", self.url)))
    }

    fn signed(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.authorization {
            Some(value) => request.header(AUTHORIZATION, value.clone()),
            None => request,
        }
    }

    /// The answer to a request, whatever it says.
    pub(crate) fn answer(
        &self,
        context: CallContext<'_>,
        action: &'static str,
        what: &dyn std::fmt::Display,
        patience: Duration,
        request: RequestBuilder,
    ) -> Result<Response, StorageError> {
        self.runtime.run(context, action, what, self.patience + patience, async {
            request.send().await.map_err(|error| fault::of_client(action, what, error))
        })
    }

    /// The answer to a request, if it is a success.
    pub(crate) fn success(
        &self,
        context: CallContext<'_>,
        action: &'static str,
        what: &dyn std::fmt::Display,
        request: RequestBuilder,
    ) -> Result<Response, StorageError> {
        let response = self.answer(context, action, what, Duration::ZERO, request)?;
        self.checked(context, action, what, response)
    }

    /// An answer, if it is a success.
    pub(crate) fn checked(
        &self,
        context: CallContext<'_>,
        action: &'static str,
        what: &dyn std::fmt::Display,
        response: Response,
    ) -> Result<Response, StorageError> {
        if response.status().is_success() {
            return Ok(response);
        }
        let answer = self.refusal(context, action, what, response)?;
        Err(StorageError::new(answer.kind(), action, what, answer))
    }

    /// What an answer says that is no success.
    pub(crate) fn refusal(
        &self,
        context: CallContext<'_>,
        action: &'static str,
        what: &dyn std::fmt::Display,
        mut response: Response,
    ) -> Result<Answer, StorageError> {
        let status = response.status().as_u16();
        let mut body = Vec::new();
        self.runtime.run(context, action, what, self.patience, async {
            // What cannot be read of it does not matter: the status is known.
            while let Ok(Some(piece)) = response.chunk().await {
                body.extend_from_slice(&piece);
                if body.len() > LONGEST_REFUSAL {
                    break;
                }
            }
            Ok(())
        })?;
        Ok(Answer::new(status, &body))
    }

    /// Hands the body of an answer on, piece by piece.
    pub(crate) fn body(
        &self,
        context: CallContext<'_>,
        action: &'static str,
        what: &dyn std::fmt::Display,
        response: &mut Response,
        each: &mut dyn FnMut(&[u8]) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        // Outside the runtime, so that `each` may call back.
        loop {
            let next = self.runtime.run(context, action, what, self.patience, async {
                response.chunk().await.map_err(|error| fault::of_client(action, what, error))
            })?;
            match next {
                Some(piece) => each(&piece)?,
                None => return Ok(()),
            }
        }
    }

    /// Sends `length` bytes of content with a request, as they are read.
    pub(crate) fn send(
        &self,
        context: CallContext<'_>,
        action: &'static str,
        what: &dyn std::fmt::Display,
        request: (Method, &str, http::HeaderMap),
        length: u64,
        content: &mut dyn Read,
    ) -> Result<Response, StorageError> {
        let (method, path, headers) = request;
        let (sender, pieces) = mpsc::channel(AHEAD);
        let body = reqwest::Body::wrap(Piped { pieces, left: length });
        let request = self.signed(self.sending.request(method, format!("{}{path}", self.url)));
        let request = request.headers(headers).body(body).send();
        let mut task = self.runtime.spawn(request).ok_or_else(|| failure::cancelled(action, what))?;
        let patience = self.patience + Duration::from_secs(length / SLOWEST_BYTES_PER_SECOND);
        let passed = self.pass(context, action, what, length, content, sender);
        if let Err(error) = passed {
            task.abort();
            return Err(error);
        }
        let outcome = self.runtime.run(context, action, what, patience, async {
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

    fn pass(
        &self,
        context: CallContext<'_>,
        action: &'static str,
        what: &dyn std::fmt::Display,
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
                read => read.map_err(|error| failure::from_io(action, what, error))?,
            };
            if read == 0 {
                let end = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
                return Err(failure::from_io(action, what, end));
            }
            piece.truncate(read);
            left -= read as u64;
            let sending = async { Ok(sender.send(Ok(piece.into())).await) };
            if self.runtime.run(context, action, what, self.patience, sending)?.is_err() {
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
