//! An HTTP service that somebody signs in to: requests, their answers, and content of any length either way.

use std::io::Read;
use std::time::Duration;

use backstay_core::{CallContext, ErrorKind, StorageError};
use http::header::AUTHORIZATION;
use http::{HeaderValue, Method};
use reqwest::{RequestBuilder, Response};

use backstay_net::http::fault;
use backstay_net::http::runtime::Background;
use backstay_net::http::sending::Sending;
use backstay_net::http::transport::{self, Use};

use super::answer::Answer;
use crate::rest::Credentials;
use crate::{Http, failure};

/// A request may take this long, and as much longer as its content needs at the slowest rate.
const PATIENCE: Duration = Duration::from_secs(120);
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
        let request = self.signed(self.sending.request(method, format!("{}{path}", self.url)));
        let on_its_way = Sending { runtime: &self.runtime, patience: self.patience, context, action, what };
        on_its_way.send(request.headers(headers), length, content)
    }
}
