//! Patterns of `--files-from`, expanded as Go's `filepath.Glob` does: component by component, through bytes that need not be
//! text. What cannot be looked into is passed over.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use backstay_sources::files::path::join;
use backstay_sources::files::wildcard::{Malformed, Wildcard};

/// The paths that match, in the order of their names. Folders on the way may be links.
pub(super) fn expand(pattern: &[u8]) -> Result<Vec<PathBuf>, Malformed> {
    // A bracket may not reach over a slash, but it has to be closed somewhere: the whole is looked at first.
    Wildcard::new(pattern)?;
    Ok(matching(pattern)?.into_iter().map(|path| PathBuf::from(OsString::from_vec(path))).collect())
}

fn matching(pattern: &[u8]) -> Result<Vec<Vec<u8>>, Malformed> {
    if !has_wildcards(pattern) {
        let exists = std::fs::symlink_metadata(as_path(pattern)).is_ok();
        return Ok(if exists { vec![pattern.to_vec()] } else { Vec::new() });
    }
    let (folder, last) = match pattern.iter().rposition(|byte| *byte == b'/') {
        None => (&b"."[..], pattern),
        Some(0) => (&b"/"[..], pattern.get(1..).unwrap_or_default()),
        Some(at) => (pattern.get(..at).unwrap_or_default(), pattern.get(at + 1..).unwrap_or_default()),
    };
    let last = Wildcard::new(last)?;
    let folders = if has_wildcards(folder) { matching(folder)? } else { vec![folder.to_vec()] };
    Ok(folders.iter().flat_map(|folder| inside(folder, &last)).collect())
}

/// What in a folder matches.
fn inside(folder: &[u8], last: &Wildcard) -> Vec<Vec<u8>> {
    let Ok(entries) = std::fs::read_dir(as_path(folder)) else { return Vec::new() };
    let names = entries.filter_map(Result::ok).map(|entry| entry.file_name().into_vec());
    let mut names: Vec<_> = names.filter(|name| last.matches(name)).collect();
    names.sort_unstable();
    names.iter().map(|name| join(folder, name)).collect()
}

fn has_wildcards(pattern: &[u8]) -> bool {
    pattern.iter().any(|byte| b"*?[\\".contains(byte))
}

fn as_path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_expanded_one_by_one() {
        let root = tempfile::tempdir().unwrap();
        for name in ["a/one", "a/.hidden", "b/one", "b/t*o", "a/[x]"] {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let found = |pattern: &str| -> Vec<String> {
            let below = expand(root.path().join(pattern).as_os_str().as_bytes()).unwrap();
            let below = below.iter().map(|path| path.strip_prefix(root.path()).unwrap().to_str().unwrap());
            below.map(str::to_owned).collect()
        };
        assert_eq!(found("*/one"), ["a/one", "b/one"]);
        assert_eq!(found("a/*"), ["a/.hidden", "a/[x]", "a/one"]);
        assert_eq!(found("b/t\\*o"), ["b/t*o"]);
        assert_eq!(found("a/\\[x]"), ["a/[x]"]);
        assert_eq!(found("[^b]/o?e"), ["a/one"]);
        // Two stars are one, as everywhere but in excludes.
        assert!(found("**e").is_empty());
        assert!(found("*/one/").is_empty());
        assert_eq!(found("a/one"), ["a/one"]);
        assert!(found("a/two").is_empty());
    }

    #[test]
    fn malformed_patterns_are_refused_wherever_they_are() {
        for pattern in ["[", "no/such/[", "x/a\\", "[a/b]"] {
            assert_eq!(expand(pattern.as_bytes()), Err(Malformed), "{pattern}");
        }
    }
}
