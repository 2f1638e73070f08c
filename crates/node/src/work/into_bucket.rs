//! Bringing a snapshot or an archive back into a bucket.

use std::sync::Arc;

use backstay_archive::read::Limits;
use backstay_core::sink::escape_name;
use backstay_core::{EntryKind, Events, RestoreTarget};
use backstay_engine::format;
use backstay_engine::repository::TreeCache;
use backstay_engine::restore::{Overwrite, RestoreOptions, Select, Selected, restore};
use backstay_model::connection::S3Settings;
use backstay_model::run::{IntoBucket, OverwriteMode, RestoreRequest};
use backstay_model::{Level, RunId};
use backstay_sources::files::filter::{Case, List};
use backstay_sources::s3::restore::{ASIDE, BucketTarget, Extra, TargetOptions, TargetReport};
use backstay_sources::s3::{CaptureOptions, key_of};

use super::bucket::BucketFacts;
use super::discard::validate;
use super::excludes::lies_in;
use super::meter::Meter;
use super::note::{self, BUCKET, FOLDER};
use super::repository::{Access, make_folder};
use super::restore::{RestoreDone, bring_back, find, find_snapshot, relative, select};
use super::{Class, Job, Result, WorkError, Workshop};
use crate::host::bytes;
use crate::seals::Opened;

/// What a restore into a bucket did.
#[derive(Debug, Clone)]
pub struct IntoBucketDone {
    /// What was restored.
    pub done: RestoreDone,
    /// What became of the bucket.
    pub report: TargetReport,
}

impl Workshop {
    /// Restores a snapshot or an archive, or paths of it, into a bucket. All of it is read before anything is written.
    ///
    /// # Errors
    /// When the backup is damaged, or the work cannot be done; single objects that fail are counted and told.
    pub fn restore_into_bucket(
        &self,
        job: &Job<'_>,
        request: &RestoreRequest,
        into: &IntoBucket,
        (s3, secrets): (&S3Settings, &Opened),
        run: RunId,
    ) -> Result<IntoBucketDone> {
        let spool = self.spool_of(run);
        let restored = self.fill_bucket(job, request, into, (s3, secrets), &spool, run);
        // What is damaged was found before anything was written.
        let has_begun = !request.dry_run && spool.exists();
        if has_begun && restored.as_ref().is_err_and(|error| error.class() != Class::Damaged) {
            let text = format!(
                "what was replaced so far, if anything was, is kept below {}{ASIDE}{run}/",
                into.prefix
            );
            job.report.log(Level::Warning, "write", &text);
        }
        let _ = super::remove_folder_if_there(&spool);
        restored
    }

