//! Files and folders of this machine.

use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

use backstay_core::{Control, Interrupted, Sink, SinkError};
use backstay_sources::files::{Capture, CaptureError, CaptureOptions, TagFile, scan};

use crate::app::App;
use crate::args::Backup;
use crate::failure::{Failure, Outcome};
use crate::patterns::Patterns;
use crate::terminal::BackupProgress;

/// Walks the targets into the sink, while a second walk finds out how much there is. Returns how many targets went away.
pub(super) fn capture(
    app: &App,
    args: &Backup,
    sink: &dyn Sink,
    targets: &[PathBuf],
    progress: &Arc<BackupProgress>,
) -> Outcome<usize> {
    let mut capture = Capture::new(targets.to_vec());
    capture.options = options(app, args)?;
    let scanning = Control::new();
    std::thread::scope(|scope| {
        if !args.no_scan && app.console.progress_interval().is_some() {
            let (capture, scanning, progress) = (capture.clone(), scanning.clone(), Arc::clone(progress));
            // The totals are for the display only, and the capture itself reports what is wrong.
            scope.spawn(move || drop(scan(&capture, &scanning, &*progress)));
        }
        let outcome = capture.run(sink, &app.control, &**progress);
        scanning.cancel();
        let report = outcome.map_err(Failure::from)?;
        for target in &report.missing {
            app.console.complain(format!("error: {} is not there any more", target.display()));
        }
        Ok(report.missing.len())
    })
}

fn options(app: &App, args: &Backup) -> Outcome<CaptureOptions> {
    let mut options = CaptureOptions::default();
    let patterns = Patterns::exclude(&args.exclude)?;
    options.exclude(patterns.sensitive);
    options.exclude(patterns.insensitive);
    if app.settings.repository.is_none() {
        leave_out(&mut options, crate::default_repository::location()?);
    }
    if let Some(cache) = &app.settings.cache_folder {
        leave_out(&mut options, cache.clone());
    }
    options.one_file_system = args.one_file_system;
    options.exclude_larger_than = args.exclude_larger_than;
    options.with_atime = args.with_atime;
    for spec in &args.exclude_if_present {
        let tag = TagFile::parse(spec.as_bytes())
            .ok_or_else(|| Failure::fatal(format!("--exclude-if-present: {spec:?} names no file")))?;
        options.exclude_if_present.push(tag);
    }
    if args.exclude_caches {
        options.exclude_if_present.push(TagFile::cache());
    }
    Ok(options)
}

/// A backup does not take in the repository it goes to, nor the cache of it.
fn leave_out(options: &mut CaptureOptions, folder: PathBuf) {
    let folder = super::working_folder().join(folder);
    options.name_rules.push(Arc::new(move |path| path == folder.as_os_str().as_bytes()));
}

impl From<SinkError> for Failure {
    fn from(error: SinkError) -> Self {
        backstay_engine::Error::from(error).into()
    }
}

impl From<CaptureError> for Failure {
    fn from(error: CaptureError) -> Self {
        match error {
            CaptureError::Sink(SinkError::Interrupted(Interrupted)) => Self::interrupted(),
            CaptureError::Sink(error) => error.into(),
            CaptureError::NoTargets => Self::fatal("all source directories/files do not exist"),
            other => Self::fatal("unable to save snapshot").because(&other),
        }
    }
}
