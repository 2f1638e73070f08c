//! Turns what goes wrong between us and an HTTP service into our classes of errors.

use std::error::Error;

use backstay_core::{ErrorKind, StorageError};

use crate::reach::Refused;

/// A failure of the connection, without the address of the request.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Broken(String);

/// What the HTTP client reports.
pub fn of_client(action: &'static str, what: impl std::fmt::Display, error: reqwest::Error) -> StorageError {
    let error = error.without_url();
    if let Some(refused) = find::<Refused>(&error) {
        return StorageError::new(ErrorKind::Config, action, what, refused.clone());
    }
    let kind = if is_bad_certificate(&error) {
        ErrorKind::Config
    } else if error.is_timeout() {
        ErrorKind::Timeout
    } else if error.is_builder() {
        ErrorKind::Config
    } else {
        ErrorKind::Transient
    };
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    StorageError::new(kind, action, what, Broken(text))
}

/// A certificate that one side does not take stays so; trying again would only hide it.
pub fn is_bad_certificate(error: &(dyn Error + 'static)) -> bool {
    match find::<rustls::Error>(error) {
        Some(rustls::Error::InvalidCertificate(_)) => true,
        Some(rustls::Error::AlertReceived(alert)) => is_about_certificates(*alert),
        _ => false,
    }
}

/// The first error of this type among an error and its causes.
pub fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(found) = cause.downcast_ref::<T>() {
            return Some(found);
        }
        // What an I/O error was made from is not its source but within it.
        let inner = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = inner.map(|inner| inner as &(dyn Error + 'static)).or_else(|| cause.source());
    }
    None
}

/// What a service says that does not take our certificate, or misses it.
fn is_about_certificates(alert: rustls::AlertDescription) -> bool {
    use rustls::AlertDescription as Alert;
    matches!(
        alert,
        Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied
            | Alert::CertificateRequired
    )
}
