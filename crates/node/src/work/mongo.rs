//! MongoDB: the way to a server, what is taken of it, and bringing it back.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use backstay_core::sink::escape_name;
use backstay_core::{Control, Events, Sink};
use backstay_engine::format::Node;
use backstay_engine::index::Index;
use backstay_engine::repository::{TreeCache, read_content};
use backstay_model::mongodb::{ExistingCollections, IntoMongodb, MongodbSettings, MongodbSpec};
use backstay_model::run::RestoreRequest;
use backstay_model::{ConnectionSettings, Level, RunId, Time};
use backstay_policy::point_in_time::{Base, Mark, Piece};
use backstay_sources::CaptureReport;
use backstay_sources::files::restore::{FolderTarget, RestoreOptions as FolderOptions};
use backstay_sources::mongodb::{
    Access, CaptureOptions, Connection, Dump, EntriesDump, Existing, Manifest, MongoError, OpenEntry,
    Position, RestoreOptions, RestoreReport, Selection, Shipper, Trouble, capture, probe, restorable,
    restore,
};
use parking_lot::Mutex;

use super::archives;
use super::discard::validate;
use super::meter::Meter;
use super::repository::{Access as Hold, Open, make_folder};
use super::restore::{bring_back, cannot_restore, find_snapshot};
use super::shipping::{Log, LogError, Shipment, way_back};
use super::{Class, Job, Result, WorkError, Workshop};
use crate::seals::Opened;

/// How long a server may take to be found and to answer.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);
/// Pieces of a content that wait to be read.
const AHEAD: usize = 2;

/// A server that is backed up.
#[derive(Clone)]
pub struct MongoSource {
    connection: Arc<Connection>,
    options: CaptureOptions,
    place: String,
    /// Where in the oplog what was read last is.
    taken: Arc<Mutex<Option<Position>>>,
}

impl std::fmt::Debug for MongoSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MongoSource").field("place", &self.place).finish_non_exhaustive()
    }
}

impl std::fmt::Display for MongoSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", described(&self.connection))
    }
}

/// A server, as the log calls it.
fn described(connection: &Connection) -> String {
    let set = connection.replica_set().map_or_else(String::new, |name| format!(", replica set {name}"));
    format!("{} (MongoDB {}{set})", connection.place(), connection.version())
}

impl MongoSource {
    /// How the snapshot calls what is read.
    pub(super) fn paths(&self) -> Vec<String> {
        paths(&self.place, &self.options.selection.include)
    }

    /// What a restore to a point in time may begin with: this backup, once it was taken, where it has an oplog and all collections.
    pub(super) fn base(&self) -> Option<Base> {
        self.taken.lock().map(|at| Base { at: mark(at), moment: i64::from(at.seconds) })
    }

    /// Follows the oplog from a place on.
    #[must_use]
    pub fn log_after(&self, at: Mark) -> MongoLog {
        let number = |number| u32::try_from(number).unwrap_or(u32::MAX);
        let position = Position { seconds: number(at.0), counter: number(at.1) };
        let shipper = Shipper::after(position).selecting(self.options.selection.clone());
        MongoLog { connection: Arc::clone(&self.connection), shipper, cannot: None }
    }

    /// Where it is.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// Its version, as it tells it.
    pub(super) fn version(&self) -> &str {
        self.connection.version()
    }

    /// Hands all of it to a sink.
    pub(super) fn take(&self, sink: &dyn Sink, job: &Job<'_>, events: &dyn Events) -> Result<CaptureReport> {
        let manifest = capture(&self.connection, sink, &self.options, job.control, events)?;
        *self.taken.lock() = manifest.reaches_to();
        if manifest.oplog.is_some() && !manifest.left_out.is_empty() {
            let text = format!(
                "no log of what is written later follows on this backup, since it lacks {}",
                manifest.left_out.join(", ")
            );
            job.report.log(Level::Warning, "read", &text);
        }
        if let Some(why) = &manifest.inconsistent_because {
            job.report.log(Level::Warning, "read", &format!("the collections are not of one moment: {why}"));
        }
        Ok(CaptureReport {
            files: manifest.collections.len() as u64,
            bytes: manifest.collections.iter().map(|counted| counted.bytes).sum(),
            ..CaptureReport::default()
        })
    }
}

