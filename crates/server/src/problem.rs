//! Every error as `application/problem+json` (RFC 9457).
//!
//! A [`Problem`] says to the caller what is wrong and what to do. What is wrong *inside* is logged under the request's id
//! and never told: the caller gets the id. [`render`] is the outermost layer: it writes each problem's body, and makes
//! problems of the bare answers that the framework gives by itself (404, 405, 413 …).

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{ALLOW, CONTENT_TYPE, HeaderName, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use backstay_catalog::{CatalogError, Clash};
use serde::{Deserialize, Serialize};

use crate::state::AppState;

/// The header that carries a request's id in each answer.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What went wrong, for the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    kind: &'static str,
    detail: String,
    hint: Option<String>,
    field: Option<String>,
    retry_after: Option<u64>,
}

/// A problem as it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ProblemDetails {
    /// The kind of problem: `urn:backstay:problem:` and a word that programs can tell apart.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong, for people.
    pub detail: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The field of the request it concerns, as a path: `schedule.windows[0].from`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The request's id, under which the server's log tells more.
    pub request: String,
}

/// The id of the request in hand.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

impl Problem {
    /// A problem of a kind: a word that programs can tell apart.
    #[must_use]
    pub fn new(status: StatusCode, kind: &'static str, detail: impl Into<String>) -> Self {
        Self { status, kind, detail: detail.into(), hint: None, field: None, retry_after: None }
    }

    /// The request makes no sense (400).
    #[must_use]
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", detail)
    }

    /// Nobody is signed in (401).
    #[must_use]
    pub fn unauthenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", "this needs a session or a token")
            .hint("sign in, or send `Authorization: Bearer` with an API token")
    }

    /// The caller's role does not allow it (403).
    #[must_use]
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// There is no such thing, or none that the caller may know of (404).
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("there is no such {what}"))
    }

    /// It does not fit the state things are in (409).
    #[must_use]
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", detail)
    }

    /// A field's value cannot be accepted (422).
    #[must_use]
    pub fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Self {
        let problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail);
        Self { field: Some(field.into()), ..problem }
    }

    /// Too many attempts (429); the next one may be made after this many seconds.
    #[must_use]
    pub fn too_many(seconds: u64) -> Self {
        let detail = format!("too many attempts; try again in {seconds} s");
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", detail);
        Self { retry_after: Some(seconds), ..problem }
    }

    /// Something inside failed (500). The cause goes to the log, and the caller is given the request's id.
    #[must_use]
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(cause = %cause, "a request failed inside");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "something failed inside the server")
            .hint("the server's log tells more under the request's id")
    }

    /// It cannot be done now (503).
    #[must_use]
    pub fn unavailable(detail: impl Into<String>) -> Self {
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail);
        Self { retry_after: Some(5), ..problem }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The kind, as programs tell it apart.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        self.kind
    }

    pub(crate) fn of_status(status: StatusCode) -> Self {
        let (kind, detail) = match status {
            StatusCode::NOT_FOUND => ("not_found", "there is nothing at this address"),
            StatusCode::METHOD_NOT_ALLOWED => {
                ("method_not_allowed", "this address does not take this method")
            }
            StatusCode::PAYLOAD_TOO_LARGE => ("too_large", "the body is larger than is taken here"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                ("unsupported_media_type", "the body has to be JSON, with `Content-Type: application/json`")
            }
            StatusCode::UNPROCESSABLE_ENTITY => {
                ("invalid", "the body does not have the form that is taken here")
            }
            status if status.is_server_error() => ("internal", "something failed inside the server"),
            _ => ("bad_request", "the request cannot be understood"),
        };
        let problem = Self::new(status, kind, detail);
        match status {
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => problem
                .hint("/api/v1/openapi.json lists the addresses there are, and the methods that each takes"),
            _ => problem,
        }
    }

    fn details(&self, request: &str) -> ProblemDetails {
        ProblemDetails {
            kind: format!("urn:backstay:problem:{}", self.kind),
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            hint: self.hint.clone(),
            field: self.field.clone(),
            request: request.to_owned(),
        }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Problem {}

impl From<backstay_model::Invalid> for Problem {
    fn from(invalid: backstay_model::Invalid) -> Self {
        Self::invalid(invalid.field, invalid.why)
    }
}

impl From<CatalogError> for Problem {
    fn from(error: CatalogError) -> Self {
        let text = error.to_string();
        let problem = match &error {
            CatalogError::NotFound { .. } => Self::new(StatusCode::NOT_FOUND, "not_found", text),
            CatalogError::Conflict { clash, .. } => {
                let kind = match clash {
                    Clash::Revision => "changed_meanwhile",
                    Clash::Name => "name_taken",
                    _ => "in_use",
                };
                Self::new(StatusCode::CONFLICT, kind, text)
            }
            CatalogError::Locked { .. } | CatalogError::Unavailable { .. } => {
                tracing::error!(cause = %error, "the catalog does not answer");
                Self::unavailable("the catalog does not answer")
            }
            CatalogError::Full { .. } => {
                tracing::error!(cause = %error, "the catalog is full");
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "full", "there is no space left for the catalog")
            }
            _ => return Self::internal(error),
        };
        match error.hint() {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }
}

impl From<backstay_vault::VaultError> for Problem {
    fn from(error: backstay_vault::VaultError) -> Self {
        Self::internal(error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The outermost layer: gives each request an id, and each error its body.
pub(crate) async fn render(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let id = crate::text::random_hex(&*state.random, 8);
    request.extensions_mut().insert(RequestId(id.clone()));
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = next.run(request).await;

    let status = response.status();
    let problem = response.extensions_mut().remove::<Problem>();
    if status.is_server_error() {
        tracing::error!(request = %id, %method, %path, status = status.as_u16(), "answered with an error");
    }
    let is_bare = (status.is_client_error() || status.is_server_error()) && !is_json(&response);
    if let Some(problem) = problem.or_else(|| is_bare.then(|| Problem::of_status(status))) {
        let allow = response.headers_mut().remove(ALLOW);
        let cookies =
            response.headers().get_all(axum::http::header::SET_COOKIE).iter().cloned().collect::<Vec<_>>();
        response = body_of(&problem, &id);
        if let Some(allow) = allow {
            response.headers_mut().insert(ALLOW, allow);
        }
        for cookie in cookies {
            response.headers_mut().append(axum::http::header::SET_COOKIE, cookie);
        }
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// What a handler that panicked answers.
pub(crate) fn panicked(_: Box<dyn std::any::Any + Send + 'static>) -> Response<Body> {
    Problem::internal("a handler panicked").into_response()
}

/// What is answered when the server ends before it is done.
pub(crate) fn ending() -> Response<Body> {
    Problem::unavailable("the server is ending").into_response()
}

fn is_json(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.contains("json"))
}

fn body_of(problem: &Problem, id: &str) -> Response {
    let mut response = (problem.status, Json(problem.details(id))).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if let Some(seconds) = problem.retry_after {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    if problem.status == StatusCode::UNAUTHORIZED {
        headers.insert(axum::http::header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}
