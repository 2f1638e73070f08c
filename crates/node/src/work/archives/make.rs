//! Making an archive of a source.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use backstay_archive::ArchiveError;
use backstay_archive::create::{ArchiveSink, Compare, Description, Parent, Settings};
use backstay_archive::local::NewArchive;
use backstay_archive::manifest::{ArchiveId, BinlogPosition, Compression, Format, SourceFacts};
use backstay_core::Events;
use backstay_model::archives::{
    ArchiveCompression, ArchiveEncryption, ArchiveFormat, Between, MongodbArchives,
};
use backstay_model::{ArchiveSettings, Level, RunId};
use backstay_policy::BackupType;
use backstay_policy::naming::Pattern;

use super::Place;
use super::careful::Careful;
use super::known::{Inventory, Known};
use super::names::{FieldsOf, unnamed};
use super::outbox::Waiting;
use crate::host::bytes;
use crate::work::backup::{Backup, BackupDone, Content, PROGRAM, Read, Reading, nothing_read};
use crate::work::cold::InstanceCopy;
use crate::work::meter::Meter;
use crate::work::repository::make_folder;
use crate::work::{Class, Job, Result, WorkError, Workshop};

/// Databases that every instance has.
const SYSTEM: [&str; 4] = ["mysql", "performance_schema", "sys", "information_schema"];

/// What an archive is named by, and where it may be made.
#[derive(Debug, Clone, Copy)]
pub struct Labels<'a> {
    /// The run.
    pub run: RunId,
    /// The plan's name.
    pub plan: &'a str,
    /// The source's name.
    pub source: &'a str,
    /// The folder that it is made in before it is sent, where the source names one.
    pub spool: Option<&'a Path>,
}

/// An archive that was made.
#[derive(Debug)]
pub enum Made {
    /// It lies at the destination already.
    There(BackupDone),
    /// It waits on this host to be sent.
    Here(Waiting),
}

/// Where an archive is made.
struct Bench<'a> {
    /// The folder that its file is written in.
    folder: PathBuf,
    /// The folder of the place that it goes to.
    to: String,
    inventory: &'a Inventory,
}

/// An archive that is being made.
pub(in crate::work) struct Begun {
    pub(in crate::work) sink: Arc<ArchiveSink>,
    new: NewArchive,
    run: RunId,
    /// The folder of the place that it goes to.
    to: String,
    /// What is left of it is of no use to anybody when this ends before it is made.
    spool: Spool,
    is_direct: bool,
}

/// A folder that goes when nobody needs it.
struct Spool(Option<PathBuf>);

impl Drop for Spool {
    fn drop(&mut self) {
        if let Some(folder) = &self.0 {
            let _ = crate::work::remove_folder_if_there(folder);
        }
    }
}

impl Workshop {
    /// Begins an archive of a source: at the destination itself where that is a folder on the same disk, else on this host, to be
    /// sent. Troubles with single items are told to `events`.
    pub(in crate::work) fn begin_archive(
        &self,
        job: &Job<'_>,
        settings: &ArchiveSettings,
        backup: &Backup<'_>,
        reading: &Reading,
        labels: Labels<'_>,
        events: Arc<dyn Events>,
    ) -> Result<Begun> {
        if let Some(spool) = labels.spool {
            self.policy.check_repository(spool)?;
        }
        let created = self.environment.clock.now();
        let place = self.place(job, true)?;
        let inventory = self.manifests.inventory(&place)?;
        let source = self.facts(backup, reading, labels);
        let format = format(settings, backup.content);
        let (backup_type, leans_on) = match format {
            Format::Mongodump => (BackupType::Full, None),
            Format::Zip | Format::TarZst => kind(settings, &inventory, &source),
        };
        let why = leans_on.and_then(|known| self.distrust(job.repository.id, &inventory, known));
        if let Some(why) = &why {
            job.report.log(Level::Warning, "compress", &format!("{why}: so a full archive is made"));
        }
        let leans_on = leans_on.filter(|_| why.is_none());
        let parent = parent(job, backup, backup_type, leans_on, &place)?;
        let backup_type = if parent.is_some() { backup_type } else { BackupType::Full };
        let fields = FieldsOf { source: &source, labels, backup_type, created };

        let to = match leans_on.filter(|_| parent.is_some()) {
            // Archives that lean on one another lie together.
            Some(known) => folder_of(&known.file.name).to_owned(),
            None => place.inside(&fields.folder(settings)?),
        };
        let outbox = self.outbox(labels.spool, (backup.plan, backup.source, job.repository.id));
        let cannot = |error: std::io::Error| {
            WorkError::from_io(&error, format_args!("no archive can be made in {}", self.data_dir.display()))
        };
        let spool = outbox.begin(labels.run).map_err(cannot)?;
        let direct = place.shares_disk_with(&spool).map(|root| root.join(&to));
        if let Some(folder) = &direct {
            make_folder(folder).map_err(cannot)?;
        }
        let folder = direct.clone().unwrap_or_else(|| spool.clone());
        let spool = Spool(Some(spool));
        let bench = Bench { folder, to, inventory: &inventory };

        let packing = packing(settings, format, &place, spool.0.as_deref().unwrap_or(&self.data_dir))?;
        let new = bench.take_name(settings, &packing, &fields)?;
        let mut id = [0; 16];
        self.environment.random.fill(&mut id);
        let description = Description {
            id: ArchiveId(id),
            name: new.name().to_owned(),
            created: fields.created,
            backup_type: fields.backup_type,
            source: fields.source.clone(),
            program: PROGRAM.to_owned(),
        };
        let text =
            format!("archiving {} to {} ({})", reading.paths.join(", "), new.name(), fields.backup_type);
        job.report.log(Level::Info, "compress", &text);
        let output = Box::new(Careful::new(new.output()?, bench.folder.clone()));
        let sink = ArchiveSink::new(output, &packing, description, parent, job.control.clone(), events)?;
        let (sink, is_direct) = (Arc::new(sink), direct.is_some());
        Ok(Begun { sink, new, run: labels.run, to: bench.to, spool, is_direct })
    }

