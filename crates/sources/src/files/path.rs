//! Paths as raw bytes, cleaned and taken apart by the rules of Go's `path/filepath` on Unix, which
//! decide how restic names things.

/// The shortest equal path: no empty, `.` or inner `..` components; `.` for nothing at all.
#[must_use]
pub fn clean(path: &[u8]) -> Vec<u8> {
    let rooted = path.first() == Some(&b'/');
    let mut kept: Vec<&[u8]> = Vec::new();
    for component in path.split(|&byte| byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." => match kept.last() {
                Some(&last) if last != b".." => {
                    kept.pop();
                }
                // Above the root there is only the root.
                _ if rooted => {}
                _ => kept.push(component),
            },
            _ => kept.push(component),
        }
    }
    let mut cleaned = if rooted { b"/".to_vec() } else { Vec::new() };
    cleaned.extend(kept.join(&b'/'));
    if cleaned.is_empty() {
        cleaned.push(b'.');
    }
    cleaned
}

/// Both paths put together and cleaned; an empty first part leaves the second alone.
#[must_use]
pub fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = folder.to_vec();
    if !path.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    clean(&path)
}

/// The folder part and the last component of a cleaned path. `a` lies in `.`, `/` in itself.
#[must_use]
pub fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|&byte| byte == b'/') {
        None => (b".", path),
        Some(0) if path.len() == 1 => (b"/", b"/"),
        Some(at) => {
            let (folder, name) = path.split_at(at);
            (if folder.is_empty() { b"/" } else { folder }, name.get(1..).unwrap_or_default())
        }
    }
}

/// The components of a cleaned path below the root, without leading `..`: what it is called in a snapshot.
#[must_use]
pub fn components(path: &[u8]) -> Vec<&[u8]> {
    path.split(|&byte| byte == b'/').filter(|part| !matches!(*part, b"" | b"." | b"..")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleaning_follows_go() {
        for (path, expected) in [
            ("", "."),
            ("/", "/"),
            ("//a//b/", "/a/b"),
            ("./a/./b", "a/b"),
            ("a/../b", "b"),
            ("../a/..", ".."),
            ("../../x", "../../x"),
            ("/../a", "/a"),
            ("a/..", "."),
        ] {
            assert_eq!(String::from_utf8(clean(path.as_bytes())).unwrap(), expected, "{path:?}");
        }
    }

    #[test]
    fn a_path_splits_into_folder_and_name() {
        assert_eq!(split(b"/a/b"), (&b"/a"[..], &b"b"[..]));
        assert_eq!(split(b"/a"), (&b"/"[..], &b"a"[..]));
        assert_eq!(split(b"a"), (&b"."[..], &b"a"[..]));
        assert_eq!(join(b".", b"a"), b"a");
        assert_eq!(components(b"../../x/y"), [b"x", b"y"]);
    }
}
