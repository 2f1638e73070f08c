//! What is in a bucket, page by page.

use backstay_core::{ErrorKind, StorageError};
use http::Method;
use serde::Deserialize;

use super::client::{Ask, Call, Client, Strange, read};
use super::refusal::root_of;
use crate::circle::Circle;

/// A page of a listing.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Listing {
    /// The objects of the page.
    #[serde(default)]
    pub contents: Vec<Object>,
    /// What keys begin with that have a delimiter further on.
    #[serde(default)]
    pub common_prefixes: Vec<CommonPrefix>,
    /// Whether there is more than this page.
    #[serde(default)]
    pub is_truncated: bool,
    /// Whether keys are written as in a URL.
    pub encoding_type: Option<String>,
    /// What the next page is asked for by; none on the last.
    pub next_continuation_token: Option<String>,
}

/// What keys begin with that have a delimiter further on.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CommonPrefix {
    /// It, as the page writes it, with the delimiter at its end.
    pub prefix: String,
}

/// One level of a bucket, as far as one page tells it.
#[derive(Debug)]
pub struct Level {
    /// The objects, by their names below the client's prefix.
    pub objects: Vec<(String, Object)>,
    /// The names that others go on from, with a slash at their end.
    pub folders: Vec<String>,
    /// Whether that is all of it.
    pub is_whole: bool,
}

/// An object in a listing.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Object {
    /// Its key, as the page writes it.
    pub key: String,
    /// Its length in bytes.
    #[serde(default)]
    pub size: u64,
    /// When it was written, as RFC 3339 has it.
    #[serde(default)]
    pub last_modified: String,
    /// What is another one when its content is, in quotes.
    #[serde(default, rename = "ETag")]
    pub etag: String,
    /// How it is stored; none where the service says nothing.
    pub storage_class: Option<String>,
    /// Whether it is brought back from an archive class; none where it was not asked for, or the service says nothing.
    pub restore_status: Option<RestoreStatus>,
}

/// How far an object is that was asked for.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RestoreStatus {
    /// Whether it is on its way. Otherwise it can be read.
    #[serde(default)]
    pub is_restore_in_progress: bool,
}

impl Listing {
    /// A key of the page, as it is.
    #[must_use]
    pub fn decoded<'a>(&self, key: &'a str) -> Option<std::borrow::Cow<'a, str>> {
        match self.encoding_type.as_deref() {
            Some("url") => decoded(key).map(Into::into),
            _ => Some(key.into()),
        }
    }
}

/// What is odd about a listing that has a key which no text is.
const UNREADABLE: &str = "its listing, which has a key that is no text in UTF-8";

/// Whether the keys of a listing that is not encoded are as they are. A carriage return that stands for itself is read as a line feed,
/// whatever key it is in, and some services write U+FFFD where XML cannot have a character.
fn is_exact(text: &str) -> bool {
    !text.contains(['\r', '\u{fffd}'])
        && !text.contains("&#65533;")
        && !text.to_ascii_lowercase().contains("&#xfffd;")
}

/// A key as a listing in URL's encoding has it, where a space may be a plus.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                u8::try_from(digit(rest.next())? * 16 + digit(rest.next())?).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

impl Client {
    /// Calls `each` with the objects whose names below the prefix begin so, in the order of their keys' bytes, and with these names.
    ///
    /// # Errors
    /// When the service cannot be asked or says no, and those of `each`.
    pub fn objects(
        &self,
        call: Call<'_>,
        begin: &str,
        each: &mut dyn FnMut(&str, &Object) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        self.list(call, begin, false, each)
    }

    /// The same, with how far those are that are being brought back from an archive class.
    pub fn objects_with_restores(
        &self,
        call: Call<'_>,
        begin: &str,
        each: &mut dyn FnMut(&str, &Object) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        self.list(call, begin, true, each)
    }

