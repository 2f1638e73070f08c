//! `backup`: files, standard input or a command's output into a new snapshot.

mod discard;
mod files;
mod glob;
mod resume;
mod stdin;
mod targets;

use std::path::PathBuf;
use std::sync::Arc;

use backstay_core::{Events, FileId, Timestamp};
use backstay_engine::backup::{
    BackupOptions, BackupOutcome, BackupSink, ChangeDetection, SnapshotDetails, save_snapshot,
};
use backstay_engine::format::Snapshot;
use backstay_engine::format::time::to_text;
use backstay_engine::repository::{InitOptions, SnapshotEntry};
use backstay_policy::{SnapshotFilter, TagList};

use crate::app::App;
use crate::args::Backup;
use crate::environment::{switch, variable};
use crate::failure::{Exit, Explain, Failure, Outcome};
use crate::json::backup::Summary;
use crate::repository::{Access, Opened, Place, create, is_missing};
use crate::terminal::BackupProgress;
use crate::{choose, default_repository, format, moment};

pub(crate) use discard::Discard;

pub(super) fn run(app: &App, args: &Backup) -> Outcome {
    check(app, args)?;
    let from_stream = args.stdin || args.stdin_from_command;
    let targets = if from_stream { targets::Targets::default() } else { targets::collect(app, args)? };
    let started = backstay_core::Clock::now(&*app.clock);
    let time = args.time.as_deref().map(moment::parse_time).transpose()?;

    let repository = open(app, args)?;
    let paths = if from_stream { vec![stdin::path(args)] } else { targets.absolute.clone() };
    let parent = match from_stream {
        true => None,
        false => find_parent(app, args, &repository, &paths, time.as_ref().unwrap_or(&started))?,
    };
    let index = Arc::clone(repository.load_index(app)?);

    let host = host(args).unwrap_or_else(crate::environment::host_name);
    let journal = match from_stream || args.force {
        true => None,
        false => resume::journal(app, &repository, &index, &host, &paths)?,
    };

    let progress = Arc::new(BackupProgress::start(&app.console));
    let options = BackupOptions {
        parent_tree: parent.as_ref().map(|parent| parent.snapshot.tree),
        change_detection: ChangeDetection {
            ignore_ctime: args.ignore_ctime || switch("IGNORE_CTIME"),
            ignore_inode: args.ignore_inode || switch("IGNORE_INODE"),
            ..ChangeDetection::default()
        },
        with_atime: args.with_atime,
        journal: journal.clone(),
    };
    let events: Arc<dyn Events> = progress.clone();
    let sink = BackupSink::start(repository.engine(), index, repository.lock().cloned(), options, events)?;
    let captured = match from_stream {
        true => stdin::capture(app, args, &sink, time.as_ref().unwrap_or(&started)).map(|()| 0),
        false => files::capture(app, args, &sink, &targets.existing, &progress),
    };
    let (gone, outcome) = captured
        .and_then(|gone| Ok((gone, sink.finish()?)))
        .map_err(|failure| repository.explain(failure))?;

    let unchanged =
        args.skip_if_unchanged && parent.as_ref().is_some_and(|parent| parent.snapshot.tree == outcome.tree);
    let details = SnapshotDetails {
        time,
        started,
        parent: parent.map(|parent| parent.id),
        paths,
        host: Some(host),
        tags: TagList::flatten(&args.tags),
        excludes: args.exclude.exclude.clone(),
        program: super::version::PROGRAM.to_owned(),
    };
    // Where nothing new was stored, nothing has waited for the lock yet.
    repository.confirm_lock()?;
    let saved = match unchanged {
        true => None,
        false => Some(
            save_snapshot(repository.engine(), &outcome, details)
                .map_err(|e| repository.explain(e.into()))?,
        ),
    };
    if let Some(Err(error)) = journal.map(|journal| journal.complete()) {
        app.console.detail(format!("the journal of this backup cannot be removed: {error}"));
    }
    progress.finish();
    report(app, args, started, &outcome, saved.as_ref());
    if outcome.failures > 0 || targets.missing + gone > 0 || progress.errors() > 0 {
        return Err(Failure::new(Exit::Incomplete, "Warning: at least one source file could not be read"));
    }
    Ok(())
}

/// Refuses flags that do not go together.
fn check(app: &App, args: &Backup) -> Outcome {
    let lists = [&args.files_from, &args.files_from_verbatim, &args.files_from_raw];
    let names = ["--files-from", "--files-from-verbatim", "--files-from-raw"];
    if args.stdin || args.stdin_from_command {
        for (list, name) in lists.iter().zip(names) {
            if !list.is_empty() {
                return Err(Failure::fatal(format!("--stdin and {name} cannot be used together")));
            }
        }
        if args.stdin && !args.stdin_from_command && !args.paths.is_empty() {
            return Err(Failure::fatal("--stdin was specified and files/dirs were listed as arguments"));
        }
        if args.stdin_from_command && args.paths.is_empty() {
            return Err(Failure::fatal("--stdin-from-command needs a command to run")
                .hint("write it as `backup --stdin-from-command -- COMMAND ARGUMENT…`"));
        }
    }
    let reads_stdin = args.stdin || lists.iter().any(|list| list.iter().any(|file| file.as_os_str() == "-"));
    let needs_password = || match &app.settings.repository {
        Some(_) => Ok(true),
        None => default_repository::is_locked_by_password(),
    };
    if reads_stdin && app.settings.password.given()?.is_none() && needs_password()? {
        return Err(Failure::fatal("cannot read both password and data from stdin")
            .hint("give the password with --password-file or BACKSTAY_PASSWORD"));
    }
    Ok(())
}

