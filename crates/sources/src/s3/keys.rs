//! Keys of objects, and the paths that stand for them in a snapshot.

use backstay_core::sink::{escape_name, unescape_name};

/// The key of the object at a path below the bucket's folder.
#[must_use]
pub fn key_of(path: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(path.len());
    for (place, name) in path.split(|byte| *byte == b'/').enumerate() {
        if place > 0 {
            key.push(b'/');
        }
        key.extend_from_slice(&unescape_name(name));
    }
    key
}

/// The path of an object, below the bucket's folder. One that lies beside a folder of its name has a `%` more at its end.
#[must_use]
pub fn path_of(key: &[u8], beside_folder: bool) -> Vec<u8> {
    let names: Vec<_> = key.split(|byte| *byte == b'/').map(escape_name).collect();
    let mut path = names.join(&b'/');
    if beside_folder {
        path.push(b'%');
    }
    path
}

/// Whether a key can be asked for: in addresses, the parts `.` and `..` mean something else.
pub(super) fn is_askable(key: &str) -> bool {
    !key.split('/').any(|part| matches!(part, "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back_from_their_paths() {
        for key in ["a", "a/b", "a//b", "/a", "a/", "/", "//", "100%/x", "a/./b", "ü/\u{1}\n ", "a%2Fb"] {
            for beside in [false, true] {
                let path = path_of(key.as_bytes(), beside);
                assert_eq!(key_of(&path), key.as_bytes(), "{}", String::from_utf8_lossy(&path));
            }
        }
        assert_eq!(path_of(b"a/b", false), b"a/b");
        assert_eq!(path_of(b"a/", true), b"a/%%");
    }

    #[test]
    fn dots_alone_cannot_be_asked_for() {
        assert!(is_askable("a/.hidden/..x") && !is_askable("a/../b") && !is_askable("."));
    }
}
