//! The headers of tus.

use axum::extract::Request;
use axum::http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, HeaderName};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::intake::Algorithm;
use crate::problem::Problem;
use crate::receiver::empty;
use crate::text;
use crate::uploads::Upload;

pub(super) const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
pub(super) const UPLOAD_OFFSET: &str = "upload-offset";
pub(super) const VERSION: &str = "1.0.0";
const EXTENSIONS: &str = "creation,creation-with-upload,checksum,expiration,concatenation,termination";
const STREAM: &str = "application/offset+octet-stream";
/// Bytes that the metadata of an upload may have.
const LONGEST_METADATA: usize = 16 << 10;

/// What this server can do.
pub(super) fn options() -> Response {
    let mut response = empty(StatusCode::NO_CONTENT);
    let headers = response.headers_mut();
    headers.insert(TUS_VERSION, HeaderValue::from_static(VERSION));
    headers.insert("tus-extension", HeaderValue::from_static(EXTENSIONS));
    headers.insert("tus-checksum-algorithm", HeaderValue::from_static("sha256,sha1"));
    response
}

/// The method, also where a proxy that knows few made the client name it in a header.
pub(super) fn method(request: &Request) -> Result<Method, Problem> {
    match request.headers().get("x-http-method-override") {
        Some(named) if request.method() == Method::POST => Method::from_bytes(named.as_bytes())
            .map_err(|_| Problem::bad_request("X-HTTP-Method-Override names no method")),
        _ => Ok(request.method().clone()),
    }
}

/// Refuses other versions of the protocol (412).
pub(super) fn check_version(headers: &HeaderMap) -> Result<(), Problem> {
    match headers.get(TUS_RESUMABLE) {
        Some(version) if version.as_bytes() == VERSION.as_bytes() => Ok(()),
        _ => {
            let text = "this speaks tus 1.0.0, and the request has no `Tus-Resumable: 1.0.0`";
            Err(Problem::new(StatusCode::PRECONDITION_FAILED, "version", text)
                .header(TUS_VERSION, HeaderValue::from_static(VERSION)))
        }
    }
}

pub(super) fn not_allowed(allow: &'static str) -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "this address does not take this method",
    )
    .header(ALLOW, HeaderValue::from_static(allow))
}

/// The text of a header, if it is there.
pub(super) fn text_of<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Problem> {
    let value = headers.get(name).map(HeaderValue::to_str).transpose();
    value.map_err(|_| Problem::bad_request(format!("{name} is no text")))
}

/// The number in a header, if it is there.
pub(super) fn number_of(headers: &HeaderMap, name: &str) -> Result<Option<u64>, Problem> {
    let Some(text) = text_of(headers, name)? else { return Ok(None) };
    let number = text.trim().parse().ok().filter(|number| *number <= i64::MAX as u64);
    number.map(Some).ok_or_else(|| Problem::bad_request(format!("{name} is no number of bytes")))
}

/// The length of the body, where it is told.
pub(super) fn content_length(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    number_of(headers, CONTENT_LENGTH.as_str())
}

/// Whether the body is said to be a piece of an upload.
pub(super) fn is_stream(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes() == STREAM.as_bytes())
}

pub(super) fn check_stream(headers: &HeaderMap) -> Result<(), Problem> {
    if is_stream(headers) {
        return Ok(());
    }
    let text = "the body has to have `Content-Type: application/offset+octet-stream`";
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", text))
}

/// The checksum that a body is said to have.
pub(super) fn checksum(headers: &HeaderMap) -> Result<Option<(Algorithm, Vec<u8>)>, Problem> {
    let Some(text) = text_of(headers, "upload-checksum")? else { return Ok(None) };
    let refused = |why| Problem::bad_request(format!("Upload-Checksum: {why}"));
    let (name, value) =
        text.trim().split_once(' ').ok_or_else(|| refused("it is an algorithm and a value"))?;
    let (algorithm, length) = match name {
        "sha256" => (Algorithm::Sha256, 32),
        "sha1" => (Algorithm::Sha1, 20),
        _ => return Err(refused("the algorithms are sha256 and sha1")),
    };
    let value = STANDARD.decode(value.trim()).ok().filter(|value| value.len() == length);
    value.map(|value| Some((algorithm, value))).ok_or_else(|| refused("the value is no hash in base64"))
}

/// What a client says of its file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Metadata {
    pub(super) raw: String,
    pub(super) filename: Option<String>,
    pub(super) sha256: Option<String>,
}

pub(super) fn metadata(headers: &HeaderMap) -> Result<Metadata, Problem> {
    let raw = text_of(headers, "upload-metadata")?.unwrap_or_default();
    let refused = |why: &str| Problem::bad_request(format!("Upload-Metadata: {why}"));
    if raw.len() > LONGEST_METADATA {
        return Err(refused("it is too long"));
    }
    let mut metadata = Metadata { raw: raw.to_owned(), ..Metadata::default() };
    for pair in raw.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
        if !matches!(key, "filename" | "name" | "sha256") {
            continue;
        }
        let value = STANDARD.decode(value.trim()).ok().and_then(|value| String::from_utf8(value).ok());
        let value = value.ok_or_else(|| refused("a value is no UTF-8 in base64"))?;
        match key {
            "filename" => metadata.filename = Some(value),
            "sha256" => {
                let sum = text::sha256(&value);
                metadata.sha256 = Some(sum.ok_or_else(|| refused("sha256 is no 64 hexadecimal digits"))?);
            }
            // Some clients call it so.
            _ => metadata.filename = metadata.filename.or(Some(value)),
        }
    }
    Ok(metadata)
}

/// Adds until when an upload is kept.
pub(super) fn set_expires(response: &mut Response, upload: &Upload) {
    let state = upload.state();
    if let Ok(date) = HeaderValue::from_str(&text::http_date(state.expires)) {
        response.headers_mut().insert("upload-expires", date);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        headers
    }

    #[test]
    fn metadata_tells_name_and_hash() {
        let of = |value: &str| metadata(&with("upload-metadata", value));
        let sum = STANDARD.encode("AB".repeat(32));
        let found = of(&format!("filename YS96aXA=, sha256 {sum},is_confidential,other eA==")).unwrap();
        assert_eq!(found.filename.as_deref(), Some("a/zip"));
        assert_eq!(found.sha256, Some("ab".repeat(32)));
        assert_eq!(of("name Yg==").unwrap().filename.as_deref(), Some("b"));
        assert_eq!(of("name Yg==,filename YQ==").unwrap().filename.as_deref(), Some("a"));
        for bad in ["filename !", "filename /w==", "sha256 YQ=="] {
            of(bad).unwrap_err();
        }
        of(&"x".repeat(LONGEST_METADATA + 1)).unwrap_err();
    }

    #[test]
    fn checksums_are_of_the_two_kinds() {
        let of = |value: &str| checksum(&with("upload-checksum", value));
        let hash = STANDARD.encode([7; 32]);
        assert_eq!(of(&format!("sha256 {hash}")).unwrap(), Some((Algorithm::Sha256, vec![7; 32])));
        for bad in [format!("sha1 {hash}"), format!("md5 {hash}"), "sha256".to_owned(), "sha256 x".to_owned()]
        {
            of(&bad).unwrap_err();
        }
        assert_eq!(checksum(&HeaderMap::new()).unwrap(), None);
    }
}
