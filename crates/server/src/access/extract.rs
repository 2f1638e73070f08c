//! Who asks, and what for.
//!
//! A handler that takes a [`Caller`] is not run for anybody unknown. A request that changes something and is known by its
//! cookie must come from a page of this server, or carry the session's CSRF token: browsers send cookies along with whatever
//! other sites make them send.

use axum::extract::rejection::PathRejection;
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header::{ACCEPT, AUTHORIZATION, LOCATION};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::QueryRejection;
use backstay_model::people::ApiToken;
use backstay_model::{Person, ProjectId};
use serde::de::DeserializeOwned;

pub use super::body::{Json, OptionalJson};
use super::policy::{Action, Least, Principal, may};
use super::{session, token};
use crate::hosts::same_origin;
use crate::problem::Problem;
use crate::state::AppState;
use crate::tls::listener::Peer;

/// The header that carries a session's CSRF token.
pub const CSRF: &str = "x-backstay-csrf";
/// What pages send with requests that nobody made, so that they do not count as use of the session.
const BACKGROUND: &str = "x-backstay-background";

/// Somebody who is known.
#[derive(Debug, Clone)]
pub struct Caller {
    /// What the policy judges.
    pub principal: Principal,
    /// The person, or whose token it is.
    pub person: Person,
    /// The session, if it is one: its hash.
    pub session: Option<String>,
    /// The token, if it is one.
    pub token: Option<ApiToken>,
    /// The address the request comes from.
    pub address: String,
}

/// Why a request is not let in.
#[derive(Debug)]
pub enum Refused {
    /// A problem, for programs.
    Problem(Problem),
    /// The way to the sign-in page, for people.
    SignIn {
        /// The path they wanted.
        next: String,
    },
}

impl Caller {
    /// Lets the caller go on if the policy does. Where the caller may not even see names, there is no such project.
    ///
    /// # Errors
    /// 403, or 404 for projects of others.
    pub fn authorize(&self, action: Action, project: Option<ProjectId>) -> Result<(), Problem> {
        if may(&self.principal, action, project) {
            return Ok(());
        }
        if project.is_some() && !may(&self.principal, Action::ViewNames, project) {
            return Err(Problem::not_found("project, or nothing by that id in it"));
        }
        if action.least() == Least::SignedIn && self.token.is_some() {
            let detail = "that concerns your account itself, and no token may touch it";
            return Err(Problem::new(StatusCode::FORBIDDEN, "session_needed", detail)
                .hint("sign in with your password"));
        }
        Err(Problem::forbidden("your role does not allow that")
            .hint("ask an owner of the project for a role that does"))
    }

    /// The same, for what concerns the whole server: the role in the home project counts.
    ///
    /// # Errors
    /// 403, or when the store fails.
    pub async fn authorize_server(&self, state: &AppState, action: Action) -> Result<(), Problem> {
        let home = crate::settings::home_project(state).await?;
        if home.is_some() && may(&self.principal, action, home) {
            return Ok(());
        }
        Err(Problem::forbidden("only owners of the server may do that"))
    }

    /// Who it is, for logs and the audit.
    #[must_use]
    pub fn actor(&self) -> String {
        match &self.token {
            Some(token) => format!("token {} of {}", token.name, self.person.email),
            None => self.person.email.clone(),
        }
    }
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Refused> {
        match identify(parts, state).await {
            Ok(Some(caller)) => Ok(caller),
            Ok(None) if wants_page(parts) => {
                let next = parts.uri.path_and_query().map_or("/", |path| path.as_str());
                Err(Refused::SignIn { next: next.to_owned() })
            }
            Ok(None) => Err(Refused::Problem(Problem::unauthenticated())),
            Err(problem) => Err(Refused::Problem(problem)),
        }
    }
}

async fn identify(parts: &Parts, state: &AppState) -> Result<Option<Caller>, Problem> {
    let address = peer(parts).map(|peer| peer.address.ip().to_canonical().to_string()).unwrap_or_default();
    if let Some(authorization) = parts.headers.get(AUTHORIZATION) {
        // Who sends a token means it: a cookie beside it does not count.
        let text = authorization.to_str().unwrap_or("");
        let key = text.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let Some((_, key)) = key else { return Ok(None) };
        return token::caller(state, key.trim(), address).await;
    }
    let Some(key) = session::key_of(&parts.headers, state.secure) else { return Ok(None) };
    let is_background = parts.headers.contains_key(BACKGROUND);
    let Some(caller) = session::caller(state, &key, address, is_background).await? else { return Ok(None) };
    if !parts.method.is_safe() || parts.method == Method::TRACE {
        check_csrf(state, &parts.headers, &key)?;
    }
    Ok(Some(caller))
}

fn check_csrf(state: &AppState, headers: &HeaderMap, key: &str) -> Result<(), Problem> {
    let token = headers.get(CSRF).and_then(|value| value.to_str().ok());
    let proven = token.is_some_and(|token| crate::text::same(token, &session::csrf_of(key)));
    if proven || same_origin(headers, state.config.public_url.as_deref()) == Some(true) {
        return Ok(());
    }
    Err(Problem::new(StatusCode::FORBIDDEN, "csrf", "the request does not come from a page of this server")
        .hint("programs send the session's `csrf` in the header X-Backstay-CSRF, or use an API token"))
}

/// Refuses what a page of another site made a browser send, where nobody is known yet.
///
/// # Errors
/// 403.
pub(crate) fn check_origin(state: &AppState, headers: &HeaderMap) -> Result<(), Problem> {
    match same_origin(headers, state.config.public_url.as_deref()) {
        Some(false) => Err(Problem::new(
            StatusCode::FORBIDDEN,
            "csrf",
            "the request does not come from a page of this server",
        )),
        _ => Ok(()),
    }
}

/// Who is at the other end.
pub(crate) fn peer(parts: &Parts) -> Option<&Peer> {
    parts.extensions.get::<ConnectInfo<Peer>>().map(|info| &info.0)
}

fn wants_page(parts: &Parts) -> bool {
    let accept = parts.headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or("");
    accept.contains("text/html") && !parts.uri.path().starts_with("/api/")
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Problem(problem) => problem.into_response(),
            Self::SignIn { next } => {
                let next: String = form_encoded(&next);
                let location = HeaderValue::from_str(&format!("/sign-in?next={next}"));
                let location = location.unwrap_or(HeaderValue::from_static("/sign-in"));
                (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response()
            }
        }
    }
}

/// As one value in a query.
pub(crate) fn form_encoded(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.') {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

macro_rules! wrapped {
    ($(#[$doc:meta])* $name:ident, $inner:path, $rejection:ident, $say:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default)]
        pub struct $name<T>(pub T);

        impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for $name<T> {
            type Rejection = Problem;

            async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
                let taken = <$inner as FromRequestParts<S>>::from_request_parts(parts, state).await;
                taken.map(|inner| Self(inner.0)).map_err(|rejection: $rejection| $say(&rejection))
            }
        }
    };
}

wrapped! {
    /// The query of an address. A list is given as a name that comes several times.
    Query, axum_extra::extract::Query<T>, QueryRejection, |rejection: &QueryRejection| Problem::bad_request(rejection.body_text())
}
wrapped! {
    /// The ids in a path. What is no id names nothing.
    Path, axum::extract::Path<T>, PathRejection, |_: &PathRejection| Problem::not_found("thing: that is no id")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_is_one_parameter() {
        assert_eq!(form_encoded("/runs?a=1&b=\"<"), "/runs%3Fa%3D1%26b%3D%22%3C");
    }
}
