//! Names of archives and of the folders they lie in, made from patterns.
//!
//! A pattern is text with fields in braces: `{server}`, `{database}`, `{type}` (`full`, `differential` or `incremental`), `{plan}`,
//! `{host}`, `{source}`, `{date}`, which is `%Y-%m-%d` unless a format of `strftime` is given, as in `{date:%Y-%m-%d_%H%M%S}`, and
//! `{n}`, the first number from 1 up whose name is free. `{{` and `}}` stand for braces.
//!
//! Whatever the values are, a name is one that every system takes: see [`clean`](Pattern::name). A name that is taken is never given:
//! `-2`, `-3` and so on are put behind it.

mod clean;
mod parse;

use std::collections::BTreeSet;

use jiff::Zoned;

use self::clean::{LONGEST, component, shorten};
use self::parse::{Field, Part};
use crate::BackupType;

/// The pattern of names where none is given. Its times are to be given in UTC.
pub const DEFAULT_NAME: &str = "{source}-{type}-{date:%Y%m%dT%H%M%SZ}";

/// The layout of folders where none is given.
pub const DEFAULT_FOLDER: &str = "{host}/{plan}";

/// Bytes of a name that are kept free for what is put behind or before it: `.manifest.json`, and the mark of a file that is being
/// written.
const RESERVED: usize = 32;

/// How many names are tried before giving up.
const MOST_TRIES: u64 = 100_000;

/// What the fields of a pattern stand for. What is not known is `None` and reads `none`.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    /// The database server's name.
    pub server: Option<&'a str>,
    /// The database.
    pub database: Option<&'a str>,
    /// The type of the backup.
    pub backup_type: BackupType,
    /// The plan.
    pub plan: Option<&'a str>,
    /// The host that the backup is made on.
    pub host: Option<&'a str>,
    /// The source.
    pub source: Option<&'a str>,
    /// When the backup was begun, in the zone that dates are to be told in.
    pub time: &'a Zoned,
}

/// Why a pattern cannot be used, or gives no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NamingError {
    /// There is nothing in it.
    #[error("the pattern is empty; write it as {DEFAULT_NAME}")]
    Empty,
    /// It is longer than any name.
    #[error("the pattern has {0} bytes; 1024 is the most")]
    TooLong(usize),
    /// A field that is none.
    #[error(
        "{{{0}}} is no field; the fields are {{server}}, {{database}}, {{type}}, {{plan}}, {{host}}, {{source}}, {{date}}, {{date:FORMAT}} and {{n}}"
    )]
    UnknownField(String),
    /// A brace without its counterpart.
    #[error("a brace at byte {0} has no counterpart; write a brace that is meant as it is twice")]
    Unbalanced(usize),
    /// A date's format that cannot be used.
    #[error("the date format {format:?} cannot be used: {why}")]
    Date {
        /// The format.
        format: String,
        /// What is wrong with it.
        why: String,
    },
    /// A name with folders in it.
    #[error("a name cannot have {0:?} in it; folders have a pattern of their own")]
    Separator(char),
    /// Line breaks and the like.
    #[error("the pattern has a control character in it")]
    Control,
    /// A way up in a folder layout.
    #[error("a folder layout cannot have {0:?} in it")]
    Dots(&'static str),
    /// `{n}` where it would mean nothing.
    #[error("{{n}} counts names, and a folder layout has none")]
    NumberInFolder,
    /// Every name that was tried is taken.
    #[error("all of {MOST_TRIES} names like {0:?} are taken; put {{date}} into the pattern")]
    NoFreeName(String),
}

