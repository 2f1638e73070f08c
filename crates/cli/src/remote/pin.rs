//! Certificates that no authority vouches for: known by their fingerprint, as SSH knows hosts.

use std::sync::Arc;

use backstay_storage::{Http, client_tls};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use sha2::{Digest, Sha256};

use crate::failure::{Explain, Failure, Outcome};

/// SHA-256 of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Its bytes.
    pub(crate) const fn bytes(&self) -> [u8; 32] {
        self.0
    }
}

impl std::str::FromStr for Fingerprint {
    type Err = Failure;

    fn from_str(text: &str) -> Outcome<Self> {
        let digits: Vec<u8> =
            text.bytes().filter(|byte| *byte != b':' && !byte.is_ascii_whitespace()).collect();
        let mut bytes = [0; 32];
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let complete = digits.len() == 64;
        for (pair, byte) in digits.chunks_exact(2).zip(&mut bytes) {
            match pair {
                [high, low] if complete => match (digit(*high), digit(*low)) {
                    (Some(high), Some(low)) => *byte = high << 4 | low,
                    _ => return Err(no_fingerprint()),
                },
                _ => return Err(no_fingerprint()),
            }
        }
        if complete { Ok(Self(bytes)) } else { Err(no_fingerprint()) }
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (place, byte) in self.0.iter().enumerate() {
            let colon = if place == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

fn no_fingerprint() -> Failure {
    Failure::fatal("that is no fingerprint")
        .hint("it has 64 hexadecimal digits, as `backstay up` prints them")
}

/// TLS towards a server: with the certificate of this fingerprint, or with one that the system trusts.
pub(super) fn tls(pinned: Option<Fingerprint>) -> Outcome<ClientConfig> {
    let http = Http { fingerprint: pinned.map(|Fingerprint(bytes)| bytes), ..Http::default() };
    client_tls(&http).explain("cannot set TLS up")
}

/// The fingerprint of the certificate that a server shows, whoever vouches for it; nothing is sent to it.
pub(crate) fn fingerprint_of(host: &str, port: u16) -> Outcome<Fingerprint> {
    let anybody = Http { insecure: true, ..Http::default() };
    let config = client_tls(&anybody).explain("cannot set TLS up")?;
    let name = ServerName::try_from(host.to_owned()).explain(format!("{host} is no host name"))?;
    let mut tls = rustls::ClientConnection::new(Arc::new(config), name).explain("cannot set TLS up")?;
    let connected = std::net::TcpStream::connect((host, port));
    let mut stream = connected.explain(format!("cannot connect to {host}:{port}"))?;
    let met = tls.complete_io(&mut stream);
    match (tls.peer_certificates().and_then(<[_]>::first), met) {
        (Some(shown), _) => Ok(Fingerprint(Sha256::digest(shown).into())),
        (None, Err(error)) => Err(Failure::fatal(format!("{host}:{port} speaks no TLS")).because(&error)),
        (None, Ok(_)) => Err(Failure::fatal(format!("{host}:{port} shows no certificate"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_as_they_are_written() {
        let fingerprint = Fingerprint([0xA5; 32]);
        assert_eq!(fingerprint.to_string().parse::<Fingerprint>().unwrap(), fingerprint);
        assert_eq!("a5".repeat(32).parse::<Fingerprint>().unwrap(), fingerprint);
        for wrong in ["", "a5", &"g5".repeat(32), &"a5".repeat(33), "ä"] {
            assert!(wrong.parse::<Fingerprint>().is_err(), "{wrong}");
        }
    }
}
