//! The names that files and folders may have: plain, relative, and never hidden.

use crate::problem::Problem;

/// Bytes that a part of a name may have, as file systems allow.
const LONGEST_PART: usize = 255;
/// Bytes that a whole name may have.
const LONGEST: usize = 1024;
/// Folders that a name may lead through.
const DEEPEST: usize = 16;

/// The name of a file below a client's folder, in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    text: String,
}

impl Name {
    /// Reads a name with `/` between folders and file.
    pub(crate) fn parse(text: &str) -> Result<Self, Problem> {
        check(text).map_err(Problem::bad_name)?;
        Ok(Self { text: text.to_owned() })
    }

    /// The whole name.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The folders that lead to the file, and the file's own name.
    pub(crate) fn split(&self) -> (impl Iterator<Item = &str>, &str) {
        let (folders, file) = self.text.rsplit_once('/').unwrap_or(("", &self.text));
        (folders.split('/').filter(|part| !part.is_empty()), file)
    }
}

/// Why a name cannot be one.
pub(crate) fn check(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("the name is empty");
    }
    if text.len() > LONGEST || text.split('/').count() > DEEPEST {
        return Err("the name is too long, or leads through too many folders");
    }
    text.split('/').try_for_each(check_part)
}

fn check_part(part: &str) -> Result<(), &'static str> {
    if part.is_empty() {
        Err("the name begins or ends with `/`, or has two of them in a row")
    } else if part.len() > LONGEST_PART {
        Err("a part of the name is longer than 255 bytes")
    } else if part.starts_with('.') {
        Err("no part of the name may begin with a dot")
    } else if part.chars().any(|c| c.is_control() || c == '\\' || is_misleading(c)) {
        Err("the name holds control characters or a backslash")
    } else {
        Ok(())
    }
}

/// Characters that turn the order of those around them, so that people read another name.
const fn is_misleading(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_are_taken_as_they_are() {
        for name in ["Data.zip", "a/b/c.tar.zst", "Über uns/日本.zip", "a b", "a..b", "100%", "~", "a:b"] {
            assert_eq!(Name::parse(name).unwrap().text(), name);
        }
        let name = Name::parse("a/b/c").unwrap();
        let (folders, file) = name.split();
        assert_eq!((folders.collect::<Vec<_>>(), file), (vec!["a", "b"], "c"));
        let name = Name::parse("c").unwrap();
        assert_eq!(name.split().0.count(), 0);
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let long = "x".repeat(256);
        let deep = "a/".repeat(16) + "a";
        for name in [
            "",
            "/",
            "/etc/passwd",
            "a/",
            "a//b",
            "..",
            "../a",
            "a/../b",
            ".",
            "a/.",
            ".hidden",
            "a/.b/c",
            "a\0b",
            "a\nb",
            "a\\b",
            "a\u{202e}b",
            &long,
            &deep,
        ] {
            assert_eq!(Name::parse(name).unwrap_err().kind(), "bad_name", "{name:?}");
        }
    }
}
