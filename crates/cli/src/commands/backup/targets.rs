//! What to back up: arguments, and lists in files.

use std::ffi::OsString;
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::app::App;
use crate::args::Backup;
use crate::failure::{Explain, Failure, Outcome};

/// The files and folders to back up.
#[derive(Debug, Default)]
pub(super) struct Targets {
    /// Those that are there, as they were named.
    pub(super) existing: Vec<PathBuf>,
    /// The same as a snapshot records them: absolute and plain.
    pub(super) absolute: Vec<String>,
    /// How many are not there.
    pub(super) missing: usize,
}

/// Puts together what was named, and tells of what is not there.
pub(super) fn collect(app: &App, args: &Backup) -> Outcome<Targets> {
    let mut named = Vec::new();
    for file in &args.files_from {
        for pattern in patterns(&read(file)?) {
            named.extend(matching(app, &pattern)?);
        }
    }
    for file in &args.files_from_verbatim {
        let content = read(file)?;
        named.extend(lines(&content).filter(|line| !line.is_empty()).map(path));
    }
    for file in &args.files_from_raw {
        named.extend(raw(&read(file)?)?);
    }
    named.extend(args.paths.iter().map(PathBuf::from));
    if named.is_empty() {
        return Err(Failure::fatal("nothing to backup, please specify source files/dirs"));
    }
    let mut targets = Targets::default();
    for target in named {
        match std::fs::symlink_metadata(&target) {
            Ok(_) => {
                targets.absolute.push(absolute(&target));
                targets.existing.push(target);
            }
            Err(error) => {
                let why = match error.kind() {
                    std::io::ErrorKind::NotFound => "does not exist",
                    _ => "cannot be accessed",
                };
                app.console.complain(format!("{} {why}, skipping", target.display()));
                targets.missing += 1;
            }
        }
    }
    if targets.existing.is_empty() {
        return Err(Failure::fatal("all source directories/files do not exist"));
    }
    Ok(targets)
}

fn absolute(target: &Path) -> String {
    let joined = super::working_folder().join(target);
    let clean = backstay_sources::files::path::clean(joined.as_os_str().as_bytes());
    super::recorded(Path::new(&OsString::from_vec(clean)))
}

fn read(file: &Path) -> Outcome<Vec<u8>> {
    let mut content = Vec::new();
    let outcome = if file.as_os_str() == "-" {
        std::io::stdin().lock().read_to_end(&mut content).map(|_| ())
    } else {
        std::fs::read(file).map(|bytes| content = bytes)
    };
    outcome.explain(format!("cannot read the list of files from {}", file.display()))?;
    Ok(content)
}

fn lines(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    content.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes.to_vec()))
}

/// The lines that are patterns: not empty, no comments.
fn patterns(content: &[u8]) -> Vec<Vec<u8>> {
    lines(content)
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty() && !line.starts_with(b"#"))
        .map(<[u8]>::to_vec)
        .collect()
}

/// The files that a pattern matches, in the order of their names.
fn matching(app: &App, pattern: &[u8]) -> Outcome<Vec<PathBuf>> {
    let shown = crate::format::quote(pattern);
    let found = super::glob::expand(pattern)
        .map_err(|_| Failure::fatal(format!("pattern {shown} in --files-from is not valid: a bracket is not closed or empty, or a backslash stands at the end")))?;
    if found.is_empty() {
        app.console.complain(format!("pattern {shown} does not match any files, skipping"));
    }
    Ok(found)
}

/// Paths that each end with a NUL byte.
fn raw(content: &[u8]) -> Outcome<Vec<PathBuf>> {
    let Some(content) = content.strip_suffix(b"\0") else {
        return match content {
            b"" => Ok(Vec::new()),
            _ => Err(Failure::fatal("--files-from-raw: trailing zero byte missing")),
        };
    };
    let names: Vec<_> = content.split(|byte| *byte == 0).collect();
    if names.iter().any(|name| name.is_empty()) {
        return Err(Failure::fatal("--files-from-raw: empty filename in listing"));
    }
    Ok(names.into_iter().map(path).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_lists_end_every_name_with_a_zero() {
        assert_eq!(raw(b"/a\0/b\nc\0").unwrap(), [PathBuf::from("/a"), PathBuf::from("/b\nc")]);
        assert!(raw(b"").unwrap().is_empty());
        assert!(raw(b"/a").is_err());
        assert!(raw(b"/a\0\0").is_err());
    }

    #[test]
    fn patterns_leave_out_comments() {
        assert_eq!(patterns(b"# x\n /a* \r\n\n/b"), [b"/a*".to_vec(), b"/b".to_vec()]);
    }

    #[test]
    fn recorded_paths_are_plain() {
        assert_eq!(absolute(Path::new("/a/../b/./c/")), "/b/c");
    }
}
