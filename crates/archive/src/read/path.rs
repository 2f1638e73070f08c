//! Paths in archives, which anybody may have written.

use crate::ArchiveError;

/// The longest path that is taken.
const LONGEST: usize = 65_535;

/// Whether a path stays below the folder that it is relative to: names between `/`, none of them empty, `.` or `..`.
pub(super) fn why_unsafe(path: &[u8]) -> Option<&'static str> {
    if path.len() > LONGEST {
        return Some("its path is too long");
    }
    if path.first() == Some(&b'/') {
        return Some("its path is absolute");
    }
    if path.contains(&0) {
        return Some("its path has a NUL in it");
    }
    path.split(|byte| *byte == b'/').find_map(|name| match name {
        b"" => Some("its path has an empty name in it"),
        b"." | b".." => Some("its path has a name of dots in it"),
        _ => None,
    })
}

/// Refuses a path that could lead out of the folder.
pub(super) fn check(path: &[u8], what: &str) -> Result<(), ArchiveError> {
    why_unsafe(path).map_or(Ok(()), |why| {
        let path = String::from_utf8_lossy(path.get(..200).unwrap_or(path)).into_owned();
        Err(ArchiveError::Unsafe { what: what.to_owned(), path, why })
    })
}

/// A path as other programs write it, made relative: `./` before it and `/` behind it are taken off. Empty for the root itself.
pub(super) fn relative(path: &[u8]) -> &[u8] {
    let mut path = path;
    while let Some(rest) = path.strip_prefix(b"./") {
        path = rest;
    }
    while let Some(rest) = path.strip_suffix(b"/") {
        path = rest;
    }
    if path == b"." { b"" } else { path }
}

/// The paths of the folders above an item, from its own up.
pub(super) fn above(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let cut = |path: &[u8]| path.iter().rposition(|byte| *byte == b'/');
    std::iter::successors(Some(path), move |path| path.get(..cut(path)?)).skip(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stays_below_is_taken() {
        for path in ["a", "a/b", "...", "a b/ü", "-", "a\\b"] {
            assert_eq!(why_unsafe(path.as_bytes()), None, "{path}");
        }
        for path in ["", "/", "/a", "a/", "a//b", ".", "..", "a/..", "../a", "a/./b", "a\0b"] {
            assert!(why_unsafe(path.as_bytes()).is_some(), "{path}");
        }
        // No file has such a name, but the key of an object may.
        assert_eq!(why_unsafe(&[b'a'; 1024]), None);
        assert!(why_unsafe(&[b'a'; LONGEST + 1]).is_some());
    }

    #[test]
    fn folders_above_are_told_from_below() {
        assert_eq!(above(b"a/b/c").collect::<Vec<_>>(), [&b"a/b"[..], b"a"]);
        assert_eq!(above(b"a").count(), 0);
        assert_eq!(relative(b"././a/b//"), b"a/b");
        assert_eq!((relative(b"./"), relative(b".")), (&b""[..], &b""[..]));
    }
}
