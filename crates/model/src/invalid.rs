//! What is wrong with a value that somebody gave.

/// A value that cannot be accepted, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {why}")]
pub struct Invalid {
    /// The field, as a path: `schedule.windows[0].from`.
    pub field: String,
    /// What is wrong and what would be right.
    pub why: String,
}

impl Invalid {
    /// Says what is wrong with a field.
    pub fn new(field: impl Into<String>, why: impl std::fmt::Display) -> Self {
        Self { field: field.into(), why: why.to_string() }
    }

    /// Refuses a name that is empty, too long for a list, or would steer a terminal.
    ///
    /// # Errors
    /// When it is.
    pub fn check_name(field: &str, name: &str) -> Result<(), Self> {
        if name.trim().is_empty() {
            return Err(Self::new(field, "it must not be empty"));
        }
        if name.chars().count() > 100 {
            return Err(Self::new(field, "it may have 100 characters at most"));
        }
        if name.chars().any(char::is_control) {
            return Err(Self::new(field, "it must not hold control characters"));
        }
        Ok(())
    }
}
