//! Which record a sealed value belongs to.

use std::fmt;

/// The place of a secret: kind and id of its record, and the field in it. It is bound into what is sealed, so it must never
/// change for as long as the secret lives; a name that people can edit is not an id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordId {
    kind: String,
    id: String,
    field: String,
}

impl RecordId {
    /// As `RecordId::new("connection", "7f3a…", "secret_key")`.
    #[must_use]
    pub fn new(kind: impl Into<String>, id: impl Into<String>, field: impl Into<String>) -> Self {
        Self { kind: kind.into(), id: id.into(), field: field.into() }
    }

    /// As bytes that no other record has: each part follows its length.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in [&self.kind, &self.id, &self.field] {
            bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        bytes
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} {}", self.field, self.kind, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(RecordId::new("a", "bc", "d").to_bytes(), RecordId::new("ab", "c", "d").to_bytes());
        assert_ne!(RecordId::new("a", "b", "").to_bytes(), RecordId::new("a", "", "b").to_bytes());
    }
}
