use mongodb::bson::oid::ObjectId;
use mongodb::bson::raw::RawDocumentBuf;
use mongodb::bson::{
    Binary, DateTime, JavaScriptCodeWithScope, RawBson, Regex, Timestamp, doc, spec::BinarySubtype,
};

use super::*;

/// A document with so many levels, each an array or a document, without a walk down.
fn nested(levels: usize, kind: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    for level in (1..levels).rev() {
        let length = 5 + 8 * level as u32;
        bytes.extend(length.to_le_bytes());
        bytes.extend([kind, b'0', 0]);
    }
    bytes.extend([5, 0, 0, 0]);
    bytes.extend(vec![0; levels]);
    bytes
}

fn every_type() -> Document {
    doc! {
        "double": 1.5, "text": "a\u{0}b", "nested": { "x": [{ "y": [] }, 2] }, "bytes": Binary { subtype: BinarySubtype::Uuid, bytes: vec![1; 16] },
        "id": ObjectId::from_bytes([7; 12]), "yes": true, "when": DateTime::from_millis(-5), "nothing": null,
        "pattern": Regex { pattern: "^a".try_into().unwrap(), options: "i".try_into().unwrap() }, "code": Bson::JavaScriptCode("f()".to_owned()),
        "scoped": JavaScriptCodeWithScope { code: "f".to_owned(), scope: doc! { "n": { "m": 2 } } }, "symbol": Bson::Symbol("s".to_owned()),
        "int": 5, "long": 6_i64, "time": Timestamp { time: 5, increment: 6 }, "least": Bson::MinKey, "most": Bson::MaxKey, "undefined": Bson::Undefined,
        "decimal": "1.10".parse::<mongodb::bson::Decimal128>().unwrap(), "": "empty",
    }
}

#[test]
fn a_document_of_every_type_is_walked_over_in_pieces_of_any_size_and_what_follows_is_left() {
    let mut bytes = every_type().to_vec().unwrap();
    let length = bytes.len();
    bytes.extend([1, 2, 3]);
    for size in [1, 2, 3, 7, 64, bytes.len()] {
        let mut walk = Walk::new(DEEPEST, length as u64);
        let taken: usize = bytes.chunks(size).map(|piece| walk.take(piece).unwrap()).sum();
        assert!(walk.is_done() && taken == length && walk.taken() == length as u64, "{size}");
    }
    let raw = RawDocumentBuf::from_bytes(every_type().to_vec().unwrap()).unwrap();
    assert_eq!(document(&raw).unwrap(), every_type());
    // No piece of it is a document.
    for end in 0..length {
        let mut walk = Walk::new(DEEPEST, length as u64);
        assert_eq!((walk.take(&bytes[..end]), walk.is_done()), (Ok(end), false));
    }
}

#[test]
fn what_is_nested_too_deep_is_refused_before_it_is_turned_into_values() {
    for kind in [3, 4] {
        let of = |levels| RawDocumentBuf::from_bytes(nested(levels, kind)).unwrap();
        let deepest = document(&of(DEEPEST)).unwrap();
        assert_eq!(deepest.to_vec().unwrap(), nested(DEEPEST, kind));
        for levels in [DEEPEST + 1, 20_000, 1_000_000] {
            let error = document(&of(levels)).unwrap_err();
            assert!(error.to_string().contains("nested deeper than 200 levels"), "{error}");
            let raw = of(levels);
            assert!(value(RawBsonRef::Document(&raw)).is_err());
        }
        let within = of(DEEPEST + 1);
        assert!(value(within.get("0").unwrap().unwrap()).is_ok());
    }
    let scope = RawDocumentBuf::from_bytes(nested(20_000, 3)).unwrap();
    let scoped = mongodb::bson::raw::RawJavaScriptCodeWithScope { code: "f".to_owned(), scope };
    let scoped = RawBson::JavaScriptCodeWithScope(scoped);
    assert!(value(scoped.as_raw_bson_ref()).is_err());
}

#[test]
fn what_could_be_read_in_another_way_is_no_document() {
    let bytes = doc! { "a": { "b": 1 }, "s": "text" }.to_vec().unwrap();
    let refuses = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut other = bytes.clone();
        change(&mut other);
        let mut walk = Walk::new(DEEPEST, bytes.len() as u64);
        assert!(walk.take(&other).is_err() || !walk.is_done(), "{other:?}");
    };
    // Longer than there is room for, shorter than it is, without an end, with an end within, of no type that there is.
    for (at, byte) in [(0, 200), (0, 4), (7, 200), (7, 4), (7, 13), (bytes.len() - 1, 1), (11, 0), (4, 0x20)]
    {
        refuses(&|other| other[at] = byte);
    }
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_let_through_is_read_as_it_is_whatever_was_changed(at in 0_usize..400, byte: u8, size in 1_usize..50) {
            let mut bytes = every_type().to_vec().unwrap();
            let at = at % bytes.len();
            bytes[at] = byte;
            let mut walk = Walk::new(DEEPEST, bytes.len() as u64);
            let mut result = Ok(0);
            for piece in bytes.chunks(size) {
                result = walk.take(piece);
                if result.is_err() { break; }
            }
            let mut whole = Walk::new(DEEPEST, bytes.len() as u64);
            prop_assert_eq!(whole.take(&bytes).is_err(), result.is_err());
            prop_assert_eq!(whole.is_done(), walk.is_done());
        }
    }
}
