//! The HTTP client: rustls with ring, the system's certificates, no redirects.
//!
//! Names are looked up by ourselves, so that no connection is made to an address that must not be reached. An address in place
//! of a name is not looked up by anybody, and so is judged before.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_platform_verifier::Verifier;

use super::pinned::Pinned;
use crate::reach::Refused;
use crate::{Http, Reach};

/// A host that does not answer within this time is taken for down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// A connection over which nothing comes for this long is taken for broken.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoClient {
    /// A file of certificates, or of a certificate and its key, is of no use.
    #[error("the certificates in {} cannot be read: {why}", file.display())]
    Certificates {
        /// Which file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The certificates to trust that were given as text are of no use.
    #[error("the certificate of the authority cannot be read: it is no PEM")]
    Authority,
    /// There is no TLS with these settings.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// There is no client with these settings.
    #[error("the HTTP client cannot be set up: {0}")]
    Client(#[from] reqwest::Error),
}

/// What a client is for. The library's time-out for reading begins with the request, whose sending may well take longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Small requests, and answers of any length.
    Asking,
    /// Long requests with small answers. Who sends them sees to their time.
    Sending,
}

/// Refuses a URL whose host is an address that must not be reached.
pub fn check_host(url: &str, reach: Reach) -> Result<(), Refused> {
    let Ok(url) = url::Url::parse(url) else { return Ok(()) };
    match url.host() {
        Some(url::Host::Ipv4(address)) => reach.check(&address.to_string(), address.into()),
        Some(url::Host::Ipv6(address)) => reach.check(&address.to_string(), address.into()),
        Some(url::Host::Domain(_)) | None => Ok(()),
    }
}

/// Looks names up and leaves out what must not be reached.
struct Guarded(Reach);

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            let name = name.as_str().to_owned();
            // The port is put in by who connects.
            let found = tokio::task::spawn_blocking(move || reach.resolve(&name, 0)).await??;
            let found: Vec<SocketAddr> = found;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Makes the client. Plain HTTP needs no certificates, so that it works on systems without any.
pub fn client(tls: bool, http: &Http, used_for: Use) -> Result<reqwest::Client, NoClient> {
    let user_agent = http.user_agent.as_deref().unwrap_or(concat!("backstay/", env!("CARGO_PKG_VERSION")));
    let silence = http.patience.unwrap_or(READ_TIMEOUT);
    let mut builder = reqwest::Client::builder();
    if used_for == Use::Asking {
        builder = builder.read_timeout(silence);
    }
    #[cfg(target_os = "linux")]
    {
        // What is sent and not received by the other side for so long is not received at all.
        builder = builder.tcp_user_timeout(silence);
    }
    if http.reach != Reach::Anything {
        builder = builder.no_proxy().dns_resolver(Arc::new(Guarded(http.reach)));
    }
    Ok(builder
        .tls_backend_preconfigured(tls_config(tls, http)?)
        .connect_timeout(CONNECT_TIMEOUT.min(silence))
        // A redirected request would carry a signature that is made for another host.
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(user_agent)
        .build()?)
}

/// TLS towards a service: whom it trusts, and what it shows of itself. Of the settings, only those for TLS count.
///
/// # Errors
/// When a file cannot be read, or the system's certificates cannot be used.
pub fn client_tls(http: &Http) -> Result<ClientConfig, NoClient> {
    tls_config(true, http)
}

fn tls_config(tls: bool, http: &Http) -> Result<ClientConfig, NoClient> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let builder = match (http.trust.as_slice(), &http.authorities) {
        _ if !tls => builder.with_root_certificates(RootCertStore::empty()),
        _ if http.fingerprint.is_some() => {
            let pinned = Pinned { fingerprint: http.fingerprint.unwrap_or_default(), provider };
            builder.dangerous().with_custom_certificate_verifier(Arc::new(pinned))
        }
        _ if http.insecure => {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        }
        ([], None) => {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Verifier::new(provider)?))
        }
        (files, authorities) => {
            let mut roots = RootCertStore::empty();
            for certificate in
                CertificateDer::pem_slice_iter(authorities.as_deref().unwrap_or_default().as_bytes())
            {
                roots.add(certificate.map_err(|_| NoClient::Authority)?)?;
            }
            for file in files {
                for certificate in certificates(file)? {
                    roots.add(certificate)?;
                }
            }
            builder.with_root_certificates(roots)
        }
    };
    Ok(match &http.client_certificate {
        Some(file) if tls => {
            let key = PrivateKeyDer::from_pem_file(file).map_err(|error| unreadable(file, &error))?;
            builder.with_client_auth_cert(certificates(file)?, key)?
        }
        _ => builder.with_no_client_auth(),
    })
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, NoClient> {
    let certificates = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable(file, &error))?;
    if certificates.is_empty() { Err(unreadable(file, &"there are none")) } else { Ok(certificates) }
}

fn unreadable(file: &Path, why: &dyn std::fmt::Display) -> NoClient {
    NoClient::Certificates { file: file.to_owned(), why: why.to_string() }
}

/// Takes everybody for the server, as somebody asked us to.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
