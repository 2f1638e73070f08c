//! Changes of a document as the oplog writes them since MongoDB 5.0 (`$v: 2`).
//!
//! `d` are fields that go, `u` fields that change, `i` fields that come (at the end), and `sNAME` is the change of what is within NAME. The
//! change of an array has `a: true`, perhaps its new length as `l`, and `uINDEX` and `sINDEX`.

use mongodb::bson::{Bson, Document};

use super::super::error::{MongoError, Result, Trouble};

/// Nothing that a server writes lies deeper.
const DEEPEST: usize = 200;
/// An array with more elements does not fit in a document.
const LONGEST: usize = 4 << 20;

/// Whether changes can be applied to what they fit to.
pub(super) fn check(changes: &Document) -> Result<()> {
    check_at(changes, 0)
}

fn check_at(changes: &Document, depth: usize) -> Result<()> {
    if depth > DEEPEST {
        return Err(unknown("it lies too deep"));
    }
    let is_array = matches!(changes.get("a"), Some(Bson::Boolean(true)));
    for (key, value) in changes {
        match (key.as_str(), value) {
            ("a", _) if is_array => {}
            ("l", Bson::Int32(length)) if is_array => drop(index_of(&length.to_string())?),
            ("d" | "u" | "i", Bson::Document(_)) if !is_array => {}
            (key, Bson::Document(within)) if key.starts_with('s') => {
                if is_array {
                    let _ = index_of(key.strip_prefix('s').unwrap_or_default())?;
                }
                check_at(within, depth + 1)?;
            }
            (key, _) if is_array && key.starts_with('u') => {
                let _ = index_of(key.strip_prefix('u').unwrap_or_default())?;
            }
            (key, _) => return Err(unknown(format!("it has the key {key:?}"))),
        }
    }
    Ok(())
}

/// A place in an array.
fn index_of(text: &str) -> Result<usize> {
    match text.parse::<usize>() {
        Ok(index) if index < LONGEST => Ok(index),
        _ => Err(unknown(format!("it has the index {text:?}"))),
    }
}

/// Applies changes. What they do not fit to is left as it is: a later change of the same oplog puts it right.
pub(super) fn apply(document: &mut Document, changes: &Document) -> Result<()> {
    apply_at(document, changes, 0)
}

fn apply_at(document: &mut Document, changes: &Document, depth: usize) -> Result<()> {
    if depth > DEEPEST {
        return Err(unknown("it lies too deep"));
    }
    for (key, value) in changes {
        match (key.as_str(), value) {
            ("d", Bson::Document(fields)) => fields.keys().for_each(|field| drop(document.remove(field))),
            ("u", Bson::Document(fields)) => {
                fields.iter().for_each(|(field, value)| drop(document.insert(field, value.clone())));
            }
            ("i", Bson::Document(fields)) => {
                for (field, value) in fields {
                    let _ = document.remove(field);
                    let _ = document.insert(field, value.clone());
                }
            }
            (key, Bson::Document(within)) if key.starts_with('s') => {
                let field = key.strip_prefix('s').unwrap_or_default();
                if let Some(inner) = document.get_mut(field) {
                    change(inner, within, depth + 1)?;
                }
            }
            (key, _) => return Err(unknown(format!("it has the key {key:?}"))),
        }
    }
    Ok(())
}

fn change(value: &mut Bson, changes: &Document, depth: usize) -> Result<()> {
    let is_array = matches!(changes.get("a"), Some(Bson::Boolean(true)));
    match value {
        Bson::Document(document) if !is_array => apply_at(document, changes, depth),
        Bson::Array(array) if is_array => apply_to_array(array, changes, depth),
        _ => Ok(()),
    }
}

fn apply_to_array(array: &mut Vec<Bson>, changes: &Document, depth: usize) -> Result<()> {
    for (key, value) in changes {
        match (key.as_str(), value) {
            ("a", _) => {}
            ("l", Bson::Int32(length)) => array.resize(index_of(&length.to_string())?, Bson::Null),
            (key, value) if key.starts_with('u') => {
                let index = index_of(key.strip_prefix('u').unwrap_or_default())?;
                if index >= array.len() {
                    array.resize(index + 1, Bson::Null);
                }
                if let Some(element) = array.get_mut(index) {
                    *element = value.clone();
                }
            }
            (key, Bson::Document(within)) if key.starts_with('s') => {
                let index = index_of(key.strip_prefix('s').unwrap_or_default())?;
                if let Some(element) = array.get_mut(index) {
                    change(element, within, depth + 1)?;
                }
            }
            (key, _) => return Err(unknown(format!("it has the key {key:?}"))),
        }
    }
    Ok(())
}

fn unknown(cause: impl Into<String>) -> MongoError {
    let mut error = MongoError::new(Trouble::Settings, "a change in the oplog is not known", cause.into());
    error.hint = "restore an earlier moment, or a later backup, which has what was changed; nothing that is stored is damaged";
    error
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{bson, doc};

    use super::*;

    #[test]
    fn fields_go_change_and_come() {
        let mut document =
            doc! { "_id": 1, "a": 1, "b": { "x": 1, "y": [1, 2, 3, { "z": 1 }] }, "c": 3, "d": 4 };
        let changes = doc! {
            "d": { "c": false },
            "u": { "a": 9 },
            "i": { "d": 5, "e": 6 },
            "sb": { "u": { "x": 2 }, "sy": { "a": true, "l": 6, "u0": "one", "s3": { "i": { "w": 1 } }, "u5": 7 } },
        };
        check(&changes).unwrap();
        apply(&mut document, &changes).unwrap();
        let expected = doc! {
            "_id": 1, "a": 9, "b": { "x": 2, "y": ["one", 2, 3, { "z": 1, "w": 1 }, null, 7] }, "d": 5, "e": 6,
        };
        assert_eq!(document, expected);
        assert_eq!(document.keys().collect::<Vec<_>>(), ["_id", "a", "b", "d", "e"]);
    }

    #[test]
    fn what_does_not_fit_is_left_and_what_is_not_known_is_told() {
        let mut document = doc! { "a": 1, "b": [1] };
        apply(
            &mut document,
            &doc! { "sa": { "u": { "x": 1 } }, "sb": { "u": { "x": 1 } }, "sc": { "u": { "x": 1 } } },
        )
        .unwrap();
        assert_eq!(document, doc! { "a": 1, "b": [1] });
        for changes in [
            doc! { "updatedFields": { "a": 1 } },
            doc! { "u": 1 },
            doc! { "sb": { "a": true, "u99999999999": 1 } },
            doc! { "sb": { "a": true, "l": -1 } },
        ] {
            assert!(apply(&mut document, &changes).is_err() && check(&changes).is_err(), "{changes}");
        }
        let mut deep = bson!({ "u": { "x": 1 } });
        let mut within = bson!(1);
        for _ in 0..300 {
            (deep, within) = (bson!({ "sa": deep }), bson!({ "a": within }));
        }
        let (Bson::Document(deep), Bson::Document(mut within)) = (deep, within) else { panic!("documents") };
        assert!(apply(&mut within, &deep).is_err() && check(&deep).is_err());
    }
}
