//! Secrets in records: they go in, and never out by accident.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroize;

/// A password, key or token inside a record.
///
/// It is read from input as text. Written by any serializer it is `null`, and for people it is `(secret)`; who needs it says
/// so by [`SecretText::expose`]. Before a record is stored its secrets are taken out and sealed apart.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretText(Option<String>);

impl SecretText {
    /// Takes care of a secret.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(Some(text.into()))
    }

    /// Whether answers and stored records leave it out: they always do.
    #[must_use]
    pub const fn is_untold(&self) -> bool {
        true
    }

    /// The secret, for the one who needs it; `None` where it was not given or was taken out.
    #[must_use]
    pub fn expose(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// Whether there is one.
    #[must_use]
    pub const fn is_set(&self) -> bool {
        self.0.is_some()
    }

    /// Takes it out.
    #[must_use]
    pub fn take(&mut self) -> Option<String> {
        self.0.take()
    }
}

/// Secrets by the names of their fields, on their way to be sealed.
pub type Secrets = std::collections::BTreeMap<String, String>;

/// A record that holds secrets.
pub trait HoldsSecrets {
    /// All its secrets, each with a name that is its own within the record.
    fn secrets(&mut self) -> Vec<(&'static str, &mut SecretText)>;

    /// Takes the secrets out, to be sealed apart.
    fn take_secrets(&mut self) -> Secrets {
        let fields = self.secrets();
        fields.into_iter().filter_map(|(name, secret)| Some((name.to_owned(), secret.take()?))).collect()
    }

    /// Puts secrets back where none are set: those of a record that was stored, into itself or into its new version.
    fn put_secrets(&mut self, secrets: &Secrets) {
        for (name, secret) in self.secrets() {
            if !secret.is_set()
                && let Some(text) = secrets.get(name)
            {
                *secret = SecretText::new(text.clone());
            }
        }
    }
}

impl Drop for SecretText {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_set() { "(secret)" } else { "(none)" })
    }
}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_none()
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::<String>::deserialize(deserializer).map(Self)
    }
}

#[cfg(feature = "schema")]
impl utoipa::PartialSchema for SecretText {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::SchemaType::from_iter([
                utoipa::openapi::schema::Type::String,
                utoipa::openapi::schema::Type::Null,
            ]))
            .description(Some("Write-only: it is never part of an answer."))
            .write_only(true)
            .build()
            .into()
    }
}

#[cfg(feature = "schema")]
impl utoipa::ToSchema for SecretText {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_and_never_written() {
        let secret: SecretText = serde_json::from_str("\"open sesame\"").unwrap();
        assert_eq!(secret.expose(), Some("open sesame"));
        assert_eq!(serde_json::to_string(&secret).unwrap(), "null");
        assert!(!format!("{secret:?}").contains("sesame"));
    }
}
