//! An index file: which blobs lie where in which packs.

use backstay_core::FileId;
use serde::{Deserialize, Serialize};

use super::pack::{Blob, BlobKind};
use crate::{Error, Result};

/// An index file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct IndexFile {
    /// Index files that this one replaces. Written by old programs only.
    #[serde(default, with = "super::hex_id::list", skip_serializing_if = "Vec::is_empty")]
    pub supersedes: Vec<FileId>,
    /// The packs.
    #[serde(default, deserialize_with = "super::or_default")]
    pub packs: Vec<PackIndex>,
}

/// The blobs of one pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackIndex {
    /// The pack's id.
    #[serde(with = "super::hex_id")]
    pub id: FileId,
    /// Its blobs.
    #[serde(with = "blobs")]
    pub blobs: Vec<Blob>,
}

impl IndexFile {
    /// Reads the decrypted and decompressed file.
    ///
    /// # Errors
    /// [`Error::Damaged`] when it is none.
    pub fn parse(json: &[u8]) -> Result<Self> {
        serde_json::from_slice(json).map_err(|error| Error::damaged("an index", error))
    }

    /// The file as JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

mod blobs {
    use super::{Blob, BlobKind};
    use backstay_core::FileId;
    use serde::de::{Error, SeqAccess, Visitor};
    use serde::ser::SerializeSeq;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct BlobJson {
        #[serde(with = "crate::format::hex_id")]
        id: FileId,
        #[serde(rename = "type")]
        kind: KindJson,
        offset: u32,
        length: u32,
        #[serde(default, deserialize_with = "crate::format::or_default", skip_serializing_if = "is_zero")]
        uncompressed_length: u32,
    }

    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum KindJson {
        Data,
        Tree,
    }

    #[allow(clippy::trivially_copy_pass_by_ref)]
    fn is_zero(number: &u32) -> bool {
        *number == 0
    }

    pub(super) fn serialize<S: Serializer>(blobs: &[Blob], serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(blobs.len()))?;
        for blob in blobs {
            list.serialize_element(&BlobJson {
                id: blob.id,
                kind: if blob.kind == BlobKind::Data { KindJson::Data } else { KindJson::Tree },
                offset: blob.offset,
                length: blob.length,
                uncompressed_length: blob.raw_length,
            })?;
        }
        list.end()
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Blob>, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Vec<Blob>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of blobs")
            }
            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(Vec::new())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut blobs = Vec::new();
                while let Some(blob) = list.next_element::<BlobJson>()? {
                    if blob.offset.checked_add(blob.length).is_none() {
                        return Err(A::Error::custom("a blob ends beyond 4 GiB"));
                    }
                    blobs.push(Blob {
                        id: blob.id,
                        kind: match blob.kind {
                            KindJson::Data => BlobKind::Data,
                            KindJson::Tree => BlobKind::Tree,
                        },
                        offset: blob.offset,
                        length: blob.length,
                        raw_length: blob.uncompressed_length,
                    });
                }
                Ok(blobs)
            }
        }
        deserializer.deserialize_any(List)
    }
}
