//! How bytes, hashes and moments are written in a manifest.

use std::fmt;

use backstay_core::{FileId, Timestamp};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Any bytes, without loss: a JSON text where they are UTF-8, else `{"hex": "…"}`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct RawText(pub Vec<u8>);

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written<'a> {
    Text(std::borrow::Cow<'a, str>),
    Bytes { hex: String },
}

impl Serialize for RawText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => Written::Bytes { hex: to_hex(&self.0) }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for RawText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Written::deserialize(deserializer)? {
            Written::Text(text) => Ok(Self(text.into_owned().into_bytes())),
            Written::Bytes { hex } => {
                from_hex(&hex).map(Self).ok_or_else(|| D::Error::custom("bytes that are not in hexadecimal"))
            }
        }
    }
}

impl fmt::Debug for RawText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&String::from_utf8_lossy(&self.0), f)
    }
}

impl From<&[u8]> for RawText {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    use fmt::Write;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    });
    pairs.collect()
}

/// What tells archives apart: 16 random bytes, written as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct ArchiveId(pub [u8; 16]);

impl ArchiveId {
    /// Reads 32 hexadecimal digits.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        from_hex(text)?.try_into().ok().map(Self)
    }
}

impl fmt::Display for ArchiveId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

impl fmt::Debug for ArchiveId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for ArchiveId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ArchiveId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::from_hex(&text).ok_or_else(|| D::Error::custom("an id that is not 32 hexadecimal digits"))
    }
}

/// A SHA-256, written as 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sha256Text(pub FileId);

impl Serialize for Sha256Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Sha256Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let id = FileId::from_hex(&text);
        id.map(Self).ok_or_else(|| D::Error::custom("a SHA-256 that is not 64 hexadecimal digits"))
    }
}

/// A moment of a file, in seconds since 1970 with nine digits behind the point; whole and negative before 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct FileTime {
    /// Seconds since 1970-01-01T00:00:00Z, rounded down.
    pub seconds: i64,
    /// Nanoseconds within the second.
    pub nanos: u32,
}

impl FileTime {
    /// The same as the entry stream has it, in UTC.
    #[must_use]
    pub const fn to_timestamp(self) -> Timestamp {
        Timestamp::utc(self.seconds, self.nanos)
    }
}

impl From<Timestamp> for FileTime {
    fn from(time: Timestamp) -> Self {
        Self { seconds: time.seconds, nanos: time.nanos.min(999_999_999) }
    }
}

impl Serialize for FileTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}.{:09}", self.seconds, self.nanos))
    }
}

impl<'de> Deserialize<'de> for FileTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let read = || {
            let (seconds, nanos) = text.split_once('.')?;
            let nanos = (nanos.len() == 9).then(|| nanos.parse().ok())??;
            Some(Self { seconds: seconds.parse().ok()?, nanos })
        };
        read().ok_or_else(|| D::Error::custom("a time that is not seconds with nine digits behind the point"))
    }
}

/// A moment as people read it: RFC 3339 with the offset of where it was, to the second.
pub(crate) fn moment_to_text(time: Timestamp) -> String {
    let offset = jiff::tz::Offset::from_seconds(time.offset).unwrap_or(jiff::tz::Offset::UTC);
    let instant = jiff::Timestamp::from_second(time.seconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    instant.display_with_offset(offset).to_string()
}

/// Reads what [`moment_to_text`] writes.
pub(crate) fn moment_from_text(text: &str) -> Option<Timestamp> {
    let pieces = jiff::fmt::temporal::DateTimeParser::new();
    let instant = pieces.parse_timestamp(text).ok()?;
    let offset = pieces.parse_pieces(text).ok()?.to_numeric_offset().map_or(0, jiff::tz::Offset::seconds);
    Some(Timestamp { seconds: instant.as_second(), nanos: 0, offset })
}

/// The form of [`moment_to_text`] for fields.
pub(crate) mod moment {
    use super::{D, S};
    use backstay_core::Timestamp;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<Ser: Serializer>(time: &Timestamp, serializer: Ser) -> Result<Ser::Ok, S<Ser>> {
        serializer.serialize_str(&super::moment_to_text(*time))
    }

    pub(crate) fn deserialize<'de, De: Deserializer<'de>>(deserializer: De) -> Result<Timestamp, D<'de, De>> {
        let text = String::deserialize(deserializer)?;
        super::moment_from_text(&text).ok_or_else(|| De::Error::custom("a time that is not as in RFC 3339"))
    }
}

type S<T> = <T as Serializer>::Error;
type D<'de, T> = <T as Deserializer<'de>>::Error;
