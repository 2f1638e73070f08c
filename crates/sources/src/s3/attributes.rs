//! What a service tells of an object, and the extended attributes that keep it.

use backstay_core::Xattr;
use http::HeaderMap;

/// What all names begin with.
const BEGIN: &str = "user.s3.";
const META: &str = "x-amz-meta-";

/// Headers that are kept under their own names.
const PLAIN: [&str; 8] = [
    "content-type",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "expires",
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
];

/// The name of the attribute with the ETag.
pub(super) const ETAG: &str = "user.s3.etag";

fn attribute(name: &str, value: &[u8]) -> Xattr {
    Xattr { name: format!("{BEGIN}{name}"), value: value.to_vec() }
}

/// What an answer tells of its object.
pub(super) fn of_headers(headers: &HeaderMap) -> Vec<Xattr> {
    let mut found = Vec::new();
    for (name, value) in headers {
        let (name, value) = (name.as_str(), value.as_bytes());
        if PLAIN.contains(&name) {
            found.push(attribute(name.strip_prefix("x-amz-").unwrap_or(name), value));
        } else if let Some(name) = name.strip_prefix(META) {
            found.push(attribute(&format!("meta.{name}"), value));
        } else if name == "etag" {
            found.push(attribute("etag", unquoted(value)));
        } else if name == "x-amz-version-id" && value != b"null" {
            found.push(attribute("version-id", value));
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// A tag.
pub(super) fn of_tag(key: &str, value: &str) -> Xattr {
    attribute(&format!("tag.{key}"), value.as_bytes())
}

/// How many tags an object has, as an answer tells it.
pub(super) fn tag_count(headers: &HeaderMap) -> u64 {
    let count = headers.get("x-amz-tagging-count").and_then(|count| count.to_str().ok());
    count.and_then(|count| count.parse().ok()).unwrap_or(0)
}

fn unquoted(etag: &[u8]) -> &[u8] {
    etag.strip_prefix(b"\"").and_then(|etag| etag.strip_suffix(b"\"")).unwrap_or(etag)
}

/// What is sent along with an object that is written: headers, and its tags.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) tags: Vec<(String, String)>,
}

/// What of its attributes an object is written with. What the service decides by itself is left out.
pub(super) fn to_headers(attributes: &[Xattr]) -> Sent {
    let mut sent = Sent::default();
    for one in attributes {
        let Some(name) = one.name.strip_prefix(BEGIN) else { continue };
        if let Some(key) = name.strip_prefix("tag.") {
            sent.tags.push((key.to_owned(), String::from_utf8_lossy(&one.value).into_owned()));
            continue;
        }
        let header = match name {
            "etag" | "version-id" => continue,
            "storage-class" => "x-amz-storage-class".to_owned(),
            "website-redirect-location" => "x-amz-website-redirect-location".to_owned(),
            name => match name.strip_prefix("meta.") {
                Some(name) => format!("{META}{name}"),
                None if PLAIN.contains(&name) => name.to_owned(),
                None => continue,
            },
        };
        sent.headers.push((header, one.value.clone()));
    }
    sent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_of_an_object_is_sent_along_with_it_again() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("content-type", "text/plain"),
            ("x-amz-meta-owner", "somebody"),
            ("etag", "\"abc\""),
            ("x-amz-version-id", "v1"),
            ("x-amz-storage-class", "STANDARD_IA"),
            ("x-amz-request-id", "1"),
            ("content-length", "5"),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        let mut attributes = of_headers(&headers);
        let names: Vec<_> = attributes.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "user.s3.content-type",
                "user.s3.etag",
                "user.s3.meta.owner",
                "user.s3.storage-class",
                "user.s3.version-id"
            ]
        );
        assert_eq!(attributes[1].value, b"abc");
        attributes.push(of_tag("a key", "value"));
        attributes.push(Xattr { name: "user.other".to_owned(), value: b"x".to_vec() });
        let sent = to_headers(&attributes);
        let headers: Vec<_> = sent.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(headers, ["content-type", "x-amz-meta-owner", "x-amz-storage-class"]);
        assert_eq!(sent.tags, [("a key".to_owned(), "value".to_owned())]);
    }
}
