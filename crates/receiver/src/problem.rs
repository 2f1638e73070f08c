//! Every error as `application/problem+json` (RFC 9457): what is wrong, on what, and what to do.

use std::io;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// What went wrong, for the client.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    kind: &'static str,
    detail: String,
    hint: Option<&'static str>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// The form in which it is sent.
#[derive(Serialize)]
struct Details<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'static str>,
}

impl Problem {
    /// A problem of a kind: a word that programs can tell apart.
    pub(crate) fn new(status: StatusCode, kind: &'static str, detail: impl Into<String>) -> Self {
        Self { status, kind, detail: detail.into(), hint: None, headers: Vec::new() }
    }

    /// The request makes no sense (400).
    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", detail)
    }

    /// A name that no file may have (400).
    pub(crate) fn bad_name(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_name", detail)
    }

    /// Nobody is known by what was shown (401).
    pub(crate) fn unauthenticated() -> Self {
        let challenge = HeaderValue::from_static("Basic realm=\"Backstay receiver\", charset=\"UTF-8\"");
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", "no client is known by what was shown")
            .hint("send the client's token as `Authorization: Bearer`, or its name and token as user and password")
            .header(WWW_AUTHENTICATE, challenge)
    }

    /// The client may not (403).
    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// There is no such thing, or it is somebody else's (404).
    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("there is no such {what}"))
    }

    /// The name is taken (409).
    pub(crate) fn exists(what: &str) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "exists",
            format!("{what} exists already, and nothing is overwritten"),
        )
    }

    /// It does not fit the state things are in (409).
    pub(crate) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", detail)
    }

    /// What arrived is not what was announced (460, as tus has it).
    pub(crate) fn checksum(detail: impl Into<String>) -> Self {
        let status = StatusCode::from_u16(460).unwrap_or(StatusCode::BAD_REQUEST);
        Self::new(status, "checksum_mismatch", detail)
    }

    /// There is no room (507).
    pub(crate) fn no_space(kind: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::INSUFFICIENT_STORAGE, kind, detail)
    }

    /// Too much at once (429); the next attempt may come after this many seconds.
    pub(crate) fn too_many(detail: impl Into<String>, seconds: u64) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many", detail).header(RETRY_AFTER, seconds.into())
    }

    /// It cannot be done now (503).
    pub(crate) fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail).header(RETRY_AFTER, 5.into())
    }

    /// Something inside failed (500). The cause goes to the log; the client learns that there is one.
    pub(crate) fn internal(doing: &str, cause: impl std::fmt::Display) -> Self {
        tracing::error!(doing, cause = %cause, "the receiver failed");
        let detail = format!("the receiver could not {doing}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail).hint("the receiver's log tells why")
    }

    /// What a failure of the file system means to a client.
    pub(crate) fn io(doing: &str, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::not_found("file"),
            io::ErrorKind::AlreadyExists => Self::exists("the file"),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                tracing::error!(doing, cause = %error, "the receiver's disk is full");
                Self::no_space("disk_full", "the receiver's disk is full")
            }
            io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory => {
                Self::conflict("a file is where a folder should be, or a folder where a file should be")
            }
            _ if crate::folder::is_link(error) => Self::conflict("a symbolic link is in the way"),
            _ => Self::internal(doing, error),
        }
    }

    /// Adds what to do about it.
    pub(crate) fn hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }

    /// Adds a header to the answer.
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Adds the address of the upload that is in the way.
    pub(crate) fn location(self, id: &str) -> Self {
        match HeaderValue::from_str(&crate::archives::address(id)) {
            Ok(address) => self.header(axum::http::header::LOCATION, address),
            Err(_) => self,
        }
    }

    /// Adds a header that holds a number.
    pub(crate) fn number(self, name: &'static str, value: u64) -> Self {
        self.header(HeaderName::from_static(name), value.into())
    }

    /// The word by which programs tell it apart.
    #[cfg(test)]
    pub(crate) const fn kind(&self) -> &'static str {
        self.kind
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let details = Details {
            kind: format!("urn:backstay:problem:{}", self.kind),
            title: self.status.canonical_reason().unwrap_or("Checksum Mismatch"),
            status: self.status.as_u16(),
            detail: &self.detail,
            hint: self.hint,
        };
        let body = serde_json::to_vec(&details).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        for (name, value) in self.headers {
            headers.insert(name, value);
        }
        response
    }
}