impl Workshop {
    /// The server of a source, once it has answered.
    ///
    /// # Errors
    /// When the connection is none to MongoDB, or the server does not answer or does not know us.
    pub fn mongo_source(
        &self,
        spec: &MongodbSpec,
        settings: &ConnectionSettings,
        secrets: &Opened,
    ) -> Result<MongoSource> {
        let ConnectionSettings::Mongodb(mongodb) = settings else {
            return Err(WorkError::new(Class::Other, "the connection of the source is none to MongoDB")
                .hint("save the source again, with a connection of type mongodb"));
        };
        let connection = Arc::new(Connection::open(&self.mongo_access(mongodb, secrets))?);
        let place = connection.place().to_owned();
        let options = CaptureOptions {
            patience: connection.away(),
            selection: Selection { include: spec.include.clone(), exclude: spec.exclude.clone() },
            oplog: spec.oplog,
            users: spec.users,
            taken_at: self.environment.clock.now(),
            ..CaptureOptions::default()
        };
        Ok(MongoSource { connection, options, place, taken: Arc::default() })
    }

    /// What snapshots of a server are called, without asking it.
    #[must_use]
    pub fn mongo_paths(&self, spec: &MongodbSpec, settings: &MongodbSettings) -> Vec<String> {
        let access = Access { uri: settings.uri.clone(), ..Access::default() };
        paths(&access.place(), &spec.include)
    }

    fn mongo_access(&self, mongodb: &MongodbSettings, secrets: &Opened) -> Access {
        let reach = self.reach_of(mongodb.allow_private);
        let password = secrets.get("password").or_else(|| mongodb.password.expose()).unwrap_or_default();
        Access {
            uri: mongodb.uri.clone(),
            user: mongodb.user.clone(),
            password: password.to_owned(),
            auth_database: mongodb.auth_database.clone(),
            patience: PATIENCE,
            guard: Some(Arc::new(move |host, port| reach.resolve(host, port))),
            ..Access::default()
        }
    }

    /// Whether the server is there, knows us and lets us read.
    pub(super) fn probe_mongodb(&self, mongodb: &MongodbSettings, secrets: &Opened) -> Result<String> {
        let connection = Connection::open(&self.mongo_access(mongodb, secrets))?;
        let facts = probe(&connection, mongodb.user.as_deref())?;
        let set = match facts.replica_set {
            Some(name) => format!(", replica set {name},"),
            None if facts.is_router => String::new(),
            None => {
                " without a replica set (so it has no oplog that could be kept between backups)".to_owned()
            }
        };
        let mut text = format!(
            "{} runs MongoDB {}{set} and has {} databases",
            connection.place(),
            facts.version,
            facts.databases.len()
        );
        for missing in &facts.missing {
            text.push_str(&format!("; the user may not {}: {}", missing.what, missing.grant));
        }
        Ok(text)
    }

    /// Restores a snapshot or an archive, or collections of it, to a server. All of it is read before anything is written there.
    ///
    /// # Errors
    /// When the backup is damaged or none of MongoDB, or the server does not take it; then it is as it was.
    pub fn restore_into_mongodb(
        &self,
        job: &Job<'_>,
        request: &RestoreRequest,
        into: &IntoMongodb,
        (mongodb, secrets): (&MongodbSettings, &Opened),
        run: RunId,
    ) -> Result<(String, RestoreReport)> {
        let access = self.mongo_access(mongodb, secrets);
        job.report.log(Level::Info, "connect", &format!("connecting to {}", access.place()));
        let connection = Connection::open(&access)?;
        job.report.log(Level::Info, "connect", &format!("{} answers", described(&connection)));
        let spool = self.spool_of(run);
        let restored = self.fill_mongodb(job, request, into, &connection, run);
        let _ = super::remove_folder_if_there(&spool);
        restored
    }

