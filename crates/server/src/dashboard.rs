//! The dashboard: one page with its scripts, at all addresses that are nothing else's.
//!
//! The page has nothing that only some may see; what it shows it asks the API for. Only people who signed in get it all the same,
//! as everybody else is sent to do that.

use axum::Router;
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use backstay_ui::File;

use crate::access::extract::Caller;
use crate::pages;
use crate::problem::Problem;
use crate::state::AppState;

/// What the page may load and do: its own files, the API, and pictures that the API gave.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// A name that changes with the content is good for a year, which is for ever.
const FOR_GOOD: &str = "public, max-age=31536000, immutable";
/// What is never the dashboard's.
const OTHERS: [&str; 5] = ["/api/", "/agent/", "/assets/", "/ui/", "/metrics"];

/// The routes of the dashboard.
pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/", get(home)).route("/ui/{name}", get(hashed)).route("/icon.svg", get(icon))
}

async fn home(_caller: Caller, headers: HeaderMap) -> Response {
    index(&headers)
}

async fn hashed(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let file = backstay_ui::file(&format!("ui/{name}"));
    file.map(|file| give(file, &headers)).ok_or_else(|| Problem::not_found("file"))
}

async fn icon(headers: HeaderMap) -> Result<Response, Problem> {
    let file = backstay_ui::file("icon.svg");
    file.map(|file| give(file, &headers)).ok_or_else(|| Problem::not_found("file"))
}

/// What no route is for: in a browser an address within the dashboard, and nothing for programs.
pub(crate) async fn elsewhere(State(state): State<AppState>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let accepts = parts.headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let is_page = parts.method == Method::GET
        && !OTHERS.iter().any(|other| parts.uri.path().starts_with(other))
        && accepts.into_iter().any(|accepts| accepts.contains("text/html"));
    if !is_page {
        return Problem::of_status(StatusCode::NOT_FOUND).into_response();
    }
    match Caller::from_request_parts(&mut parts, &state).await {
        Ok(_) => index(&parts.headers),
        Err(refused) => refused.into_response(),
    }
}

/// The page; where there is none, how to get it.
fn index(headers: &HeaderMap) -> Response {
    backstay_ui::index().map_or_else(|| pages::without_dashboard(headers), |file| give(file, headers))
}

fn give(file: &File, headers: &HeaderMap) -> Response {
    let encodings = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_packed =
        encodings.split(',').any(|coding| coding.trim() == "gzip" || coding.trim().starts_with("gzip;q=1"));
    let mut response = if is_packed { file.gzip } else { file.plain }.into_response();
    let told = response.headers_mut();
    told.insert(CONTENT_TYPE, HeaderValue::from_static(file.kind()));
    told.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if is_packed {
        told.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    let keep = if file.is_hashed() { FOR_GOOD } else { "no-cache" };
    told.insert(CACHE_CONTROL, HeaderValue::from_static(keep));
    told.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}
