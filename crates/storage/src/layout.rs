//! restic's default layout: where a repository file lies below the repository's root.
//!
//! `config` lies in the root; packs in `data/<first two digits>/<id>`; everything else in one flat folder
//! per kind. A file that lies directly in `data` belongs to no repository: restic passes it over, and so
//! do we.

use backstay_core::{FileId, FileKind, Handle};

/// The folder of a file, relative to the root, with `/` between its parts; empty for the root itself.
pub(crate) fn folder(handle: &Handle) -> String {
    match handle.kind {
        FileKind::Config => String::new(),
        FileKind::Pack => format!("data/{}", shard(&handle.id)),
        kind => kind.folder().to_owned(),
    }
}

/// The name of a file within its folder.
pub(crate) fn name(handle: &Handle) -> String {
    match handle.kind {
        FileKind::Config => FileKind::Config.folder().to_owned(),
        _ => handle.id.to_hex(),
    }
}

/// The path of a file, relative to the root, with `/` between its parts.
pub(crate) fn path(handle: &Handle) -> String {
    let mut path = folder(handle);
    if !path.is_empty() {
        path.push('/');
    }
    path.push_str(&name(handle));
    path
}

/// The subfolder of `data` that holds the pack.
pub(crate) fn shard(id: &FileId) -> String {
    let mut text = id.to_hex();
    text.truncate(2);
    text
}

/// All 256 names that [`shard`] can give.
pub(crate) fn shards() -> impl Iterator<Item = String> {
    (0..=u8::MAX).map(|byte| format!("{byte:02x}"))
}

/// The id that a file's name stands for, if it is one: exactly 64 lower-case digits.
pub(crate) fn id(name: &str) -> Option<FileId> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    FileId::from_hex(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_lie_where_restic_looks_for_them() {
        let id = FileId([0xab; 32]);
        let hex = "ab".repeat(32);
        assert_eq!(path(&Handle::CONFIG), "config");
        assert_eq!(path(&Handle::new(FileKind::Pack, id)), format!("data/ab/{hex}"));
        assert_eq!(path(&Handle::new(FileKind::Index, id)), format!("index/{hex}"));
        assert_eq!(path(&Handle::new(FileKind::Key, id)), format!("keys/{hex}"));
        assert_eq!(path(&Handle::new(FileKind::Lock, id)), format!("locks/{hex}"));
        assert_eq!(path(&Handle::new(FileKind::Snapshot, id)), format!("snapshots/{hex}"));
    }

    #[test]
    fn names_that_are_no_ids_are_told_apart() {
        assert_eq!(id(&"ab".repeat(32)), Some(FileId([0xab; 32])));
        assert_eq!(id(&"AB".repeat(32)), None);
        assert_eq!(id(&format!("{}-tmp-1", "ab".repeat(32))), None);
        assert_eq!(id("README"), None);
        assert_eq!(shards().count(), 256);
        assert_eq!(shards().last().as_deref(), Some("ff"));
    }
}
