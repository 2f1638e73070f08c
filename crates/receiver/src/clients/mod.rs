//! Who may put files here, and where.
//!
//! A client shows a token, of which only the SHA-256 is kept, or a certificate that the TLS layer has verified, or both where it
//! has both. It is confined to one folder, which is no other client's.

mod file;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

pub use file::{Clients, ClientsError};

use crate::retention::Retention;
use crate::text;

/// What tokens begin with, so that scanners of code find leaked ones.
const PREFIX: &str = "bsr_";

/// A client as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// Its name: also the user of HTTP's basic authentication.
    pub name: String,
    /// SHA-256 of its token in hexadecimal digits, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_sha256: Option<String>,
    /// SHA-256 of its certificate in hexadecimal digits, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_sha256: Option<String>,
    /// The folder that it is confined to, below `archives` and `repo`.
    pub folder: String,
    /// Most bytes that it may keep here, uploads under way included; no limit if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<u64>,
    /// Whether it may add and read only.
    #[serde(default)]
    pub append_only: bool,
    /// From when on it is let in no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// Which of its archives are removed in time.
    #[serde(default, skip_serializing_if = "Retention::is_nothing")]
    pub retention: Retention,
    /// When it was made.
    pub created: Timestamp,
    /// Counts its changes, from 1 up.
    #[serde(default = "first")]
    pub revision: u64,
}

const fn first() -> u64 {
    1
}

/// What of a client can be changed.
#[derive(Debug, Clone, Default)]
pub struct ClientChange {
    /// See [`Client::quota`].
    pub quota: Option<u64>,
    /// See [`Client::append_only`].
    pub append_only: bool,
    /// See [`Client::expires`].
    pub expires: Option<Timestamp>,
    /// See [`Client::retention`].
    pub retention: Retention,
}

/// A client that is to be made.
#[derive(Debug, Clone, Default)]
pub struct NewClient {
    /// See [`Client::name`].
    pub name: String,
    /// See [`Client::folder`]; its name if none. `{name}` stands for the name.
    pub folder: Option<String>,
    /// See [`Client::certificate_sha256`].
    pub certificate_sha256: Option<String>,
    /// Whether its certificate is enough, so that it gets no token.
    pub without_token: bool,
    /// See [`Client::quota`].
    pub quota: Option<u64>,
    /// See [`Client::append_only`].
    pub append_only: bool,
    /// See [`Client::expires`].
    pub expires: Option<Timestamp>,
    /// See [`Client::retention`].
    pub retention: Retention,
}

impl Client {
    /// Whether what was shown is all that this client has to show. The time it takes does not tell how far a token is right.
    pub(crate) fn is_shown(
        &self,
        user: Option<&str>,
        token: Option<&str>,
        certificate: Option<&str>,
    ) -> bool {
        let same = |kept: &str, shown: &str| bool::from(kept.as_bytes().ct_eq(shown.as_bytes()));
        let token_is_right = self
            .token_sha256
            .as_deref()
            .map(|kept| token.is_some_and(|token| same(kept, &text::hex(&Sha256::digest(token.as_bytes())))));
        let certificate_is_right =
            self.certificate_sha256.as_deref().map(|kept| certificate.is_some_and(|shown| same(kept, shown)));
        let all_right = [token_is_right, certificate_is_right].into_iter().flatten().all(|right| right);
        let has_one = token_is_right.is_some() || certificate_is_right.is_some();
        has_one && all_right && user.is_none_or(|user| user == self.name)
    }

    /// Whether it is still let in.
    pub(crate) fn is_current(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(token: Option<&str>, certificate: Option<&str>) -> Client {
        Client {
            name: "db1".to_owned(),
            token_sha256: token.map(|token| text::hex(&Sha256::digest(token))),
            certificate_sha256: certificate.map(str::to_owned),
            folder: "db1".to_owned(),
            quota: None,
            append_only: false,
            expires: None,
            retention: Retention::default(),
            created: Timestamp::UNIX_EPOCH,
            revision: 1,
        }
    }

    #[test]
    fn all_that_a_client_has_must_be_shown() {
        let by_token = client(Some("t"), None);
        assert!(by_token.is_shown(None, Some("t"), None));
        assert!(by_token.is_shown(Some("db1"), Some("t"), Some("any")));
        assert!(!by_token.is_shown(Some("db2"), Some("t"), None));
        assert!(!by_token.is_shown(None, Some("x"), None));
        assert!(!by_token.is_shown(None, None, None));
        let by_certificate = client(None, Some("c"));
        assert!(by_certificate.is_shown(None, None, Some("c")));
        assert!(!by_certificate.is_shown(None, None, Some("d")));
        assert!(!by_certificate.is_shown(None, Some("c"), None));
        let by_both = client(Some("t"), Some("c"));
        assert!(by_both.is_shown(None, Some("t"), Some("c")));
        assert!(!by_both.is_shown(None, Some("t"), None));
        assert!(!by_both.is_shown(None, None, Some("c")));
        assert!(!client(None, None).is_shown(None, None, None));
    }
}
