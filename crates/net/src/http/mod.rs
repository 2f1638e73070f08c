//! HTTP to services: one client, one runtime behind blocking calls, one table of errors.

#[cfg(feature = "http")]
pub mod download;
#[cfg(feature = "http")]
pub mod fault;
#[cfg(feature = "http")]
mod pinned;
#[cfg(feature = "http")]
pub mod runtime;
#[cfg(feature = "http")]
pub mod sending;
#[cfg(feature = "http")]
pub mod transport;

use std::path::PathBuf;

/// How to speak HTTP and TLS with a service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Http {
    /// Files (PEM) of the certificates to trust instead of the system's; none for the system's.
    pub trust: Vec<PathBuf>,
    /// Certificates (PEM, as text) to trust beside those in files.
    pub authorities: Option<String>,
    /// A file (PEM) with the certificate that shows who we are, and its private key.
    pub client_certificate: Option<PathBuf>,
    /// Talk to whoever answers, whatever certificate it shows. Somebody in between can then read and change everything.
    pub insecure: bool,
    /// SHA-256 of the server's certificate, or of the authority's that signed it and that the server shows: nobody else is talked to.
    pub fingerprint: Option<[u8; 32]>,
    /// What to call ourselves; `backstay/VERSION` if none.
    pub user_agent: Option<String>,
    /// Which addresses may be connected to.
    pub reach: crate::Reach,
    /// How long a service may be silent before it is taken for gone; a minute or two if none. A file on its way there gets
    /// what it needs at 16 KiB per second beyond that.
    pub patience: Option<std::time::Duration>,
}
