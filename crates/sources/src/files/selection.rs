//! Decides what is left out of a capture.

use std::os::fd::BorrowedFd;

use backstay_core::{EntryKind, Events, Meta};
use rustix::fs::{AtFlags, CWD, Stat};

use super::capture::CaptureOptions;
use super::path;
use super::source::{Source, beneath, extend_beneath};

/// The rules of a capture, with what they need to know about its targets.
pub(super) struct Selection<'a> {
    options: &'a CaptureOptions,
    events: &'a dyn Events,
    working_folder: Vec<u8>,
    /// The file systems of the targets by absolute path, when no other may be walked.
    homes: Vec<(Vec<u8>, u64)>,
}

impl<'a> Selection<'a> {
    pub(super) fn new(
        options: &'a CaptureOptions,
        events: &'a dyn Events,
        working_folder: Vec<u8>,
        targets: &[Vec<u8>],
    ) -> Self {
        let mut selection = Self { options, events, working_folder, homes: Vec::new() };
        if options.one_file_system {
            let device = |target: &Vec<u8>| {
                let stat = rustix::fs::statat(CWD, target, AtFlags::SYMLINK_NOFOLLOW).ok()?;
                Some((selection.absolute(target), stat.st_dev))
            };
            selection.homes = targets.iter().filter_map(device).collect();
        }
        selection
    }

    /// `path` is room that is used again.
    pub(super) fn is_excluded_by_name(&self, source: &Source, name: &[u8], path: &mut Vec<u8>) -> bool {
        if source.tags.iter().any(|tag| tag != name) {
            return true;
        }
        if self.options.name_rules.is_empty() {
            return false;
        }
        path.clear();
        extend_beneath(path, &source.path, name);
        self.options.name_rules.iter().any(|rule| rule(path))
    }

    /// Whether [`Self::is_excluded_by_meta`] has anything to ask.
    pub(super) fn has_meta_rules(&self) -> bool {
        self.options.one_file_system
            || self.options.exclude_larger_than.is_some()
            || !self.options.meta_rules.is_empty()
    }

    pub(super) fn is_excluded_by_meta(
        &self,
        source: &Source,
        full_path: &[u8],
        stat: &Stat,
        meta: &Meta,
    ) -> bool {
        let is_folder = meta.kind == EntryKind::Folder;
        if self.options.one_file_system && stat.st_dev != source.home {
            // The folder that another file system is mounted on is still ours.
            let is_mount_point = is_folder && source.device == source.home;
            if !is_mount_point {
                return true;
            }
        }
        if !is_folder && self.options.exclude_larger_than.is_some_and(|most| stat.st_size as u64 > most) {
            return true;
        }
        self.options.meta_rules.iter().any(|rule| rule(full_path, meta))
    }

    /// The tag files in a folder that keep its content out.
    pub(super) fn tags(&self, folder: BorrowedFd<'_>, full_path: &[u8]) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        for tag in &self.options.exclude_if_present {
            match tag.is_in(folder) {
                Ok(true) => found.push(tag.name.clone()),
                Ok(false) => {}
                Err(problem) => {
                    let path = beneath(full_path, &tag.name);
                    let path = String::from_utf8_lossy(&path);
                    self.events.warning(&format!("exclusion tag file {path} {problem}"));
                }
            }
        }
        found
    }

    /// The file system of the nearest target at or above a path.
    pub(super) fn home(&self, path: &[u8]) -> Option<u64> {
        let holds = |target: &[u8]| {
            path.strip_prefix(target)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/") || target.ends_with(b"/"))
        };
        let nearest =
            self.homes.iter().filter(|(target, _)| holds(target)).max_by_key(|(target, _)| target.len());
        nearest.map(|(_, device)| *device)
    }

    pub(super) fn absolute(&self, target: &[u8]) -> Vec<u8> {
        if target.starts_with(b"/") { path::clean(target) } else { path::join(&self.working_folder, target) }
    }
}
