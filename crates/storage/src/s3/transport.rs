//! The HTTP client: rustls with ring, the system's certificates, no redirects.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;

/// A host that does not answer within this time is taken for down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// A connection over which nothing comes for this long is taken for broken.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoClient {
    #[error("the certificates to trust cannot be read: {0}")]
    Trust(String),
    #[error("the system's certificates cannot be read: {0}")]
    Tls(#[from] rustls::Error),
    #[error("the HTTP client cannot be set up: {0}")]
    Client(#[from] reqwest::Error),
}

/// Makes the client. Plain HTTP needs no certificates, so that it works on systems without any.
pub(super) fn client(tls: bool, trust: Option<&Path>) -> Result<reqwest::Client, NoClient> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?;
    let config = if tls {
        let verifier = Verifier::new_with_extra_roots(extra_roots(trust)?, provider)?;
        builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()
    } else {
        builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth()
    };
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(config)
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        // A redirected request would carry a signature that is made for another host.
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("backstay/", env!("CARGO_PKG_VERSION")))
        .build()?)
}

fn extra_roots(file: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, NoClient> {
    let Some(file) = file else { return Ok(Vec::new()) };
    let fail = |cause: &dyn std::fmt::Display| NoClient::Trust(format!("{}: {cause}", file.display()));
    let roots = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| fail(&error))?;
    if roots.is_empty() {
        return Err(fail(&io::Error::from(io::ErrorKind::InvalidData)));
    }
    Ok(roots)
}
