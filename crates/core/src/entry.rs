//! What every source can say about one file, folder, row set or object.

use std::collections::BTreeMap;
use std::sync::Arc;

/// The kind of an entry. The names follow restic's node types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum EntryKind {
    /// A regular file: the only kind with content.
    #[default]
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
    /// A Unix domain socket.
    Socket,
    /// Anything else the operating system may report.
    Irregular,
}

/// A moment to the nanosecond, with the zone offset it is to be written with.
///
/// restic writes local times, so that two programs agree on a tree byte for byte only when they
/// agree on the offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Timestamp {
    /// Seconds since 1970-01-01T00:00:00Z, negative before.
    pub seconds: i64,
    /// Nanoseconds within the second, below 1,000,000,000.
    pub nanos: u32,
    /// Seconds east of UTC.
    pub offset: i32,
}

impl Timestamp {
    /// A moment in UTC.
    #[must_use]
    pub const fn utc(seconds: i64, nanos: u32) -> Self {
        Self { seconds, nanos, offset: 0 }
    }

    /// Whether both name the same instant, whatever their offsets.
    #[must_use]
    pub fn same_instant(&self, other: &Self) -> bool {
        (self.seconds, self.nanos) == (other.seconds, other.nanos)
    }
}

impl PartialOrd for Timestamp {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Timestamp {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.seconds, self.nanos, self.offset).cmp(&(other.seconds, other.nanos, other.offset))
    }
}

/// An extended attribute. POSIX ACLs travel as the attributes the kernel shows them as.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Xattr {
    /// The name with its namespace, as `user.comment`.
    pub name: String,
    /// The value, any bytes.
    pub value: Vec<u8>,
}

/// Everything about an entry but its name and content.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Meta {
    /// What it is.
    pub kind: EntryKind,
    /// Unix permission bits with setuid, setgid and sticky: the low twelve bits of `st_mode`.
    pub permissions: u32,
    /// Last change of the content.
    pub modified: Timestamp,
    /// Last access. Sinks that follow restic store `modified` here unless asked for the real one.
    pub accessed: Timestamp,
    /// Last change of the metadata.
    pub changed: Timestamp,
    /// Numeric owner.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
    /// Owner's name; empty when unknown.
    pub user: Arc<str>,
    /// Group's name; empty when unknown.
    pub group: Arc<str>,
    /// Inode number, 0 when the source has none. With `device_id` it names a hard-link group.
    pub inode: u64,
    /// The device that holds the inode.
    pub device_id: u64,
    /// Content bytes of a file, as the source last saw them; 0 for other kinds.
    pub size: u64,
    /// Number of hard links.
    pub links: u64,
    /// Target of a symbolic link, raw bytes.
    pub link_target: Option<Vec<u8>>,
    /// Device number of a device node (`st_rdev`).
    pub device: u64,
    /// Extended attributes in the order the source gave them.
    pub xattrs: Vec<Xattr>,
    /// Further attributes by name; each value is one JSON text. They survive a rewrite by restic.
    pub generic: BTreeMap<String, String>,
}

impl Meta {
    /// Whether the entry shares its content with another name.
    #[must_use]
    pub fn is_hard_linked(&self) -> bool {
        self.kind == EntryKind::File && self.links > 1
    }
}
