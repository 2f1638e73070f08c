//! Bringing a snapshot or an archive back into a bucket.

use std::sync::Arc;

use backstay_archive::read::Limits;
use backstay_core::Events;
use backstay_core::sink::escape_name;
use backstay_engine::format;
use backstay_engine::repository::TreeCache;
use backstay_engine::restore::{Overwrite, RestoreOptions, Select, Selected, restore};
use backstay_model::connection::S3Settings;
use backstay_model::run::{IntoBucket, OverwriteMode, RestoreRequest};
use backstay_model::{Level, RunId};
use backstay_sources::s3::key_of;
use backstay_sources::s3::restore::{BucketTarget, TargetOptions, TargetReport};

use super::bucket::BucketFacts;
use super::discard::validate;
use super::excludes::lies_in;
use super::meter::Meter;
use super::note::{self, BUCKET, FOLDER};
use super::repository::{Access, make_folder};
use super::restore::{RestoreDone, find, find_snapshot, relative};
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
        let spool = self.data_dir.join("restores").join(run.to_string());
        let restored = self.fill_bucket(job, request, into, (s3, secrets), &spool, run);
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
        let target = |root: &[u8]| -> Result<BucketTarget> {
            make_folder(spool).map_err(|error| {
                WorkError::from_io(&error, format_args!("content cannot be kept in {}", spool.display()))
            })?;
            let options = TargetOptions {
                root: root.to_vec(),
                prefix: into.prefix.clone(),
                spool: spool.to_owned(),
                shows_existing: matches!(request.overwrite, OverwriteMode::Never | OverwriteMode::IfNewer),
                aside: Some(format!("{}.backstay-replaced/{run}/", into.prefix)),
                remove: if request.delete { removed(root, &request.paths)? } else { Vec::new() },
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

        let (mut done, report) = if job.repository.holds.is_archives() {
            let source = self.archive_source(job, &request.snapshot)?;
            let root = folder_of(source.note(BUCKET)?);
            source.check_paths(&wanted)?;
            say(source.name());
            let select = |path: &[u8]| {
                let chosen = wanted.is_empty()
                    || wanted.iter().any(|wanted| wanted.is_empty() || lies_in(path, wanted));
                chosen && lies_in(path, &root) && !lies_in(path, FOLDER.as_bytes())
            };
            let target = target(&root)?;
            let done =
                source.extract_into(job, &target, &select, Limits::default(), request.dry_run, &meter)?;
            (done, target.finish()?)
        } else {
            let open = self.open(job, Access::Shared, true)?;
            let entry = find_snapshot(&open, &request.snapshot)?;
            let index = open.index()?;
            let trees = TreeCache::new(&open.engine, index.clone());
            let root = || {
                for path in &wanted {
                    find(&trees, &entry.snapshot.tree, path).map_err(|error| open.explain(error))?;
                }
                note::read(&open.engine, &trees, &entry.snapshot.tree, BUCKET).map(folder_of)
            };
            let root = match root() {
                Err(error) if error.class() == Class::Damaged => {
                    // What is whole instead is said by who reads all of it.
                    validate(job, &open, &entry, &|path, _| select_below(path, &wanted))?;
                    return Err(error);
                }
                root => root?,
            };
            say(&format!(
                "snapshot {} from {}",
                entry.id.short(),
                format::time::to_text(&entry.snapshot.time)
            ));
            let select = |path: &[u8], _: bool| {
                let inside = lies_in(path, &root) && !lies_in(path, FOLDER.as_bytes());
                let Selected { item, below } = select_below(path, &wanted);
                Selected { item: inside && item, below: (inside || lies_in(&root, path)) && below }
            };
            let select: &Select<'_> = &select;
            if !request.dry_run {
                validate(job, &open, &entry, select)?;
            }
            let target = target(&root)?;
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
                restore(&open.engine, &index, entry.snapshot.tree, &target, select, options, &*meter)
                    .map_err(|error| open.explain(error))?;
            (
                RestoreDone::new(&entry, &report),
                if request.dry_run { TargetReport::default() } else { target.finish()? },
            )
        };
        meter.finish();
        done.failures += report.failures;
        done.verified = report.verified + report.unchanged;
        done.deleted = report.removed;
        if request.dry_run {
            job.report.log(Level::Info, "verify", &done.describe(true));
            return Ok(IntoBucketDone { done, report });
        }
        let text = format!(
            "{} objects were written ({} in all), {} were there already, {} took the place of others, {} were removed; {} were \
             compared with what the service lists and are as in the backup, {} failed",
            report.written,
            bytes(done.bytes),
            report.unchanged,
            report.replaced,
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

/// The keys, below the prefix, of what a restore of these paths may remove.
fn removed(root: &[u8], paths: &[String]) -> Result<Vec<String>> {
    if paths.is_empty() {
        return Ok(vec![String::new()]);
    }
    let mut keys = Vec::new();
    for path in paths {
        let path = relative(path.as_bytes());
        let below = match root {
            b"" => path.as_slice(),
            root if lies_in(&path, root) => path.get(root.len() + 1..).unwrap_or_default(),
            _ => continue,
        };
        let key = String::from_utf8(key_of(below)).map_err(|_| {
            WorkError::new(Class::Other, "a path to be restored is no text in UTF-8, as keys have to be")
        })?;
        keys.push(key);
    }
    Ok(keys)
}

/// Whether something is one of the paths that are wanted, or lies in one of them.
fn select_below(path: &[u8], wanted: &[Vec<u8>]) -> Selected {
    let chosen = wanted.is_empty() || wanted.iter().any(|wanted| wanted.is_empty() || lies_in(path, wanted));
    Selected { item: chosen, below: chosen || wanted.iter().any(|wanted| lies_in(wanted, path)) }
}

/// The folder of the bucket in a backup of one; the root for others.
fn folder_of(facts: Option<BucketFacts>) -> Vec<u8> {
    facts.map(|facts| escape_name(facts.bucket.as_bytes())).unwrap_or_default()
}
