//! Names of entries, and of collections on their way.

use backstay_core::sink::escape_name;
use sha2::{Digest, Sha256};

pub(super) const BSON: &str = ".bson";
pub(super) const METADATA: &str = ".metadata.json";
/// What a collection is called until it is whole.
const NEW: &str = "backstay-new-";
/// What marks a collection that was put aside.
pub(super) const OLD: &str = "backstay-old-";
/// The longest name of an entry before its ending: a file system takes 255 bytes with it.
const LONGEST: usize = 200;

/// The name of a collection's entries, without their endings. One that is too long for a file system is cut and gets a part of its hash;
/// the metadata has the whole.
pub(super) fn entry(collection: &str) -> Vec<u8> {
    let mut name = escape_name(collection.as_bytes());
    if name.len() > LONGEST {
        let hash = Sha256::digest(&name);
        let end = name.iter().take(LONGEST - 40).rposition(|&byte| byte < 0x80).unwrap_or_default();
        name.truncate(end);
        // `%24` begins no escape of ours, so that no other name ends like this.
        name.extend_from_slice(b"%24");
        name.extend(hash.iter().take(12).flat_map(|byte| format!("{byte:02x}").into_bytes()));
    }
    name
}

/// The name of one of a collection's entries.
pub(super) fn with_ending(collection: &str, ending: &str) -> Vec<u8> {
    let mut name = entry(collection);
    name.extend_from_slice(ending.as_bytes());
    name
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_and_stay_apart() {
        let long = "ü/".repeat(100);
        let (one, other) = (entry(&format!("{long}a")), entry(&format!("{long}b")));
        assert!(one.len() <= LONGEST && one != other);
        assert!(String::from_utf8(one).is_ok());
        assert_eq!(entry("a/b%"), b"a%2Fb%25");
    }
}
