//! Nodes as messages show them.

use backstay_core::EntryKind;
use backstay_engine::format::node::{go_mode, kind_name};
use backstay_engine::format::{Node, time};
use serde::Serialize;

use super::is_zero;

/// A line of `ls`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Listed {
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    path: String,
    uid: u32,
    gid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "is_zero")]
    mode: u64,
    permissions: String,
    mtime: String,
    atime: String,
    ctime: String,
    #[serde(skip_serializing_if = "is_zero")]
    inode: u64,
    message_type: &'static str,
    struct_type: &'static str,
}

impl Listed {
    pub(crate) fn new(path: &[u8], node: &Node) -> Self {
        let meta = &node.meta;
        let mode = go_mode(meta);
        Self {
            name: text(&node.name),
            kind: kind_name(meta.kind),
            path: text(path),
            uid: meta.uid,
            gid: meta.gid,
            size: (meta.kind == EntryKind::File).then_some(meta.size),
            mode: u64::from(mode),
            permissions: crate::node_text::permissions(mode),
            mtime: time::to_text(&meta.modified),
            atime: time::to_text(&meta.accessed),
            ctime: time::to_text(&meta.changed),
            inode: meta.inode,
            message_type: "node",
            struct_type: "node",
        }
    }
}

/// A hit of `find`.
#[derive(Debug, Serialize)]
pub(crate) struct Match {
    path: String,
    permissions: String,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "is_zero")]
    mode: u64,
    mtime: String,
    atime: String,
    ctime: String,
    uid: u32,
    gid: u32,
    #[serde(skip_serializing_if = "String::is_empty")]
    user: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    group: String,
    #[serde(skip_serializing_if = "is_zero")]
    inode: u64,
    #[serde(skip_serializing_if = "is_zero")]
    device_id: u64,
    #[serde(skip_serializing_if = "is_zero")]
    size: u64,
    #[serde(skip_serializing_if = "is_zero")]
    links: u64,
    #[serde(skip_serializing_if = "String::is_empty")]
    linktarget: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    error: String,
}

impl Match {
    pub(crate) fn new(path: &[u8], node: &Node) -> Self {
        let meta = &node.meta;
        let mode = go_mode(meta);
        Self {
            path: text(path),
            permissions: crate::node_text::permissions(mode),
            kind: kind_name(meta.kind),
            mode: u64::from(mode),
            mtime: time::to_text(&meta.modified),
            atime: time::to_text(&meta.accessed),
            ctime: time::to_text(&meta.changed),
            uid: meta.uid,
            gid: meta.gid,
            user: meta.user.to_string(),
            group: meta.group.to_string(),
            inode: meta.inode,
            device_id: meta.device_id,
            size: meta.size,
            links: meta.links,
            linktarget: meta.link_target.as_deref().map(text).unwrap_or_default(),
            error: node.error.clone(),
        }
    }
}

/// The hits in one snapshot.
#[derive(Debug, Serialize)]
pub(crate) struct Matches {
    pub(crate) matches: Vec<Match>,
    pub(crate) hits: usize,
    pub(crate) snapshot: String,
}

/// A blob or tree that `find` came across.
#[derive(Debug, Serialize)]
pub(crate) struct FoundObject {
    pub(crate) object_type: &'static str,
    pub(crate) id: String,
    pub(crate) path: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) parent_tree: String,
    pub(crate) snapshot: String,
    pub(crate) time: String,
}

/// An entry in the export format of `ncdu`.
#[derive(Debug, Serialize)]
pub(crate) struct Ncdu {
    name: String,
    asize: u64,
    dsize: u64,
    dev: u64,
    ino: u64,
    nlink: u64,
    notreg: bool,
    uid: u32,
    gid: u32,
    mode: u32,
    mtime: i64,
}

impl Ncdu {
    pub(crate) fn new(node: &Node) -> Self {
        let meta = &node.meta;
        let size = if meta.kind == EntryKind::File { meta.size } else { 0 };
        Self {
            name: text(&node.name),
            asize: size,
            dsize: size.div_ceil(512).saturating_mul(512),
            dev: meta.device_id,
            ino: meta.inode,
            nlink: meta.links,
            notreg: !matches!(meta.kind, EntryKind::File | EntryKind::Folder),
            uid: meta.uid,
            gid: meta.gid,
            mode: meta.permissions & 0o7777,
            // ncdu takes no time before 1970.
            mtime: meta.modified.seconds.max(0),
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