    fn fill_mongodb(
        &self,
        job: &Job<'_>,
        request: &RestoreRequest,
        into: &IntoMongodb,
        connection: &Connection,
        run: RunId,
    ) -> Result<(String, RestoreReport)> {
        let mut segments = Vec::new();
        let (id, dump): (String, Box<dyn Dump>) = if job.repository.holds.is_archives() {
            if into.until.is_some() {
                return Err(WorkError::new(Class::Other, "an archive has no oplog of what was written after it").hint(
                    "restore from a destination of the plan that holds a repository; leave `until` out for what the archive has",
                ));
            }
            let source = self.archive_source(job, &request.snapshot)?;
            match source.dump(job)? {
                Some(dump) => (source.id(), Box::new(dump)),
                None => (source.id(), Box::new(self.unpacked(job, &source, &self.spool_of(run))?)),
            }
        } else {
            let open = Arc::new(self.open(job, Hold::Shared, true)?);
            let mut entry = find_snapshot(&open, &request.snapshot)?;
            let index = open.index()?;
            let way = into.until.map(|moment| way_back(&open, &entry, moment)).transpose()?;
            let base = way.as_ref().map_or(&entry, |way| &way.base).snapshot.tree;
            let trees: Vec<_> =
                [base].into_iter().chain(way.iter().flat_map(|way| way.trees.clone())).collect();
            // On a dry run only what the dump says of itself.
            bring_back(&open, &trees, &|path| !request.dry_run || !path.ends_with(b".bson"))?;
            if let Some(way) = way {
                job.report.log(Level::Info, "read", &way.to_string());
                if !request.dry_run {
                    job.report.log(
                        Level::Info,
                        "verify",
                        "reading the log first: nothing is written before that",
                    );
                    way.validate(job, &open, &index)?;
                }
                segments = way.files.into_iter().map(|node| entry_of(&open, &index, node)).collect();
                entry = way.base;
            }
            if !request.dry_run {
                validate(job, &open, &entry, &|_, _| backstay_engine::restore::Selected::ALL)?;
            }
            (entry.id.to_hex(), Box::new(dump_of(open, index, &entry.snapshot.tree)?))
        };
        let manifest = dump.manifest().cloned();
        let options = self.mongo_options(into, connection, (manifest.as_ref(), segments), run);
        restorable(dump.as_ref(), &options)?;
        if request.dry_run {
            for counted in manifest.iter().flat_map(|manifest| &manifest.collections) {
                if options.selection.takes(&counted.database, &counted.collection) {
                    let text = format!(
                        "would restore {} {}.{}: {} documents, {}",
                        counted.kind,
                        counted.database,
                        counted.collection,
                        counted.documents,
                        crate::host::bytes(counted.bytes)
                    );
                    job.report.log(Level::Info, "write", &text);
                }
            }
            return Ok((id, RestoreReport::default()));
        }
        job.report.log(Level::Info, "write", &format!("restoring to {}", connection.place()));
        let meter = Meter::new(&job.report, "restoring");
        let report = restore(connection, dump, &options, job.control, &meter)?;
        meter.finish();
        for one in &report.restored {
            let aside =
                one.put_aside.as_ref().map_or_else(String::new, |name| format!("; the old one is {name}"));
            let now = one.replayed.map_or_else(String::new, |count| {
                format!(", and {count} are there since the oplog was replayed")
            });
            let as_backed_up = if one.replayed.is_some() { "were" } else { "are" };
            let text = format!(
                "{} {}.{}: {} documents {as_backed_up} as they were backed up{now}, {} indexes{aside}",
                one.kind, one.database, one.collection, one.digest.documents, one.indexes
            );
            job.report.log(Level::Info, "verify", &text);
        }
        if report.compared_users {
            let text = format!("{} users and roles are as they were backed up", report.users);
            job.report.log(Level::Info, "verify", &text);
        }
        for warning in &report.warnings {
            job.report.log(Level::Warning, "verify", warning);
        }
        Ok((id, report))
    }
}