    fn list(
        &self,
        call: Call<'_>,
        begin: &str,
        restores: bool,
        each: &mut dyn FnMut(&str, &Object) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let (mut next, mut encoded, mut circle) = (None::<String>, false, Circle::default());
        loop {
            let listing = self.page(call, begin, None, restores, next.as_deref(), &mut encoded)?;
            for object in &listing.contents {
                // A key that cannot be read must not pass for one that is not there.
                let key = listing.decoded(&object.key);
                let key = key.ok_or_else(|| call.failed(ErrorKind::Other, Strange(UNREADABLE)))?;
                let Some(name) = key.strip_prefix(&self.prefix) else { continue };
                each(name, object)?;
            }
            match listing.next_continuation_token {
                Some(token) if !circle.closes(&token) => next = Some(token),
                // What is cut off must not pass for all there is.
                _ if listing.is_truncated => {
                    return Err(
                        call.failed(ErrorKind::Other, Strange("its listing, which ends before its end"))
                    );
                }
                _ => return Ok(()),
            }
        }
    }
}

impl Client {
    /// What is on one level below names that begin so: one page of it.
    ///
    /// # Errors
    /// When the service cannot be asked or says no.
    pub fn level(&self, call: Call<'_>, begin: &str) -> Result<Level, StorageError> {
        let mut listing = self.page(call, begin, Some("/"), false, None, &mut false)?;
        let below = |key: &str| {
            let key = listing.decoded(key)?;
            key.strip_prefix(&self.prefix).map(str::to_owned)
        };
        let folders = listing.common_prefixes.iter().filter_map(|common| below(&common.prefix)).collect();
        let names: Vec<_> = listing.contents.iter().map(|object| below(&object.key)).collect();
        let objects = names.into_iter().zip(std::mem::take(&mut listing.contents));
        let objects = objects.filter_map(|(name, object)| Some((name?, object))).collect();
        Ok(Level { objects, folders, is_whole: !listing.is_truncated })
    }

    /// A page of a listing. Whether keys come encoded is kept from page to page.
    fn page(
        &self,
        call: Call<'_>,
        begin: &str,
        delimiter: Option<&str>,
        restores: bool,
        next: Option<&str>,
        encoded: &mut bool,
    ) -> Result<Listing, StorageError> {
        loop {
            let is_encoded = *encoded;
            let answer = self.insist(call, || {
                let mut ask = Ask::of_bucket(Method::GET)
                    .query("list-type", "2")
                    .query("prefix", &format!("{}{begin}", self.prefix));
                if let Some(delimiter) = delimiter {
                    ask = ask.query("delimiter", delimiter);
                }
                if restores {
                    ask = ask.header("x-amz-optional-object-attributes", "RestoreStatus");
                }
                if is_encoded {
                    ask = ask.query("encoding-type", "url");
                }
                if let Some(token) = next {
                    ask = ask.query("continuation-token", token);
                }
                ask
            })?;
            let is_exact = is_encoded || is_exact(&answer.text);
            let root = root_of(&answer.text);
            // Any other document has no objects either, and must not pass for an empty bucket.
            if root.is_some_and(|root| root != "ListBucketResult") {
                return Err(call.failed(ErrorKind::Other, Strange("its listing, which is none")));
            }
            if let Some(listing) = read(&answer.text).filter(|_| is_exact) {
                return Ok(listing);
            }
            // Keys may hold what XML cannot. Not all services encode them that say so, so it is not asked for at first.
            if std::mem::replace(encoded, true) {
                return Err(call.failed(ErrorKind::Other, Strange("its listing")));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_decoded_where_the_service_says_that_they_are_encoded() {
        let text = "<R><EncodingType>url</EncodingType><Contents><Key>a+b%2F%C3%BC%2B</Key></Contents></R>";
        let listing: Listing = read(text).unwrap();
        assert_eq!(listing.decoded(&listing.contents[0].key).unwrap(), "a b/ü+");
        let plain: Listing = read("<R><Contents><Key>a+b&amp;</Key></Contents></R>").unwrap();
        assert_eq!(plain.decoded(&plain.contents[0].key).unwrap(), "a+b&");
        assert_eq!(decoded("%"), None);
        assert_eq!(decoded("%zz"), None);
    }
}
