//! Turns what the service and the client say into our classes of errors.

use std::error::Error;
use std::fmt;

use backstay_core::{ErrorKind, StorageError};

use backstay_net::http::fault::{find, is_bad_certificate};
use backstay_net::reach::Refused;
use backstay_net::s3::refusal::{Refusal, of_code};

/// A failure between us and the service, without the addresses and headers of the request.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Failure(String);

/// Classifies what opendal reports.
pub(super) fn error(action: &'static str, what: impl fmt::Display, error: &opendal::Error) -> StorageError {
    if let Some(refused) = find::<Refused>(error) {
        return StorageError::new(ErrorKind::Config, action, what, refused.clone());
    }
    match in_message(error.message()) {
        Some(refusal) => {
            let kind = of_code(refusal.code()).unwrap_or_else(|| of_opendal(error));
            StorageError::new(kind, action, what, refusal)
        }
        None if is_bad_certificate(error) => {
            StorageError::new(ErrorKind::Config, action, what, Failure(causes(error)))
        }
        None => StorageError::new(of_opendal(error), action, what, Failure(causes(error))),
    }
}

/// Whether the service does not know how to create a file only if it is not there.
pub(super) fn knows_no_conditions(error: &opendal::Error) -> bool {
    error.kind() == opendal::ErrorKind::Unsupported
        || in_message(error.message()).is_some_and(|refusal| refusal.code() == "NotImplemented")
}

fn of_opendal(error: &opendal::Error) -> ErrorKind {
    use opendal::ErrorKind as Kind;
    match error.kind() {
        Kind::NotFound => ErrorKind::NotFound,
        Kind::PermissionDenied => ErrorKind::Denied,
        Kind::AlreadyExists | Kind::ConditionNotMatch => ErrorKind::Exists,
        Kind::RangeNotSatisfied => ErrorKind::Corrupt,
        Kind::ConfigInvalid => ErrorKind::Config,
        Kind::RateLimited => ErrorKind::Transient,
        // A range that goes past the end of a file is answered with what there is. An answer that broke
        // off is told apart by opendal: it is temporary.
        Kind::Unexpected if !error.is_temporary() && error.message().contains("too little data") => {
            ErrorKind::Corrupt
        }
        _ if error.is_temporary() || error.is_persistent() => ErrorKind::Transient,
        _ => ErrorKind::Other,
    }
}

/// Reads the code and the message out of the text that opendal makes of the service's answer.
fn in_message(text: &str) -> Option<Refusal> {
    let code = quoted(text, "code: ").filter(|code| !code.is_empty())?;
    Some(Refusal::new(code, quoted(text, "message: ").unwrap_or_default()))
}

/// The string that follows `label` in Rust's debug form, up to its closing quote.
fn quoted(text: &str, label: &str) -> Option<String> {
    let (_, rest) = text.split_once(label)?;
    let mut value = String::new();
    let mut characters = rest.strip_prefix('"')?.chars();
    loop {
        match characters.next()? {
            '"' => return Some(value),
            '\\' => value.push(characters.next()?),
            other => value.push(other),
        }
    }
}

/// The error's own message and those of its causes, without opendal's notes on the request.
fn causes(error: &opendal::Error) -> String {
    let mut text = error.message().to_owned();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    if text.is_empty() { "the service says no, and not why".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_in_texts() {
        let text =
            r#"S3Error { code: "AccessDenied", message: "Not \"you\"", resource: "/b", request_id: "" }"#;
        let refusal = in_message(text).unwrap();
        assert_eq!(refusal.to_string(), "Not \"you\" (AccessDenied)");
        assert!(in_message("send http request").is_none());
        assert!(in_message("code: \"unfinished").is_none());
    }

    #[test]
    fn classes_follow_codes_and_then_opendal() {
        let of = |kind, message: &str| super::error("read", "x", &opendal::Error::new(kind, message)).kind;
        let unexpected = opendal::ErrorKind::Unexpected;
        assert_eq!(of(unexpected, r#"S3Error { code: "SignatureDoesNotMatch" }"#), ErrorKind::Denied);
        assert_eq!(of(unexpected, r#"S3Error { code: "XMinioStorageFull" }"#), ErrorKind::NoSpace);
        assert_eq!(of(unexpected, r#"S3Error { code: "SlowDown" }"#), ErrorKind::Transient);
        assert_eq!(
            of(opendal::ErrorKind::NotFound, r#"S3Error { code: "NoSuchBucket" }"#),
            ErrorKind::Config
        );
        assert_eq!(of(opendal::ErrorKind::ConditionNotMatch, ""), ErrorKind::Exists);
        assert_eq!(of(unexpected, "anything"), ErrorKind::Other);
        let passing = opendal::Error::new(unexpected, "connection reset").set_temporary();
        assert_eq!(super::error("read", "x", &passing).kind, ErrorKind::Transient);
    }
}