impl Workshop {
    fn mongo_options(
        &self,
        into: &IntoMongodb,
        connection: &Connection,
        (manifest, segments): (Option<&Manifest>, Vec<OpenEntry>),
        run: RunId,
    ) -> RestoreOptions {
        let pairs = |renames: &[backstay_model::mongodb::Rename]| {
            renames.iter().map(|rename| (rename.from.clone(), rename.to.clone())).collect()
        };
        RestoreOptions {
            selection: Selection { include: into.include.clone(), exclude: Vec::new() },
            databases: pairs(&into.databases),
            collections: pairs(&into.collections),
            existing: match into.existing {
                ExistingCollections::Refuse => Existing::Refuse,
                ExistingCollections::Replace => Existing::Replace,
                ExistingCollections::PutAside => Existing::PutAside,
            },
            users: into.users,
            patience: connection.away(),
            oplog: into.oplog && manifest.is_some_and(|manifest| manifest.oplog.is_some()),
            segments,
            until: into.until.map(end_of),
            at: self.environment.clock.now(),
            work: run.to_string(),
            ..RestoreOptions::default()
        }
    }

    /// The files of an archive as a dump, once they are unpacked into a folder.
    fn unpacked(
        &self,
        job: &Job<'_>,
        source: &archives::Source,
        spool: &std::path::Path,
    ) -> Result<EntriesDump> {
        make_folder(spool).map_err(|error| cannot_restore(spool, &error))?;
        let target = FolderTarget::open(spool, FolderOptions::default())
            .map_err(|error| cannot_restore(spool, &error))?;
        let meter = Meter::new(&job.report, "verifying");
        let limits = backstay_archive::read::Limits::default();
        let done = source.extract_into(job, &target, &|_| true, limits, false, &meter)?;
        meter.finish();
        if done.failures > 0 {
            let text = format!("{} files of the archive cannot be kept here", done.failures);
            return Err(WorkError::new(Class::Other, text)
                .hint("see the warnings in the log; nothing was written to the server"));
        }
        Ok(EntriesDump::of_folder(spool)?)
    }
}

/// The oplog of a replica set, as it goes on.
pub struct MongoLog {
    connection: Arc<Connection>,
    shipper: Shipper,
    cannot: Option<(Time, String)>,
}

impl MongoLog {
    /// Since when a restore cannot replay what was read, and why.
    #[must_use]
    pub fn cannot_replay(&self) -> Option<(Time, &str)> {
        self.cannot.as_ref().map(|(at, why)| (*at, why.as_str()))
    }
}

impl Log for MongoLog {
    fn next(&mut self, control: &Control) -> Result<Shipment, LogError> {
        match self.shipper.next_whole(&self.connection, control) {
            Ok((segment, until)) => {
                if let Some((at, why)) = segment.cannot.clone().filter(|_| self.cannot.is_none()) {
                    let at = Time::from_second(i64::from(at.seconds)).unwrap_or_default();
                    self.cannot = Some((at, why));
                }
                Ok(Shipment {
                    name: segment.name(),
                    piece: Piece { from: mark(segment.from), to: mark(segment.to), until: i64::from(until) },
                    has_more: segment.to.seconds > until,
                    data: segment.data,
                })
            }
            Err(error) if error.trouble == Trouble::Gap => Err(LogError::Gap(error.into())),
            Err(error) => Err(LogError::Failed(error.into())),
        }
    }
}

const fn mark(at: Position) -> Mark {
    Mark(at.seconds as u64, at.counter as u64)
}

