//! Reading and filling in of patterns.

use jiff::Zoned;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

use super::{Fields, NamingError, clean};
use crate::BackupType;

/// The most bytes of a pattern.
const LONGEST_PATTERN: usize = 1024;

/// How a date is written where no format is given.
const DATE: &str = "%Y-%m-%d";

/// A piece of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// Stands for itself.
    Text(String),
    /// Stands for a value.
    Field(Field),
    /// Stands for the time in this format.
    Date(String),
    /// Stands for the number that makes the name free.
    Number,
}

/// The fields that are texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Server,
    Database,
    Type,
    Plan,
    Host,
    Source,
}

impl Field {
    const ALL: [Self; 6] = [Self::Server, Self::Database, Self::Type, Self::Plan, Self::Host, Self::Source];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Database => "database",
            Self::Type => "type",
            Self::Plan => "plan",
            Self::Host => "host",
            Self::Source => "source",
        }
    }
}

/// Takes a pattern apart.
pub(super) fn parts(pattern: &str) -> Result<Vec<Part>, NamingError> {
    if pattern.trim().is_empty() {
        return Err(NamingError::Empty);
    }
    if pattern.len() > LONGEST_PATTERN {
        return Err(NamingError::TooLong(pattern.len()));
    }
    if pattern.chars().any(char::is_control) {
        return Err(NamingError::Control);
    }
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut rest = pattern;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, brace) = rest.split_at(at);
        text.push_str(before);
        let here = pattern.len() - brace.len();
        if let Some(after) = brace.strip_prefix("{{").or_else(|| brace.strip_prefix("}}")) {
            text.extend(brace.chars().next());
            rest = after;
            continue;
        }
        let inner = brace.strip_prefix('{').ok_or(NamingError::Unbalanced(here))?;
        let (field, after) = inner.split_once('}').ok_or(NamingError::Unbalanced(here))?;
        if !text.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut text)));
        }
        parts.push(part(field)?);
        rest = after;
    }
    text.push_str(rest);
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    Ok(parts)
}

fn part(field: &str) -> Result<Part, NamingError> {
    match field.split_once(':') {
        Some(("date", format)) => {
            if format.is_empty() {
                let why = "it is empty".to_owned();
                return Err(NamingError::Date { format: String::new(), why });
            }
            return Ok(Part::Date(format.to_owned()));
        }
        Some(_) => {}
        None if field == "date" => return Ok(Part::Date(DATE.to_owned())),
        None if field == "n" => return Ok(Part::Number),
        None => {
            if let Some(found) = Field::ALL.into_iter().find(|known| known.name() == field) {
                return Ok(Part::Field(found));
            }
        }
    }
    Err(NamingError::UnknownField(field.chars().take(40).collect()))
}

/// A time as its format says.
pub(super) fn date(format: &str, time: &Zoned) -> Result<String, NamingError> {
    let failed = |why: String| NamingError::Date { format: format.to_owned(), why };
    let text = strtime::format(format, time).map_err(|error| failed(error.to_string()))?;
    if text.chars().any(char::is_control) {
        return Err(failed("it makes control characters".to_owned()));
    }
    if text.is_empty() {
        return Err(failed("it makes nothing".to_owned()));
    }
    Ok(text)
}

/// Puts values in place of the fields.
pub(super) fn render(parts: &[Part], fields: &Fields<'_>, number: &str) -> Result<String, NamingError> {
    let mut text = String::new();
    for part in parts {
        match part {
            Part::Text(literal) => text.push_str(literal),
            Part::Field(field) => text.push_str(&clean::value(field.value(fields))),
            Part::Date(format) => text.push_str(&date(format, fields.time)?),
            Part::Number => text.push_str(number),
        }
    }
    Ok(text)
}

/// The time of examples: 31 January 2026, 23:05:09 UTC, in which no two parts look alike.
pub(super) fn sample_time() -> Zoned {
    jiff::Timestamp::from_second(1_769_900_709).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_zoned(TimeZone::UTC)
}

/// The values of examples.
pub(super) fn sample(time: &Zoned) -> Fields<'_> {
    Fields {
        server: Some("db1"),
        database: Some("shop"),
        backup_type: BackupType::Full,
        plan: Some("nightly"),
        host: Some("web1"),
        source: Some("mysql"),
        time,
    }
}
