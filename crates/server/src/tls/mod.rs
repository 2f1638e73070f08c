//! TLS: the server's own certificates, those of agents, and how connections come in.

pub mod authority;
pub mod browser;
mod files;
pub(crate) mod kept;
pub mod listener;
pub(crate) mod own;

/// Why TLS could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file could not be read or written.
    #[error("cannot {what} {path}: {source}")]
    File {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file holds something else than it should.
    #[error("{path} is damaged: {why}")]
    Damaged {
        /// Which file.
        path: std::path::PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A certificate could not be made.
    #[error("cannot make a certificate: {0}")]
    Make(#[from] rcgen::Error),
    /// Certificates and key do not work together.
    #[error("cannot use the certificate: {0}")]
    Use(#[from] rustls::Error),
    /// The certificate authority cannot be used for checking agents.
    #[error("cannot check agents' certificates: {0}")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
    /// What an agent asks to have signed is no certificate request.
    #[error("that is no certificate request, or its signature is wrong")]
    Request,
}