    fn fill_bucket(
        &self,
        job: &Job<'_>,
        request: &RestoreRequest,
        into: &IntoBucket,
        (s3, secrets): (&S3Settings, &Opened),
        spool: &std::path::Path,
        run: RunId,
    ) -> Result<IntoBucketDone> {
        let bucket = self.bucket(s3, secrets)?;
        let meter =
            Arc::new(Meter::new(&job.report, if request.dry_run { "comparing" } else { "restoring" }));
        let events: Arc<dyn Events> = meter.clone();
        let target = |root: &[u8], remove: Vec<Extra>, spare| -> Result<BucketTarget> {
            make_folder(spool).map_err(|error| {
                WorkError::from_io(&error, format_args!("content cannot be kept in {}", spool.display()))
            })?;
            let options = TargetOptions {
                root: root.to_vec(),
                prefix: into.prefix.clone(),
                spool: spool.to_owned(),
                shows_existing: matches!(request.overwrite, OverwriteMode::Never | OverwriteMode::IfNewer),
                aside: Some(format!("{}{ASIDE}{run}/", into.prefix)),
                looks_only: request.dry_run,
                remove,
                spare,
            };
            Ok(BucketTarget::open(&bucket, options, job.control, &events)?)
        };
        let wanted: Vec<_> = request.paths.iter().map(|path| relative(path.as_bytes())).collect();
        let say = |name: &str| {
            let what = if request.paths.is_empty() { "all".to_owned() } else { request.paths.join(", ") };
            let dry = if request.dry_run { ", as a dry run: nothing is written" } else { "" };
            let to = if into.prefix.is_empty() { String::new() } else { format!(" below {}", into.prefix) };
            let text = format!("restoring {what} of {name} into {bucket}{to}{dry}");
            job.report.log(Level::Info, "write", &text);
        };

        let end = |target: BucketTarget, failed| -> Result<_> {
            Ok(match request.dry_run {
                true => (TargetReport::default(), Some(target.foresee())),
                false => (target.finish(failed)?, None),
            })
        };

        let (mut done, (report, foreseen)) = if job.repository.holds.is_archives() {
            if request.delete || request.overwrite == OverwriteMode::IfNewer {
                return Err(WorkError::new(
                    Class::Other,
                    "a restore from an archive neither removes what is not in it nor compares times",
                )
                .hint("choose to write over what is there or to leave it alone"));
            }
            let source = self.archive_source(job, &request.snapshot)?;
            let older = |error| source.offer_older(job, error);
            let root = folder_of(source.note(BUCKET).map_err(older)?.as_ref());
            source.check_paths(&wanted).map_err(older)?;
            say(source.name());
            let target = target(&root, Vec::new(), None)?;
            let keeps = request.overwrite == OverwriteMode::Never;
            let is_kept = |path: &[u8]| {
                let there = if keeps { target.existing(path).ok().flatten() } else { None };
                there.is_some_and(|meta| meta.kind == EntryKind::File)
            };
            let is_chosen = |path: &[u8]| {
                let chosen = select(path, false, &wanted, &[]).item;
                chosen && is_inside(path, &root) && !lies_in(path, FOLDER.as_bytes()) && !is_kept(path)
            };
            let done =
                source.extract_into(job, &target, &is_chosen, Limits::default(), request.dry_run, &meter)?;
            let failed = done.failures;
            (done, end(target, failed)?)
        } else {
            let open = self.open(job, Access::Shared, true)?;
            let entry = find_snapshot(&open, &request.snapshot)?;
            let index = open.index()?;
            let trees = TreeCache::new(&open.engine, index.clone());
            let is_read = |path: &[u8]| !request.dry_run && select(path, false, &wanted, &[]).below;
            bring_back(&open, &[entry.snapshot.tree], &|path| is_read(path) || note::is_of_notes(path))?;
            let look = || {
                let mut kinds = Vec::new();
                for path in &wanted {
                    let node =
                        find(&trees, &entry.snapshot.tree, path).map_err(|error| open.explain(error))?;
                    kinds.push(node.is_none_or(|node| node.is_folder()));
                }
                let facts = note::read::<BucketFacts>(&open.engine, &trees, &entry.snapshot.tree, BUCKET)?;
                Ok((facts, kinds))
            };
            let (facts, kinds) = match look() {
                Err(error) if WorkError::class(&error) == Class::Damaged => {
                    // What is whole instead is said by who reads all of it.
                    validate(job, &open, &entry, &|path, _| select(path, false, &wanted, &[]))?;
                    return Err(error);
                }
                looked => looked?,
            };
            let root = folder_of(facts.as_ref());
            let remove = match &facts {
                _ if !request.delete => Vec::new(),
                Some(facts) => removable(facts, &root, wanted.iter().zip(kinds))?,
                None => return Err(of_no_bucket()),
            };
            say(&format!(
                "snapshot {} from {}",
                entry.id.short(),
                format::time::to_text(&entry.snapshot.time)
            ));
            let chosen = |path: &[u8], _: bool| {
                let inside = is_inside(path, &root) && !lies_in(path, FOLDER.as_bytes());
                let Selected { item, below } = select(path, false, &wanted, &[]);
                Selected { item: inside && item, below: (inside || lies_in(&root, path)) && below }
            };
            let chosen: &Select<'_> = &chosen;
            if !request.dry_run {
                validate(job, &open, &entry, chosen)?;
            }
            let target = target(&root, remove, facts.as_ref().map(rules).transpose()?)?;
            let options = RestoreOptions {
                overwrite: match request.overwrite {
                    OverwriteMode::Always | OverwriteMode::IfChanged => Overwrite::Always,
                    OverwriteMode::IfNewer => Overwrite::IfNewer,
                    OverwriteMode::Never => Overwrite::Never,
                },
                dry_run: request.dry_run,
                ..RestoreOptions::default()
            };
            let report =
                restore(&open.engine, &index, entry.snapshot.tree, &target, chosen, options, &*meter)
                    .map_err(|error| open.explain(error))?;
            let done = RestoreDone::new(&entry, &report);
            (done, end(target, report.failures)?)
        };
        meter.finish();
        done.failures += report.failures;
        done.verified = report.verified + report.unchanged;
        done.deleted = report.removed;
        if let Some(foreseen) = foreseen {
            done.deleted = foreseen.removed;
            let text = format!(
                "{}; {} of these objects are there already and would be compared, and written where they differ",
                done.describe(true),
                foreseen.there
            );
            job.report.log(Level::Info, "verify", &text);
            return Ok(IntoBucketDone { done, report });
        }
        let text = format!(
            "{} objects were written ({} in all), {} were there already, {} took the place of others, {} were left alone, {} were removed; {} were \
             compared with what the service lists and are as in the backup, {} failed",
            report.written,
            bytes(done.bytes),
            report.unchanged,
            report.replaced,
            done.skipped,
            report.removed,
            done.verified,
            done.failures
        );
        job.report.log(Level::Info, "verify", &text);
        if let Some(kept) = &report.kept_at {
            let text = format!("what was replaced or removed is kept below {kept}, since not all is right");
            job.report.log(Level::Warning, "verify", &text);
        }
        Ok(IntoBucketDone { done, report })
    }
}

