//! `archive create`.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use backstay_archive::create::{ArchiveSink, Compare, Description, Finished, Parent, Settings};
use backstay_archive::local::NewArchive;
use backstay_archive::manifest::{ArchiveId, Compression, Format, SourceFacts};
use backstay_core::{Clock, Control, Events, Random};
use backstay_policy::BackupType;
use backstay_policy::naming::{Fields, Pattern};
use backstay_sources::files::{Capture, path, scan};
use serde_json::json;

use super::folder::{self, archives};
use super::keys;
use crate::app::App;
use crate::args::{ContainerFormat, ContentCompression, CreateArchive};
use crate::environment::variable;
use crate::failure::{Exit, Explain, Failure, Outcome};
use crate::format;
use crate::patterns::Patterns;
use crate::terminal::BackupProgress;

pub(super) fn run(app: &App, args: &CreateArchive) -> Outcome {
    let pattern = Pattern::parse(&args.name).map_err(|error| Failure::fatal(format!("--name: {error}")))?;
    let settings = settings(args)?;
    settings.validate()?;
    let (existing, missing) = sources(app, args)?;
    std::fs::create_dir_all(&args.output)
        .explain(format!("cannot make the directory {}", args.output.display()))?;
    let host = args.host.clone().or_else(|| variable("HOST")).unwrap_or_else(crate::environment::host_name);
    let source = SourceFacts {
        kind: "files".to_owned(),
        host,
        name: args.source.clone(),
        paths: existing.iter().map(|path| absolute(path).as_slice().into()).collect(),
        ..SourceFacts::default()
    };
    let backup_type = BackupType::from(args.backup_type);
    let parent = parent(app, args, &source, backup_type)?;

    let created = app.clock.now();
    let new = take_name(args, &pattern, &settings, &source, backup_type, created)?;
    let mut id = [0; 16];
    app.random.fill(&mut id);
    let description = Description {
        id: ArchiveId(id),
        name: new.name().to_owned(),
        created,
        backup_type,
        source,
        program: crate::commands::version::PROGRAM.to_owned(),
    };
    let progress = Arc::new(BackupProgress::start(&app.console));
    let events: Arc<dyn Events> = progress.clone();
    let sink = ArchiveSink::new(new.output()?, &settings, description, parent, app.control.clone(), events)?;
    let gone = capture(app, args, &sink, &existing, &progress)?;
    let finished = sink.finish()?;
    let path = new.publish(&finished)?;
    progress.finish();
    report(app, &path, &finished);
    if finished.failed() > 0 || missing + gone > 0 || progress.errors() > 0 {
        return Err(Failure::new(Exit::Incomplete, "Warning: at least one source file could not be read"));
    }
    Ok(())
}

fn settings(args: &CreateArchive) -> Outcome<Settings> {
    let format = match args.format {
        ContainerFormat::Zip => Format::Zip,
        ContainerFormat::TarZst => Format::TarZst,
    };
    let compression = match (args.method, format) {
        (Some(ContentCompression::Zstd), _) | (None, Format::TarZst) => Compression::Zstd,
        (Some(_), Format::TarZst) => {
            return Err(Failure::fatal("a tar.zst archive is compressed by zstd")
                .hint("leave --method out, or use --format zip"));
        }
        (Some(ContentCompression::Store), _) => Compression::Store,
        (Some(ContentCompression::Deflate) | None, _) => Compression::Deflate,
    };
    let recipients = keys::recipients(&args.encryption)?;
    Ok(Settings { format, compression, level: args.level, recipients, spool: args.output.clone() })
}

/// What is there of what was named, and how much is not.
fn sources(app: &App, args: &CreateArchive) -> Outcome<(Vec<PathBuf>, usize)> {
    let (existing, missing): (Vec<_>, Vec<_>) =
        args.paths.iter().cloned().partition(|path| std::fs::symlink_metadata(path).is_ok());
    for path in &missing {
        app.console.complain(format!("{} cannot be accessed, skipping", path.display()));
    }
    if existing.is_empty() {
        return Err(Failure::fatal("all source directories/files do not exist"));
    }
    Ok((existing, missing.len()))
}

/// A path as manifests record it: absolute and plain.
fn absolute(given: &Path) -> Vec<u8> {
    let folder = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
    path::clean(folder.join(given).as_os_str().as_bytes())
}

/// The archive that this one leans on.
fn parent(
    app: &App,
    args: &CreateArchive,
    source: &SourceFacts,
    backup_type: BackupType,
) -> Outcome<Option<Parent>> {
    if backup_type == BackupType::Full {
        return match &args.parent {
            Some(_) => Err(Failure::fatal("--parent: a full archive leans on no other")),
            None => Ok(None),
        };
    }
    let path = match &args.parent {
        Some(path) => path.clone(),
        None => latest(app, args, source, backup_type)?,
    };
    if folder::of(&path).canonicalize().ok() != args.output.canonicalize().ok() {
        return Err(Failure::fatal(format!("{} is not in {}", path.display(), args.output.display()))
            .hint("archives that lean on one another lie in one directory"));
    }
    app.console.say(format!("leaning on {}", path.display()));
    let archive = folder::open(&path, &keys::identities(&args.identity)?)?;
    if !archive.has_manifest() {
        return Err(Failure::fatal(format!("{} has no manifest to compare with", path.display())));
    }
    let compare = if args.by_content { Compare::Content } else { Compare::Times };
    let parent = Parent::read(backup_type, compare, |each| {
        let manifest = archive.list(&mut |item| {
            app.control.checkpoint()?;
            each(item.clone())
        })?;
        manifest.ok_or_else(|| backstay_archive::ArchiveError::Unknown(path.display().to_string()))
    })?;
    Ok(Some(parent))
}

