//! What a path below `/repo` stands for.

use backstay_core::{FileId, FileKind, Handle};

use crate::names;
use crate::problem::Problem;

/// What is asked for. The text names the repository below the client's folder; it is empty for the folder itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    Repository(String),
    List(String, FileKind),
    File(String, Handle),
}

/// Reads the path that follows `/repo`.
pub(super) fn parse(path: &str) -> Result<Target, Problem> {
    let path = path.trim_start_matches('/');
    let (before, last) = path.rsplit_once('/').unwrap_or(("", path));
    if last.is_empty() {
        // It ends with a slash: a list, or a repository itself.
        let (place, kind) = before.rsplit_once('/').unwrap_or(("", before));
        return match kind_of(kind) {
            Some(kind) => Ok(Target::List(place_of(place)?, kind)),
            None => Ok(Target::Repository(place_of(before)?)),
        };
    }
    if last == FileKind::Config.folder() {
        return Ok(Target::File(place_of(before)?, Handle::CONFIG));
    }
    let (place, kind) = before.rsplit_once('/').unwrap_or(("", before));
    if let Some(kind) = kind_of(kind) {
        let id = FileId::from_hex(last).filter(|_| !last.bytes().any(|byte| byte.is_ascii_uppercase()));
        let id =
            id.ok_or_else(|| Problem::bad_name("a file of a repository is named by 64 hexadecimal digits"))?;
        return Ok(Target::File(place_of(place)?, Handle::new(kind, id)));
    }
    match kind_of(last) {
        Some(kind) => Ok(Target::List(place_of(before)?, kind)),
        None => Ok(Target::Repository(place_of(path)?)),
    }
}

fn kind_of(name: &str) -> Option<FileKind> {
    FileKind::FOLDERS.into_iter().find(|kind| kind.folder() == name)
}

fn place_of(text: &str) -> Result<String, Problem> {
    if text.is_empty() {
        return Ok(String::new());
    }
    names::check(text).map_err(Problem::bad_name)?;
    let is_own = |part: &str| kind_of(part).is_some() || part == FileKind::Config.folder();
    if text.split('/').any(is_own) {
        return Err(Problem::bad_name("a repository cannot be named as what lies within one"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_restic() {
        let id = FileId([0xab; 32]);
        let hex = "ab".repeat(32);
        let pack = |place: &str| Target::File(place.to_owned(), Handle::new(FileKind::Pack, id));
        assert_eq!(parse("/").unwrap(), Target::Repository(String::new()));
        assert_eq!(parse("").unwrap(), Target::Repository(String::new()));
        assert_eq!(parse("/a/b/").unwrap(), Target::Repository("a/b".to_owned()));
        assert_eq!(parse("/a/b").unwrap(), Target::Repository("a/b".to_owned()));
        assert_eq!(parse("/config").unwrap(), Target::File(String::new(), Handle::CONFIG));
        assert_eq!(parse("/a/config").unwrap(), Target::File("a".to_owned(), Handle::CONFIG));
        assert_eq!(parse(&format!("/data/{hex}")).unwrap(), pack(""));
        assert_eq!(parse(&format!("/a/b/data/{hex}")).unwrap(), pack("a/b"));
        assert_eq!(parse("/data/").unwrap(), Target::List(String::new(), FileKind::Pack));
        assert_eq!(parse("/a/locks/").unwrap(), Target::List("a".to_owned(), FileKind::Lock));
        assert_eq!(parse("/a/locks").unwrap(), Target::List("a".to_owned(), FileKind::Lock));
    }

    #[test]
    fn paths_that_lead_elsewhere_are_refused() {
        let upper = format!("/data/{}", "AB".repeat(32));
        for path in [
            "/../x/",
            "/a/../b/config",
            "/.receiver/config",
            "/a//b/config",
            "/data/short",
            &upper,
            "/data/x/config",
            "/config/config",
            "/a\0/",
        ] {
            parse(path).unwrap_err();
        }
    }
}
