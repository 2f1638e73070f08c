//! Canonical Extended JSON (v2), in the order of the document, as `mongodump` writes metadata.
//!
//! The order of keys is the meaning of an index, so nothing here goes through a map that sorts them.

use std::fmt::Write;

use mongodb::bson::{Bson, Document};

use super::error::{MongoError, Result};

/// Writes a document.
pub(super) fn write(document: &Document) -> String {
    let mut text = String::new();
    write_document(&mut text, document);
    text
}

/// Reads a document: canonical, relaxed, or plain JSON.
pub(super) fn read(text: &str, what: &str) -> Result<Document> {
    serde_json::from_str(text).map_err(|error| MongoError::damaged(format!("cannot read {what}"), error))
}

fn write_document(text: &mut String, document: &Document) {
    text.push('{');
    for (index, (key, value)) in document.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        string(text, key);
        text.push(':');
        write_value(text, value);
    }
    text.push('}');
}

fn write_value(text: &mut String, value: &Bson) {
    match value {
        Bson::Double(number) => {
            let number = if number.is_nan() {
                "NaN".to_owned()
            } else if number.is_infinite() {
                if *number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
            } else {
                // With a point, so that nobody takes it for an integer.
                format!("{number:?}")
            };
            tagged(text, "$numberDouble", &number);
        }
        Bson::String(value) => string(text, value),
        Bson::Array(values) => {
            text.push('[');
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_value(text, value);
            }
            text.push(']');
        }
        Bson::Document(document) => write_document(text, document),
        Bson::Boolean(value) => text.push_str(if *value { "true" } else { "false" }),
        Bson::Null => text.push_str("null"),
        Bson::Int32(value) => tagged(text, "$numberInt", &value.to_string()),
        Bson::Int64(value) => tagged(text, "$numberLong", &value.to_string()),
        Bson::DateTime(at) => {
            text.push_str("{\"$date\":");
            tagged(text, "$numberLong", &at.timestamp_millis().to_string());
            text.push('}');
        }
        Bson::ObjectId(id) => tagged(text, "$oid", &id.to_hex()),
        Bson::Decimal128(number) => tagged(text, "$numberDecimal", &number.to_string()),
        Bson::Symbol(symbol) => tagged(text, "$symbol", symbol),
        Bson::JavaScriptCode(code) => tagged(text, "$code", code),
        Bson::JavaScriptCodeWithScope(scoped) => {
            text.push_str("{\"$code\":");
            string(text, &scoped.code);
            text.push_str(",\"$scope\":");
            write_document(text, &scoped.scope);
            text.push('}');
        }
        Bson::Binary(binary) => {
            let subtype = u8::from(binary.subtype);
            let _ = write!(
                text,
                "{{\"$binary\":{{\"base64\":\"{}\",\"subType\":\"{subtype:02x}\"}}}}",
                base64(&binary.bytes)
            );
        }
        Bson::RegularExpression(regex) => {
            text.push_str("{\"$regularExpression\":{\"pattern\":");
            string(text, regex.pattern.as_str());
            text.push_str(",\"options\":");
            string(text, regex.options.as_str());
            text.push_str("}}");
        }
        Bson::Timestamp(at) => {
            let _ = write!(text, "{{\"$timestamp\":{{\"t\":{},\"i\":{}}}}}", at.time, at.increment);
        }
        Bson::MinKey => text.push_str("{\"$minKey\":1}"),
        Bson::MaxKey => text.push_str("{\"$maxKey\":1}"),
        Bson::Undefined => text.push_str("{\"$undefined\":true}"),
        // Deprecated since long before there were options that could hold one.
        Bson::DbPointer(pointer) => match serde_json::to_string(pointer) {
            Ok(pointer) => text.push_str(&pointer),
            Err(_) => text.push_str("null"),
        },
    }
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for piece in bytes.chunks(3) {
        let bits = (0..3).fold(0_usize, |bits, index| {
            bits << 8 | usize::from(piece.get(index).copied().unwrap_or_default())
        });
        for index in 0..4 {
            let letter = LETTERS.get(bits >> (18 - 6 * index) & 63).copied().unwrap_or(b'=');
            text.push(char::from(if index > piece.len() { b'=' } else { letter }));
        }
    }
    text
}

fn tagged(text: &mut String, tag: &str, value: &str) {
    text.push('{');
    string(text, tag);
    text.push(':');
    string(text, value);
    text.push('}');
}

fn string(text: &mut String, value: &str) {
    text.push('"');
    for character in value.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            control if u32::from(control) < 0x20 => {
                let _ = write!(text, "\\u{:04x}", u32::from(control));
            }
            other => text.push(other),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use mongodb::bson::oid::ObjectId;
    use mongodb::bson::spec::BinarySubtype;
    use mongodb::bson::{Binary, DateTime, JavaScriptCodeWithScope, Regex, Timestamp, doc};

    use super::*;

    #[test]
    fn every_kind_comes_back_in_its_order() {
        let document = doc! {
            "z": 1, "a": -1_i64, "double": 1.0, "tiny": 1e-300, "text": "a\"b\\c\n\u{1}é",
            "nested": { "y": [1, { "x": null }], "b": true },
            "when": DateTime::from_millis(-5), "id": ObjectId::from_bytes([7; 12]),
            "bytes": Binary { subtype: BinarySubtype::Uuid, bytes: vec![1; 16] },
            "pattern": Regex { pattern: "^a/\"".try_into().unwrap(), options: "i".try_into().unwrap() }, "time": Timestamp { time: 5, increment: 6 },
            "min": Bson::MinKey, "max": Bson::MaxKey, "nothing": Bson::Undefined,
            "code": Bson::JavaScriptCode("f(\"x\")".to_owned()),
            "scoped": JavaScriptCodeWithScope { code: "f".to_owned(), scope: doc! { "n": 2 } },
            "decimal": "1.10".parse::<mongodb::bson::Decimal128>().unwrap(),
        };
        let text = write(&document);
        assert!(
            text.starts_with(
                r#"{"z":{"$numberInt":"1"},"a":{"$numberLong":"-1"},"double":{"$numberDouble":"1.0"}"#
            ),
            "{text}"
        );
        assert_eq!(read(&text, "it").unwrap(), document, "{text}");
        for number in [f64::INFINITY, f64::NEG_INFINITY, -0.0] {
            assert_eq!(read(&write(&doc! { "n": number }), "it").unwrap(), doc! { "n": number });
        }
        assert!(read("{\"a\":", "it").is_err());
    }
}
