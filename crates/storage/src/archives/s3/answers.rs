//! The answers of an S3 service that are read, and the one list that is written.

use serde::Deserialize;

/// A page of a listing.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Listing {
    #[serde(default)]
    pub(super) contents: Vec<Object>,
    /// Whether keys are written as in a URL.
    pub(super) encoding_type: Option<String>,
    pub(super) next_continuation_token: Option<String>,
}

/// An object in a listing.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Object {
    pub(super) key: String,
    #[serde(default)]
    pub(super) size: u64,
    #[serde(default)]
    pub(super) last_modified: String,
}

/// An upload that was begun.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Initiated {
    pub(super) upload_id: String,
}

/// A page of the parts that an upload has.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Parts {
    #[serde(default, rename = "Part")]
    pub(super) parts: Vec<Part>,
    #[serde(default)]
    pub(super) is_truncated: bool,
    pub(super) next_part_number_marker: Option<String>,
}

/// A part that lies there.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Part {
    pub(super) part_number: u64,
    pub(super) size: u64,
    #[serde(default, rename = "ETag")]
    pub(super) etag: String,
    #[serde(rename = "ChecksumSHA256")]
    pub(super) sha256: Option<String>,
}

/// Reads an answer; none when it is another one.
pub(super) fn read<T: for<'a> Deserialize<'a>>(text: &str) -> Option<T> {
    quick_xml::de::from_str(text).ok()
}

impl Listing {
    /// The key of an object, as it is.
    pub(super) fn key<'a>(&self, object: &'a Object) -> Option<std::borrow::Cow<'a, str>> {
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

/// The parts that a file is put together from.
pub(super) fn complete(parts: &[Part]) -> String {
    let mut text =
        String::from("<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for part in parts {
        let etag = quick_xml::escape::escape(part.etag.as_str());
        text.push_str(&format!("<Part><PartNumber>{}</PartNumber><ETag>{etag}</ETag>", part.part_number));
        if let Some(sha256) = &part.sha256 {
            let sha256 = quick_xml::escape::escape(sha256.as_str());
            text.push_str(&format!("<ChecksumSHA256>{sha256}</ChecksumSHA256>"));
        }
        text.push_str("</Part>");
    }
    text.push_str("</CompleteMultipartUpload>");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_read_with_and_without_what_some_services_leave_out() {
        let text = r#"<?xml version="1.0" encoding="UTF-8"?>
            <ListPartsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Bucket>b</Bucket>
            <PartNumberMarker>0</PartNumberMarker><NextPartNumberMarker>2</NextPartNumberMarker><IsTruncated>true</IsTruncated>
            <Part><PartNumber>1</PartNumber><ETag>&quot;aa&quot;</ETag><Size>5</Size><ChecksumSHA256>x=</ChecksumSHA256></Part>
            <Part><PartNumber>2</PartNumber><Size>7</Size></Part></ListPartsResult>"#;
        let parts: Parts = read(text).unwrap();
        assert_eq!((parts.is_truncated, parts.next_part_number_marker.as_deref()), (true, Some("2")));
        let [first, second] = parts.parts.as_slice() else { panic!("{parts:?}") };
        assert_eq!(
            (first.part_number, first.etag.as_str(), first.sha256.as_deref()),
            (1, "\"aa\"", Some("x="))
        );
        assert_eq!((second.size, second.etag.as_str(), second.sha256.as_deref()), (7, "", None));
        let empty: Parts = read("<ListPartsResult></ListPartsResult>").unwrap();
        assert!(empty.parts.is_empty() && !empty.is_truncated);
        assert!(read::<Initiated>("<Other/>").is_none() && read::<Listing>("no xml").is_none());
    }

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

    #[test]
    fn what_is_put_together_is_named_in_order() {
        let part = Part { part_number: 1, size: 1, etag: "\"<\"".into(), sha256: None };
        assert!(complete(&[part]).contains("<PartNumber>1</PartNumber><ETag>&quot;&lt;&quot;</ETag></Part>"));
    }
}
