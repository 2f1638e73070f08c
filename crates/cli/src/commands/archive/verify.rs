//! `archive verify`.

use std::path::Path;

use backstay_archive::ArchiveError;
use backstay_archive::crypt::Identities;
use backstay_archive::local::read_beside;
use backstay_archive::read::{Problem, VerifyReport, verify, verify_file};
use serde_json::json;

use super::{folder, keys};
use crate::app::App;
use crate::args::VerifyArchives;
use crate::failure::{Failure, Outcome};
use crate::format;
use crate::terminal::StepProgress;

pub(super) fn run(app: &App, args: &VerifyArchives) -> Outcome {
    let identities = keys::identities(&args.identity)?;
    let mut paths = Vec::new();
    for place in &args.places {
        match place.is_dir() {
            true => paths.extend(folder::archives(app, place)?.into_iter().map(|known| known.path)),
            false => paths.push(place.clone()),
        }
    }
    if paths.is_empty() {
        return Err(Failure::fatal("there are no archives here"));
    }
    let progress = StepProgress::start(&app.console);
    let mut unsound = 0;
    for (done, path) in paths.iter().enumerate() {
        backstay_core::Events::step(&progress, "archives", done as u64, paths.len() as u64);
        let verified = one(app, path, &identities, &progress);
        let (report, is_content_read) = match verified {
            Ok(verified) => verified,
            Err(ArchiveError::Interrupted(_)) => return Err(Failure::interrupted()),
            Err(error) => (told(path, &error), false),
        };
        unsound += u64::from(!report.is_sound());
        tell(app, path, &report, is_content_read);
    }
    backstay_core::Events::step(&progress, "archives", paths.len() as u64, paths.len() as u64);
    progress.finish();
    match unsound {
        0 => Ok(()),
        number => Err(Failure::fatal(format!("{number} of {} archives are not sound", paths.len()))
            .hint("take another copy of them, or earlier backups")),
    }
}

/// Verifies one, and tells whether its contents could be looked at.
fn one(
    app: &App,
    path: &Path,
    identities: &Identities,
    progress: &StepProgress,
) -> Result<(VerifyReport, bool), ArchiveError> {
    let beside = read_beside(path)?;
    let archive = match folder::open(path, identities) {
        Ok(archive) => archive,
        Err(error @ (ArchiveError::NeedsIdentity(_) | ArchiveError::WrongIdentity(_))) => {
            let Some(beside) = beside else { return Err(error) };
            let input = super::input(path).map_err(|_| error)?;
            verify_file(&input, &path.display().to_string(), &beside, &app.control, progress)?;
            return Ok((VerifyReport::default(), false));
        }
        Err(error) => return Err(error),
    };
    let neighbours = folder::InFolder { app, folder: folder::of(path), identities };
    let report = verify(&archive, beside.as_ref(), &neighbours, &app.control, progress)?;
    Ok((report, true))
}

fn told(path: &Path, error: &ArchiveError) -> VerifyReport {
    let problem = Problem { archive: path.display().to_string(), path: Vec::new(), what: error.to_string() };
    VerifyReport { problems: vec![problem], problem_count: 1, ..VerifyReport::default() }
}

fn tell(app: &App, path: &Path, report: &VerifyReport, is_content_read: bool) {
    let shown = path.display();
    if app.console.is_json() {
        let problems: Vec<_> = (report.problems.iter())
            .map(|one| json!({"archive": one.archive, "path": String::from_utf8_lossy(&one.path), "error": one.what}))
            .collect();
        app.console.message(&json!({
            "message_type": "verified", "archive": shown.to_string(), "sound": report.is_sound(), "contents_read": is_content_read,
            "has_manifest": report.has_manifest, "files": report.files, "bytes": report.bytes, "chain": report.chain,
            "incomplete": report.incomplete, "problem_count": report.problem_count, "problems": problems,
        }));
        return;
    }
    for Problem { archive, path, what } in &report.problems {
        let item = if path.is_empty() { String::new() } else { format!(": {}", format::quote(path)) };
        app.console.complain(format!("error: {archive}{item}: {what}"));
    }
    let more = report.problem_count - report.problems.len() as u64;
    if more > 0 {
        app.console.complain(format!("error: {shown}: {more} more"));
    }
    if !report.is_sound() {
        return;
    }
    app.console.say(match (is_content_read, report.has_manifest) {
        (false, _) => {
            format!("{shown}: the file is as it was written; its identity is needed to look inside")
        }
        (true, true) => {
            format!("{shown}: {} files, {}, no errors", report.files, format::bytes(report.bytes))
        }
        (true, false) => {
            format!(
                "{shown}: {} files, {}, no errors by zip's and tar's own checksums",
                report.files,
                format::bytes(report.bytes)
            )
        }
    });
    if report.incomplete > 0 {
        app.console.say(format!(
            "{shown}: {} items could not be read whole when they were backed up",
            report.incomplete
        ));
    }
}
