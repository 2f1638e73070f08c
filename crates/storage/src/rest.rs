//! A repository behind restic's REST protocol: on a Backstay receiver, or on rest-server.
//!
//! Protocol: <https://restic.readthedocs.io/en/latest/REST_backend.html>. Listings are asked for in version 2, which tells sizes; of a
//! service that knows version 1 only, each size is asked for.

#[cfg(feature = "rest")]
mod backend;
#[cfg(feature = "rest")]
mod listing;

#[cfg(feature = "rest")]
pub use backend::Rest;

use crate::Secret;

/// Who we are to the service. All empty where a certificate says it, or nobody asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// The user of HTTP's basic authentication.
    pub user: Option<String>,
    /// Its password; at a receiver, the client's token.
    pub password: Option<Secret>,
    /// A token that is sent by itself, where there is no user.
    pub token: Option<Secret>,
}

impl Credentials {
    /// Reads restic's variables, which `get` hands out without their `RESTIC_`: `REST_USERNAME` and `REST_PASSWORD`.
    #[must_use]
    pub fn from_variables(get: impl Fn(&str) -> Option<String>) -> Self {
        let get = |name| get(name).filter(|value| !value.is_empty());
        let password = get("REST_PASSWORD").map(Secret::new);
        Self { user: get("REST_USERNAME"), password, token: None }
    }

    /// The value of the header that carries them.
    #[cfg(feature = "rest")]
    pub(crate) fn header(&self) -> Option<String> {
        use base64::Engine;
        use base64::engine::general_purpose::STANDARD;
        match (&self.user, &self.password, &self.token) {
            (Some(user), password, _) => {
                let password = password.as_ref().map(Secret::expose).unwrap_or_default();
                Some(format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
            }
            (None, _, Some(token)) | (None, Some(token), None) => Some(format!("Bearer {}", token.expose())),
            (None, None, None) => None,
        }
    }
}
