//! `archive extract`.

use std::path::Path;

use backstay_archive::read::{ExtractOptions, ExtractReport, Limits, extract};
use backstay_sources::files::restore::{FolderTarget, RestoreOptions};
use serde_json::json;

use super::keys;
use super::place::{self, Beside, Named};
use crate::app::App;
use crate::args::ExtractArchive;
use crate::failure::{Explain, Failure, Outcome};
use crate::format;
use crate::patterns::Patterns;
use crate::terminal::RestoreProgress;

pub(super) fn run(app: &App, args: &ExtractArchive) -> Outcome {
    let exclude = Patterns::exclude(&args.exclude)?;
    let include = Patterns::include(&args.include)?;
    if !exclude.is_empty() && !include.is_empty() {
        return Err(Failure::fatal("exclude and include patterns are mutually exclusive"));
    }
    let select = |path: &[u8]| {
        let absolute = [b"/", path].concat();
        let matches = |patterns: &Patterns| {
            patterns.sensitive.is_match(&absolute) || patterns.insensitive.is_match(&absolute)
        };
        if include.is_empty() { !matches(&exclude) } else { matches(&include) }
    };
    let identities = keys::identities(&args.identity)?;
    let Named { place, name } = place::named(app, &args.archive, &args.at)?;
    let name = name.ok_or_else(|| Failure::fatal(format!("{} is no archive", args.archive.display())))?;
    let archive = place.open(&name, &identities)?;
    let target_folder = args.target.as_path();
    if !args.overwrite && !args.dry_run && !is_empty(target_folder)? {
        return Err(Failure::fatal(format!("{} is not empty", target_folder.display()))
            .hint("choose another target, or write over what is there with --overwrite"));
    }
    let mut options = RestoreOptions::default();
    options.look_only = args.dry_run;
    let target = FolderTarget::open(target_folder, options)
        .explain(format!("cannot extract to {}", target_folder.display()))?;
    let limits = Limits { bytes: room(target_folder), ..Limits::default() };
    let progress = RestoreProgress::start(&app.console, target_folder);
    let options = ExtractOptions {
        select: &select,
        limits,
        dry_run: args.dry_run,
        control: &app.control,
        events: &progress,
    };
    let neighbours = Beside { app, place: &place, name: &name, identities: &identities };
    let report = extract(&archive, &neighbours, &target, &options)?;
    progress.finish();
    tell(app, args, &report);
    match report.failed {
        0 => Ok(()),
        failed => Err(Failure::fatal(format!("There were {failed} errors"))
            .hint("everything else was extracted; run the command again with --overwrite to try these anew")),
    }
}

/// Whether there is nothing in a folder, or no folder.
fn is_empty(folder: &Path) -> Outcome<bool> {
    match std::fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(Failure::fatal(format!("cannot look into {}", folder.display())).because(&error)),
    }
}

/// Bytes that can be written below a folder, as far as that is known.
fn room(folder: &Path) -> Option<u64> {
    let there =
        folder.ancestors().find(|folder| folder.is_dir()).filter(|folder| !folder.as_os_str().is_empty());
    let figures = rustix::fs::statvfs(there.unwrap_or(Path::new("."))).ok()?;
    figures.f_bavail.checked_mul(figures.f_frsize)
}

fn tell(app: &App, args: &ExtractArchive, report: &ExtractReport) {
    let ExtractReport { files, others, bytes, failed, .. } = *report;
    if app.console.is_json() {
        app.console.message(&json!({
            "message_type": "summary", "target": args.target.display().to_string(), "dry_run": args.dry_run,
            "files_restored": files, "others_restored": others, "bytes_restored": bytes, "failed": failed,
        }));
        return;
    }
    let target = args.target.display();
    let deed = if args.dry_run { "Would extract" } else { "Extracted" };
    app.console
        .say(format!("{deed} {files} files and {others} other items ({}) to {target}", format::bytes(bytes)));
}
