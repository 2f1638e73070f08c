//! The pages that people need before there is anything else to see: set-up, sign-in, a new password.
//!
//! They are plain HTML with one style sheet and one script, which speaks with the API. Nothing is inline, so the policy of what
//! a page may load is short; forms are never sent by the browser itself, so no password ends up in an address.

use axum::Router;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;

use crate::access::extract::{Caller, Query};
use crate::access::setup;
use crate::problem::Problem;
use crate::state::AppState;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The routes of the pages.
pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/account", get(account))
        .route("/setup", get(set_up))
        .route("/sign-in", get(sign_in))
        .route("/reset", get(reset))
        .route("/assets/pages.css", get(style))
        .route("/assets/pages.js", get(script))
}

/// The way in with a passkey, and where one's own are seen. The script shows them where the browser can do it.
#[cfg(feature = "passkeys")]
const PASSKEY: &str =
    r#"<button id="passkey" type="button" class="other" hidden>Sign in with a passkey</button>"#;
#[cfg(feature = "passkeys")]
const PASSKEYS: &str = include_str!("pages/passkeys.html");
#[cfg(not(feature = "passkeys"))]
const PASSKEY: &str = "";
#[cfg(not(feature = "passkeys"))]
const PASSKEYS: &str = "";

/// Where somebody wanted to go.
#[derive(Debug, Default, Deserialize)]
struct Wanted {
    next: Option<String>,
    /// A word for why an earlier attempt failed.
    problem: Option<String>,
}

/// Who is signed in. Whoever is not is sent to sign in.
async fn account(_caller: Caller) -> Response {
    page(include_str!("pages/account.html").replace("{passkeys}", PASSKEYS))
}

/// How to get the dashboard, where the program was built without it.
pub(crate) fn without_dashboard() -> Response {
    page(include_str!("pages/without_dashboard.html").to_owned())
}

async fn set_up() -> Response {
    page(include_str!("pages/setup.html").to_owned())
}

async fn reset() -> Response {
    page(include_str!("pages/reset.html").to_owned())
}

/// Signing in, and then on to where one wanted to go. While there is no account, there is nothing to sign in to.
async fn sign_in(State(state): State<AppState>, Query(wanted): Query<Wanted>) -> Result<Response, Problem> {
    if setup::is_open(&state).await? {
        return Ok((StatusCode::SEE_OTHER, [(LOCATION, "/setup")]).into_response());
    }
    let next = wanted.next.as_deref().filter(|next| is_local(next)).unwrap_or("/");
    let problem = wanted.problem.as_deref().and_then(problem_text).unwrap_or_default();
    let html = include_str!("pages/sign_in.html")
        .replace("{problem}", problem)
        .replace("{hidden}", if problem.is_empty() { "hidden" } else { "" })
        .replace("{passkey}", PASSKEY)
        .replace("{provider}", &provider(&state, next).await?)
        .replace("{next}", &escaped(next));
    Ok(page(html))
}

/// The way to a provider that vouches for people, if there is one.
#[cfg(feature = "oidc")]
async fn provider(state: &AppState, next: &str) -> Result<String, Problem> {
    let Some(name) = crate::oidc::settings::name(state).await? else { return Ok(String::new()) };
    let next = crate::access::extract::form_encoded(next);
    let name = escaped(&name).replace('{', "&#123;");
    Ok(format!(r#"<p><a class="button" href="/api/v1/oidc/start?next={next}">Sign in with {name}</a></p>"#))
}

#[cfg(not(feature = "oidc"))]
async fn provider(_: &AppState, _: &str) -> Result<String, Problem> {
    Ok(String::new())
}

#[cfg(feature = "oidc")]
use crate::oidc::text_of as problem_text;

#[cfg(not(feature = "oidc"))]
const fn problem_text(_: &str) -> Option<&'static str> {
    None
}

async fn style() -> Response {
    asset("text/css; charset=utf-8", include_str!("pages/pages.css"))
}

async fn script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("pages/pages.js"))
}

fn page(html: String) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, "no-store"),
    ];
    (headers, html).into_response()
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    // A new version of the server has new ones at the same address.
    let headers = [(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-cache")];
    (headers.map(|(name, value)| (name, HeaderValue::from_static(value))), text).into_response()
}

/// Whether it is a path on this server, for every browser: some take `\` for `/` and leave out what cannot be seen.
pub(crate) fn is_local(next: &str) -> bool {
    next.starts_with('/')
        && !next.starts_with("//")
        && next.chars().all(|c| c != '\\' && !c.is_control() && !c.is_whitespace())
}

/// As the value of an attribute.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_this_server_are_gone_on_to() {
        for local in ["/", "/runs?state=failed#last", "/a//b"] {
            assert!(is_local(local), "{local}");
        }
        let foreign = [
            "",
            "runs",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            " /",
            "/ /evil.example",
        ];
        for foreign in foreign {
            assert!(!is_local(foreign), "{foreign:?}");
        }
    }

    #[test]
    fn what_is_put_into_a_page_stays_in_its_attribute() {
        assert_eq!(escaped("/\"><script>&"), "/&quot;&gt;&lt;script&gt;&amp;");
    }
}
