//! The names the server answers to, and the headers that each answer has.
//!
//! A page on another site can make a browser look its own host name up as 127.0.0.1, and so talk to a server on this machine
//! under that name (DNS rebinding). So the `Host` of each request must be a name that the server is known by. Addresses
//! cannot be rebound: on loopback those of loopback count, elsewhere all do.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::problem::Problem;
use crate::state::AppState;
use crate::tls::listener::Peer;
use backstay_model::link::AGENTS;

/// The names a server answers to.
#[derive(Debug, Clone)]
pub struct Hosts {
    loopback: bool,
    names: Vec<String>,
}

impl Hosts {
    /// The names of a server that listens there, has this public address, and is called by further names.
    #[must_use]
    pub fn new(listen: SocketAddr, public_url: Option<&str>, further: &[String]) -> Self {
        let loopback = listen.ip().is_loopback();
        let public = public_url.and_then(|url| url.parse::<Uri>().ok());
        let public = public.as_ref().and_then(Uri::host).map(str::to_owned);
        let mut names: Vec<_> = public.into_iter().chain(further.iter().cloned()).collect();
        names.push("localhost".to_owned());
        names.iter_mut().for_each(|name| name.make_ascii_lowercase());
        Self { loopback, names }
    }

    /// Whether the server answers to the host of a `Host` header.
    #[must_use]
    pub fn know(&self, header: &str) -> bool {
        let Some(host) = host_of(header) else { return false };
        match host.parse::<IpAddr>() {
            Ok(address) => !self.loopback || address.is_loopback() || self.names.contains(&host),
            Err(_) => self.names.contains(&host),
        }
    }

    /// All names, for a certificate.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }
}

/// The host of a `Host` header or of an `Origin`'s authority, in lower case, without port and brackets.
fn host_of(authority: &str) -> Option<String> {
    let authority: axum::http::uri::Authority = authority.parse().ok()?;
    if authority.as_str().contains('@') {
        return None;
    }
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    Some(host.trim_end_matches('.').to_ascii_lowercase())
}

/// Whether a request that changes something comes from a page of this server, as the browser says: by
/// `Sec-Fetch-Site: same-origin`, or by an `Origin` that is the host that was asked for. `None` when it says nothing.
pub(crate) fn same_origin(headers: &HeaderMap, public_url: Option<&str>) -> Option<bool> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("").to_owned());
    if let Some(site) = text("sec-fetch-site") {
        return Some(site == "same-origin");
    }
    let origin = text("origin")?;
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    let asked = text("host");
    let is_public = public_url.is_some_and(|url| url.trim_end_matches('/') == origin);
    Some(is_public || (authority.is_some() && authority == asked.as_deref()))
}

/// The one host that a request asks for: that of its address where there is one, as proxies are asked, or of its `Host`.
/// `None` when it names several, or none.
fn asked(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let of_uri = uri.authority().map(|authority| authority.as_str().to_owned());
    let mut of_header = headers.get_all(HOST).iter().map(|value| value.to_str().ok().map(str::to_owned));
    match (of_uri, of_header.next(), of_header.next()) {
        (None, Some(host), None) => host,
        (Some(host), None, None) => Some(host),
        (Some(host), Some(named), None) if named.as_deref() == Some(host.as_str()) => Some(host),
        _ => None,
    }
}

/// Where whoever asked finds the server. A server that listens everywhere does not know which of its addresses they reach; the
/// request says it. That is for the answer to this request alone: others are never sent to where a request says.
pub(crate) fn url_for(state: &AppState, headers: &HeaderMap) -> String {
    let everywhere = state.config.public_url.is_none() && state.config.listen.ip().is_unspecified();
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).filter(|host| state.hosts.know(host));
    match host {
        Some(host) if everywhere => format!("{}://{host}", if state.secure { "https" } else { "http" }),
        _ => state.url.clone(),
    }
}

/// Refuses requests for other names.
pub(crate) async fn check_host(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let agent = request.extensions().get::<ConnectInfo<Peer>>().is_some_and(|info| info.0.agent);
    let known = asked(request.uri(), request.headers())
        .is_some_and(|host| state.hosts.know(&host) || (agent && host_of(&host).as_deref() == Some(AGENTS)));
    // Those who ask for health do so by whatever name they have.
    if !known && !matches!(request.uri().path(), "/healthz" | "/readyz") {
        return Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "unknown_host",
            "this server is not known by that name",
        )
        .hint("start it with the name in --public-url or --host-name")
        .into_response();
    }
    next.run(request).await
}

/// Adds what keeps browsers out of trouble.
pub(crate) async fn headers(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let api = request.uri().path().starts_with("/api/");
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    set(
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
    set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(X_FRAME_OPTIONS, "DENY");
    set(REFERRER_POLICY, "no-referrer");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    if api {
        set(CACHE_CONTROL, "no-store");
    }
    if state.secure {
        set(STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_loopback_only_loopback_is_known() {
        let hosts = Hosts::new("127.0.0.1:8420".parse().unwrap(), None, &[]);
        for known in
            ["localhost", "LOCALHOST:8420", "127.0.0.1:8420", "[::1]:8420", "127.0.0.1", "localhost.:1"]
        {
            assert!(hosts.know(known), "{known}");
        }
        let foreign =
            ["evil.example", "localhost.evil.example", "10.0.0.1:8420", "", "user@localhost", "::1:x", "a b"];
        for foreign in foreign {
            assert!(!hosts.know(foreign), "{foreign}");
        }
    }

    #[test]
    fn elsewhere_addresses_and_given_names_are_known() {
        let listen = "0.0.0.0:8420".parse().unwrap();
        let hosts = Hosts::new(listen, Some("https://Backup.example.org:8443/"), &["nas".to_owned()]);
        for known in ["backup.example.org", "nas:8420", "192.168.1.5:8420", "[fe80::1]"] {
            assert!(hosts.know(known), "{known}");
        }
        assert!(!hosts.know("rebound.example"));
    }

    #[test]
    fn a_request_asks_for_one_host() {
        let of = |uri: &'static str, hosts: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(HOST, HeaderValue::from_static(host));
            }
            asked(&Uri::from_static(uri), &headers)
        };
        assert_eq!(of("/", &["a:1"]).as_deref(), Some("a:1"));
        assert_eq!(of("http://a:1/", &[]).as_deref(), Some("a:1"));
        assert_eq!(of("http://a:1/", &["a:1"]).as_deref(), Some("a:1"));
        for (uri, hosts) in
            [("/", &[][..]), ("/", &["a", "a"]), ("http://a/", &["b"]), ("http://a/", &["a", "b"])]
        {
            assert_eq!(of(uri, hosts), None, "{uri} {hosts:?}");
        }
    }

    #[test]
    fn a_browser_says_where_a_request_comes_from() {
        let of = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            same_origin(&headers, Some("https://backup.example.org"))
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[("sec-fetch-site", "same-origin")]), Some(true));
        assert_eq!(of(&[("sec-fetch-site", "same-site")]), Some(false));
        assert_eq!(
            of(&[("sec-fetch-site", "cross-site"), ("origin", "http://a"), ("host", "a")]),
            Some(false)
        );
        assert_eq!(of(&[("origin", "http://a:1"), ("host", "a:1")]), Some(true));
        assert_eq!(of(&[("origin", "http://a:2"), ("host", "a:1")]), Some(false));
        assert_eq!(of(&[("origin", "null"), ("host", "null")]), Some(false));
        assert_eq!(of(&[("origin", "https://backup.example.org"), ("host", "inner")]), Some(true));
    }
}