/// The latest archive of the same paths and host that a backup of this type can lean on.
fn latest(
    app: &App,
    args: &CreateArchive,
    source: &SourceFacts,
    backup_type: BackupType,
) -> Outcome<PathBuf> {
    let fits = |known: &folder::Known| {
        let of = &known.manifest.source;
        let is_full = known.manifest.backup_type == BackupType::Full;
        of.kind == source.kind
            && of.host == source.host
            && of.paths == source.paths
            && folder::of(&known.path) == args.output
            && (is_full || backup_type == BackupType::Incremental)
    };
    let found = archives(app, &args.output)?.into_iter().filter(fits);
    // Of the same second, the one that leans on the others is the later one.
    let newest = found
        .max_by_key(|known| (known.manifest.created.seconds, known.manifest.chain.len(), known.path.clone()));
    newest.map(|known| known.path).ok_or_else(|| {
        let folder = args.output.display();
        Failure::fatal(format!(
            "there is no archive of these paths in {folder} that a {backup_type} one could lean on"
        ))
        .hint("make one with --type full first")
    })
}

fn take_name(
    args: &CreateArchive,
    pattern: &Pattern,
    settings: &Settings,
    source: &SourceFacts,
    backup_type: BackupType,
    created: backstay_core::Timestamp,
) -> Outcome<NewArchive> {
    let nanos = i32::try_from(created.nanos).unwrap_or(0);
    let time = jiff::Timestamp::new(created.seconds, nanos)
        .explain("the clock tells an impossible time")?
        .to_zoned(jiff::tz::TimeZone::UTC);
    let first = source.paths.first().map(|path| path.0.as_slice()).unwrap_or_default();
    let last_part = String::from_utf8_lossy(path::split(first).1).into_owned();
    let fields = Fields {
        server: None,
        database: None,
        backup_type,
        plan: None,
        host: Some(&source.host),
        source: Some(args.source.as_deref().unwrap_or(&last_part)),
        time: &time,
    };
    NewArchive::begin::<Failure>(&args.output, &mut |taken| {
        pattern
            .name(&fields, settings.extension(), taken)
            .map_err(|error| Failure::fatal(format!("--name: {error}")))
    })
}

/// Walks the sources into the archive. Tells how many of them went away.
fn capture(
    app: &App,
    args: &CreateArchive,
    sink: &ArchiveSink,
    sources: &[PathBuf],
    progress: &Arc<BackupProgress>,
) -> Outcome<usize> {
    let mut capture = Capture::new(sources.to_vec());
    let patterns = Patterns::exclude(&args.exclude)?;
    capture.options.exclude(patterns.sensitive);
    capture.options.exclude(patterns.insensitive);
    capture.options.one_file_system = args.one_file_system;
    // What is made does not go into itself.
    let output = absolute(&args.output);
    let is_own = move |path: &[u8]| {
        let name = path.strip_prefix(output.as_slice()).and_then(|rest| rest.strip_prefix(b"/"));
        name.is_some_and(|name| name.first() == Some(&b'.') && name.ends_with(b".partial"))
    };
    capture.options.name_rules.push(Arc::new(is_own));
    let scanning = Control::new();
    std::thread::scope(|scope| {
        if app.console.progress_interval().is_some() {
            let (capture, scanning, progress) = (capture.clone(), scanning.clone(), Arc::clone(progress));
            // The totals are for the display only, and the capture itself reports what is wrong.
            scope.spawn(move || drop(scan(&capture, &scanning, &*progress)));
        }
        let outcome = capture.run(sink, &app.control, &**progress);
        scanning.cancel();
        let report = outcome.map_err(|error| match error {
            backstay_sources::files::CaptureError::Sink(backstay_core::SinkError::Interrupted(_)) => {
                Failure::interrupted()
            }
            other => Failure::fatal("cannot make the archive").because(&other),
        })?;
        for target in &report.missing {
            app.console.complain(format!("error: {} is not there any more", target.display()));
        }
        Ok(report.missing.len())
    })
}

fn report(app: &App, path: &Path, finished: &Finished) {
    let Finished { manifest, size, sha256 } = finished;
    if app.console.is_json() {
        app.console.message(&json!({
            "message_type": "summary", "archive": path.display().to_string(), "id": manifest.id, "type": manifest.backup_type,
            "size": size, "sha256": sha256.to_hex(), "totals": manifest.totals, "chain": manifest.chain,
        }));
        return;
    }
    let totals = manifest.totals;
    app.console.say(format!(
        "\n{} files, {} folders, {}; stored {} files, {}",
        totals.files,
        totals.folders,
        format::bytes(totals.bytes),
        totals.stored_files,
        format::bytes(totals.stored_bytes),
    ));
    app.console.say(format!("archive {} ({}) saved", path.display(), format::bytes(*size)));
}
