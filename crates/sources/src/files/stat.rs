//! From what the kernel says about an item to what an entry carries.

use backstay_core::{EntryKind, Meta};
use rustix::fs::{FileType, Stat};

use super::owners::Owners;
use super::zone::Zone;

/// Turns `stat` results into metadata.
#[derive(Debug)]
pub(super) struct Describer {
    pub(super) owners: Owners,
    zone: Zone,
    with_atime: bool,
}

impl Describer {
    pub(super) fn new(with_atime: bool) -> Self {
        Self { owners: Owners::default(), zone: Zone::local(), with_atime }
    }

    /// Everything but link target and extended attributes, which are not in `stat`.
    // The fields have other types on other architectures.
    #[allow(clippy::unnecessary_cast, clippy::cast_lossless)]
    pub(super) fn meta(&self, stat: &Stat) -> Meta {
        let kind = kind(stat);
        let modified = self.zone.at(stat.st_mtime as i64, stat.st_mtime_nsec as u32);
        let accessed = if self.with_atime {
            self.zone.at(stat.st_atime as i64, stat.st_atime_nsec as u32)
        } else {
            modified
        };
        // restic records links and device numbers for these kinds only.
        let counts_links = !matches!(kind, EntryKind::Folder | EntryKind::Fifo | EntryKind::Socket);
        let is_device = matches!(kind, EntryKind::BlockDevice | EntryKind::CharDevice);
        Meta {
            kind,
            permissions: stat.st_mode & 0o7777,
            modified,
            accessed,
            changed: self.zone.at(stat.st_ctime as i64, stat.st_ctime_nsec as u32),
            uid: stat.st_uid,
            gid: stat.st_gid,
            user: self.owners.user(stat.st_uid),
            group: self.owners.group(stat.st_gid),
            inode: stat.st_ino,
            device_id: stat.st_dev,
            size: if kind == EntryKind::File { stat.st_size as u64 } else { 0 },
            links: if counts_links { stat.st_nlink as u64 } else { 0 },
            device: if is_device { stat.st_rdev } else { 0 },
            ..Meta::default()
        }
    }
}

pub(super) fn kind(stat: &Stat) -> EntryKind {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => EntryKind::File,
        FileType::Directory => EntryKind::Folder,
        FileType::Symlink => EntryKind::Symlink,
        FileType::BlockDevice => EntryKind::BlockDevice,
        FileType::CharacterDevice => EntryKind::CharDevice,
        FileType::Fifo => EntryKind::Fifo,
        FileType::Socket => EntryKind::Socket,
        FileType::Unknown => EntryKind::Irregular,
    }
}
