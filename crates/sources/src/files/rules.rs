//! What is left out of a backup.

use std::os::fd::AsFd;
use std::sync::Arc;

use backstay_core::Meta;
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

/// Leaves out by absolute path alone, before anything is asked of the file system.
pub type NameRule = Arc<dyn Fn(&[u8]) -> bool + Send + Sync>;

/// Leaves out by absolute path and metadata.
pub type MetaRule = Arc<dyn Fn(&[u8], &Meta) -> bool + Send + Sync>;

/// A file whose presence keeps everything else in its folder out of the backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagFile {
    /// Its name.
    pub name: Vec<u8>,
    /// What it has to begin with; empty for anything.
    pub header: Vec<u8>,
}

impl TagFile {
    /// The tag of the Cache Directory Tagging Specification.
    #[must_use]
    pub fn cache() -> Self {
        Self {
            name: b"CACHEDIR.TAG".to_vec(),
            header: b"Signature: 8a477f597d28d172789f06886806bc55".to_vec(),
        }
    }

    /// Reads `name` or `name:header`. `None` when there is no name.
    #[must_use]
    pub fn parse(spec: &[u8]) -> Option<Self> {
        let mut halves = spec.splitn(2, |&byte| byte == b':');
        let name = halves.next().filter(|name| !name.is_empty())?;
        Some(Self { name: name.to_vec(), header: halves.next().unwrap_or_default().to_vec() })
    }

    /// Whether the folder holds this tag. A tag that is there but not as it has to be is explained.
    pub(super) fn is_in(&self, folder: impl AsFd) -> Result<bool, String> {
        match rustix::fs::statat(&folder, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => return Ok(false),
            Err(error) => return Err(format!("cannot be accessed: {error}")),
            Ok(_) if self.header.is_empty() => return Ok(true),
            Ok(_) => {}
        }
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&folder, &self.name, flags, Mode::empty())
            .map_err(|error| format!("cannot be opened: {error}"))?;
        let mut start = vec![0; self.header.len()];
        let mut filled = 0;
        while let Some(room @ [_, ..]) = start.get_mut(filled..) {
            match rustix::io::read(&file, room) {
                Ok(0) => return Err("is too short to hold its signature".into()),
                Ok(count) => filled += count,
                Err(Errno::INTR) => {}
                Err(error) => return Err(format!("cannot be read: {error}")),
            }
        }
        if start == self.header { Ok(true) } else { Err("has another signature".into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_read_from_its_short_form() {
        let tag = |name: &[u8], header: &[u8]| TagFile { name: name.to_vec(), header: header.to_vec() };
        assert_eq!(TagFile::parse(b".nobackup"), Some(tag(b".nobackup", b"")));
        assert_eq!(TagFile::parse(b"tag:a:b"), Some(tag(b"tag", b"a:b")));
        assert_eq!(TagFile::parse(b":x"), None);
        assert_eq!(TagFile::parse(b""), None);
    }
}
