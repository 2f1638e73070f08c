//! Names of collections on their way.

/// What a collection is called until it is whole.
const NEW: &str = "backstay-new-";
/// What marks a collection that was put aside.
pub(super) const OLD: &str = "backstay-old-";

/// The collection that is restored as number `index` of a work that has this mark.
pub(super) fn temporary(mark: &str, index: usize) -> String {
    format!("{NEW}{mark}-{index}")
}

/// Where a collection is put aside.
pub(super) fn aside(database: &str, collection: &str, mark: &str, index: usize) -> String {
    let name = format!("{collection}.{OLD}{mark}");
    // Server versions before 4.4 take 120 bytes for a database and its collection.
    if database.len() + name.len() > 118 { format!("{OLD}{mark}-{index}") } else { name }
}

/// Whether a collection is one that a restore makes on its way.
pub(super) fn is_temporary(collection: &str) -> bool {
    collection.starts_with(NEW)
}

/// Whether a collection is one that becomes another by a rename: of a restore on its way, or of a server's `$out`.
pub(super) fn is_on_its_way(collection: &str) -> bool {
    is_temporary(collection) || collection.starts_with("tmp.agg_out.")
}

/// Whether a collection is one that the restore with this tag, the end of its mark, makes on its way.
pub(super) fn is_temporary_of(collection: &str, tag: &str) -> bool {
    let mut parts = collection.strip_prefix(NEW).unwrap_or_default().rsplitn(2, '-');
    parts.next().is_some_and(|index| index.parse::<usize>().is_ok())
        && parts.next().is_some_and(|mark| mark.ends_with(&format!("-{tag}")))
}

/// Whether a collection is what the restore with this tag put aside for its number `index`, which becomes `name`.
pub(super) fn is_aside_of(collection: &str, name: &str, tag: &str, index: usize) -> bool {
    let long = collection.strip_prefix(OLD).is_some_and(|mark| mark.ends_with(&format!("-{tag}-{index}")));
    let short = collection
        .strip_prefix(name)
        .and_then(|rest| rest.strip_prefix('.')?.strip_prefix(OLD))
        .is_some_and(|mark| mark.ends_with(&format!("-{tag}")));
    long || short
}
