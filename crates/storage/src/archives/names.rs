//! The names that archives may have: plain, relative, and never hidden.

use backstay_core::{ErrorKind, StorageError};

/// Why a name cannot be one.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct BadName(&'static str);

/// Refuses names that lead elsewhere, or that some place could not keep.
pub(super) fn check(action: &'static str, name: &str) -> Result<(), StorageError> {
    why_not(name).map_or(Ok(()), |why| Err(StorageError::new(ErrorKind::Config, action, name, BadName(why))))
}

fn why_not(name: &str) -> Option<&'static str> {
    if name.is_empty() || name.len() > 1024 || name.split('/').count() > 16 {
        return Some("the name is empty, too long, or leads through too many folders");
    }
    name.split('/').find_map(|part| {
        if part.is_empty() {
            Some("the name begins or ends with `/`, or has two of them in a row")
        } else if part.len() > 255 {
            Some("a part of the name is longer than 255 bytes")
        } else if part.starts_with('.') {
            Some("no part of the name may begin with a dot")
        } else if part.chars().any(|c| c.is_control() || c == '\\') {
            Some("the name holds control characters or a backslash")
        } else {
            None
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_below_and_in_sight() {
        for good in ["Data.zip", "a/b/c.zip", "Über/日本 1.zip"] {
            check("begin", good).unwrap();
        }
        let long = "x".repeat(256);
        for bad in ["", "/a", "a/", "a//b", "../a", "a/..", ".a", "a/.b", "a\nb", "a\\b", &long] {
            assert_eq!(check("begin", bad).unwrap_err().kind, ErrorKind::Config, "{bad}");
        }
    }
}
