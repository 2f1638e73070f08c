//! Whether the entries of an oplog are such as can be replayed, before any is: it is said then, and nothing is begun.

use backstay_core::Control;
use mongodb::bson::{Bson, Document, RawBsonRef, RawDocument};

use super::super::dump::each_entry;
use super::super::error::{MongoError, Result};
use super::super::restore::{RestoreOptions, Targets};
use super::super::{Dump, Position, nesting};
use super::{damaged, diff, each_shipped, id_of, position_of};

/// How many parts of parts a transaction may have.
const DEEPEST: usize = 10;

/// Says why an entry cannot be replayed, where it is of a collection that is.
pub(in super::super) fn check(entry: &Document, follows: &dyn Fn(&str, &str) -> bool) -> Result<()> {
    check_at(entry, follows, 0)
}

/// As [`check`], of an entry as the server gives it. Those that only put or remove a document are not looked at.
pub(in super::super) fn check_raw(entry: &RawDocument, follows: &dyn Fn(&str, &str) -> bool) -> Result<()> {
    match entry.get("op")? {
        Some(RawBsonRef::String("u" | "c")) => check(&nesting::document(entry)?, follows),
        _ => Ok(()),
    }
}

fn check_at(entry: &Document, follows: &dyn Fn(&str, &str) -> bool, depth: usize) -> Result<()> {
    let namespace = entry.get_str("ns").unwrap_or_default();
    let (database, collection) = namespace.split_once('.').unwrap_or((namespace, ""));
    let Ok(object) = entry.get_document("o") else { return Ok(()) };
    let operation = entry.get_str("op").unwrap_or_default();
    let is_followed = || collection != "system.js" && follows(database, collection);
    match operation {
        "n" => Ok(()),
        "c" if object.keys().next().is_some_and(|name| name == "applyOps") => {
            if depth >= DEEPEST {
                return Err(damaged("transactions lie in each other"));
            }
            let parts =
                object.get_array("applyOps").map_err(|_| damaged("a transaction has no operations"))?;
            let mut parts = parts.iter().filter_map(Bson::as_document);
            parts.try_for_each(|part| check_at(part, follows, depth + 1))
        }
        "c" => Ok(()),
        "i" | "d" if is_followed() => id_of(object).map(drop),
        "u" if is_followed() => {
            let of = entry.get_document("o2").map_err(|_| damaged("an update does not say of what"))?;
            let _ = id_of(of)?;
            object.get_document("diff").map_or(Ok(()), diff::check)
        }
        "i" | "u" | "d" => Ok(()),
        other => Err(damaged(format!("an entry has the operation {other:?}"))),
    }
}

/// Reads all that a restore will replay, as far as it can be read ahead.
pub(in super::super) fn look_through(
    dump: &dyn Dump,
    targets: &Targets,
    options: &RestoreOptions,
    control: &Control,
) -> Result<()> {
    if !options.oplog {
        return Ok(());
    }
    let follows = |database: &str, collection: &str| targets.follows(database, collection);
    let base = dump.manifest().and_then(|manifest| manifest.oplog).map(|span| span.to);
    let mut count = 0_u32;
    let mut look = |entry: &Document| -> Result<Position> {
        if count.is_multiple_of(128) {
            control.checkpoint()?;
        }
        count += 1;
        let at = position_of(entry)?;
        if options.until.is_none_or(|until| at <= until) {
            check(entry, &follows).map_err(|error| cannot(&error, entry, at, base))?;
        }
        Ok(at)
    };
    if let Some(oplog) = dump.open_oplog()? {
        each_entry(oplog, "the oplog", |entry| look(&nesting::document(&entry)?).map(drop))?;
    }
    let mut reached = base;
    for (index, segment) in options.segments.iter().enumerate() {
        if reached.zip(options.until).is_some_and(|(reached, until)| reached >= until) {
            return Ok(());
        }
        let opened = segment(b"").map_err(|error| MongoError::storage("reading shipped oplog", &error))?;
        let before = reached;
        each_shipped(opened, before, index, |entry| {
            reached = reached.max(Some(look(&entry)?));
            Ok(())
        })?;
    }
    Ok(())
}

/// What is told of an entry that cannot be replayed, with what can be restored instead.
fn cannot(error: &MongoError, entry: &Document, at: Position, base: Option<Position>) -> MongoError {
    let namespace = entry.get_str("ns").unwrap_or_default();
    let before = at.seconds.saturating_sub(1);
    let last = match base {
        Some(base) if before > base.seconds => {
            let moment = jiff::Timestamp::from_second(i64::from(before)).unwrap_or_default();
            format!("{moment} is the last moment that this backup can be brought to")
        }
        Some(base) if at > base => {
            "this backup can be restored as it is, and to no moment after it".to_owned()
        }
        _ => "this backup can be restored without its oplog alone".to_owned(),
    };
    let cause = format!("{} in the entry {at} of {namespace}: {}; {last}", error.what, error.cause);
    let mut told =
        MongoError::new(error.trouble, "the oplog cannot be replayed, and nothing was written", cause);
    told.hint = error.hint;
    told
}

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::*;

    #[test]
    fn what_cannot_be_replayed_is_told_where_it_is_of_a_collection_that_is() {
        let follows = |database: &str, collection: &str| (database, collection) == ("shop", "a");
        let unknown = doc! { "op": "u", "ns": "shop.a", "o": { "diff": { "updatedFields": { "a": 1 } } }, "o2": { "_id": 1 } };
        let within =
            |part: &Document| doc! { "op": "c", "ns": "admin.$cmd", "o": { "applyOps": [part.clone()] } };
        let mut of_another = unknown.clone();
        let _ = of_another.insert("ns", "shop.b");
        for entry in [
            of_another.clone(),
            within(&of_another),
            doc! { "op": "u", "ns": "shop.a", "o": { "$v": 2, "diff": { "u": { "a": 1 }, "sb": { "a": true, "l": 3, "u0": 1 } } }, "o2": { "_id": 1 } },
            doc! { "op": "u", "ns": "shop.a", "o": { "x": 1 }, "o2": { "_id": 1 } },
            doc! { "op": "n", "o": { "msg": "x" } },
            doc! { "op": "c", "ns": "shop.$cmd", "o": { "drop": "a" } },
        ] {
            assert!(check(&entry, &follows).is_ok(), "{entry}");
        }
        let mut deep = unknown.clone();
        for _ in 0..100 {
            deep = within(&deep);
        }
        for entry in [
            within(&unknown),
            unknown,
            doc! { "op": "x", "o": {} },
            doc! { "op": "d", "ns": "shop.a", "o": {} },
            doc! { "op": "u", "ns": "shop.a", "o": { "x": 1 } },
            doc! { "op": "c", "ns": "admin.$cmd", "o": { "applyOps": 1 } },
            deep,
        ] {
            assert!(check(&entry, &follows).is_err(), "{entry}");
        }
    }
}