    /// Finishes an archive that has taken everything in.
    pub(in crate::work) fn finish_archive(
        &self,
        job: &Job<'_>,
        begun: Begun,
        read: &Read<'_>,
        meter: &Meter,
    ) -> Result<Made> {
        let Begun { sink, new, run, to, mut spool, is_direct } = begun;
        read.reading.check()?;
        let finished = sink.finish()?;
        let totals = finished.manifest.totals;
        let errors = meter.errors().max(read.meter.errors());
        let failures = totals.failed.max(errors) + read.report.missing.len() as u64;
        if totals.files == 0 && read.report.others == 0 && failures > 0 {
            return Err(nothing_read(failures));
        }
        new.publish(&finished)?;
        let done = BackupDone {
            snapshot: finished.manifest.id.to_string(),
            files_new: totals.stored_files,
            files_changed: 0,
            files_unmodified: totals.files.saturating_sub(totals.stored_files),
            bytes: totals.bytes,
            bytes_added: finished.size,
            failures,
            resumed: false,
        };
        let text = format!(
            "made {}: {} files, {}, of which {} were compressed to {}; SHA-256 {}",
            finished.manifest.name,
            totals.files,
            bytes(totals.bytes),
            bytes(totals.stored_bytes),
            bytes(finished.size),
            finished.sha256.to_hex()
        );
        job.report.log(Level::Info, "compress", &text);
        if is_direct {
            return Ok(Made::There(done));
        }
        let folder = spool.0.take().unwrap_or_default();
        Waiting::keep(run, folder, finished.manifest.name, to, done).map(Made::Here)
    }

    /// What the manifest says of the source.
    fn facts(&self, backup: &Backup<'_>, reading: &Reading, labels: Labels<'_>) -> SourceFacts {
        let mut tags = backup.tags.to_vec();
        tags.push(backup.plan.tag());
        let of = SourceFacts {
            kind: "files".to_owned(),
            host: self.environment.identity.host.clone(),
            name: Some(labels.source.to_owned()),
            plan: Some(labels.plan.to_owned()),
            tags,
            paths: reading.paths.iter().map(|path| path.as_bytes().into()).collect(),
            ..SourceFacts::default()
        };
        let copy = match backup.content {
            Content::Files(_) => return of,
            Content::Bucket(bucket) => {
                let server = Some(bucket.facts.location.clone());
                return SourceFacts { kind: "s3".to_owned(), server, ..of };
            }
            Content::Mongodb(mongo) => {
                let (server, server_version) =
                    (Some(mongo.place().to_owned()), Some(mongo.version().to_owned()));
                return SourceFacts { kind: "mongodb".to_owned(), server, server_version, ..of };
            }
            Content::Sqlite(_) => return SourceFacts { kind: "sqlite".to_owned(), ..of },
            Content::Instance(copy) => copy,
        };
        let facts = &copy.facts;
        SourceFacts {
            kind: "mysql".to_owned(),
            server: Some(facts.host.clone()),
            server_version: facts.version.clone(),
            data_directory: Some(facts.data_dir.as_bytes().into()),
            databases: databases(copy),
            binlog: facts.binlog.as_ref().map(|at| BinlogPosition {
                file: at.file.clone(),
                position: at.position,
                gtid: at.gtid.clone(),
            }),
            ..of
        }
    }
}

impl Bench<'_> {
    fn take_name(
        &self,
        settings: &ArchiveSettings,
        packing: &Settings,
        fields: &FieldsOf<'_>,
    ) -> Result<NewArchive> {
        let pattern = Pattern::parse(&settings.name).map_err(|error| unnamed(&error))?;
        let extension = packing.extension();
        NewArchive::begin::<WorkError>(&self.folder, &mut |is_taken_here| {
            let mut is_taken = |name: &str| {
                let there = if self.to.is_empty() { name.to_owned() } else { format!("{}/{name}", self.to) };
                is_taken_here(name) || self.inventory.is_taken(&there)
            };
            fields.with(|fields| pattern.name(fields, extension, &mut is_taken))
        })
    }
}

