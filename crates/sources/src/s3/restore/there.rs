//! What is in the bucket before anything is restored.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use backstay_core::sink::escape_name;
use backstay_core::{CallContext, Control, EntryKind, Meta, StorageError, Timestamp};
use backstay_net::s3::client::Call;
use backstay_net::text::moment;

use crate::s3::Bucket;

/// The objects below a prefix, by their keys.
pub(super) struct There(BTreeMap<String, Object>);

/// An object that is there.
pub(super) struct Object {
    pub(super) size: u64,
    pub(super) etag: String,
    written: Timestamp,
}

impl Object {
    pub(super) fn meta(&self) -> Meta {
        Meta {
            kind: EntryKind::File,
            size: self.size,
            modified: self.written,
            accessed: self.written,
            changed: self.written,
            links: 1,
            ..Meta::default()
        }
    }
}

impl There {
    pub(super) fn list(bucket: &Bucket, prefix: &str, control: &Control) -> Result<Self, StorageError> {
        let mut found = BTreeMap::new();
        let call = Call::new(CallContext::with(control), "list", bucket);
        bucket.client.objects(call, prefix, &mut |key, object| {
            let written = moment(&object.last_modified).unwrap_or_default();
            let etag = object.etag.trim_matches('"').to_owned();
            found.insert(key.to_owned(), Object { size: object.size, etag, written });
            Ok(())
        })?;
        Ok(Self(found))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn get(&self, key: &str) -> Option<&Object> {
        self.0.get(key)
    }

    /// The keys that begin so.
    pub(super) fn below<'a>(&'a self, begin: &'a str) -> impl Iterator<Item = &'a str> {
        let from = self.0.range::<str, _>((Bound::Included(begin), Bound::Unbounded));
        from.map(|(key, _)| key.as_str()).take_while(move |key| key.starts_with(begin))
    }

    pub(super) fn has_below(&self, begin: &str) -> bool {
        self.below(begin).next().is_some()
    }

    /// The names in a folder, as a snapshot has them.
    pub(super) fn names(&self, folder: &str) -> Vec<Vec<u8>> {
        let (mut objects, mut folders) = (BTreeSet::new(), BTreeSet::new());
        for rest in self.below(folder).filter_map(|key| key.get(folder.len()..)) {
            match rest.split_once('/') {
                Some((name, _)) => folders.insert(name),
                None => objects.insert(rest),
            };
        }
        let beside = |name: &&str| {
            let mut escaped = escape_name(name.as_bytes());
            if folders.contains(name) {
                escaped.push(b'%');
            }
            escaped
        };
        let mut names: Vec<_> = objects.iter().map(beside).collect();
        names.extend(folders.iter().map(|name| escape_name(name.as_bytes())));
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_objects_are_named_as_in_a_snapshot() {
        let object = || Object { size: 1, etag: String::new(), written: Timestamp::default() };
        let there =
            There(["p/a", "p/a/b", "p/a//c", "p/x", "q"].map(|key| (key.to_owned(), object())).into());
        let names = |folder| {
            let mut names = there.names(folder);
            names.sort();
            names.into_iter().map(|name| String::from_utf8(name).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(names("p/"), ["a", "a%", "x"]);
        assert_eq!(names("p/a/"), ["%", "b"]);
        assert_eq!(names(""), ["p", "q"]);
        assert!(there.has_below("p/a/") && !there.has_below("p/x/"));
    }
}