/// Opens the repository; the default one is made if there is none yet.
fn open(app: &App, args: &Backup) -> Outcome<Opened> {
    let concurrency = match args.read_concurrency {
        Some(number) => Some(number),
        None => concurrency_variable()?,
    };
    let place = Place::main(app).reading_with(concurrency);
    if args.dry_run {
        return Opened::open_at(app, &place.discarding_writes(), Access::Unlocked);
    }
    if place.is_default() && is_missing(app, &place)? {
        let made = create(app, &place, InitOptions::default())?;
        app.console.say(format!("made a new encrypted repository at {}", made.engine().location()));
        return made.locked(app, Access::Append);
    }
    Opened::open_at(app, &place, Access::Append)
}

fn concurrency_variable() -> Outcome<Option<usize>> {
    let parse =
        |text: String| text.parse().explain(format!("invalid value for RESTIC_READ_CONCURRENCY {text:?}"));
    variable("READ_CONCURRENCY").map(parse).transpose()
}

fn host(args: &Backup) -> Option<String> {
    args.host.clone().filter(|host| !host.is_empty()).or_else(|| variable("HOST"))
}

/// The snapshot to compare with: the one that was asked for, or the newest of the same group.
fn find_parent(
    app: &App,
    args: &Backup,
    repository: &Opened,
    paths: &[String],
    not_after: &Timestamp,
) -> Outcome<Option<SnapshotEntry>> {
    let parent = if args.force {
        None
    } else {
        let group = args.group_by;
        let filter = SnapshotFilter {
            hosts: if group.host {
                vec![host(args).unwrap_or_else(crate::environment::host_name)]
            } else {
                Vec::new()
            },
            paths: if group.paths { paths.to_vec() } else { Vec::new() },
            tags: if group.tags { vec![TagList(TagList::flatten(&args.tags))] } else { Vec::new() },
        };
        match args.parent.as_deref() {
            Some(name) => Some(choose::one(repository, name, &filter)?.0),
            None => choose::latest(repository, &filter, Some(not_after))?,
        }
    };
    app.console.say(match &parent {
        Some(parent) => format!("using parent snapshot {}", parent.id.short()),
        None => "no parent snapshot found, will read all files".to_owned(),
    });
    Ok(parent)
}

fn report(
    app: &App,
    args: &Backup,
    started: Timestamp,
    outcome: &BackupOutcome,
    saved: Option<&(FileId, Snapshot)>,
) {
    let summary = outcome.summary;
    let ended = saved
        .and_then(|(_, snapshot)| snapshot.summary)
        .map_or_else(|| backstay_core::Clock::now(&*app.clock), |summary| summary.backup_end);
    let duration =
        (ended.seconds - started.seconds) as f64 + (f64::from(ended.nanos) - f64::from(started.nanos)) / 1e9;
    let console = &app.console;
    if console.is_json() {
        console.message(&Summary {
            message_type: "summary",
            files_new: summary.files_new,
            files_changed: summary.files_changed,
            files_unmodified: summary.files_unmodified,
            dirs_new: summary.dirs_new,
            dirs_changed: summary.dirs_changed,
            dirs_unmodified: summary.dirs_unmodified,
            data_blobs: summary.data_blobs,
            tree_blobs: summary.tree_blobs,
            data_added: summary.data_added,
            data_added_packed: summary.data_added_packed,
            total_files_processed: summary.total_files_processed,
            total_bytes_processed: summary.total_bytes_processed,
            total_duration: duration,
            backup_start: to_text(&started),
            backup_end: to_text(&ended),
            snapshot_id: saved.map(|(id, _)| id.to_hex()).unwrap_or_default(),
            dry_run: args.dry_run,
        });
        return;
    }
    console.say(format!(
        "\nFiles:       {:5} new, {:5} changed, {:5} unmodified",
        summary.files_new, summary.files_changed, summary.files_unmodified
    ));
    console.say(format!(
        "Dirs:        {:5} new, {:5} changed, {:5} unmodified",
        summary.dirs_new, summary.dirs_changed, summary.dirs_unmodified
    ));
    console.detail(format!("Data Blobs:  {:5} new", summary.data_blobs));
    console.detail(format!("Tree Blobs:  {:5} new", summary.tree_blobs));
    console.say(format!(
        "{} to the repository: {:<5} ({:<5} stored)\n",
        if args.dry_run { "Would add" } else { "Added" },
        format::bytes(summary.data_added),
        format::bytes(summary.data_added_packed),
    ));
    console.say(format!(
        "processed {} files, {} in {}",
        summary.total_files_processed,
        format::bytes(summary.total_bytes_processed),
        format::seconds(duration.max(0.0) as u64),
    ));
    if !args.dry_run {
        console.say(match saved {
            Some((id, _)) => format!("snapshot {} saved", id.short()),
            None => "skipped creating snapshot".to_owned(),
        });
    }
}

/// A path as snapshots record it.
fn recorded(path: &std::path::Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The working folder, for relative targets.
fn working_folder() -> PathBuf {
    std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"))
}