/// The format of archives of a source.
const fn format(settings: &ArchiveSettings, content: Content<'_>) -> Format {
    match (content, settings.mongodb, settings.format) {
        (Content::Mongodb(_), MongodbArchives::Mongodump, _) => Format::Mongodump,
        (_, _, ArchiveFormat::Zip) => Format::Zip,
        (_, _, ArchiveFormat::TarZst) => Format::TarZst,
    }
}

/// How archives are packed at a destination.
fn packing(settings: &ArchiveSettings, format: Format, place: &Place, spool: &Path) -> Result<Settings> {
    let compression = match (settings.compression, format) {
        (Some(ArchiveCompression::Store), _) => Compression::Store,
        (Some(ArchiveCompression::Zstd), _) | (None, Format::TarZst) => Compression::Zstd,
        (Some(ArchiveCompression::Deflate) | None, _) => Compression::Deflate,
    };
    let recipients = match settings.encryption {
        ArchiveEncryption::Plain => None,
        ArchiveEncryption::Age => Some(place.identities.recipients().ok_or_else(|| {
            WorkError::new(
                Class::WrongPassword,
                "the key that archives are encrypted for has not reached this node",
            )
            .hint("save the destination again")
        })?),
    };
    Ok(Settings { format, compression, level: None, recipients, spool: spool.to_owned() })
}

/// The type of the next archive of a source, and the one that it leans on.
fn kind<'a>(
    settings: &ArchiveSettings,
    inventory: &'a Inventory,
    source: &SourceFacts,
) -> (BackupType, Option<&'a Known>) {
    if settings.full_every <= 1 {
        return (BackupType::Full, None);
    }
    let is_of_source = |known: &&Known| {
        let of = &known.manifest.source;
        of.kind == source.kind && of.host == source.host && of.name == source.name && of.tags == source.tags
    };
    let mut own = inventory.archives.iter().filter(is_of_source).peekable();
    let newest = own.peek().copied();
    let since = own.clone().take_while(|known| known.manifest.backup_type != BackupType::Full).count();
    let full = own.find(|known| known.manifest.backup_type == BackupType::Full);
    let is_due = u32::try_from(since).unwrap_or(u32::MAX).saturating_add(1) >= settings.full_every;
    match (full, settings.between) {
        (None, _) => (BackupType::Full, None),
        (Some(_), _) if is_due => (BackupType::Full, None),
        (full, Between::Differential) => (BackupType::Differential, full),
        (_, Between::Incremental) => (BackupType::Incremental, newest),
    }
}

/// What is known of the files of the archive that another one leans on; nothing where that cannot be read, and all is archived anew.
fn parent(
    job: &Job<'_>,
    backup: &Backup<'_>,
    backup_type: BackupType,
    leans_on: Option<&Known>,
    place: &Place,
) -> Result<Option<Parent>> {
    let Some(known) = leans_on else { return Ok(None) };
    let compare = match backup.content {
        // The files of a copy are new ones, with the times of their changes.
        Content::Instance(copy) if copy.root.is_some() => Compare::Content,
        Content::Mongodb(_) | Content::Sqlite(_) => Compare::Content,
        Content::Instance(_) | Content::Files(_) | Content::Bucket(_) => Compare::Times,
    };
    let name = &known.file.name;
    let read = known.open(place).and_then(|archive| {
        Parent::read(backup_type, compare, |each| {
            let manifest = archive.list(&mut |item| {
                job.control.checkpoint()?;
                each(item.clone())
            })?;
            manifest.ok_or_else(|| ArchiveError::Unknown(name.clone()))
        })
    });
    match read.map_err(WorkError::from) {
        Ok(parent) => {
            job.report.log(Level::Info, "read", &format!("only what changed since {name} is archived"));
            Ok(Some(parent))
        }
        Err(error) if matches!(error.class(), Class::Damaged | Class::WrongPassword | Class::NotFound) => {
            let text = format!("{name} cannot be leaned on, so everything is archived: {}", error.message());
            job.report.log(Level::Warning, "read", &text);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The databases of an instance, by their folders.
fn databases(copy: &InstanceCopy) -> Vec<String> {
    let data_dir = Path::new(&copy.facts.data_dir);
    let folder = match &copy.root {
        Some(root) => root.join(data_dir.strip_prefix("/").unwrap_or(data_dir)),
        None => data_dir.to_owned(),
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !SYSTEM.contains(&name.as_str()) && !name.starts_with(['#', '.']))
        .collect();
    names.sort_unstable();
    names
}

/// The folder of a name in a store.
fn folder_of(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}
