//! `cache`: what local copies of repository files there are, and removing old ones.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::app::App;
use crate::args::Cache;
use crate::failure::{Explain, Failure, Outcome};
use crate::format;
use crate::table::Table;

/// When a cache is old, unless told otherwise.
pub(crate) const OLD: Duration = Duration::from_secs(30 * 86_400);
const DAY: Duration = Duration::from_secs(86_400);

/// The cache of one repository.
struct Entry {
    name: String,
    path: PathBuf,
    used: SystemTime,
}

impl Entry {
    fn age(&self) -> Duration {
        self.used.elapsed().unwrap_or_default()
    }
}

pub(super) fn run(app: &App, args: &Cache) -> Outcome {
    let Some(folder) = &app.settings.cache_folder else {
        return Err(Failure::fatal("Refusing to do anything, the cache is disabled"));
    };
    let limit = DAY * args.max_age;
    if args.cleanup || app.settings.cleanup_cache {
        return clean_up(app, folder, limit);
    }
    let mut entries = entries(folder)?;
    if entries.is_empty() {
        app.console.print(format!("no cache dirs found, basedir is {}", folder.display()));
        return Ok(());
    }
    entries.sort_by_key(|entry| entry.used);
    let mut head = vec!["Repo ID", "Last Used", "Old"];
    if !args.no_size {
        head.push("Size");
    }
    let mut table = Table::new(&head);
    for entry in &entries {
        let old = if entry.age() > limit { "yes" } else { "" };
        let mut row = vec![
            entry.name.chars().take(10).collect(),
            format!("{} days ago", entry.age().as_secs() / DAY.as_secs()),
            old.to_owned(),
        ];
        if !args.no_size {
            row.push(format!("{:>11}", format::bytes(size(&entry.path))));
        }
        table.row(row);
    }
    app.console.print(table.draw());
    app.console.print(format!("{} cache dirs in {}", entries.len(), folder.display()));
    Ok(())
}

/// Removes caches that were not used for so long.
pub(crate) fn clean_up(app: &App, folder: &Path, limit: Duration) -> Outcome {
    let old = entries(folder)?.into_iter().filter(|entry| entry.age() > limit).collect::<Vec<_>>();
    if old.is_empty() {
        app.console.say("no old cache dirs found");
        return Ok(());
    }
    app.console.say(format!("remove {} old cache directories", old.len()));
    for entry in old {
        if let Err(error) = std::fs::remove_dir_all(&entry.path) {
            app.console.complain(format!("unable to remove {}: {error}", entry.path.display()));
        }
    }
    Ok(())
}

/// The caches in the folder: what is named by the id of a repository.
fn entries(folder: &Path) -> Outcome<Vec<Entry>> {
    let listed = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        listed => listed.explain(format!("cannot list the cache folder {}", folder.display()))?,
    };
    let mut entries = Vec::new();
    for item in listed {
        let item = item.explain(format!("cannot list the cache folder {}", folder.display()))?;
        let name = item.file_name().to_string_lossy().into_owned();
        if backstay_core::FileId::from_hex(&name).is_none() {
            continue;
        }
        let metadata = item.metadata().explain(format!("cannot look at {}", item.path().display()))?;
        if metadata.is_dir() {
            let used = metadata.modified().explain(format!("cannot look at {}", item.path().display()))?;
            entries.push(Entry { name, path: item.path(), used });
        }
    }
    Ok(entries)
}

/// Bytes of all files in a folder. What goes away meanwhile does not count.
fn size(folder: &Path) -> u64 {
    let Ok(listed) = std::fs::read_dir(folder) else { return 0 };
    listed
        .flatten()
        .map(|item| match item.metadata() {
            Ok(metadata) if metadata.is_dir() => size(&item.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}
