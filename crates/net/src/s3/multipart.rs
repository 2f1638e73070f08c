//! Uploads in parts: the answers that are read, and the one list that is written.

use serde::Deserialize;

/// An upload that was begun.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Initiated {
    /// Its id.
    pub upload_id: String,
}

/// A page of the parts that an upload has.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Parts {
    /// Those of the page.
    #[serde(default, rename = "Part")]
    pub parts: Vec<Part>,
    /// Whether there are more.
    #[serde(default)]
    pub is_truncated: bool,
    /// What the next page goes on from.
    pub next_part_number_marker: Option<String>,
}

/// A part that lies there.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Part {
    /// Its number, from 1 up.
    pub part_number: u64,
    /// Its bytes.
    pub size: u64,
    /// What the service calls its content.
    #[serde(default, rename = "ETag")]
    pub etag: String,
    /// Its SHA-256 in base64, where the service tells it.
    #[serde(rename = "ChecksumSHA256")]
    pub sha256: Option<String>,
}

/// The parts that a file is put together from.
#[must_use]
pub fn complete(parts: &[Part]) -> String {
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
    use super::super::client::read;
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
        assert!(read::<Initiated>("<Other/>").is_none());
    }

    #[test]
    fn what_is_put_together_is_named_in_order() {
        let part = Part { part_number: 1, size: 1, etag: "\"<\"".into(), sha256: None };
        assert!(complete(&[part]).contains("<PartNumber>1</PartNumber><ETag>&quot;&lt;&quot;</ETag></Part>"));
    }
}