/// What a restore of these paths, each with whether it is a folder, may remove: nothing that the backup was not meant to hold.
fn removable<'a>(
    facts: &BucketFacts,
    root: &[u8],
    wanted: impl Iterator<Item = (&'a Vec<u8>, bool)>,
) -> Result<Vec<Extra>> {
    let mut extras = Vec::new();
    let mut is_all = true;
    for (path, is_folder) in wanted.filter(|(path, _)| !path.is_empty() && path.as_slice() != root) {
        is_all = false;
        let Some(below) = path.strip_prefix(root).and_then(|rest| rest.strip_prefix(b"/")) else { continue };
        let key = String::from_utf8(key_of(below)).map_err(|_| {
            WorkError::new(Class::Other, "a path to be restored is no text in UTF-8, as keys have to be")
        })?;
        extras.push(if is_folder { Extra::Prefix(format!("{key}/")) } else { Extra::Key(key) });
    }
    if is_all {
        extras.push(Extra::Prefix(String::new()));
    }
    if facts.prefixes.is_empty() {
        return Ok(extras);
    }
    let within = |extra: Extra| -> Vec<Extra> {
        let Extra::Prefix(begin) = &extra else { return vec![extra] };
        let of = |prefix: &String| {
            if begin.starts_with(prefix.as_str()) {
                Some(extra.clone())
            } else {
                prefix.starts_with(begin.as_str()).then(|| Extra::Prefix(prefix.clone()))
            }
        };
        facts.prefixes.iter().filter_map(of).collect()
    };
    Ok(extras.into_iter().flat_map(within).collect())
}

/// What does not belong into a bucket is known by a backup of one alone.
fn of_no_bucket() -> WorkError {
    WorkError::new(
        Class::Other,
        "what is not in the backup cannot be removed from the bucket: it is a backup of something else",
    )
    .hint("restore without removing")
}

/// The rules by which objects were left out on purpose.
fn rules(facts: &BucketFacts) -> Result<(CaptureOptions, String)> {
    let exclude = List::parse(&facts.excludes, Case::Sensitive).map_err(|error| {
        WorkError::new(Class::Damaged, "the patterns by which the backup was made cannot be read")
            .because(&error)
    })?;
    let options = CaptureOptions {
        exclude: Some(exclude),
        exclude_larger_than: facts.exclude_larger_than,
        ..CaptureOptions::default()
    };
    Ok((options, facts.bucket.clone()))
}

/// Whether a path lies in the folder of the bucket.
fn is_inside(path: &[u8], root: &[u8]) -> bool {
    root.is_empty() || lies_in(path, root)
}

/// The folder of the bucket in a backup of one; the root for others.
fn folder_of(facts: Option<&BucketFacts>) -> Vec<u8> {
    facts.map(|facts| escape_name(facts.bucket.as_bytes())).unwrap_or_default()
}