/// A pattern of names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    parts: Vec<Part>,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, NamingError> {
        let parts = parse::parts(text)?;
        for part in &parts {
            let text = match part {
                Part::Text(text) => text.clone(),
                Part::Date(format) => parse::date(format, &parse::sample_time())?,
                Part::Field(_) | Part::Number => continue,
            };
            if let Some(separator) = text.chars().find(|c| matches!(c, '/' | '\\')) {
                return Err(NamingError::Separator(separator));
            }
        }
        Ok(Self { parts })
    }

    /// A name that `taken` does not know, with `extension` (as `.zip`) behind it.
    ///
    /// Control characters and what some system does not take in names (`/ \ : * ? " < > |`) become `_`, so that no value makes a
    /// folder; dots, dashes and blanks at the beginning go, and dots and blanks at the end. Other text stays as it is. A name that
    /// would be too long is cut, so that with all that is put behind it it has no more than 255 bytes.
    ///
    /// # Errors
    /// [`NamingError::NoFreeName`] when too many are taken, [`NamingError::Date`] when the time cannot be written.
    pub fn name(
        &self,
        fields: &Fields<'_>,
        extension: &str,
        taken: &mut dyn FnMut(&str) -> bool,
    ) -> Result<String, NamingError> {
        let counts = self.parts.contains(&Part::Number);
        let room = LONGEST.saturating_sub(RESERVED + extension.len());
        let mut last = String::new();
        for number in 1..=MOST_TRIES {
            let number_text = number.to_string();
            let rendered = parse::render(&self.parts, fields, &number_text)?;
            let suffix = if counts || number == 1 { String::new() } else { format!("-{number}") };
            let stem = shorten(component(&rendered), room.saturating_sub(suffix.len()));
            let name = format!("{stem}{suffix}{extension}");
            // A name that was cut before its number is the same again; from there on the number goes behind.
            let name = if counts && name == last {
                format!("{}-{number}{extension}", shorten(stem, room.saturating_sub(number_text.len() + 1)))
            } else {
                name
            };
            if !taken(&name) {
                return Ok(name);
            }
            last = name;
        }
        Err(NamingError::NoFreeName(last))
    }

    /// What a name of this pattern looks like, for forms.
    ///
    /// # Errors
    /// [`NamingError::Date`] when the time cannot be written.
    pub fn example(&self, extension: &str) -> Result<String, NamingError> {
        let time = parse::sample_time();
        self.name(&parse::sample(&time), extension, &mut |_| false)
    }

    /// The names of the fields that are in it.
    #[must_use]
    pub fn fields(&self) -> BTreeSet<&'static str> {
        fields_of(&self.parts)
    }
}

/// A pattern of the folders that archives lie in, with `/` between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    parts: Vec<Part>,
}

impl Layout {
    /// Reads a layout. An empty one puts all archives into one folder.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, NamingError> {
        if text.is_empty() {
            return Ok(Self { parts: Vec::new() });
        }
        if text.contains('\\') {
            return Err(NamingError::Separator('\\'));
        }
        for dots in [".", ".."] {
            if text.split('/').any(|name| name == dots) {
                return Err(NamingError::Dots(dots));
            }
        }
        let parts = parse::parts(text)?;
        if parts.contains(&Part::Number) {
            return Err(NamingError::NumberInFolder);
        }
        for part in &parts {
            if let Part::Date(format) = part {
                parse::date(format, &parse::sample_time())?;
            }
        }
        Ok(Self { parts })
    }

    /// The folders, with `/` between them; empty where the layout is. Each is cleaned as a [name](Pattern::name) is, and what a
    /// value has in it never makes a folder; only the pattern and its dates do.
    ///
    /// # Errors
    /// [`NamingError::Date`] when the time cannot be written.
    pub fn folder(&self, fields: &Fields<'_>) -> Result<String, NamingError> {
        let rendered = parse::render(&self.parts, fields, "")?;
        let names = rendered.split('/').filter(|name| !name.is_empty());
        let names: Vec<_> = names.map(|name| shorten(component(name), LONGEST)).collect();
        Ok(names.join("/"))
    }

    /// What the folders of this layout look like, for forms.
    ///
    /// # Errors
    /// [`NamingError::Date`] when the time cannot be written.
    pub fn example(&self) -> Result<String, NamingError> {
        let time = parse::sample_time();
        self.folder(&parse::sample(&time))
    }

    /// The names of the fields that are in it.
    #[must_use]
    pub fn fields(&self) -> BTreeSet<&'static str> {
        fields_of(&self.parts)
    }
}

fn fields_of(parts: &[Part]) -> BTreeSet<&'static str> {
    let name = |part: &Part| match part {
        Part::Text(_) => None,
        Part::Field(field) => Some(field.name()),
        Part::Date(_) => Some("date"),
        Part::Number => Some("n"),
    };
    parts.iter().filter_map(name).collect()
}

impl Field {
    fn value<'a>(self, fields: &Fields<'a>) -> &'a str {
        let value = match self {
            Self::Server => fields.server,
            Self::Database => fields.database,
            Self::Type => Some(fields.backup_type.as_str()),
            Self::Plan => fields.plan,
            Self::Host => fields.host,
            Self::Source => fields.source,
        };
        value.filter(|value| !value.trim().is_empty()).unwrap_or("none")
    }
}
