//! What a backup of files leaves out.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use backstay_model::source::FilesSpec;
use backstay_sources::files::filter::{Case, List};
use backstay_sources::files::{CaptureOptions, TagFile};

use super::{Class, Result, WorkError};

/// The options of a capture: what the source says, and never these folders of our own.
pub(super) fn options(spec: &FilesSpec, own: &[PathBuf]) -> Result<CaptureOptions> {
    let mut options = CaptureOptions::default();
    let patterns = List::parse(&spec.excludes, Case::Sensitive).map_err(|error| {
        WorkError::new(Class::Other, "the source leaves out what cannot be understood")
            .because(&error)
            .hint("patterns are globs: `*`, `?`, `[a-z]` and `**` for any folders")
    })?;
    options.exclude(patterns);
    options.one_file_system = spec.one_file_system;
    options.exclude_larger_than = spec.exclude_larger_than;
    for name in &spec.exclude_if_present {
        options.exclude_if_present.extend(TagFile::parse(name.as_bytes()));
    }
    if spec.exclude_caches {
        options.exclude_if_present.push(TagFile::cache());
    }
    let own = with_real_names(own);
    options.name_rules.push(Arc::new(move |path| own.iter().any(|folder| lies_in(path, folder))));
    Ok(options)
}

/// The folders as they are named and as they really are: a walk may come upon either.
pub(super) fn with_real_names(folders: &[PathBuf]) -> Vec<Vec<u8>> {
    let named = folders.iter().cloned();
    let real = folders.iter().filter_map(|folder| folder.canonicalize().ok());
    let mut all: Vec<_> = named.chain(real).map(|folder| bytes(&folder)).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn bytes(path: &Path) -> Vec<u8> {
    backstay_sources::files::path::clean(path.as_os_str().as_bytes())
}

/// Whether a path is this folder, or in it.
pub(super) fn lies_in(path: &[u8], folder: &[u8]) -> bool {
    let rest = path.strip_prefix(folder);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/") || folder == b"/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_our_own_are_left_out_whole() {
        assert!(lies_in(b"/srv/repo", b"/srv/repo"));
        assert!(lies_in(b"/srv/repo/data/x", b"/srv/repo"));
        assert!(!lies_in(b"/srv/repository", b"/srv/repo"));
        assert!(!lies_in(b"/srv", b"/srv/repo"));
        assert!(lies_in(b"/srv", b"/"));
    }

    #[test]
    fn patterns_that_make_no_sense_are_named() {
        let spec = FilesSpec {
            paths: vec!["/".into()],
            excludes: vec!["[".into()],
            exclude_if_present: Vec::new(),
            exclude_caches: false,
            exclude_larger_than: None,
            one_file_system: false,
        };
        let error = options(&spec, &[]).unwrap_err();
        assert!(error.to_string().contains('['), "{error}");
    }
}
