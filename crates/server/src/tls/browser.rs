//! The certificate that browsers and programs see.
//!
//! It is the user's own where one is given. Else it is self-signed: made at first start for the names and addresses of the
//! server and kept (`tls/browser.pem`, `tls/browser.key`), so that an exception made in a browser lasts. It is made anew when
//! the names change or it is about to expire. It signs nothing, and nothing here trusts it: the fingerprint that is printed
//! at start is what people compare.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use backstay_core::Random;
use backstay_model::Time;
use rcgen::{ExtendedKeyUsagePurpose, KeyPair, SanType};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use sha2::{Digest, Sha256};

use super::authority::leaf;
use super::{TlsError, files};

const YEAR: i64 = 365 * 86_400;
const RENEW_BEFORE: i64 = 30 * 86_400;

/// What browsers are met with.
#[derive(Debug)]
pub struct BrowserTls {
    /// For the listener.
    pub config: Arc<ServerConfig>,
    /// SHA-256 of the certificate, as browsers show it.
    pub fingerprint: [u8; 32],
}

/// The user's certificate chain and key, both PEM.
///
/// # Errors
/// When a file cannot be read, holds something else, or the two do not belong together.
pub fn given(certificates: &Path, key: &Path) -> Result<BrowserTls, TlsError> {
    given_with(certificates, key, None)
}

/// The same, asking clients for certificates that an authority in the file `clients` vouches for. Who has none is let in too, and
/// shows who it is by other means.
pub(crate) fn given_with(
    certificates: &Path,
    key: &Path,
    clients: Option<&Path>,
) -> Result<BrowserTls, TlsError> {
    let chain = read(certificates)?;
    let damaged =
        |why: &dyn std::fmt::Display| TlsError::Damaged { path: key.to_owned(), why: why.to_string() };
    let text = files::read(key)?.ok_or_else(|| missing(key))?;
    let key = PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|error| damaged(&error))?;
    build(chain, key, clients)
}

/// A self-signed certificate for these names, from the folder or made now.
///
/// # Errors
/// When its files cannot be read or written, or are damaged.
pub fn self_signed(
    folder: &Path,
    names: &[String],
    now: Time,
    random: &dyn Random,
) -> Result<BrowserTls, TlsError> {
    let (certificate_path, key_path) = (folder.join("browser.pem"), folder.join("browser.key"));
    let kept = files::read(&certificate_path)?.is_some_and(|pem| still_good(&pem, names, now));
    if !kept || files::read(&key_path)?.is_none() {
        let key = KeyPair::generate()?;
        let mut params = leaf(names.first().map_or("backstay", String::as_str), now, YEAR)?;
        params.subject_alt_names = alternative_names(names)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let pem = params.self_signed(&key)?.pem();
        files::write(&key_path, &key.serialize_pem(), random)?;
        files::write(&certificate_path, &pem, random)?;
    }
    files::check_closed(&key_path)?;
    given(&certificate_path, &key_path)
}

pub(super) fn build(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    clients: Option<&Path>,
) -> Result<BrowserTls, TlsError> {
    let fingerprint = chain.first().map(|leaf| Sha256::digest(leaf).into()).unwrap_or_default();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authorities) => {
            let mut roots = RootCertStore::empty();
            for authority in read(authorities)? {
                roots.add(authority)?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .allow_unauthenticated()
                .build()?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder.with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(BrowserTls { config: Arc::new(config), fingerprint })
}

fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = files::read(path)?.ok_or_else(|| missing(path))?;
    let damaged = |why: String| TlsError::Damaged { path: path.to_owned(), why };
    let chain = CertificateDer::pem_slice_iter(text.as_bytes()).collect::<Result<Vec<_>, _>>();
    match chain {
        Ok(chain) if chain.is_empty() => Err(damaged("there is no certificate in it".to_owned())),
        Ok(chain) => Ok(chain),
        Err(error) => Err(damaged(error.to_string())),
    }
}

fn missing(path: &Path) -> TlsError {
    TlsError::File { what: "read", path: path.to_owned(), source: std::io::ErrorKind::NotFound.into() }
}

/// Host names and addresses as a certificate has them.
pub(super) fn alternative_names(names: &[String]) -> Result<Vec<SanType>, TlsError> {
    let alternative = |name: &String| match name.parse::<IpAddr>() {
        Ok(address) => Ok(SanType::IpAddress(address)),
        Err(_) => name.as_str().try_into().map(SanType::DnsName),
    };
    Ok(names.iter().map(alternative).collect::<Result<_, _>>()?)
}

/// Whether a certificate is for all these names and lasts for some time yet.
fn still_good(pem: &str, names: &[String], now: Time) -> bool {
    let Ok(der) = CertificateDer::from_pem_slice(pem.as_bytes()) else { return false };
    let Ok((_, parsed)) = x509_parser::parse_x509_certificate(&der) else { return false };
    let Ok(Some(alternative)) = parsed.subject_alternative_name() else { return false };
    let mut present: Vec<String> = Vec::new();
    for name in &alternative.value.general_names {
        match name {
            x509_parser::extensions::GeneralName::DNSName(name) => present.push((*name).to_owned()),
            x509_parser::extensions::GeneralName::IPAddress(bytes) => {
                let four = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
                let address = four.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from));
                present.extend(address.ok().map(|address| address.to_string()));
            }
            _ => {}
        }
    }
    let lasts = parsed.validity().not_after.timestamp() - now.as_second() > RENEW_BEFORE;
    lasts && names.iter().all(|name| present.contains(name))
}
