//! Whether what a server lists is what it was asked for.
//!
//! Servers add to what they are given (a collation gets all its settings), keep numbers as another type, and round the size of a capped
//! collection up. None of that makes it another one.

use mongodb::bson::{Bson, Document};

/// What a collection can be made with. A dump may have more, and nothing else of it may become part of a command.
pub(super) const OPTIONS: [&str; 17] = [
    "capped",
    "changeStreamPreAndPostImages",
    "clusteredIndex",
    "collation",
    "encryptedFields",
    "expireAfterSeconds",
    "indexOptionDefaults",
    "max",
    "pipeline",
    "recordPreImages",
    "size",
    "storageEngine",
    "timeseries",
    "validationAction",
    "validationLevel",
    "validator",
    "viewOn",
];
/// The options of an index by which it does what it does; others are left behind from version to version.
const OF_INDEXES: [&str; 10] = [
    "collation",
    "default_language",
    "expireAfterSeconds",
    "hidden",
    "language_override",
    "partialFilterExpression",
    "sparse",
    "unique",
    "weights",
    "wildcardProjection",
];
/// What sizes of capped collections are rounded up to.
const ROUNDED: f64 = 256.0;

/// Whether an option of a collection is as it was wanted.
pub(super) fn option(key: &str, wanted: &Bson, there: Option<&Bson>) -> bool {
    let Some(there) = there else { return false };
    match (key, number(wanted), number(there)) {
        ("size", Some(wanted), Some(there)) => (wanted..wanted + ROUNDED).contains(&there),
        _ => has(there, wanted),
    }
}

/// The first option of an index that is not as it was wanted.
pub(super) fn index<'a>(wanted: &'a Document, there: &Document) -> Option<&'a str> {
    let options = wanted.iter().filter(|(key, _)| OF_INDEXES.contains(&key.as_str()));
    let mut differing = options.filter(|(key, wanted)| {
        // One that is off need not be listed.
        let is_off = matches!(wanted, Bson::Boolean(false)) && there.get(*key).is_none();
        !is_off && !there.get(*key).is_some_and(|there| has(there, wanted))
    });
    differing.next().map(|(key, _)| key.as_str())
}

/// Whether a value is the wanted one, or a document that has all of it.
fn has(there: &Bson, wanted: &Bson) -> bool {
    match (there, wanted) {
        (Bson::Document(there), Bson::Document(wanted)) => wanted.iter().all(|(key, wanted)| {
            // That of the rules by which a server's library compares texts is its own.
            let is_its_own = key == "version" && wanted_is_collation(there);
            is_its_own || there.get(key).is_some_and(|there| has(there, wanted))
        }),
        (Bson::Array(there), Bson::Array(wanted)) => {
            there.len() == wanted.len() && there.iter().zip(wanted).all(|(there, wanted)| has(there, wanted))
        }
        _ => there == wanted || number(there).is_some_and(|there| number(wanted) == Some(there)),
    }
}

fn wanted_is_collation(there: &Document) -> bool {
    there.contains_key("locale")
}

fn number(value: &Bson) -> Option<f64> {
    match value {
        Bson::Int32(number) => Some(f64::from(*number)),
        Bson::Int64(number) => Some(*number as f64),
        Bson::Double(number) => Some(*number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{bson, doc};

    use super::*;

    #[test]
    fn what_a_server_adds_and_rounds_is_no_other_option_and_another_value_is() {
        let same = |key: &str, wanted: Bson, there: Bson| option(key, &wanted, Some(&there));
        let full = bson!({ "locale": "en", "strength": 2, "caseLevel": false, "version": "57.1" });
        assert!(same(
            "collation",
            bson!({ "locale": "en", "strength": 2_i64, "version": "1" }),
            full.clone()
        ));
        assert!(!same("collation", bson!({ "locale": "de", "strength": 2 }), full.clone()));
        assert!(!same("collation", bson!({ "locale": "en", "strength": 1 }), full));
        assert!(same("size", 5000.into(), Bson::Double(5120.0)) && !same("size", 5000.into(), 4096.into()));
        assert!(!same("max", 5.into(), 6.into()) && same("max", 5.into(), 5_i64.into()));
        let rule = bson!({ "$and": [{ "a": { "$gt": 5 } }, { "version": 1 }] });
        assert!(same("validator", rule.clone(), rule.clone()));
        for other in [bson!({ "$and": [{ "a": { "$gt": 6 } }, { "version": 1 }] }), bson!({ "$and": [] })] {
            assert!(!same("validator", rule.clone(), other));
        }
        assert!(!same("validator", rule, bson!({ "$and": [{ "a": { "$gt": 5 } }, { "version": 2 }] })));
        assert!(!option("capped", &true.into(), None));
    }

    #[test]
    fn an_index_without_what_it_does_is_another_one() {
        let wanted = doc! { "name": "a", "unique": true, "background": true, "sparse": false, "expireAfterSeconds": 5 };
        assert_eq!(index(&wanted, &doc! { "unique": true, "expireAfterSeconds": 5.0, "v": 2 }), None);
        assert_eq!(index(&wanted, &doc! { "expireAfterSeconds": 5 }), Some("unique"));
        assert_eq!(
            index(&wanted, &doc! { "unique": true, "expireAfterSeconds": 6 }),
            Some("expireAfterSeconds")
        );
    }
}
