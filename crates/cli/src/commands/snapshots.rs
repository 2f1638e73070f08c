//! `snapshots`, and the table that `forget` shows too.

use std::collections::HashMap;

use backstay_policy::{GroupKey, SnapshotFacts, group};

use crate::app::App;
use crate::args::Snapshots;
use backstay_engine::forget::facts;
use backstay_engine::repository::SnapshotEntry;

use crate::choose;
use crate::failure::Outcome;
use crate::json::snapshot::{Entry, Group};
use crate::repository::{Access, Opened};
use crate::table::Table;
use crate::{format, json, moment};

pub(super) fn run(app: &App, args: &Snapshots) -> Outcome {
    let repository = Opened::open(app, Access::Read)?;
    let chosen = choose::several(app, &repository, &args.snapshots, &args.choice.filter())?;
    let grouped = !args.group_by.is_none();
    let limit = if args.last && args.latest == 0 { 1 } else { args.latest };
    let mut groups = Vec::new();
    for (key, snapshots) in group(chosen.into_iter().map(facts).collect(), args.group_by) {
        groups.push((key, latest_of_each(snapshots, limit, grouped)));
    }

    if app.console.is_json() {
        let line = if grouped {
            let groups = groups.into_iter().map(|(key, snapshots)| {
                let snapshots = snapshots.into_iter().map(Entry::from).collect();
                Group { group_key: key.into(), snapshots }
            });
            json::line(&groups.collect::<Vec<_>>())?
        } else {
            let all = groups.into_iter().flat_map(|(_, snapshots)| snapshots).map(Entry::from);
            json::line(&all.collect::<Vec<_>>())?
        };
        return app.console.write_line(&line);
    }
    if groups.is_empty() && !grouped {
        groups.push((GroupKey::default(), Vec::new()));
    }
    for (key, snapshots) in groups {
        if grouped {
            app.console.write_line(&heading(&key))?;
        }
        app.console.write_line(&table(snapshots, None, args.compact))?;
    }
    Ok(())
}

/// The newest so many of the group, or of each host and paths; oldest first. 0 is all.
fn latest_of_each(
    mut snapshots: Vec<SnapshotFacts<SnapshotEntry>>,
    limit: usize,
    grouped: bool,
) -> Vec<SnapshotEntry> {
    snapshots.sort_by_key(|facts| std::cmp::Reverse(facts.time.instant()));
    let mut seen = HashMap::<(String, Vec<String>), usize>::new();
    snapshots.retain(|facts| {
        let key = if grouped { Default::default() } else { (facts.host.clone(), facts.paths.clone()) };
        let count = seen.entry(key).or_default();
        *count += 1;
        limit == 0 || *count <= limit
    });
    snapshots.into_iter().rev().map(|facts| facts.id).collect()
}

/// The line above the table of a group.
pub(super) fn heading(key: &GroupKey) -> String {
    let mut parts = Vec::new();
    if !key.host.is_empty() {
        parts.push(format!("host [{}]", key.host));
    }
    if let Some(tags) = &key.tags {
        parts.push(format!("tags [{}]", tags.join(", ")));
    }
    if let Some(paths) = &key.paths {
        parts.push(format!("paths [{}]", paths.join(", ")));
    }
    match parts.is_empty() {
        true => "snapshots:".to_owned(),
        false => format!("snapshots for ({}):", parts.join(", ")),
    }
}

/// Snapshots as a table, the newest last; with the reasons to keep them, if there are any.
pub(super) fn table(
    mut snapshots: Vec<SnapshotEntry>,
    reasons: Option<&HashMap<backstay_core::FileId, Vec<String>>>,
    compact: bool,
) -> String {
    snapshots.sort_by_key(|loaded| (loaded.snapshot.time.seconds, loaded.snapshot.time.nanos));
    let has_size = snapshots.iter().any(|loaded| loaded.snapshot.summary.is_some());
    let reasons = reasons.filter(|_| !compact);
    let mut head = vec!["ID", "Time", "Host", "Tags"];
    if reasons.is_some() {
        head.push("Reasons");
    }
    if !compact {
        head.push("Paths");
    }
    if has_size {
        head.push("Size");
    }
    let mut table = Table::new(&head);
    let count = snapshots.len();
    for SnapshotEntry { id, snapshot } in snapshots {
        table.spaced |= !compact && snapshot.paths.len() > 1;
        let mut row = vec![
            id.short(),
            moment::local(&snapshot.time),
            snapshot.hostname,
            snapshot.tags.join(if compact { "\n" } else { "," }),
        ];
        if let Some(reasons) = reasons {
            row.push(reasons.get(&id).map(|reasons| reasons.join("\n")).unwrap_or_default());
        }
        if !compact {
            let paths: Vec<_> = snapshot.paths.iter().map(|path| format::quote(path.as_bytes())).collect();
            row.push(paths.join("\n"));
        }
        if has_size {
            row.push(
                snapshot
                    .summary
                    .map(|summary| format::bytes(summary.total_bytes_processed))
                    .unwrap_or_default(),
            );
        }
        table.row(row);
    }
    let zone = jiff::tz::TimeZone::system();
    table.footer(format!("Timestamps shown in {}", zone.iana_name().unwrap_or("local time")));
    table.footer(format!("{count} snapshots"));
    table.draw()
}
