//! The pages that people need before there is anything else to see: set-up, sign-in, a new password.
//!
//! They are plain HTML with one style sheet and one script, which speaks with the API. Nothing is inline, so the policy of what
//! a page may load is short; forms are never sent by the browser itself, so no password ends up in an address.

mod texts;

use axum::Router;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;

use self::texts::Language;
use crate::access::extract::{Caller, Query, Refused};
use crate::access::setup;
use crate::problem::Problem;
use crate::state::AppState;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The routes of the pages.
pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/setup", get(set_up))
        .route("/sign-in", get(sign_in))
        .route("/reset", get(reset))
        .route("/assets/pages.css", get(style))
        .route("/assets/pages.js", get(script))
}

/// The way in with a passkey. The script shows it where the browser can do it.
#[cfg(feature = "passkeys")]
const PASSKEY: &str = r#"<button id="passkey" type="button" class="other" hidden>{passkey}</button>"#;
#[cfg(not(feature = "passkeys"))]
const PASSKEY: &str = "";

/// Where somebody wanted to go.
#[derive(Debug, Default, Deserialize)]
struct Wanted {
    next: Option<String>,
    /// A word for why an earlier attempt failed.
    problem: Option<String>,
}

/// How to get the dashboard, where the program was built without it.
pub(crate) fn without_dashboard(headers: &HeaderMap) -> Response {
    page(include_str!("pages/without_dashboard.html"), Language::of(headers), &[])
}

async fn set_up(headers: HeaderMap) -> Response {
    page(include_str!("pages/setup.html"), Language::of(&headers), &[])
}

async fn reset(headers: HeaderMap) -> Response {
    page(include_str!("pages/reset.html"), Language::of(&headers), &[])
}

/// Signing in, and then on to where one wanted to go. Whoever is signed in goes on at once; while there is no account, there is
/// nothing to sign in to.
async fn sign_in(
    State(state): State<AppState>,
    caller: Result<Caller, Refused>,
    headers: HeaderMap,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    if setup::is_open(&state).await? {
        return Ok((StatusCode::SEE_OTHER, [(LOCATION, "/setup")]).into_response());
    }
    let is_further = |next: &&str| is_local(next) && !next.starts_with("/sign-in");
    let next = wanted.next.as_deref().filter(is_further).unwrap_or("/");
    if caller.is_ok() && wanted.problem.is_none() {
        return Ok((StatusCode::SEE_OTHER, [(LOCATION, next)]).into_response());
    }
    let language = Language::of(&headers);
    let problem = wanted.problem.as_deref().and_then(|word| language.problem(word)).unwrap_or_default();
    let own = [
        ("problem", problem),
        ("hidden", if problem.is_empty() { "hidden" } else { "" }),
        ("by_passkey", &fill(PASSKEY, language, &[])),
        ("by_provider", &provider(&state, language, next).await?),
        ("next", &escaped(next)),
    ];
    Ok(page(include_str!("pages/sign_in.html"), language, &own))
}

/// The way to a provider that vouches for people, if there is one.
#[cfg(feature = "oidc")]
async fn provider(state: &AppState, language: Language, next: &str) -> Result<String, Problem> {
    let Some(name) = crate::oidc::settings::name(state).await? else { return Ok(String::new()) };
    let own = [("name", escaped(&name)), ("next", crate::access::extract::form_encoded(next))];
    let own = own.each_ref().map(|(name, value)| (*name, value.as_str()));
    let way = r#"<p><a class="button" href="/api/v1/oidc/start?next={next}">{provider} {name}</a></p>"#;
    Ok(fill(way, language, &own))
}

#[cfg(not(feature = "oidc"))]
async fn provider(_: &AppState, _: Language, _: &str) -> Result<String, Problem> {
    Ok(String::new())
}

async fn style() -> Response {
    asset("text/css; charset=utf-8", include_str!("pages/pages.css"))
}

async fn script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("pages/pages.js"))
}

/// Puts texts, and what is the page's own, in the place of their names in braces.
fn fill(template: &str, language: Language, own: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(2 * template.len());
    let mut rest = template;
    while let Some((before, (name, after))) =
        rest.split_once('{').and_then(|(before, after)| Some((before, after.split_once('}')?)))
    {
        let value = own.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        filled.push_str(before);
        filled.push_str(value.or_else(|| language.text(name)).unwrap_or_default());
        rest = after;
    }
    filled + rest
}

fn page(template: &str, language: Language, own: &[(&str, &str)]) -> Response {
    let texts = escaped(&language.of_script());
    let all = [&[("language", language.tag()), ("texts", &texts)], own].concat();
    let html = fill(template, language, &all);
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (CONTENT_LANGUAGE, language.tag()),
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
    fn every_name_in_a_page_is_known() {
        let own = ["language", "texts", "problem", "hidden", "by_passkey", "by_provider", "next"];
        for page in [
            include_str!("pages/setup.html"),
            include_str!("pages/sign_in.html"),
            include_str!("pages/reset.html"),
            include_str!("pages/without_dashboard.html"),
            PASSKEY,
        ] {
            let names = page.split('{').skip(1).map(|rest| rest.split('}').next().unwrap());
            for name in names.filter(|name| !own.contains(name)) {
                assert!(Language::German.text(name).is_some(), "{name}");
            }
        }
    }

    #[test]
    fn what_is_filled_in_is_not_filled_again() {
        let own = [("name", "{password} }{"), ("next", "b")];
        assert_eq!(fill("{name}{next}{none} {", Language::German, &own), "{password} }{b {");
    }

    #[test]
    fn what_is_put_into_a_page_stays_in_its_attribute() {
        assert_eq!(escaped("/\"><script>&"), "/&quot;&gt;&lt;script&gt;&amp;");
    }
}
