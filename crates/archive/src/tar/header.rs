//! The header of an entry, with the extended records that go before it.

use std::borrow::Cow;

use backstay_core::{EntryKind, Meta, Timestamp};
use tar::{EntryType, Header};

/// The largest number in an octal field of twelve bytes, one of which closes it.
const LARGEST_SIZE: u64 = 0o77_777_777_777;

/// The largest number in an octal field of eight bytes.
const LARGEST_ID: u32 = 0o7_777_777;

/// The longest path in a plain header.
const LONGEST_PATH: usize = 100;

/// The longest user or group name in a plain header, which has to be closed.
const LONGEST_OWNER: usize = 31;

/// What an entry is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form<'a> {
    /// As its metadata says, with so many bytes of content.
    Plain { size: u64 },
    /// Another name of the file at this path.
    HardLink(&'a [u8]),
}

/// A header and its records, ready to be written.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) header: Header,
    pub(crate) records: Vec<(String, Vec<u8>)>,
}

impl Head {
    /// `None` for kinds that tar has no entries for.
    pub(crate) fn new(path: &[u8], meta: &Meta, form: Form<'_>) -> Option<Self> {
        let mut head = Self { header: Header::new_ustar(), records: Vec::new() };
        let (kind, link, size) = match form {
            Form::HardLink(original) => (EntryType::Link, Some(original), 0),
            Form::Plain { size } => (entry_type(meta.kind)?, meta.link_target.as_deref(), size),
        };
        head.header.set_entry_type(kind);
        head.set_path(path, meta.kind == EntryKind::Folder);
        if let Some(link) = link {
            head.set_link(link);
        }
        head.header.set_mode(meta.permissions & 0o7777);
        head.set_size(size);
        head.set_owner(meta);
        head.set_times(meta);
        if matches!(meta.kind, EntryKind::BlockDevice | EntryKind::CharDevice) {
            // Beyond seven octal digits the crate falls back on a binary form that tar reads too.
            let major = rustix::fs::major(meta.device);
            let minor = rustix::fs::minor(meta.device);
            head.header.set_device_major(major).ok()?;
            head.header.set_device_minor(minor).ok()?;
        }
        for attribute in &meta.xattrs {
            let key = format!("SCHILY.xattr.{}", escape_key(&attribute.name));
            head.records.push((key, attribute.value.clone()));
        }
        head.header.set_cksum();
        Some(head)
    }

    fn record(&mut self, key: &str, value: impl Into<Vec<u8>>) {
        self.records.push((key.to_owned(), value.into()));
    }

    fn set_path(&mut self, path: &[u8], is_folder: bool) {
        let mut path = Cow::Borrowed(path);
        if is_folder {
            path.to_mut().push(b'/');
        }
        let short = path.get(..LONGEST_PATH).unwrap_or(&path);
        if let Some(header) = self.header.as_ustar_mut()
            && let Some(room) = header.name.get_mut(..short.len())
        {
            room.copy_from_slice(short);
        }
        if path.len() > LONGEST_PATH {
            self.record("path", path.into_owned());
        }
    }

    fn set_link(&mut self, link: &[u8]) {
        let short = link.get(..LONGEST_PATH).unwrap_or(link);
        if let Some(header) = self.header.as_ustar_mut()
            && let Some(room) = header.linkname.get_mut(..short.len())
        {
            room.copy_from_slice(short);
        }
        if link.len() > LONGEST_PATH {
            self.record("linkpath", link);
        }
    }

    fn set_size(&mut self, size: u64) {
        self.header.set_size(size);
        if size > LARGEST_SIZE {
            self.record("size", size.to_string());
        }
    }

    fn set_owner(&mut self, meta: &Meta) {
        self.header.set_uid(meta.uid.into());
        self.header.set_gid(meta.gid.into());
        if meta.uid > LARGEST_ID {
            self.record("uid", meta.uid.to_string());
        }
        if meta.gid > LARGEST_ID {
            self.record("gid", meta.gid.to_string());
        }
        if meta.user.len() > LONGEST_OWNER || self.header.set_username(&meta.user).is_err() {
            self.record("uname", &*meta.user);
        }
        if meta.group.len() > LONGEST_OWNER || self.header.set_groupname(&meta.group).is_err() {
            self.record("gname", &*meta.group);
        }
    }

    fn set_times(&mut self, meta: &Meta) {
        let modified = meta.modified;
        let plain = u64::try_from(modified.seconds).unwrap_or(0);
        self.header.set_mtime(plain.min(LARGEST_SIZE));
        if modified.nanos != 0 || modified.seconds < 0 || plain > LARGEST_SIZE {
            self.record("mtime", decimal(modified));
        }
        if !meta.accessed.same_instant(&modified) {
            self.record("atime", decimal(meta.accessed));
        }
    }
}

fn entry_type(kind: EntryKind) -> Option<EntryType> {
    Some(match kind {
        EntryKind::File => EntryType::Regular,
        EntryKind::Folder => EntryType::Directory,
        EntryKind::Symlink => EntryType::Symlink,
        EntryKind::BlockDevice => EntryType::Block,
        EntryKind::CharDevice => EntryType::Char,
        EntryKind::Fifo => EntryType::Fifo,
        EntryKind::Socket | EntryKind::Irregular => return None,
    })
}

/// Seconds since 1970 as a decimal number; before that it is negative as a whole.
fn decimal(time: Timestamp) -> String {
    let Timestamp { seconds, nanos, .. } = time;
    if seconds < 0 && nanos > 0 {
        format!("-{}.{:09}", (seconds + 1).unsigned_abs(), 1_000_000_000 - nanos.min(1_000_000_000))
    } else {
        format!("{seconds}.{nanos:09}")
    }
}

/// A record's key ends at its first `=`, so none may be in it. GNU tar reads this form back.
fn escape_key(name: &str) -> Cow<'_, str> {
    if name.contains(['%', '=']) {
        Cow::Owned(name.replace('%', "%25").replace('=', "%3D"))
    } else {
        Cow::Borrowed(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_decimals() {
        for (seconds, nanos, expected) in [
            (0, 0, "0.000000000"),
            (12, 5, "12.000000005"),
            (-5, 0, "-5.000000000"),
            (-5, 1, "-4.999999999"),
            (-1, 500_000_000, "-0.500000000"),
        ] {
            assert_eq!(decimal(Timestamp::utc(seconds, nanos)), expected);
        }
    }
}
