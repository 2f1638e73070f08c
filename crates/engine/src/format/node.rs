//! A node: one entry of a tree, as JSON that agrees with restic's to the byte.

use backstay_core::{EntryKind, FileId, Meta};
use base64::Engine;

use super::quote::{write_name, write_string};
use super::time;

/// One entry of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Node {
    /// Its name, raw bytes.
    pub name: Vec<u8>,
    /// Its metadata.
    pub meta: Meta,
    /// The blobs of its content in order. `None` for what is not a file.
    pub content: Option<Vec<FileId>>,
    /// The tree of a folder.
    pub subtree: Option<FileId>,
    /// What went wrong when it was saved; empty when nothing did.
    pub error: String,
}

/// Bits of Go's `os.FileMode` above the nine permission bits.
mod mode {
    pub(super) const FOLDER: u32 = 1 << 31;
    pub(super) const SYMLINK: u32 = 1 << 27;
    pub(super) const DEVICE: u32 = 1 << 26;
    pub(super) const FIFO: u32 = 1 << 25;
    pub(super) const SOCKET: u32 = 1 << 24;
    pub(super) const SETUID: u32 = 1 << 23;
    pub(super) const SETGID: u32 = 1 << 22;
    pub(super) const CHAR_DEVICE: u32 = 1 << 21;
    pub(super) const STICKY: u32 = 1 << 20;
    pub(super) const IRREGULAR: u32 = 1 << 19;
}

/// Go's file mode of an entry.
#[must_use]
pub fn go_mode(meta: &Meta) -> u32 {
    let kind = match meta.kind {
        EntryKind::File => 0,
        EntryKind::Folder => mode::FOLDER,
        EntryKind::Symlink => mode::SYMLINK,
        EntryKind::BlockDevice => mode::DEVICE,
        EntryKind::CharDevice => mode::DEVICE | mode::CHAR_DEVICE,
        EntryKind::Fifo => mode::FIFO,
        EntryKind::Socket => mode::SOCKET,
        EntryKind::Irregular => mode::IRREGULAR,
    };
    let special = [(0o4000, mode::SETUID), (0o2000, mode::SETGID), (0o1000, mode::STICKY)];
    let special =
        special.iter().filter(|(unix, _)| meta.permissions & unix != 0).map(|(_, go)| go).sum::<u32>();
    kind | special | meta.permissions & 0o777
}

/// The twelve Unix permission bits of Go's file mode.
pub(super) fn permissions(go: u32) -> u32 {
    let special = [(0o4000, mode::SETUID), (0o2000, mode::SETGID), (0o1000, mode::STICKY)];
    special.iter().filter(|(_, bit)| go & bit != 0).map(|(unix, _)| unix).sum::<u32>() | go & 0o777
}

/// restic's names of the kinds.
pub(super) const KINDS: [(EntryKind, &str); 8] = [
    (EntryKind::File, "file"),
    (EntryKind::Folder, "dir"),
    (EntryKind::Symlink, "symlink"),
    (EntryKind::BlockDevice, "dev"),
    (EntryKind::CharDevice, "chardev"),
    (EntryKind::Fifo, "fifo"),
    (EntryKind::Socket, "socket"),
    (EntryKind::Irregular, "irregular"),
];

/// restic's name of a kind.
#[must_use]
pub fn kind_name(kind: EntryKind) -> &'static str {
    KINDS.iter().find(|(other, _)| *other == kind).map_or("irregular", |(_, name)| name)
}

impl Node {
    /// Whether the name can stand in a tree: not empty, no `/` or NUL, neither `.` nor `..`.
    #[must_use]
    pub fn has_valid_name(&self) -> bool {
        is_valid_name(&self.name)
    }

