//! Patterns of paths, from flags and from files.

use std::path::{Path, PathBuf};

use backstay_sources::files::filter::{Case, List};

use crate::args::{ExcludePatterns, IncludePatterns};
use crate::failure::{Explain, Failure, Outcome};

/// Two lists: one that minds the case of letters, and one that does not.
#[derive(Debug, Clone)]
pub(crate) struct Patterns {
    pub(crate) sensitive: List,
    pub(crate) insensitive: List,
}

impl Patterns {
    /// What `--exclude` and its kin say.
    pub(crate) fn exclude(args: &ExcludePatterns) -> Outcome<Self> {
        Self::collect("exclude", &args.exclude, &args.exclude_file, &args.iexclude, &args.iexclude_file)
    }

    /// What `--include` and its kin say.
    pub(crate) fn include(args: &IncludePatterns) -> Outcome<Self> {
        Self::collect("include", &args.include, &args.include_file, &args.iinclude, &args.iinclude_file)
    }

    fn collect(
        flag: &str,
        patterns: &[String],
        files: &[PathBuf],
        insensitive: &[String],
        insensitive_files: &[PathBuf],
    ) -> Outcome<Self> {
        let list = |flag: String, patterns: &[String], files: &[PathBuf], case| -> Outcome<List> {
            let mut all = patterns.to_vec();
            for file in files {
                all.extend(read(file)?);
            }
            List::parse(&all, case).map_err(|error| {
                Failure::fatal(format!("--{flag}: {error}"))
                    .hint("patterns are globs: `*`, `?`, `[a-z]` and `**` for any folders")
            })
        };
        Ok(Self {
            sensitive: list(flag.to_owned(), patterns, files, Case::Sensitive)?,
            insensitive: list(format!("i{flag}"), insensitive, insensitive_files, Case::Insensitive)?,
        })
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.sensitive.is_empty() && self.insensitive.is_empty()
    }
}

/// The patterns in a file: one on each line, with variables of the environment, without comments.
fn read(path: &Path) -> Outcome<Vec<String>> {
    let text =
        std::fs::read(path).explain(format!("failed to read patterns from file {}", path.display()))?;
    let text = String::from_utf8_lossy(text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text)).into_owned();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.map(|line| expand(line, |name| std::env::var(name).unwrap_or_default())).collect())
}

/// Puts variables in, written `$NAME` or `${NAME}`; `$$` is a dollar.
fn expand(line: &str, value: impl Fn(&str) -> String) -> String {
    let mut expanded = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        let plain = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
        rest = if let Some(after) = after.strip_prefix('$') {
            expanded.push('$');
            after
        } else if let Some((name, after)) = after.strip_prefix('{').and_then(|after| after.split_once('}')) {
            expanded.push_str(&value(name));
            after
        } else {
            let (name, after) = after.split_at(after.find(plain).unwrap_or(after.len()));
            if name.is_empty() {
                expanded.push('$');
            } else {
                expanded.push_str(&value(name));
            }
            after
        };
    }
    expanded.push_str(rest);
    expanded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_put_in() {
        let value = |name: &str| format!("<{name}>");
        for (line, expected) in [
            ("$HOME/x", "<HOME>/x"),
            ("a/${B_1}c", "a/<B_1>c"),
            ("100$$", "100$"),
            ("a$/b", "a$/b"),
            ("${open", "${open"),
            ("plain", "plain"),
        ] {
            assert_eq!(expand(line, value), expected);
        }
    }

    #[test]
    fn comments_and_empty_lines_are_passed_over() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "\u{feff}# no\n\n  *.tmp  \n!keep.tmp\n").unwrap();
        assert_eq!(read(file.path()).unwrap(), ["*.tmp", "!keep.tmp"]);
    }
}
