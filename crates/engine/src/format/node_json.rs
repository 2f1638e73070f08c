//! Reading nodes.

use std::borrow::Cow;
use std::collections::BTreeMap;

use backstay_core::{EntryKind, FileId, Meta, Timestamp, Xattr};
use base64::Engine;
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::value::RawValue;

use super::node::{KINDS, Node, permissions};
use super::quote::unquote;

/// A node as it stands in JSON. Unknown fields are passed over.
#[derive(Deserialize)]
struct NodeJson<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(rename = "type", borrow, default)]
    kind: Cow<'a, str>,
    #[serde(default, deserialize_with = "super::or_default")]
    mode: u32,
    #[serde(with = "super::time::json", default)]
    mtime: Timestamp,
    #[serde(with = "super::time::json", default)]
    atime: Timestamp,
    #[serde(with = "super::time::json", default)]
    ctime: Timestamp,
    #[serde(default, deserialize_with = "super::or_default")]
    uid: u32,
    #[serde(default, deserialize_with = "super::or_default")]
    gid: u32,
    #[serde(borrow, default)]
    user: Cow<'a, str>,
    #[serde(borrow, default)]
    group: Cow<'a, str>,
    #[serde(default, deserialize_with = "super::or_default")]
    inode: u64,
    #[serde(default, deserialize_with = "super::or_default")]
    device_id: u64,
    #[serde(default, deserialize_with = "super::or_default")]
    size: u64,
    #[serde(default, deserialize_with = "super::or_default")]
    links: u64,
    #[serde(borrow, default)]
    linktarget: Cow<'a, str>,
    #[serde(default)]
    linktarget_raw: Option<Base64>,
    #[serde(default)]
    extended_attributes: Option<Vec<XattrJson>>,
    #[serde(borrow, default)]
    generic_attributes: Option<BTreeMap<String, &'a RawValue>>,
    #[serde(default, deserialize_with = "super::or_default")]
    device: u64,
    #[serde(default)]
    content: Option<Vec<Id>>,
    #[serde(default)]
    subtree: Option<Id>,
    #[serde(borrow, default)]
    error: Cow<'a, str>,
}

#[derive(Deserialize)]
struct XattrJson {
    name: String,
    #[serde(default)]
    value: Option<Base64>,
}

#[derive(Deserialize)]
struct Id(#[serde(with = "super::hex_id")] FileId);

struct Base64(Vec<u8>);

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        base64::engine::general_purpose::STANDARD.decode(text.as_bytes()).map(Self).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = NodeJson::deserialize(deserializer)?;
        let name = unquote(&json.name).ok_or_else(|| D::Error::custom("a name is not validly quoted"))?;
        let kind =
            KINDS.iter().find(|(_, name)| *name == json.kind).map_or(EntryKind::Irregular, |(kind, _)| *kind);
        let link_target = match json.linktarget_raw {
            Some(raw) => Some(raw.0),
            None if kind == EntryKind::Symlink => Some(json.linktarget.as_bytes().to_vec()),
            None => None,
        };
        let xattrs = json.extended_attributes.unwrap_or_default();
        let generic = json.generic_attributes.unwrap_or_default();
        Ok(Self {
            name,
            meta: Meta {
                kind,
                permissions: permissions(json.mode),
                modified: json.mtime,
                accessed: json.atime,
                changed: json.ctime,
                uid: json.uid,
                gid: json.gid,
                user: json.user.as_ref().into(),
                group: json.group.as_ref().into(),
                inode: json.inode,
                device_id: json.device_id,
                size: json.size,
                links: json.links,
                link_target,
                device: json.device,
                xattrs: xattrs
                    .into_iter()
                    .map(|xattr| Xattr {
                        name: xattr.name,
                        value: xattr.value.map(|value| value.0).unwrap_or_default(),
                    })
                    .collect(),
                generic: generic.into_iter().map(|(name, value)| (name, value.get().to_owned())).collect(),
            },
            content: json.content.map(|content| content.into_iter().map(|id| id.0).collect()),
            subtree: json.subtree.map(|id| id.0),
            error: json.error.into_owned(),
        })
    }
}
