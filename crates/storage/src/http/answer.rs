//! What an HTTP service says that says no, where it is one of ours or rest-server.

use backstay_core::ErrorKind;
use serde::Deserialize;

/// An answer that is no success, in the service's own words where it has any.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    text: String,
}

/// An error as a Backstay server words it (RFC 9457).
#[derive(Deserialize)]
struct Problem {
    detail: String,
    hint: Option<String>,
}

impl Answer {
    pub(crate) fn new(status: u16, body: &[u8]) -> Self {
        let text = match serde_json::from_slice::<Problem>(body) {
            Ok(Problem { detail, hint: Some(hint) }) => format!("{detail} ({hint})"),
            Ok(Problem { detail, hint: None }) => detail,
            Err(_) => {
                match http::StatusCode::from_u16(status).ok().and_then(|code| code.canonical_reason()) {
                    Some(reason) => format!("the service answers {status} {reason}"),
                    None => format!("the service answers {status}"),
                }
            }
        };
        // Whoever answers may answer anything.
        let text = text.chars().filter(|c| !c.is_control()).take(500).collect();
        Self { status, text }
    }

    /// The class that its status stands for.
    pub(crate) const fn kind(&self) -> ErrorKind {
        match self.status {
            401 | 403 => ErrorKind::Denied,
            404 | 410 => ErrorKind::NotFound,
            409 | 412 => ErrorKind::Exists,
            416 | 460 => ErrorKind::Corrupt,
            408 | 423 | 425 | 429 | 500 | 502..=504 => ErrorKind::Transient,
            507 => ErrorKind::NoSpace,
            301 | 302 | 307 | 308 | 421 => ErrorKind::Config,
            _ => ErrorKind::Other,
        }
    }
}
