//! `archive verify`.

use std::sync::Arc;

use backstay_archive::ArchiveError;
use backstay_archive::crypt::Identities;
use backstay_archive::read::{Problem, VerifyReport, verify, verify_file};
use backstay_core::Events;
use serde_json::json;

use super::keys;
use super::place::{self, Beside, Named, Place};
use crate::app::App;
use crate::args::VerifyArchives;
use crate::failure::{Failure, Outcome};
use crate::format;
use crate::terminal::StepProgress;

pub(super) fn run(app: &App, args: &VerifyArchives) -> Outcome {
    let identities = keys::identities(&args.identity)?;
    let mut archives = Vec::new();
    for text in &args.places {
        let Named { place, name } = place::named(app, text, &args.at)?;
        let names = match name {
            Some(_) if place.lacks(text) => {
                return Err(Failure::fatal(format!("{} does not exist", text.display())));
            }
            Some(name) => vec![name],
            None => place.archives(app)?.into_iter().map(|known| known.name).collect(),
        };
        let place = Arc::new(place);
        archives.extend(names.into_iter().map(|name| (Arc::clone(&place), name)));
    }
    if archives.is_empty() {
        return Err(Failure::fatal("there are no archives here"));
    }
    let progress = StepProgress::start(&app.console);
    let (mut unsound, all) = (0, archives.len() as u64);
    for (done, (place, name)) in (0..).zip(&archives) {
        Events::step(&progress, "archives", done, all);
        let label = place.label(name);
        let (report, is_content_read) = match one(app, place, name, &identities, &progress) {
            Ok(verified) => verified,
            Err(ArchiveError::Interrupted(_)) => return Err(Failure::interrupted()),
            Err(error) => (told(&label, &error), false),
        };
        unsound += u64::from(!report.is_sound());
        tell(app, &label, &report, is_content_read);
    }
    Events::step(&progress, "archives", all, all);
    progress.finish();
    match unsound {
        0 => Ok(()),
        number => Err(Failure::fatal(format!("{number} of {all} archives are not sound"))
            .hint("take another copy of them, or earlier backups")),
    }
}

/// Verifies one, and tells whether its contents could be looked at.
fn one(
    app: &App,
    place: &Place,
    name: &str,
    identities: &Identities,
    progress: &StepProgress,
) -> Result<(VerifyReport, bool), ArchiveError> {
    let beside = place.beside(name)?;
    let archive = match place.open(name, identities) {
        Ok(archive) => archive,
        Err(error @ (ArchiveError::NeedsIdentity(_) | ArchiveError::WrongIdentity(_))) => {
            let Some(beside) = beside else { return Err(error) };
            let input = place.input(name)?;
            verify_file(&input, &place.label(name), &beside, &app.control, progress)?;
            return Ok((VerifyReport::default(), false));
        }
        Err(error) => return Err(error),
    };
    let neighbours = Beside { app, place, name, identities };
    let report = verify(&archive, beside.as_ref(), &neighbours, &app.control, progress)?;
    Ok((report, true))
}

fn told(label: &str, error: &ArchiveError) -> VerifyReport {
    let problem = Problem { archive: label.to_owned(), path: Vec::new(), what: error.to_string() };
    VerifyReport { problems: vec![problem], problem_count: 1, ..VerifyReport::default() }
}

fn tell(app: &App, shown: &str, report: &VerifyReport, is_content_read: bool) {
    if app.console.is_json() {
        let problems: Vec<_> = (report.problems.iter())
            .map(|one| json!({"archive": one.archive, "path": String::from_utf8_lossy(&one.path), "error": one.what}))
            .collect();
        app.console.message(&json!({
            "message_type": "verified", "archive": shown, "sound": report.is_sound(), "contents_read": is_content_read,
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
