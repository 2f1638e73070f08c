//! What an S3 service says that says no.

use std::fmt;

use backstay_core::ErrorKind;

/// An answer of the service that is no success, in its own words.
#[derive(Debug, thiserror::Error)]
pub struct Refusal {
    code: String,
    message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.message.is_empty() {
            f.write_str(&self.code)
        } else {
            write!(f, "{} ({})", self.message, self.code)
        }
    }
}

/// Codes about who asks, whatever is asked for.
const ABOUT_KEY: [&str; 8] = [
    "AllAccessDisabled",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidToken",
    "NotSignedUp",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
];

/// The class that a code of the S3 protocol stands for, where opendal's class is not enough.
pub fn of_code(code: &str) -> Option<ErrorKind> {
    Some(match code {
        code if ABOUT_KEY.contains(&code) => ErrorKind::Denied,
        "AccessDenied" | "UnauthorizedAccess" => ErrorKind::Denied,
        "NoSuchKey" | "NoSuchUpload" => ErrorKind::NotFound,
        "InvalidObjectState" => ErrorKind::Frozen,
        "InvalidBucketName"
        | "NoSuchBucket"
        | "PermanentRedirect"
        | "AuthorizationHeaderMalformed"
        | "IllegalLocationConstraintException" => ErrorKind::Config,
        // What arrived is not what was sent, or parts are not what they were.
        "BadDigest"
        | "EntityTooSmall"
        | "InvalidDigest"
        | "InvalidPart"
        | "InvalidPartOrder"
        | "InvalidRange"
        | "XAmzContentChecksumMismatch"
        | "XAmzContentSHA256Mismatch" => ErrorKind::Corrupt,
        "PreconditionFailed" => ErrorKind::Exists,
        "QuotaExceeded" | "XMinioAdminBucketQuotaExceeded" | "XMinioStorageFull" | "InsufficientCapacity" => {
            ErrorKind::NoSpace
        }
        "ConditionalRequestConflict"
        | "IncompleteBody"
        | "InternalError"
        | "OperationAborted"
        | "RequestTimeout"
        | "RequestTimeTooSkewed"
        | "ServiceUnavailable"
        | "SlowDown"
        | "Throttling"
        | "TooManyRequests" => ErrorKind::Transient,
        _ => return None,
    })
}

/// Characters that are kept of what a service says.
const LONGEST: usize = 500;

/// The name of the outermost element of an answer in XML, without what stands before a colon.
#[must_use]
pub fn root_of(text: &str) -> Option<&str> {
    let mut rest = text.trim_start_matches('\u{feff}');
    loop {
        let (_, inside) = rest.split_once('<')?;
        if inside.starts_with(['?', '!']) {
            rest = inside.split_once('>')?.1;
            continue;
        }
        let name = inside.split([' ', '\t', '\r', '\n', '>', '/']).next()?;
        return Some(name.rsplit_once(':').map_or(name, |(_, name)| name));
    }
}

/// Whether an answer says that something went wrong, which may come after it was said that all is well.
#[must_use]
pub fn tells_error(text: &str) -> bool {
    text.contains("<Error>") || root_of(text) == Some("Error")
}

impl Refusal {
    /// A refusal with this code, and what the service says with it.
    #[must_use]
    pub fn new(code: String, message: String) -> Self {
        Self { code, message }
    }

    /// Reads the code and the message out of an answer's XML.
    pub fn in_xml(text: &str, status: u16) -> Self {
        // Whoever answers may answer anything.
        let plain = |value: &str| value.trim().chars().filter(|c| !c.is_control()).take(LONGEST).collect();
        let element = |name: &str| {
            let (_, rest) = text.split_once(&format!("<{name}>"))?;
            rest.split_once('<').map(|(value, _)| plain(value))
        };
        Self {
            code: element("Code").unwrap_or_else(|| format!("status {status}")),
            message: element("Message").unwrap_or_default(),
        }
    }

    /// Whether it is about who asks, and not about what is asked for: a key that was taken back, or a token that has run out.
    #[must_use]
    pub fn is_about_key(&self) -> bool {
        ABOUT_KEY.contains(&self.code())
    }

    /// The same with more said.
    #[must_use]
    pub(super) fn with(self, more: &str) -> Self {
        Self { message: self.message + more, ..self }
    }

    /// Its code.
    pub fn code(&self) -> &str {
        &self.code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_and_errors_are_found() {
        assert_eq!(root_of("<?xml version=\"1.0\"?>\n<!-- a --><s3:Error xmlns=\"x\"><Code>"), Some("Error"));
        assert_eq!(root_of("<html/>"), Some("html"));
        assert_eq!(root_of("nothing"), None);
        assert!(tells_error(
            "<Error xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Code>SlowDown</Code></Error>"
        ));
        assert!(!tells_error("<ListBucketResult><Key>Error</Key></ListBucketResult>"));
        let long = format!("<Code>\u{1b}[2J{}</Code>", "x".repeat(10_000));
        let code = Refusal::in_xml(&long, 403).code().to_owned();
        assert!(code.starts_with("[2Jx") && code.len() == LONGEST);
    }

    #[test]
    fn codes_are_found_in_answers() {
        let xml = "<Error><Code>NoSuchBucket</Code><Message>There is none</Message></Error>";
        assert_eq!(Refusal::in_xml(xml, 404).to_string(), "There is none (NoSuchBucket)");
        assert_eq!(Refusal::in_xml("", 502).to_string(), "status 502");
    }
}
