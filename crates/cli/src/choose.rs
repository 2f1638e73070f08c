//! Which snapshots a command works on: by id, by the start of an id, as `latest`, or by filter.

use backstay_core::{FileKind, Timestamp};
use backstay_engine::Error;
use backstay_engine::format::Snapshot;
use backstay_engine::repository::SnapshotEntry;
use backstay_policy::SnapshotFilter;
use backstay_policy::point_in_time::is_piece;

use crate::app::App;
use crate::failure::{Failure, Outcome};
use crate::repository::Opened;

/// As `snapshot 40dc1520 of [/home] at 2015-05-08 21:38:30 by user@host`.
pub(crate) fn describe(entry: &SnapshotEntry) -> String {
    let Snapshot { paths, time, username, hostname, .. } = &entry.snapshot;
    let time = crate::moment::local(time);
    format!("snapshot {} of [{}] at {time} by {username}@{hostname}", entry.id.short(), paths.join(" "))
}

fn is_chosen(entry: &SnapshotEntry, filter: &SnapshotFilter) -> bool {
    filter.matches_parts(&entry.snapshot.hostname, &entry.snapshot.tags, &entry.snapshot.paths)
}

/// Splits `id:subfolder`.
fn split(name: &str) -> (&str, &str) {
    name.split_once(':').unwrap_or((name, ""))
}

/// One snapshot by its id, the start of it, or `latest` of those that the filter lets through; with the subfolder
/// behind a colon.
pub(crate) fn one(
    repository: &Opened,
    name: &str,
    filter: &SnapshotFilter,
) -> Outcome<(SnapshotEntry, String)> {
    let (id, subfolder) = split(name);
    let snapshot = match id {
        "latest" => match latest(repository, filter, None)? {
            Some(snapshot) => snapshot,
            None => return Err(none_found(filter)),
        },
        id => by_id(repository, id)?,
    };
    Ok((snapshot, subfolder.to_owned()))
}

/// The newest snapshot that the filter lets through and that is not newer than a moment. What a plan keeps between its backups is no
/// backup, and is meant only where its tag is named.
pub(crate) fn latest(
    repository: &Opened,
    filter: &SnapshotFilter,
    not_after: Option<&Timestamp>,
) -> Outcome<Option<SnapshotEntry>> {
    let mut filter = filter.clone();
    for path in &mut filter.paths {
        if let Ok(absolute) = std::path::absolute(&*path) {
            *path = absolute.to_string_lossy().into_owned();
        }
    }
    let instant = |time: &Timestamp| (time.seconds, time.nanos);
    Ok(repository
        .snapshots()?
        .into_iter()
        .filter(|loaded| is_chosen(loaded, &filter))
        .filter(|loaded| !filter.tags.is_empty() || !is_piece(&loaded.snapshot.tags))
        .filter(|loaded| not_after.is_none_or(|limit| instant(&loaded.snapshot.time) <= instant(limit)))
        .max_by_key(|loaded| (instant(&loaded.snapshot.time), loaded.id)))
}

/// The snapshots of these names; all that the filter lets through if there are none. Each one once. What cannot be found or
/// read is told and passed over.
pub(crate) fn several(
    app: &App,
    repository: &Opened,
    names: &[String],
    filter: &SnapshotFilter,
) -> Outcome<Vec<SnapshotEntry>> {
    if names.is_empty() {
        let (readable, damaged) = repository.engine().load_snapshots()?;
        for (id, error) in damaged {
            if !error.is_about_content() {
                return Err(repository.explain(error.into()));
            }
            app.console.complain(format!("Ignoring snapshot {}: {error}", id.short()));
        }
        return Ok(readable.into_iter().filter(|loaded| is_chosen(loaded, filter)).collect());
    }
    if !filter.is_empty() && !names.iter().any(|name| name == "latest") {
        app.console.complain("Ignoring --host, --tag and --path: explicit snapshot ids are given");
    }
    let mut chosen: Vec<SnapshotEntry> = Vec::new();
    for name in names {
        let (id, subfolder) = split(name);
        if !subfolder.is_empty() {
            return Err(Failure::fatal(format!("{name}: <snapshot>:<subfolder> syntax not allowed")));
        }
        let found = match id {
            "latest" => latest(repository, filter, None)?.ok_or_else(|| none_found(filter)),
            id => match by_id(repository, id) {
                Err(error) if !error.is_about_content() && !matches!(error, Error::Invalid(_)) => {
                    return Err(repository.explain(error.into()));
                }
                found => found.map_err(Failure::from),
            },
        };
        let loaded = match found {
            Ok(loaded) => loaded,
            Err(failure) => {
                app.console.complain(format!("Ignoring {id:?}: {failure}"));
                continue;
            }
        };
        if !chosen.iter().any(|other| other.id == loaded.id) {
            chosen.push(loaded);
        }
        app.control.checkpoint()?;
    }
    Ok(chosen)
}

/// As [`several`], passing over snapshots that cannot be read unless they are named.
pub(crate) fn several_readable(
    app: &App,
    repository: &Opened,
    names: &[String],
    filter: &SnapshotFilter,
) -> Outcome<Vec<SnapshotEntry>> {
    let (readable, damaged) = repository.engine().load_snapshots()?;
    if names.is_empty() {
        return Ok(readable.into_iter().filter(|entry| is_chosen(entry, filter)).collect());
    }
    let is_damaged = |name: &str| damaged.iter().any(|(id, _)| id.to_hex().starts_with(name));
    let names: Vec<_> = names.iter().filter(|name| !is_damaged(name)).cloned().collect();
    if names.is_empty() { Ok(Vec::new()) } else { several(app, repository, &names, filter) }
}

fn by_id(repository: &Opened, text: &str) -> backstay_engine::Result<SnapshotEntry> {
    let engine = repository.engine();
    engine.load_snapshot(engine.find_file(FileKind::Snapshot, text)?)
}

fn none_found(filter: &SnapshotFilter) -> Failure {
    let tags: Vec<_> = filter.tags.iter().map(ToString::to_string).collect();
    Failure::fatal(format!(
        "failed to find snapshot: snapshot filter (Paths:[{}] Tags:[{}] Hosts:[{}]): no snapshot found",
        filter.paths.join(" "),
        tags.join(" "),
        filter.hosts.join(" "),
    ))
    .hint("`snapshots` lists what there is")
}
