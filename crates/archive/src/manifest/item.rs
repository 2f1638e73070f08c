//! One item of a backup, as a manifest tells it.

use backstay_core::{EntryKind, FileId, Meta, Xattr};
use serde::{Deserialize, Serialize};

use super::{ArchiveId, FileTime, RawText, Sha256Text};

/// One item of a backup. What is left out is empty, zero or not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Its path, relative to the backup's root, with `/` between names.
    pub path: RawText,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: ItemKind,
    /// The bytes of a file.
    #[serde(default, skip_serializing_if = "is_default")]
    pub size: u64,
    /// Permission bits with setuid, setgid and sticky, as a number.
    pub mode: u32,
    /// Numeric owner.
    #[serde(default, skip_serializing_if = "is_default")]
    pub uid: u32,
    /// Numeric group.
    #[serde(default, skip_serializing_if = "is_default")]
    pub gid: u32,
    /// Owner's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// Group's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// Last change of the content.
    pub modified: FileTime,
    /// Last change of the metadata, by which the next backup sees that nothing changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<FileTime>,
    /// Where a symbolic link points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<RawText>,
    /// The number of a device.
    #[serde(default, skip_serializing_if = "is_default")]
    pub device: u64,
    /// Extended attributes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub xattrs: Vec<Attribute>,
    /// The path of the same file's first name, for its further names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hard_link: Option<RawText>,
    /// The SHA-256 of a file's content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256Text>,
    /// The archive in which the content lies, under the same path, where that is not this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<ArchiveId>,
    /// Why it is not whole, where it could not be read to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// An extended attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    /// Its name, with its namespace.
    pub name: String,
    /// Its value.
    pub value: RawText,
}

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Symlink,
    /// A block device.
    BlockDevice,
    /// A character device.
    CharDevice,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// Anything else.
    Irregular,
}

impl From<EntryKind> for ItemKind {
    fn from(kind: EntryKind) -> Self {
        match kind {
            EntryKind::File => Self::File,
            EntryKind::Folder => Self::Folder,
            EntryKind::Symlink => Self::Symlink,
            EntryKind::BlockDevice => Self::BlockDevice,
            EntryKind::CharDevice => Self::CharDevice,
            EntryKind::Fifo => Self::Fifo,
            EntryKind::Socket => Self::Socket,
            EntryKind::Irregular => Self::Irregular,
        }
    }
}

impl From<ItemKind> for EntryKind {
    fn from(kind: ItemKind) -> Self {
        match kind {
            ItemKind::File => Self::File,
            ItemKind::Folder => Self::Folder,
            ItemKind::Symlink => Self::Symlink,
            ItemKind::BlockDevice => Self::BlockDevice,
            ItemKind::CharDevice => Self::CharDevice,
            ItemKind::Fifo => Self::Fifo,
            ItemKind::Socket => Self::Socket,
            ItemKind::Irregular => Self::Irregular,
        }
    }
}

impl Item {
    /// An item by its metadata.
    #[must_use]
    pub fn new(path: &[u8], meta: &Meta) -> Self {
        let has_content = meta.kind == EntryKind::File;
        let attribute =
            |xattr: &Xattr| Attribute { name: xattr.name.clone(), value: xattr.value.as_slice().into() };
        Self {
            path: path.into(),
            kind: meta.kind.into(),
            size: if has_content { meta.size } else { 0 },
            mode: meta.permissions & 0o7777,
            uid: meta.uid,
            gid: meta.gid,
            user: meta.user.to_string(),
            group: meta.group.to_string(),
            modified: meta.modified.into(),
            changed: has_content.then(|| meta.changed.into()),
            target: meta.link_target.as_deref().map(RawText::from),
            device: meta.device,
            xattrs: meta.xattrs.iter().map(attribute).collect(),
            hard_link: None,
            sha256: None,
            archive: None,
            problem: None,
        }
    }

    /// Its metadata, as a restore takes it.
    #[must_use]
    pub fn meta(&self) -> Meta {
        let xattr = |one: &Attribute| Xattr { name: one.name.clone(), value: one.value.0.clone() };
        Meta {
            kind: self.kind.into(),
            permissions: self.mode & 0o7777,
            modified: self.modified.to_timestamp(),
            accessed: self.modified.to_timestamp(),
            changed: self.changed.unwrap_or(self.modified).to_timestamp(),
            uid: self.uid,
            gid: self.gid,
            user: self.user.as_str().into(),
            group: self.group.as_str().into(),
            size: self.size,
            links: 1,
            link_target: self.target.as_ref().map(|target| target.0.clone()),
            device: self.device,
            xattrs: self.xattrs.iter().map(xattr).collect(),
            ..Meta::default()
        }
    }

    /// The SHA-256 of its content.
    #[must_use]
    pub fn hash(&self) -> Option<FileId> {
        self.sha256.map(|hash| hash.0)
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
