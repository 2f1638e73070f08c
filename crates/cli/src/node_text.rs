//! A node in a line of text, as `ls -l` has it.

use backstay_core::EntryKind;
use backstay_engine::format::Node;
use backstay_engine::format::node::go_mode;

use crate::format;

/// The permissions in letters, as Go writes them: restic's messages have them so.
pub(crate) fn permissions(mode: u32) -> String {
    const KINDS: &[u8; 13] = b"dalTLDpSugct?";
    let mut text = String::with_capacity(12);
    for (index, letter) in KINDS.iter().enumerate() {
        if mode & 1 << (31 - index) != 0 {
            text.push(char::from(*letter));
        }
    }
    if text.is_empty() {
        text.push('-');
    }
    for (index, letter) in b"rwxrwxrwx".iter().enumerate() {
        text.push(if mode & 1 << (8 - index) != 0 { char::from(*letter) } else { '-' });
    }
    text
}

/// The path alone, or with mode, owner, size and time before it.
pub(crate) fn line(path: &[u8], node: &Node, long: bool, human: bool) -> String {
    let path = format::quote(path);
    if !long {
        return path;
    }
    let meta = &node.meta;
    let size = if meta.kind == EntryKind::File { meta.size } else { 0 };
    let size = if human { format::bytes(size) } else { format!("{size:6}") };
    let time = crate::moment::local(&meta.modified);
    let mode = permissions(go_mode(meta));
    let target = match (&meta.link_target, meta.kind) {
        (Some(target), EntryKind::Symlink) => format!(" -> {}", format::quote(target)),
        _ => String::new(),
    };
    format!("{mode} {:5} {:5} {size} {time} {path}{target}", meta.uid, meta.gid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_read_as_go_prints_them() {
        for (mode, text) in [
            (0o644, "-rw-r--r--"),
            (1 << 31 | 0o755, "drwxr-xr-x"),
            (1 << 27 | 0o777, "Lrwxrwxrwx"),
            (1 << 26 | 1 << 21 | 0o600, "Dcrw-------"),
            (1 << 23 | 0o4755 & 0o777, "urwxr-xr-x"),
            (1 << 31 | 1 << 20 | 0o777, "dtrwxrwxrwx"),
        ] {
            assert_eq!(permissions(mode), text);
        }
    }
}
