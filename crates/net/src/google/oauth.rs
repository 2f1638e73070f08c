//! Google's token endpoint.

use backstay_core::{ErrorKind, StorageError};
use serde::Deserialize;

use super::call::{Answer, Call};
use super::refusal::Refusal;

/// Google does not take the sign-in any more: it was revoked, it expired, or the client is gone. Only its user can mend that.
#[derive(Debug, Clone, thiserror::Error)]
#[error("Google does not take the sign-in any more ({why}): sign in again at the connection")]
pub struct SignedOut {
    /// Google's word for it.
    pub why: String,
}

/// What the token endpoint gives.
#[derive(Deserialize)]
pub(super) struct Granted {
    pub(super) access_token: String,
    #[serde(default)]
    pub(super) expires_in: u64,
    pub(super) refresh_token: Option<String>,
    #[serde(default)]
    pub(super) scope: Option<String>,
}

/// Why it gives none.
#[derive(Deserialize, Default)]
pub(super) struct NotGranted {
    #[serde(default)]
    pub(super) error: String,
    #[serde(default)]
    error_description: String,
}

/// An answer about the application or what it asks for, in Google's words.
#[derive(Debug, thiserror::Error)]
#[error("{code}: {description}")]
pub struct OauthError {
    code: String,
    description: String,
}

impl NotGranted {
    pub(super) fn of(answer: &Answer) -> Self {
        let plain = |text: String| text.chars().filter(|c| !c.is_control()).take(300).collect();
        let Self { error, error_description } = serde_json::from_slice(&answer.body).unwrap_or_default();
        Self { error: plain(error), error_description: plain(error_description) }
    }

    /// As the failure of a call.
    pub(super) fn into_error(self, call: Call<'_>, answer: &Answer) -> StorageError {
        let Self { error: code, error_description: description } = self;
        match code.as_str() {
            "invalid_grant" | "deleted_client" => {
                let why = if description.is_empty() { code } else { format!("{code}: {description}") };
                call.failed(ErrorKind::Denied, SignedOut { why })
            }
            "invalid_client" | "unauthorized_client" | "access_denied" | "invalid_scope" | "org_internal" => {
                call.failed(ErrorKind::Denied, OauthError { code, description })
            }
            "rate_limit_exceeded" | "slow_down" | "temporarily_unavailable" | "internal_failure" => {
                call.failed(ErrorKind::Transient, OauthError { code, description })
            }
            "" => answer.refused(call),
            _ => {
                let kind = Refusal::of(answer.status.as_u16(), &answer.headers, b"").kind();
                call.failed(kind, OauthError { code, description })
            }
        }
    }
}
