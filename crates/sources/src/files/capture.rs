//! Files and folders as a source: what is taken, and what came of it.

use std::num::NonZeroUsize;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::sync::Arc;

use backstay_core::{Control, CutHint, Events, Sink, SinkError};
use rustix::fs::{AtFlags, CWD};

use super::rules::{MetaRule, NameRule, TagFile};
use super::targets::{self, LayoutError};
use super::walk::Walk;
use super::{filter, path};
pub use crate::report::CaptureReport;
use crate::report::Tally;

/// What a capture takes along and leaves out.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use backstay_sources::files::CaptureOptions;
/// use backstay_sources::files::filter::{Case, List};
///
/// let mut options = CaptureOptions::default();
/// options.one_file_system = true;
/// options.exclude_larger_than = Some(100 << 20);
/// options.exclude(List::parse(&["*.tmp".to_owned(), "node_modules".to_owned()], Case::Sensitive)?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct CaptureOptions {
    /// Rules by path. Targets themselves are never left out by a rule.
    pub name_rules: Vec<NameRule>,
    /// Rules by path and metadata.
    pub meta_rules: Vec<MetaRule>,
    /// Stay on the file systems that the targets are on; a mount point comes along as an empty folder.
    pub one_file_system: bool,
    /// Leave out the content of folders that hold one of these files.
    pub exclude_if_present: Vec<TagFile>,
    /// Leave out anything but folders that is larger than this many bytes.
    pub exclude_larger_than: Option<u64>,
    /// Keep real access times; otherwise the time of the last change stands in for them, so that
    /// reading a file does not change its folder.
    pub with_atime: bool,
    /// Read extended attributes.
    pub with_attributes: bool,
    /// Read the targets below this folder, where a [copy](super::copy) of them is, and hand them over under their own names. Targets are
    /// absolute then.
    pub root: Option<PathBuf>,
    /// How sinks are to cut the content of files.
    pub cut: CutHint,
    /// How many threads walk. By default as many as there are cores, four at most.
    pub threads: Option<NonZeroUsize>,
}

impl Default for CaptureOptions {
    fn default() -> Self {
        Self {
            name_rules: Vec::new(),
            meta_rules: Vec::new(),
            one_file_system: false,
            exclude_if_present: Vec::new(),
            exclude_larger_than: None,
            with_atime: false,
            with_attributes: true,
            root: None,
            cut: CutHint::ByContent,
            threads: None,
        }
    }
}

impl std::fmt::Debug for CaptureOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CaptureOptions")
            .field("name_rules", &self.name_rules.len())
            .field("meta_rules", &self.meta_rules.len())
            .field("one_file_system", &self.one_file_system)
            .field("exclude_if_present", &self.exclude_if_present)
            .field("exclude_larger_than", &self.exclude_larger_than)
            .field("with_atime", &self.with_atime)
            .field("with_attributes", &self.with_attributes)
            .field("root", &self.root)
            .field("threads", &self.threads)
            .finish()
    }
}

impl CaptureOptions {
    /// Leaves out what a list of patterns matches.
    pub fn exclude(&mut self, patterns: filter::List) {
        if !patterns.is_empty() {
            self.name_rules.push(Arc::new(move |path| patterns.is_match(path)));
        }
    }

    pub(super) fn thread_count(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get).clamp(1, 4);
        self.threads.map_or_else(cores, NonZeroUsize::get)
    }
}

/// Why a capture ended before its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// The sink cannot go on, or the work was cancelled.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// There is nothing to back up.
    #[error("none of the given files and folders can be found")]
    NoTargets,
    /// The targets do not make one tree.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// Relative targets need a working folder.
    #[error("cannot tell the working folder: {0}")]
    WorkingFolder(#[source] std::io::Error),
}

impl From<backstay_core::Interrupted> for CaptureError {
    fn from(interrupted: backstay_core::Interrupted) -> Self {
        Self::Sink(interrupted.into())
    }
}

/// A source of files and folders.
#[derive(Debug, Clone, Default)]
pub struct Capture {
    /// What to back up: absolute, or relative to the working folder.
    pub targets: Vec<PathBuf>,
    /// What to take along and leave out.
    pub options: CaptureOptions,
}

impl Capture {
    /// A capture of these targets with the usual options.
    #[must_use]
    pub fn new(targets: Vec<PathBuf>) -> Self {
        Self { targets, options: CaptureOptions::default() }
    }

    /// Walks the targets and hands everything to the sink.
    ///
    /// An item that cannot be read is told to its folder in the sink, which reports it, and the walk
    /// goes on; an item that vanishes before it is looked at is passed over. Targets that are missing
    /// are warned of through `events`.
    ///
    /// # Errors
    /// When the sink cannot go on, the work is cancelled, or there is nothing to walk.
    pub fn run(
        &self,
        sink: &dyn Sink,
        control: &Control,
        events: &dyn Events,
    ) -> Result<CaptureReport, CaptureError> {
        raise_open_file_limit();
        let (found, missing) = self.existing_targets();
        for target in &missing {
            events.warning(&format!("{} does not exist or cannot be reached, skipping it", target.display()));
        }
        if found.is_empty() {
            return Err(CaptureError::NoTargets);
        }
        let root = self.options.root.as_ref().map(|root| root.as_os_str().as_bytes());
        let layout = targets::lay_out(&found, root)?;
        let working_folder =
            std::env::current_dir()
                .map(|folder| folder.into_os_string().into_vec())
                .or_else(|error| {
                    if found.iter().all(|t| t.starts_with(b"/")) { Ok(b"/".to_vec()) } else { Err(error) }
                })
                .map_err(CaptureError::WorkingFolder)?;
        let tally = Tally::default();
        Walk::new(&self.options, &tally, control, events, working_folder, &found).run(&layout, sink)?;
        Ok(tally.report(missing))
    }

    /// Splits the targets into those that are there, as raw bytes, and those that are not.
    fn existing_targets(&self) -> (Vec<Vec<u8>>, Vec<PathBuf>) {
        let mut found = Vec::new();
        let mut missing = Vec::new();
        for target in &self.targets {
            let raw = path::clean(target.as_os_str().as_bytes());
            let real =
                targets::below(self.options.root.as_ref().map(|root| root.as_os_str().as_bytes()), &raw);
            let exists = rustix::fs::statat(CWD, &*real, AtFlags::SYMLINK_NOFOLLOW).is_ok();
            if exists { found.push(raw) } else { missing.push(target.clone()) }
        }
        (found, missing)
    }
}

/// Lets the process open as many files as the system allows it: each folder that has work waiting
/// stays open.
pub fn raise_open_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        // Refused, the walk goes on with fewer open files.
        let _ = setrlimit(Resource::Nofile, limit);
    }
}

#[cfg(test)]
#[path = "capture_tests.rs"]
mod tests;
