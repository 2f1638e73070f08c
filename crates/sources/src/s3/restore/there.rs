//! What is in the bucket before anything is restored.

use std::collections::BTreeMap;
use std::ops::Bound;

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

    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(super) fn has_below(&self, begin: &str) -> bool {
        self.below(begin).next().is_some()
    }
}
