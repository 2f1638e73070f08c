//! What is in a bucket, page by page.

use backstay_core::{ErrorKind, StorageError};
use http::Method;
use serde::Deserialize;

use super::client::{Ask, Call, Client, Strange, read};

/// A page of a listing.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Listing {
    /// The objects of the page.
    #[serde(default)]
    pub contents: Vec<Object>,
    /// Whether keys are written as in a URL.
    pub encoding_type: Option<String>,
    /// What the next page is asked for by; none on the last.
    pub next_continuation_token: Option<String>,
}

/// An object in a listing.
#[derive(Debug, Deserialize)]
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
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RestoreStatus {
    /// Whether it is on its way. Otherwise it can be read.
    #[serde(default)]
    pub is_restore_in_progress: bool,
}

impl Listing {
    /// The key of an object, as it is.
    pub fn key<'a>(&self, object: &'a Object) -> Option<std::borrow::Cow<'a, str>> {
        match self.encoding_type.as_deref() {
            Some("url") => decoded(&object.key).map(Into::into),
            _ => Some(object.key.as_str().into()),
        }
    }
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
        let (mut next, mut encoded) = (None::<String>, false);
        loop {
            let mut ask = Ask::of_bucket(Method::GET)
                .query("list-type", "2")
                .query("prefix", &format!("{}{begin}", self.prefix));
            if restores {
                ask = ask.header("x-amz-optional-object-attributes", "RestoreStatus");
            }
            if encoded {
                ask = ask.query("encoding-type", "url");
            }
            if let Some(token) = &next {
                ask = ask.query("continuation-token", token);
            }
            let answer = self.success(call, ask)?;
            let Some(listing) = read::<Listing>(&answer.text) else {
                // Keys may hold what XML cannot. Not all services encode them that say so, so it is not asked for at first.
                if std::mem::replace(&mut encoded, true) {
                    return Err(call.failed(ErrorKind::Other, Strange("its listing")));
                }
                continue;
            };
            for object in &listing.contents {
                let Some(key) = listing.key(object) else { continue };
                let Some(name) = key.strip_prefix(&self.prefix) else { continue };
                each(name, object)?;
            }
            match listing.next_continuation_token {
                // One that stays the same would never end.
                Some(token) if Some(&token) != next.as_ref() => next = Some(token),
                _ => return Ok(()),
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
        assert_eq!(listing.key(&listing.contents[0]).unwrap(), "a b/ü+");
        let plain: Listing = read("<R><Contents><Key>a+b&amp;</Key></Contents></R>").unwrap();
        assert_eq!(plain.key(&plain.contents[0]).unwrap(), "a+b&");
        assert_eq!(decoded("%"), None);
        assert_eq!(decoded("%zz"), None);
    }
}
