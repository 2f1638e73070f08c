//! What Google says that says no.

use std::fmt;
use std::time::Duration;

use backstay_core::{ErrorKind, StorageError};
use http::HeaderMap;
use http::header::RETRY_AFTER;
use serde::Deserialize;

/// No wait that is named is waited for longer.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// An answer that is no success, in Google's own words.
#[derive(Debug, thiserror::Error)]
pub struct Refusal {
    status: u16,
    reason: String,
    message: String,
    retry_after: Option<Duration>,
}

#[derive(Deserialize)]
struct Body {
    error: Told,
}

#[derive(Deserialize)]
struct Told {
    #[serde(default)]
    errors: Vec<One>,
    #[serde(default)]
    message: String,
    #[serde(default)]
    status: String,
}

#[derive(Deserialize)]
struct One {
    #[serde(default)]
    reason: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, reason, message, .. } = self;
        match (message.is_empty(), reason.is_empty()) {
            (true, true) => write!(f, "Google answers with status {status}"),
            (true, false) => write!(f, "Google answers: {reason}"),
            (false, true) => write!(f, "{message} (status {status})"),
            (false, false) => write!(f, "{message} ({reason})"),
        }?;
        match reason.as_str() {
            "dailyLimitExceeded" => f.write_str("; it begins anew at midnight, Pacific time"),
            "accessNotConfigured" => {
                f.write_str("; enable the Google Drive API in the project of the OAuth client")
            }
            _ => Ok(()),
        }
    }
}

impl Refusal {
    /// Reads what it says.
    pub(super) fn of(status: u16, headers: &HeaderMap, body: &[u8]) -> Self {
        let told = serde_json::from_slice::<Body>(body).map(|body| body.error);
        let (reason, message) = match told {
            Ok(Told { errors, message, status }) => {
                let reason = errors.into_iter().map(|one| one.reason).find(|reason| !reason.is_empty());
                (reason.unwrap_or(status), message)
            }
            Err(_) => (String::new(), String::new()),
        };
        // Whoever answers may answer anything.
        let plain = |text: String| text.chars().filter(|c| !c.is_control()).take(500).collect();
        let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let retry_after = seconds.map(|seconds| Duration::from_secs(seconds).min(LONGEST_WAIT));
        Self { status, reason: plain(reason), message: plain(message), retry_after }
    }

    /// The reason that it names, as `storageQuotaExceeded`; empty where it names none.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The class that it stands for.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self.reason.as_str() {
            "rateLimitExceeded"
            | "userRateLimitExceeded"
            | "dailyLimitExceeded"
            | "dailyLimitExceededUnreg"
            | "sharingRateLimitExceeded"
            | "backendError"
            | "internalError"
            | "transientError"
            | "RESOURCE_EXHAUSTED"
            | "UNAVAILABLE" => ErrorKind::Transient,
            "storageQuotaExceeded"
            | "quotaExceeded"
            | "teamDriveFileLimitExceeded"
            | "numChildrenInNonRootLimitExceeded"
            | "activeItemCreationLimitExceeded" => ErrorKind::NoSpace,
            "insufficientFilePermissions"
            | "insufficientPermissions"
            | "appNotAuthorizedToFile"
            | "accessNotConfigured"
            | "domainPolicy"
            | "forbidden"
            | "authError" => ErrorKind::Denied,
            "notFound" => ErrorKind::NotFound,
            _ => match self.status {
                401 | 403 => ErrorKind::Denied,
                404 | 410 => ErrorKind::NotFound,
                409 | 412 => ErrorKind::Exists,
                416 => ErrorKind::Corrupt,
                408 | 425 | 429 | 500 | 502..=504 => ErrorKind::Transient,
                507 => ErrorKind::NoSpace,
                301..=303 | 307 => ErrorKind::Config,
                _ => ErrorKind::Other,
            },
        }
    }
}

/// How long Google asks to wait before a failed call is tried again, where it says so.
#[must_use]
pub fn named_wait(error: &StorageError) -> Option<Duration> {
    error.cause.downcast_ref::<Refusal>()?.retry_after
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, reason: &str) -> Refusal {
        let body = format!(
            r#"{{"error":{{"errors":[{{"domain":"x","reason":"{reason}","message":"No."}}],"code":{status},"message":"No."}}}}"#
        );
        Refusal::of(status, &HeaderMap::new(), body.as_bytes())
    }

    #[test]
    fn reasons_are_classed_by_what_a_caller_can_do() {
        for (status, reason, kind) in [
            (403, "userRateLimitExceeded", ErrorKind::Transient),
            (403, "rateLimitExceeded", ErrorKind::Transient),
            (403, "dailyLimitExceeded", ErrorKind::Transient),
            (403, "storageQuotaExceeded", ErrorKind::NoSpace),
            (403, "insufficientFilePermissions", ErrorKind::Denied),
            (403, "somethingNew", ErrorKind::Denied),
            (401, "authError", ErrorKind::Denied),
            (404, "notFound", ErrorKind::NotFound),
            (429, "somethingNew", ErrorKind::Transient),
            (500, "", ErrorKind::Transient),
            (400, "badRequest", ErrorKind::Other),
        ] {
            assert_eq!(refusal(status, reason).kind(), kind, "{status} {reason}");
        }
        assert_eq!(refusal(403, "storageQuotaExceeded").to_string(), "No. (storageQuotaExceeded)");
        let bare = Refusal::of(503, &HeaderMap::new(), b"<html>");
        assert_eq!(
            (bare.kind(), bare.to_string().as_str()),
            (ErrorKind::Transient, "Google answers with status 503")
        );
    }

    #[test]
    fn the_wait_is_told() {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, http::HeaderValue::from_static("7"));
        let error = StorageError::new(ErrorKind::Transient, "read", "x", Refusal::of(429, &headers, b"{}"));
        assert_eq!(named_wait(&error), Some(Duration::from_secs(7)));
        headers.insert(RETRY_AFTER, http::HeaderValue::from_static("99999999"));
        let error = StorageError::new(ErrorKind::Transient, "read", "x", Refusal::of(429, &headers, b"{}"));
        assert_eq!(named_wait(&error), Some(LONGEST_WAIT));
        assert_eq!(named_wait(&StorageError::new(ErrorKind::Transient, "read", "x", "no")), None);
    }
}
