//! Who asks, when a proxy stands in between: attempts are counted, and sessions and deeds written down, by address.
//!
//! A proxy adds the address it was asked from to the end of `X-Forwarded-For`; what stands before that, its client has said.
//! So the list is read from its end, and only for as long as trusted proxies speak.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use ipnet::IpNet;

use crate::state::AppState;
use crate::tls::listener::Peer;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// A proxy, or a network of them, that is believed when it says who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrustedProxy(IpNet);

/// Neither an address nor a network.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is neither an address nor a network, as 10.0.0.7 or 10.0.0.0/24")]
pub struct NoProxy(String);

impl FromStr for TrustedProxy {
    type Err = NoProxy;

    fn from_str(text: &str) -> Result<Self, NoProxy> {
        let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network.map(Self).map_err(|_| NoProxy(text.chars().take(64).collect()))
    }
}

/// Who is behind a peer, as trusted proxies say.
fn client(proxies: &[TrustedProxy], peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let is_trusted = |address: &IpAddr| proxies.iter().any(|proxy| proxy.0.contains(address));
    let values: Vec<_> =
        headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok()).collect();
    let mut client = peer.to_canonical();
    for text in values.iter().rev().flat_map(|value| value.rsplit(',')) {
        if !is_trusted(&client) {
            break;
        }
        let Some(before) = address(text.trim()) else { break };
        client = before;
    }
    client
}

/// An address as proxies write it: some add the port.
fn address(text: &str) -> Option<IpAddr> {
    let address = text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let address = address.or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()));
    address.ok().map(|address| address.to_canonical())
}

/// Puts the one who asks into the place of the proxy. Agents are known by their certificate, which no proxy has.
pub(crate) async fn look_through(
    State(state): State<AppState>,
    mut request: Request,
    next: Next,
) -> Response {
    let proxies = &state.config.trusted_proxies;
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<Peer>>()
        && !peer.agent
        && !proxies.is_empty()
    {
        let client = client(proxies, peer.address.ip(), request.headers());
        let peer = Peer { address: SocketAddr::new(client, peer.address.port()), ..peer.clone() };
        request.extensions_mut().insert(ConnectInfo(peer));
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn behind(proxies: &[&str], peer: &str, forwarded: &[&str]) -> String {
        let proxies: Vec<_> = proxies.iter().map(|proxy| proxy.parse().unwrap()).collect();
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, value.parse().unwrap());
        }
        client(&proxies, peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn a_trusted_proxy_says_who_asks() {
        let proxies = ["10.0.0.0/24", "::1"];
        for (peer, forwarded, expected) in [
            ("10.0.0.7", &["203.0.113.5"][..], "203.0.113.5"),
            ("::ffff:10.0.0.7", &["203.0.113.5:4711"], "203.0.113.5"),
            ("::1", &["[2001:db8::1]:443"], "2001:db8::1"),
            // What its client wrote there itself does not count.
            ("10.0.0.7", &["198.51.100.1, 203.0.113.5"], "203.0.113.5"),
            ("10.0.0.7", &["198.51.100.1", "203.0.113.5"], "203.0.113.5"),
            // Two proxies in a row.
            ("10.0.0.7", &["198.51.100.1, 203.0.113.5, 10.0.0.8"], "203.0.113.5"),
            ("10.0.0.7", &["203.0.113.5", "10.0.0.8"], "203.0.113.5"),
            ("10.0.0.7", &[], "10.0.0.7"),
            ("10.0.0.7", &["unknown"], "10.0.0.7"),
            ("10.0.0.7", &["203.0.113.5, nonsense"], "10.0.0.7"),
            // Anybody can say anything.
            ("203.0.113.9", &["198.51.100.1"], "203.0.113.9"),
        ] {
            assert_eq!(behind(&proxies, peer, forwarded), expected, "{peer} {forwarded:?}");
        }
        assert_eq!(behind(&[], "10.0.0.7", &["203.0.113.5"]), "10.0.0.7");
    }

    #[test]
    fn proxies_are_addresses_or_networks() {
        assert!("proxy.example.org".parse::<TrustedProxy>().is_err());
        assert!("10.0.0.0/33".parse::<TrustedProxy>().is_err());
        assert_eq!("10.0.0.7".parse::<TrustedProxy>().unwrap(), "10.0.0.7/32".parse().unwrap());
    }
}
