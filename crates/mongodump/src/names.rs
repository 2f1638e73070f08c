//! What the files of a dump are called: `DATABASE/COLLECTION.bson` and `DATABASE/COLLECTION.metadata.json`, and `oplog.bson` beside
//! the databases. Bytes that no name can have are escaped.

use backstay_core::sink::{escape_name, unescape_name};
use sha2::{Digest, Sha256};

use crate::{BUCKETS, OPLOG};

/// What the file with a collection's documents ends with.
pub const BSON: &str = ".bson";
/// What the file with a collection's metadata ends with.
pub const METADATA: &str = ".metadata.json";
/// The longest name of an entry before its ending: a file system takes 255 bytes with it.
const LONGEST: usize = 200;
/// Stands before the hash. It begins no escape of ours, so that no other name ends like this.
const CUT: &[u8] = b"%24";

/// A file of a dump, by its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// The documents of a namespace.
    Documents(Named),
    /// The metadata of a namespace.
    Metadata(Named),
    /// Anything else.
    Other,
}

/// A namespace, by the path of one of its files.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Named {
    /// The database; empty for the oplog.
    pub database: Vec<u8>,
    /// The name of the collection's files before their endings. Those of a time series' documents are not told apart from those of its metadata.
    pub stem: Vec<u8>,
}

impl Entry {
    /// What lies at a path of a dump.
    #[must_use]
    pub fn at(path: &[u8]) -> Self {
        let named =
            |database: &[u8], stem: &[u8]| Named { database: unescape_name(database), stem: stem.to_vec() };
        let mut parts = path.splitn(3, |&byte| byte == b'/');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(name), None, None) if name.strip_suffix(BSON.as_bytes()) == Some(OPLOG.as_bytes()) => {
                Self::Documents(Named { database: Vec::new(), stem: OPLOG.as_bytes().to_vec() })
            }
            (Some(database), Some(name), None) => {
                if let Some(stem) = name.strip_suffix(METADATA.as_bytes()) {
                    Self::Metadata(named(database, stem))
                } else if let Some(stem) = name.strip_suffix(BSON.as_bytes()) {
                    Self::Documents(named(database, stem.strip_prefix(BUCKETS.as_bytes()).unwrap_or(stem)))
                } else {
                    Self::Other
                }
            }
            _ => Self::Other,
        }
    }
}

/// The name of a collection's files, without their endings. One that is too long for a file system is cut and gets a part of its hash;
/// the metadata has the whole. That of a time series' documents is that of its metadata with `system.buckets.` before it.
#[must_use]
pub fn stem(collection: &str) -> Vec<u8> {
    match collection.strip_prefix(BUCKETS) {
        Some(series) => [BUCKETS.as_bytes(), &cut(series)].concat(),
        None => cut(collection),
    }
}

/// What follows `system.buckets.` in the name of the documents of a time series as earlier versions cut it: with the hash of the whole.
#[must_use]
pub fn former_stem(series: &str) -> Vec<u8> {
    cut(&format!("{BUCKETS}{series}")).split_off(BUCKETS.len())
}

/// Whether a name without its ending was cut.
#[must_use]
pub fn is_cut(stem: &[u8]) -> bool {
    stem.windows(CUT.len()).any(|window| window == CUT)
}

fn cut(collection: &str) -> Vec<u8> {
    let mut name = escape_name(collection.as_bytes());
    if name.len() > LONGEST {
        let hash = Sha256::digest(&name);
        let end = name.iter().take(LONGEST - 40).rposition(|&byte| byte < 0x80).unwrap_or_default();
        name.truncate(end);
        name.extend_from_slice(CUT);
        name.extend(hash.iter().take(12).flat_map(|byte| format!("{byte:02x}").into_bytes()));
    }
    name
}

/// The name of one of a collection's files.
#[must_use]
pub fn with_ending(collection: &str, ending: &str) -> Vec<u8> {
    let mut name = stem(collection);
    name.extend_from_slice(ending.as_bytes());
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_and_stay_apart() {
        let long = "ü/".repeat(100);
        let (one, other) = (stem(&format!("{long}a")), stem(&format!("{long}b")));
        assert!(one.len() <= LONGEST && one != other);
        assert!(String::from_utf8(one).is_ok());
        assert_eq!(stem("a/b%"), b"a%2Fb%25");
    }

    #[test]
    fn the_files_of_a_time_series_belong_together_however_long_its_name_is() {
        for name in ["t".to_owned(), "t".repeat(190), "t".repeat(230), "ü/".repeat(100)] {
            let at = |collection: &str, ending| {
                Entry::at(&[b"shop/", &with_ending(collection, ending)[..]].concat())
            };
            let stored = format!("{BUCKETS}{name}");
            assert!(with_ending(&stored, BSON).len() <= 255);
            let named = Named { database: b"shop".to_vec(), stem: stem(&name) };
            assert_eq!(at(&stored, BSON), Entry::Documents(named.clone()));
            assert_eq!(at(&name, METADATA), Entry::Metadata(named));
            assert_eq!(is_cut(&stem(&name)), name.len() > LONGEST);
        }
    }

    #[test]
    fn a_path_tells_what_lies_there() {
        let named = |database: &[u8], stem: &[u8]| Named { database: database.to_vec(), stem: stem.to_vec() };
        for (path, entry) in [
            (&b"shop/a%2Fb.bson"[..], Entry::Documents(named(b"shop", b"a%2Fb"))),
            (b"shop/a.metadata.json", Entry::Metadata(named(b"shop", b"a"))),
            (b"shop/system.buckets.t.bson", Entry::Documents(named(b"shop", b"t"))),
            (b"oplog.bson", Entry::Documents(named(b"", b"oplog"))),
            (b"other.bson", Entry::Other),
            (b"shop/a/b.bson", Entry::Other),
            (b"shop", Entry::Other),
            (b"", Entry::Other),
        ] {
            assert_eq!(Entry::at(path), entry, "{}", String::from_utf8_lossy(path));
        }
    }
}
