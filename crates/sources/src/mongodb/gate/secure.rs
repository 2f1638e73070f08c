//! TLS towards servers: the gate speaks it, since it could not see what a server answers otherwise.

use std::sync::Arc;

use mongodb::options::TlsOptions;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use super::super::error::{MongoError, Result, Trouble};

/// What servers are asked to show, and what is shown to them. The well-known authorities are those that the driver trusts.
pub(super) fn connector(options: &TlsOptions) -> Result<TlsConnector> {
    let cannot = |what: &str, error: &dyn std::fmt::Display| {
        MongoError::new(Trouble::Settings, format!("cannot use {what} for TLS"), error)
    };
    let mut trusted = RootCertStore::empty();
    match &options.ca_file_path {
        Some(path) => {
            let what = path.display().to_string();
            let read = CertificateDer::pem_file_iter(path).map_err(|error| cannot(&what, &error))?.flatten();
            let _ = trusted.add_parsable_certificates(read);
        }
        None => trusted.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| cannot("the versions", &error))?
        .with_root_certificates(trusted);
    let config = match &options.cert_key_file_path {
        Some(path) => {
            let what = path.display().to_string();
            let shown =
                CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<std::result::Result<_, _>>);
            let shown = shown.map_err(|error| cannot(&what, &error))?;
            let key = PrivateKeyDer::from_pem_file(path).map_err(|error| cannot(&what, &error))?;
            builder.with_client_auth_cert(shown, key).map_err(|error| cannot(&what, &error))?
        }
        None => builder.with_no_client_auth(),
    };
    Ok(TlsConnector::from(Arc::new(config)))
}
