//! The bytes of a repository: what restic's design document calls the repository format, version 2.
//!
//! Everything here turns values into bytes and back, and knows neither storage nor threads. Bytes that come back are hostile until
//! proven otherwise: no decoder panics, and none takes memory that its input does not justify.

pub mod config;
pub mod index;
pub mod key;
pub mod lock;
pub mod node;
mod node_json;
mod node_scan;
pub mod pack;
mod quote;
pub mod snapshot;
pub mod time;
pub mod tree;

pub use config::Config;
pub use index::IndexFile;
pub use key::KeyFile;
pub use lock::LockFile;
pub use node::Node;
pub use pack::{Blob, BlobKind};
pub use snapshot::{Snapshot, Summary};
pub use tree::Tree;

/// Ids in JSON, as 64 hexadecimal digits.
pub(crate) mod hex_id {
    use std::fmt;

    use backstay_core::FileId;
    use serde::de::{Error, Visitor};
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(id: &FileId, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&id.to_hex())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<FileId, D::Error> {
        deserializer.deserialize_str(Id)
    }

    struct Id;

    impl Visitor<'_> for Id {
        type Value = FileId;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an id of 64 hexadecimal digits")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<FileId, E> {
            FileId::from_hex(text).ok_or_else(|| E::custom("not an id of 64 hexadecimal digits"))
        }
    }

    /// Optional ids, absent when `None`.
    pub(crate) mod option {
        use super::{Deserialize, Deserializer, FileId, Serializer};

        #[derive(Deserialize)]
        struct Id(#[serde(with = "super")] FileId);

        pub(crate) fn serialize<S: Serializer>(
            id: &Option<FileId>,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            match id {
                Some(id) => super::serialize(id, serializer),
                None => serializer.serialize_none(),
            }
        }

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<Option<FileId>, D::Error> {
            Ok(Option::<Id>::deserialize(deserializer)?.map(|id| id.0))
        }
    }

    /// Lists of ids.
    pub(crate) mod list {
        use super::{Deserialize, Deserializer, FileId, Serializer};
        use serde::ser::SerializeSeq;

        #[derive(Deserialize)]
        struct Id(#[serde(with = "super")] FileId);

        pub(crate) fn serialize<S: Serializer>(ids: &[FileId], serializer: S) -> Result<S::Ok, S::Error> {
            let mut list = serializer.serialize_seq(Some(ids.len()))?;
            for id in ids {
                list.serialize_element(&id.to_hex())?;
            }
            list.end()
        }

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<Vec<FileId>, D::Error> {
            let ids = Option::<Vec<Id>>::deserialize(deserializer)?.unwrap_or_default();
            Ok(ids.into_iter().map(|id| id.0).collect())
        }
    }
}

/// A field that another program leaves out or writes as `null` has its type's default, as Go's decoder has it.
pub(crate) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::Deserialize<'de> + Default,
{
    Ok(<Option<T> as serde::Deserialize>::deserialize(deserializer)?.unwrap_or_default())
}
