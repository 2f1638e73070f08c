//! HTTPS as agents speak it: TLS 1.3 with the server's own authority, to one host.
//!
//! The name that is asked for tells the server that an agent comes; it is no name of the domain name system. So each connection
//! looks up the server's real host in its place, and follows it when its address changes.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use backstay_model::link::AGENTS;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, Response, StatusCode, Url};
use rustls::ClientConfig;
use rustls::crypto::CryptoProvider;
use serde::Deserialize;
use serde::de::DeserializeOwned;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    host: String,
    port: u16,
}

impl Place {
    /// From an address as `https://backup.example.org:8420`; what is wrong with it otherwise.
    pub(super) fn parse(url: &str) -> Result<Self, &'static str> {
        let url = Url::parse(url.trim()).map_err(|_| "it is no address of the form https://HOST[:PORT]")?;
        if url.scheme() != "https" {
            return Err("agents speak with their server over https only");
        }
        let plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !plain || !url.username().is_empty() || url.password().is_some() {
            return Err("nothing but the host and the port belongs in it: https://HOST[:PORT]");
        }
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err("it names no host");
        };
        Ok(Self { host: host.trim_matches(['[', ']']).to_owned(), port })
    }

    /// Where a path of the agents' side is, for requests.
    pub(super) fn url(&self, path: &str) -> String {
        format!("https://{AGENTS}:{}{path}", self.port)
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "https://[{}]:{}", self.host, self.port),
            false => write!(f, "https://{}:{}", self.host, self.port),
        }
    }
}

/// Looks up the server's host, whatever name is asked for: it is always the same.
struct ServerHost(String);

impl Resolve for ServerHost {
    fn resolve(&self, _: Name) -> Resolving {
        let host = self.0.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, 0)).await?.collect::<Vec<_>>();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// A client for one server that is trusted, and perhaps shown who comes, as the configuration says.
pub(super) fn build(place: &Place, mut tls: ClientConfig) -> Result<Client, reqwest::Error> {
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(ServerHost(place.host.clone()))
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_keepalive(Duration::from_secs(30))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent(concat!("backstay/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// What went wrong with an answer.
#[derive(Debug)]
pub(super) enum Answered {
    /// The server says no.
    No { status: StatusCode, detail: String, hint: Option<String> },
    /// There was no whole answer, or it makes no sense.
    Broken(String),
}

/// The parts of a problem that people want to read.
#[derive(Deserialize)]
struct Problem {
    detail: String,
    #[serde(default)]
    hint: Option<String>,
}

/// Reads an answer of so many bytes at most.
pub(super) async fn read<T: DeserializeOwned>(mut response: Response, limit: usize) -> Result<T, Answered> {
    let status = response.status();
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(None) => break,
            Ok(Some(chunk)) if body.len() + chunk.len() <= limit => body.extend_from_slice(&chunk),
            Ok(Some(_)) => return Err(Answered::Broken(format!("its answer is longer than {limit} bytes"))),
            Err(error) => return Err(Answered::Broken(cause(error))),
        }
    }
    if status.is_success() {
        // The parser's own words could quote what was sent.
        return serde_json::from_slice(&body).map_err(|_| {
            Answered::Broken("its answer makes no sense; is it a Backstay of this age?".to_owned())
        });
    }
    Err(match serde_json::from_slice::<Problem>(&body) {
        Ok(Problem { detail, hint }) => {
            Answered::No { status, detail: printable(&detail), hint: hint.as_deref().map(printable) }
        }
        Err(_) => Answered::No { status, detail: format!("it answered {status}"), hint: None },
    })
}

/// What a server says, fit for a terminal and a log.
fn printable(text: &str) -> String {
    text.chars().filter(|sign| !sign.is_control()).take(500).collect()
}

/// Why a request got no answer: the innermost reasons in one line, without the made-up name that was asked for.
pub(super) fn cause(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return "it did not answer in time".to_owned();
    }
    let error = error.without_url();
    let mut reason = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        reason = cause.to_string();
        next = cause.source();
    }
    reason
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_by_host_and_port_alone() {
        let place = |url: &str| Place::parse(url).map(|place| (place.to_string(), place.url("/x")));
        let agents = |port: u16| format!("https://agents.backstay.internal:{port}/x");
        assert_eq!(place("https://nas:8420/").unwrap(), ("https://nas:8420".to_owned(), agents(8420)));
        assert_eq!(place(" https://nas").unwrap(), ("https://nas:443".to_owned(), agents(443)));
        assert_eq!(place("https://[fe80::1]:9").unwrap().0, "https://[fe80::1]:9");
        let wrong =
            ["http://nas", "nas:8420", "https://", "https://me@nas", "https://nas/x", "https://nas?x", ""];
        for url in wrong {
            assert!(place(url).is_err(), "{url}");
        }
    }
}