    /// Whether this is a folder.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        self.meta.kind == EntryKind::Folder
    }

    /// The blobs of a file, empty for everything else.
    #[must_use]
    pub fn blobs(&self) -> &[FileId] {
        self.content.as_deref().unwrap_or_default()
    }

    /// Appends the node as JSON, in restic's field order.
    pub fn write(&self, out: &mut Vec<u8>) {
        let meta = &self.meta;
        out.extend_from_slice(b"{\"name\":\"");
        write_name(&self.name, out);
        out.extend_from_slice(b"\",\"type\":\"");
        out.extend_from_slice(kind_name(meta.kind).as_bytes());
        out.push(b'"');
        optional_number(out, "mode", u64::from(go_mode(meta)));
        for (key, value) in [("mtime", &meta.modified), ("atime", &meta.accessed), ("ctime", &meta.changed)] {
            open_field(out, key);
            out.push(b'"');
            time::write(value, out);
            out.push(b'"');
        }
        number(out, "uid", u64::from(meta.uid));
        number(out, "gid", u64::from(meta.gid));
        optional_text(out, "user", meta.user.as_bytes());
        optional_text(out, "group", meta.group.as_bytes());
        optional_number(out, "inode", meta.inode);
        optional_number(out, "device_id", meta.device_id);
        optional_number(out, "size", meta.size);
        optional_number(out, "links", meta.links);
        self.write_link_target(out);
        self.write_attributes(out);
        optional_number(out, "device", meta.device);
        self.write_content(out);
        if let Some(subtree) = &self.subtree {
            open_field(out, "subtree");
            quoted_id(out, subtree);
        }
        optional_text(out, "error", self.error.as_bytes());
        out.push(b'}');
    }

    fn write_link_target(&self, out: &mut Vec<u8>) {
        let target = self.meta.link_target.as_deref().unwrap_or_default();
        optional_text(out, "linktarget", target);
        if std::str::from_utf8(target).is_err() {
            open_field(out, "linktarget_raw");
            quoted_base64(out, target);
        }
    }

    fn write_attributes(&self, out: &mut Vec<u8>) {
        for (position, attribute) in self.meta.xattrs.iter().enumerate() {
            if position == 0 {
                open_field(out, "extended_attributes");
            }
            out.extend_from_slice(if position == 0 { b"[{\"name\":\"" } else { b",{\"name\":\"" });
            write_string(attribute.name.as_bytes(), out);
            out.extend_from_slice(b"\",\"value\":");
            quoted_base64(out, &attribute.value);
            out.push(b'}');
        }
        if !self.meta.xattrs.is_empty() {
            out.push(b']');
        }
        for (position, (name, value)) in self.meta.generic.iter().enumerate() {
            if position == 0 {
                open_field(out, "generic_attributes");
            }
            out.extend_from_slice(if position == 0 { b"{\"" } else { b",\"" });
            write_string(name.as_bytes(), out);
            out.extend_from_slice(b"\":");
            out.extend_from_slice(value.as_bytes());
        }
        if !self.meta.generic.is_empty() {
            out.push(b'}');
        }
    }

    fn write_content(&self, out: &mut Vec<u8>) {
        open_field(out, "content");
        let Some(content) = &self.content else {
            out.extend_from_slice(b"null");
            return;
        };
        out.push(b'[');
        for (position, id) in content.iter().enumerate() {
            if position > 0 {
                out.push(b',');
            }
            quoted_id(out, id);
        }
        out.push(b']');
    }
}

/// See [`Node::has_valid_name`].
#[must_use]
pub fn is_valid_name(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b"..") && !name.iter().any(|byte| matches!(byte, b'/' | 0))
}

fn open_field(out: &mut Vec<u8>, key: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(b"\":");
}

fn number(out: &mut Vec<u8>, key: &str, value: u64) {
    open_field(out, key);
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = value;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

fn optional_number(out: &mut Vec<u8>, key: &str, value: u64) {
    if value != 0 {
        number(out, key, value);
    }
}

fn optional_text(out: &mut Vec<u8>, key: &str, text: &[u8]) {
    if !text.is_empty() {
        open_field(out, key);
        out.push(b'"');
        write_string(text, out);
        out.push(b'"');
    }
}

fn quoted_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    out.extend_from_slice(base64::engine::general_purpose::STANDARD.encode(bytes).as_bytes());
    out.push(b'"');
}

fn quoted_id(out: &mut Vec<u8>, id: &FileId) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for byte in id.0 {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
    out.push(b'"');
}
