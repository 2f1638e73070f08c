//! `restore`: a snapshot back into a folder.

use std::path::Path;
use std::sync::Arc;

use backstay_engine::restore::{Overwrite, RestoreOptions, RestoreReport, Selected, restore};
use backstay_sources::files::filter::{Case, List};
use backstay_sources::files::restore::{self as target, AttributeFilter, FolderTarget};

use crate::app::App;
use crate::args::{OverwriteMode, Restore};
use crate::failure::{Explain, Failure, Outcome};
use crate::json::restore::{Figures, Summary};
use crate::patterns::Patterns;
use crate::repository::{Access, Opened, patience_for_frozen};
use crate::terminal::RestoreProgress;
use crate::walk::subfolder;
use crate::{choose, format};

pub(super) fn run(app: &App, args: &Restore) -> Outcome {
    let exclude = Patterns::exclude(&args.exclude)?;
    let include = Patterns::include(&args.include)?;
    let folder = check(args, &exclude, &include)?;
    let attributes = attribute_filter(args)?;

    let repository = Opened::open(app, Access::Read)?;
    let (mut entry, below) = choose::one(&repository, &args.snapshot, &args.choice.filter())?;
    let index = Arc::clone(repository.load_index(app)?);
    entry.snapshot.tree = subfolder(&repository, &entry.snapshot.tree, &below)?;
    app.console.say(format!("restoring {} to {}", choose::describe(&entry), folder.display()));

    let mut options = target::RestoreOptions::default();
    options.owner_by_name = args.ownership_by_name;
    options.attributes = attributes;
    options.replace_full_folders = args.delete;
    options.look_only = args.dry_run;
    let target =
        FolderTarget::open(folder, options).explain(format!("cannot restore to {}", folder.display()))?;
    let select = |path: &[u8], is_folder: bool| select(path, is_folder, &exclude, &include);
    let options = RestoreOptions {
        overwrite: match args.overwrite {
            OverwriteMode::Always => Overwrite::Always,
            OverwriteMode::IfChanged => Overwrite::IfChanged,
            OverwriteMode::IfNewer => Overwrite::IfNewer,
            OverwriteMode::Never => Overwrite::Never,
        },
        sparse: args.sparse,
        delete: args.delete,
        dry_run: args.dry_run,
        verify: args.verify,
        wait_for_frozen: patience_for_frozen(app),
    };
    let progress = RestoreProgress::start(&app.console, folder);
    let report =
        restore(repository.engine(), &index, entry.snapshot.tree, &target, &select, options, &progress)
            .map_err(|error| repository.explain(error.into()))?;
    progress.finish();
    print_summary(app, &report, &progress);
    if args.verify && report.failures == 0 {
        app.console.say(format!("finished verifying {} files in {}", report.verified, folder.display()));
    }
    match report.failures {
        0 => Ok(()),
        failures => {
            let failure = Failure::fatal(format!("There were {failures} errors"));
            Err(failure.hint(match report.damaged {
                0 => "everything else was restored; run the command again to try these anew",
                _ => "everything that is whole in the repository was restored; `check --read-data` says how to repair it, an older snapshot or a copy of the repository may have the rest",
            }))
        }
    }
}

/// Refuses flags that do not go together; returns the target.
fn check<'a>(args: &'a Restore, exclude: &Patterns, include: &Patterns) -> Outcome<&'a Path> {
    let Some(folder) = args.target.as_deref().filter(|folder| !folder.as_os_str().is_empty()) else {
        return Err(Failure::fatal("please specify a directory to restore to (--target)"));
    };
    let filtered = !exclude.is_empty() || !include.is_empty();
    if !exclude.is_empty() && !include.is_empty() {
        return Err(Failure::fatal("exclude and include patterns are mutually exclusive"));
    }
    if args.dry_run && args.verify {
        return Err(Failure::fatal("--dry-run and --verify are mutually exclusive"));
    }
    if args.delete && !filtered && std::fs::canonicalize(folder).is_ok_and(|folder| folder == Path::new("/"))
    {
        return Err(Failure::fatal(
            "'--target / --delete' must be combined with an include or exclude filter",
        ));
    }
    Ok(folder)
}

/// Whether an item is wanted, and whether anything in it may be.
fn select(path: &[u8], is_folder: bool, exclude: &Patterns, include: &Patterns) -> Selected {
    let mut absolute = Vec::with_capacity(path.len() + 1);
    absolute.push(b'/');
    absolute.extend_from_slice(path);
    if !include.is_empty() {
        let (one, two) = (include.sensitive.matches(&absolute), include.insensitive.matches(&absolute));
        return Selected {
            item: one.matched || two.matched,
            below: is_folder && (one.child_may_match || two.child_may_match),
        };
    }
    // An excluded folder is not looked into, whatever later patterns say of its content.
    let excluded = exclude.sensitive.is_match(&absolute) || exclude.insensitive.is_match(&absolute);
    Selected { item: !excluded, below: !excluded && is_folder }
}

fn attribute_filter(args: &Restore) -> Outcome<AttributeFilter> {
    let list = |flag: &str, patterns: &[String]| {
        List::parse(patterns, Case::Sensitive).map_err(|error| Failure::fatal(format!("--{flag}: {error}")))
    };
    let exclude = list("exclude-xattr", &args.exclude_xattr)?;
    let include = list("include-xattr", &args.include_xattr)?;
    match (exclude.is_empty(), include.is_empty()) {
        (false, false) => Err(Failure::fatal("exclude and include xattr patterns are mutually exclusive")),
        (false, true) => Ok(Arc::new(move |name| !exclude.is_match(name.as_bytes()))),
        (true, false) => Ok(Arc::new(move |name| include.is_match(name.as_bytes()))),
        (true, true) => Ok(Arc::new(|_| true)),
    }
}

fn print_summary(app: &App, report: &RestoreReport, progress: &RestoreProgress) {
    let figures = Figures {
        total_files: report.items_restored + report.failures,
        files_restored: report.items_restored,
        files_skipped: report.files_skipped,
        files_deleted: report.deleted,
        total_bytes: report.bytes_restored + report.bytes_unchanged,
        bytes_restored: report.bytes_restored + report.bytes_unchanged,
        bytes_skipped: report.bytes_skipped,
    };
    if app.console.is_json() {
        let seconds_elapsed = progress.elapsed().as_secs();
        app.console.message(&Summary { message_type: "summary", seconds_elapsed, figures });
        return;
    }
    let (files, bytes) = (figures.files_restored, format::bytes(figures.bytes_restored));
    let time = format::duration(progress.elapsed());
    let mut line = match report.failures {
        0 => format!("Summary: Restored {files} files/dirs ({bytes}) in {time}"),
        _ => format!("Summary: Restored {files} / {} files/dirs ({bytes}) in {time}", figures.total_files),
    };
    if figures.files_skipped > 0 {
        let bytes = format::bytes(figures.bytes_skipped);
        line.push_str(&format!(", skipped {} files/dirs {bytes}", figures.files_skipped));
    }
    if figures.files_deleted > 0 {
        line.push_str(&format!(", deleted {} files/dirs", figures.files_deleted));
    }
    app.console.say(line);
}
