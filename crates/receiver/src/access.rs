//! Who asks.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::http::header::AUTHORIZATION;
use axum::http::{Extensions, HeaderMap};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::clients::Client;
use crate::problem::Problem;
use crate::receiver::Receiver;

/// Who is at the other end of a connection: put into each request's extensions by the host of the router.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The address that it comes from, by which failed attempts are slowed down.
    pub address: IpAddr,
    /// SHA-256 of the certificate that it was verified by, in lower-case hexadecimal digits.
    pub certificate: Option<String>,
}

/// Finds the client out that a request is from.
pub(crate) fn client(
    receiver: &Receiver,
    headers: &HeaderMap,
    extensions: &Extensions,
) -> Result<Arc<Client>, Problem> {
    let peer = extensions.get::<Peer>();
    let address = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.address);
    let certificate = peer.and_then(|peer| peer.certificate.as_deref());
    let (user, token) = shown(headers).unzip();
    let user = user.flatten();
    let now = receiver.now();
    let all = receiver.clients.all().map_err(|error| Problem::internal("read its clients", error))?;
    // All are looked at, so that the time taken does not tell which one came close.
    let mut found = None;
    for client in all.iter() {
        if client.is_shown(user.as_deref(), token.as_deref(), certificate) {
            found = Some(client);
        }
    }
    match found {
        Some(client) if client.is_current(now) => Ok(Arc::clone(client)),
        Some(client) => {
            tracing::info!(client = client.name, %address, "a client that has expired was turned away");
            Err(Problem::unauthenticated())
        }
        // Who has shown nothing yet is only asked to.
        None if token.is_none() => Err(Problem::unauthenticated()),
        None => match receiver.throttle.failed(address, now) {
            None => {
                tracing::warn!(%address, "somebody was turned away whom no client is known by");
                Err(Problem::unauthenticated())
            }
            Some(seconds) => {
                Err(Problem::too_many(format!("too many failed attempts; try again in {seconds} s"), seconds))
            }
        },
    }
}

/// The user, if one is named, and the token of a request.
fn shown(headers: &HeaderMap) -> Option<(Option<String>, String)> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = value.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some((None, rest.trim().to_owned()));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
    let (user, password) = pair.split_once(':')?;
    Some((Some(user.to_owned()), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &str) -> Option<(Option<String>, String)> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, value.parse().unwrap());
        shown(&headers)
    }

    #[test]
    fn tokens_come_in_two_forms() {
        let token = "t".to_owned();
        assert_eq!(of("Bearer t"), Some((None, token.clone())));
        assert_eq!(of("bearer  t "), Some((None, token.clone())));
        assert_eq!(of("Basic ZGIxOnQ="), Some((Some("db1".to_owned()), token)));
        for other in ["Digest t", "Basic !!", "Basic ZGIx", "Bearer", ""] {
            assert_eq!(of(other), None, "{other}");
        }
        assert_eq!(shown(&HeaderMap::new()), None);
    }
}