fn paths(place: &str, include: &[String]) -> Vec<String> {
    match include {
        [] => vec![format!("mongodb://{place}")],
        chosen => chosen.iter().map(|name| format!("mongodb://{place}/{name}")).collect(),
    }
}

/// The entries of a snapshot as a dump.
fn dump_of(open: Arc<Open>, index: Arc<Index>, root: &backstay_core::FileId) -> Result<EntriesDump> {
    let trees = TreeCache::new(&open.engine, Arc::clone(&index));
    let mut files: std::collections::HashMap<Vec<u8>, Node> = std::collections::HashMap::new();
    let tree = trees.tree(root)?;
    for node in &tree.nodes {
        match node.subtree {
            None => drop(files.insert(node.name.clone(), node.clone())),
            Some(_) if node.name == escape_name(super::note::FOLDER.as_bytes()) => {}
            Some(subtree) => {
                for inner in &trees.tree(&subtree)?.nodes {
                    let path = [node.name.as_slice(), b"/", inner.name.as_slice()].concat();
                    files.insert(path, inner.clone());
                }
            }
        }
    }
    let paths: Vec<_> = files.keys().cloned().collect();
    let entries: OpenEntry = Arc::new(move |path| {
        let node = files.get(path).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        Ok(Box::new(Content::start(&open, &index, node)?))
    });
    Ok(EntriesDump::open(&paths, entries)?)
}

/// A file of a repository, to be opened without a name.
fn entry_of(open: &Arc<Open>, index: &Arc<Index>, node: Node) -> OpenEntry {
    let (open, index) = (Arc::clone(open), Arc::clone(index));
    Arc::new(move |_| Ok(Box::new(Content::start(&open, &index, &node)?)))
}

/// The last place in the oplog of the second that a moment is in.
fn end_of(moment: Time) -> Position {
    let seconds = u32::try_from(moment.as_second().max(0)).unwrap_or(u32::MAX);
    Position { seconds, counter: u32::MAX }
}

/// Content of a repository that a thread reads ahead of who takes it.
struct Content {
    pieces: Receiver<io::Result<Vec<u8>>>,
    piece: io::Cursor<Vec<u8>>,
}

impl Content {
    fn start(open: &Arc<Open>, index: &Arc<Index>, node: &Node) -> io::Result<Self> {
        let (sender, pieces) = sync_channel(AHEAD);
        let (open, index, blobs) = (Arc::clone(open), Arc::clone(index), node.blobs().to_vec());
        std::thread::Builder::new().name("content".to_owned()).spawn(move || {
            let read = read_content::<WorkError>(&open.engine, &index, &blobs, &mut |bytes| {
                sender
                    .send(Ok(bytes.to_vec()))
                    .map_err(|_| WorkError::new(Class::Interrupted, "nobody reads on"))
            });
            if let Err(error) = read {
                // Nobody may be left to hear it.
                let _ = sender.send(Err(io::Error::other(error.message().to_owned())));
            }
        })?;
        Ok(Self { pieces, piece: io::Cursor::new(Vec::new()) })
    }
}

impl Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.piece.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            match self.pieces.recv() {
                Ok(piece) => self.piece = io::Cursor::new(piece?),
                Err(_) => return Ok(0),
            }
        }
    }
}

impl From<MongoError> for WorkError {
    fn from(error: MongoError) -> Self {
        if let Some(sink) = error.sink {
            return sink.into();
        }
        let class = match error.trouble {
            Trouble::NoAnswer => Class::Unreachable,
            Trouble::Interrupted => return Self::from(backstay_core::Interrupted),
            Trouble::Damaged => Class::Damaged,
            Trouble::NoSpace => Class::NoSpace,
            _ => Class::Other,
        };
        let text = format!("{}: {}", error.what, error.cause);
        let told = Self::new(class, text);
        if error.hint.is_empty() { told } else { told.hint(error.hint) }
    }
}
