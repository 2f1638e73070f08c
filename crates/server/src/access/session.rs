//! Sessions of people in browsers: a random key in a cookie, of which only the hash is kept.
//!
//! The cookie is `HttpOnly` and `SameSite=Lax`; over TLS its name begins with `__Host-`, so that no other host of the same
//! domain can plant one. A session ends when it was not used for the idle timeout, and at the latest after thirty days.

use std::time::Duration;

use axum::http::HeaderMap;
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use backstay_catalog::Session;
use backstay_model::Person;

use super::extract::Caller;
use super::policy::Principal;
use crate::problem::Problem;
use crate::state::{AppState, later};
use crate::{settings, text};

const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);
const TOUCH_EVERY: i64 = 60;

/// A session that was just made.
#[derive(Debug)]
pub(crate) struct NewSession {
    /// For the browser.
    pub(crate) cookie: Cookie<'static>,
    /// What programs that keep cookies send in [`super::extract::CSRF`].
    pub(crate) csrf: String,
}

const fn cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-backstay" } else { "backstay" }
}

/// The key in a request's cookie.
pub(crate) fn key_of(headers: &HeaderMap, secure: bool) -> Option<String> {
    let jar = CookieJar::from_headers(headers);
    jar.get(cookie_name(secure)).map(|cookie| cookie.value().to_owned()).filter(|key| !key.is_empty())
}

/// What a page has to send along to show that it is one of ours: it follows from the key, which other sites cannot read.
pub(crate) fn csrf_of(key: &str) -> String {
    text::hash_of(&format!("csrf:{key}"))
}

/// Signs somebody in.
pub(crate) async fn begin(
    state: &AppState,
    person: &Person,
    headers: &HeaderMap,
    address: String,
) -> Result<NewSession, Problem> {
    let key = text::random_key(&*state.random);
    let now = state.now();
    let agent = headers.get(axum::http::header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    let session = Session {
        hash: text::hash_of(&key),
        person: person.id,
        created: now,
        last_used: now,
        expires: later(now, LONGEST),
        user_agent: agent.unwrap_or_default().chars().take(200).collect(),
        address,
    };
    state.store.create_session(&session).await?;
    state.store.signed_in(person.id, now).await?;
    let csrf = csrf_of(&key);
    Ok(NewSession { cookie: cookie(state.secure, key), csrf })
}

fn cookie(secure: bool, key: String) -> Cookie<'static> {
    Cookie::build((cookie_name(secure), key))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(secure)
        .build()
}

/// What takes the cookie out of the browser.
pub(crate) fn end_cookie(secure: bool) -> Cookie<'static> {
    let mut cookie = cookie(secure, String::new());
    cookie.make_removal();
    cookie
}

/// Whose session it is, if it is still one. Asking counts as use of it, unless it is said that nobody was there to ask: a page that
/// keeps itself up to date does not keep a session alive.
pub(crate) async fn caller(
    state: &AppState,
    key: &str,
    address: String,
    is_background: bool,
) -> Result<Option<Caller>, Problem> {
    let hash = text::hash_of(key);
    let now = state.now();
    let Some(session) = state.store.session(&hash, now).await? else { return Ok(None) };
    let idle = now.as_second() - session.last_used.as_second();
    let timeout = settings::sign_in(state).await?.idle_timeout.as_secs();
    if u64::try_from(idle).is_ok_and(|idle| idle >= timeout) {
        state.store.delete_session(session.person, &hash).await?;
        return Ok(None);
    }
    let Some(person) = state.store.person(session.person).await?.filter(|person| !person.disabled) else {
        return Ok(None);
    };
    if idle >= TOUCH_EVERY && !is_background {
        // Who only reads is let in though nothing can be written.
        if let Err(error) = state.store.touch_session(&hash, now).await {
            tracing::warn!(cause = %error, "the use of a session cannot be noted");
        }
    }
    let principal = Principal::Session { person: person.id, grants: person.grants.clone() };
    Ok(Some(Caller { principal, person, session: Some(hash), token: None, address }))
}
