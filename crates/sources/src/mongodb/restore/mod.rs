//! Brings a dump to a server.
//!
//! Collections are restored under names of their own, compared with the dump, brought to the wanted moment by the oplog and given their
//! indexes. Only then are they renamed into place, so that nothing half restored ever has the name of something whole. What has such a
//! name already is refused, or put aside and dropped when all is in place.

mod alike;
mod insert;
mod plan;
mod steps;
mod undo;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use backstay_core::{Control, Events, Timestamp};
use mongodb::bson::raw::RawDocumentBuf;
use parking_lot::Mutex;

use super::access::AWAY;
use super::dump::Place;
use super::error::{MongoError, Result, Trouble};
use super::reader::{Intake, Order, Scan};
use super::replay::{Replay, known};
use super::{Connection, Digest, Dump, OpenEntry, Position, Selection, users};
use insert::Inserts;
pub(super) use plan::{Target, Targets};

/// What becomes of collections that have the name of one that is restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Existing {
    /// Nothing is restored then.
    #[default]
    Refuse,
    /// They are renamed to `NAME.backstay-old-TIME`, and dropped once everything is in place.
    Replace,
    /// They are renamed so, and stay.
    PutAside,
}

/// How what was restored is compared with the dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verify {
    /// Every document is read back and hashed.
    #[default]
    Documents,
    /// Documents are counted.
    Counts,
}

/// How a dump is restored.
#[derive(Clone)]
pub struct RestoreOptions {
    /// What of the dump is restored, by the names that it has there.
    pub selection: Selection,
    /// Databases that get another name: from, to.
    pub databases: Vec<(String, String)>,
    /// Collections that get another name: from, to, both as `database.collection`.
    pub collections: Vec<(String, String)>,
    /// What becomes of collections that are in the way.
    pub existing: Existing,
    /// How it is verified.
    pub verify: Verify,
    /// How many connections write at once.
    pub parallel: usize,
    /// Whether users and roles are merged into the server's own.
    pub users: bool,
    /// Whether the oplog is replayed.
    pub oplog: bool,
    /// Oplog that was shipped after the dump, in its order, as [`Segment::data`](super::Segment::data) has it. Each is opened with an
    /// empty path.
    pub segments: Vec<OpenEntry>,
    /// The last entry that is replayed; all of them when there is none.
    pub until: Option<Position>,
    /// How long the server may be away before the work is given up.
    pub patience: Duration,
    /// The time that names of collections that are put aside have.
    pub at: Timestamp,
    /// What this restore is called: another try of the same one removes what this one left, if it was killed. Any name when empty.
    pub work: String,
}

impl Default for RestoreOptions {
    fn default() -> Self {
        Self {
            selection: Selection::all(),
            databases: Vec::new(),
            collections: Vec::new(),
            existing: Existing::Refuse,
            verify: Verify::Documents,
            parallel: 4,
            users: false,
            oplog: false,
            segments: Vec::new(),
            until: None,
            patience: AWAY,
            at: Timestamp::default(),
            work: String::new(),
        }
    }
}

impl std::fmt::Debug for RestoreOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RestoreOptions")
            .field("selection", &self.selection)
            .field("databases", &self.databases)
            .field("collections", &self.collections)
            .field("existing", &self.existing)
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}

/// A collection that is in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Its database now.
    pub database: String,
    /// Its name now.
    pub collection: String,
    /// `collection`, `view`, `timeseries`.
    pub kind: &'static str,
    /// What was read of the dump, and compared with what is on the server.
    pub digest: Digest,
    /// Whether the dump's own record of it was compared too.
    pub agrees_with_manifest: bool,
    /// How many documents it has since the oplog was replayed on it.
    pub replayed: Option<u64>,
    /// Its indexes, that of `_id` not counted.
    pub indexes: usize,
    /// Where what had its name is now.
    pub put_aside: Option<String>,
}

/// What a restore did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RestoreReport {
    /// What is in place.
    pub restored: Vec<Restored>,
    /// Whether each document was compared, or only their number.
    pub compared_documents: bool,
    /// Operations that were replayed.
    pub replayed: u64,
    /// The moment that the data is of, when an oplog was replayed.
    pub moment: Option<Position>,
    /// Users and roles that were merged.
    pub users: usize,
    /// Whether these were read again and are as in the dump.
    pub compared_users: bool,
    /// What is not as in the dump.
    pub warnings: Vec<String>,
}

/// Whether anything of a dump is selected, and each collection goes to a place of its own.
///
/// # Errors
/// When that is not so, with what the dump has.
pub fn restorable(dump: &dyn Dump, options: &RestoreOptions) -> Result<()> {
    Targets::plan(dump, options, &Control::new()).map(drop)
}

/// Brings a dump to a server. Nothing has its final name before everything is restored and verified.
///
/// # Errors
/// When a collection is in the way, the dump is damaged, the server stays away, what was restored differs from the dump, or the work is
/// cancelled. What was restored is removed then, and what was put aside has its name again.
pub fn restore(
    connection: &Connection,
    dump: Box<dyn Dump>,
    options: &RestoreOptions,
    control: &Control,
    events: &dyn Events,
) -> Result<RestoreReport> {
    control.checkpoint()?;
    if !connection.is_writable() {
        let cause = "this member of the replica set takes no writes";
        let mut error =
            MongoError::new(Trouble::Settings, format!("cannot restore to {}", connection.place()), cause);
        error.hint = "connect to the primary, or name all members in the connection string";
        return Err(error);
    }
    let mut targets = Targets::plan(dump.as_ref(), options, control)?;
    known::look_through(dump.as_ref(), &targets, options, control)?;
    targets.clear_earlier(connection, control, events)?;
    targets.look(connection, options.existing)?;
    let work = Work { connection, options, control, events };
    match work.run(dump, &mut targets) {
        Ok(mut report) => {
            if let Err(error) = targets.sweep(connection) {
                report.warnings.push(format!("{error}: what an earlier try had on its way may be left"));
            }
            Ok(report)
        }
        Err(error) => {
            targets.undo(connection, options.patience, events);
            Err(error)
        }
    }
}

struct Work<'a> {
    connection: &'a Connection,
    options: &'a RestoreOptions,
    control: &'a Control,
    events: &'a dyn Events,
}

/// Documents that are kept until the end: users, roles, and functions of the server.
type Kept = Mutex<BTreeMap<usize, Vec<RawDocumentBuf>>>;

/// What of a dump is not written at once.
struct Taken {
    /// The oplog, in a file of its own.
    oplog: Option<tempfile::NamedTempFile>,
    /// What is merged into what is there, by its number in the dump.
    kept: BTreeMap<usize, Vec<RawDocumentBuf>>,
}

impl Work<'_> {
    fn run(&self, dump: Box<dyn Dump>, targets: &mut Targets) -> Result<RestoreReport> {
        for target in targets.iter_mut().filter(|target| target.has_documents()) {
            self.control.checkpoint()?;
            target.create(self.connection)?;
        }
        let manifest = dump.manifest().cloned();
        let has_users = self.options.users && dump.collections().iter().any(users::has);
        let taken = self.documents(dump, targets)?;
        let mut report = RestoreReport {
            compared_documents: self.options.verify == Verify::Documents,
            ..RestoreReport::default()
        };
        if self.options.users && !has_users {
            report.warnings.push("the dump has no users and roles".to_owned());
        }
        for target in targets.iter_mut() {
            if let Some(counted) =
                manifest.as_ref().and_then(|all| all.counted(&target.source.database, &target.source.name))
            {
                if !counted.agrees(&target.digest) {
                    let cause = format!(
                        "it has {}, and {} documents of {} bytes ({}) were captured",
                        target.digest, counted.documents, counted.bytes, counted.hash
                    );
                    return Err(MongoError::damaged(
                        format!("the dump of {}", target.source.full_name()),
                        cause,
                    ));
                }
                target.agrees_with_manifest = true;
            }
        }
        self.verify(targets)?;
        if self.options.oplog {
            let of_dump = manifest.as_ref();
            self.replay(
                taken.oplog.as_ref(),
                of_dump.and_then(|manifest| manifest.oplog),
                targets,
                &mut report,
            )?;
            targets.refuse_nothing()?;
            if let Some(why) = of_dump.and_then(|manifest| manifest.inconsistent_because.as_ref()) {
                report.warnings.push(format!("not all collections are of the moment: {why}"));
            }
        }
        for target in targets.iter().filter(|target| target.has_documents()) {
            self.control.checkpoint()?;
            target.check_options(self.connection, self.control)?;
            target.build_indexes(self.connection, self.control)?;
        }
        self.control.checkpoint()?;
        self.put_in_place(targets, &taken.kept, &mut report)?;
        report.restored = targets.report();
        Ok(report)
    }

    /// Writes all documents, but for those that have their turn at the end.
    fn documents(&self, dump: Box<dyn Dump>, targets: &mut Targets) -> Result<Taken> {
        let failed = |error: std::io::Error| MongoError::storage("keeping the oplog", &error);
        let oplog = if self.options.oplog && dump.has_oplog() {
            Some(Mutex::new(tempfile::NamedTempFile::new().map_err(failed)?))
        } else {
            None
        };
        let kept = Kept::default();
        let digests = {
            let inserts = Inserts {
                connection: self.connection,
                control: self.control,
                events: self.events,
                patience: self.options.patience,
            };
            let targets = &*targets;
            let wanted = |place: Place| match place {
                Place::Oplog => oplog.is_some(),
                Place::Collection(number) => {
                    targets.of_number(number).is_some_and(Target::has_documents) || targets.is_kept(number)
                }
            };
            inserts.run(self.options.parallel, targets, |insert| {
                dump.read(self.options.parallel.max(1), &wanted, &|place, documents| {
                    self.control.checkpoint()?;
                    match place {
                        Place::Collection(number) if targets.is_kept(number) => {
                            keep(&kept, number, documents)
                        }
                        Place::Collection(number) => insert(number, documents),
                        Place::Oplog => match &oplog {
                            Some(file) => {
                                let entries: Vec<u8> =
                                    documents.iter().flat_map(|entry| entry.as_bytes()).copied().collect();
                                std::io::Write::write_all(file.lock().as_file_mut(), &entries).map_err(failed)
                            }
                            None => Ok(()),
                        },
                    }
                })
            })?
        };
        for (number, digest) in digests {
            if let Some(target) = targets.of_number_mut(number) {
                target.digest = digest;
            }
        }
        Ok(Taken { oplog: oplog.map(Mutex::into_inner), kept: kept.into_inner() })
    }

    /// Compares what is on the server with what was read of the dump.
    fn verify(&self, targets: &Targets) -> Result<()> {
        let targets: Vec<&Target> = targets.iter().filter(|target| target.has_documents()).collect();
        let next = AtomicUsize::new(0);
        let first_error = Mutex::new(None);
        let worker = || {
            while let Some(target) = targets.get(next.fetch_add(1, Ordering::Relaxed)) {
                if first_error.lock().is_some() {
                    return;
                }
                if let Err(error) = self.verify_one(target) {
                    let _ = first_error.lock().get_or_insert(error);
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..self.options.parallel.clamp(1, targets.len().max(1)) {
                let _ = scope.spawn(worker);
            }
        });
        first_error.into_inner().map_or(Ok(()), Err)
    }

    fn verify_one(&self, target: &Target) -> Result<()> {
        self.control.checkpoint()?;
        let differs = |found: String| {
            let cause = format!("it has {found} after the restore, and the dump has {}", target.digest);
            MongoError::new(
                Trouble::Differs,
                format!("{} is not as in the dump", target.source.full_name()),
                cause,
            )
        };
        let (database, collection) = (target.database.as_str(), target.written_as());
        match self.options.verify {
            Verify::Counts => {
                let count = self.count(target)?;
                if count == target.digest.documents {
                    Ok(())
                } else {
                    Err(differs(format!("{count} documents")))
                }
            }
            Verify::Documents => {
                let mut found = Found(Digest::default());
                let scan = Scan {
                    connection: self.connection,
                    database,
                    collection: &collection,
                    order: Order::Natural,
                    control: self.control,
                    events: self.events,
                    patience: self.options.patience,
                };
                scan.run(&mut found)?;
                if found.0 == target.digest { Ok(()) } else { Err(differs(found.0.to_string())) }
            }
        }
    }

    fn replay(
        &self,
        oplog: Option<&tempfile::NamedTempFile>,
        span: Option<super::OplogSpan>,
        targets: &mut Targets,
        report: &mut RestoreReport,
    ) -> Result<()> {
        let mut replay = Replay::new(self.connection, targets, self.control, self.options);
        let Some(oplog) = oplog else {
            return Err(MongoError::new(
                Trouble::Settings,
                "the oplog cannot be replayed",
                "the dump has none",
            ));
        };
        if let (Some(until), Some(span)) = (self.options.until, span)
            && until < span.to
        {
            let cause = format!("the dump itself is of {}, and {until} is before it", span.to);
            let mut error = MongoError::new(Trouble::Settings, "the moment cannot be restored", cause);
            error.hint = "choose a later moment, or an older dump";
            return Err(error);
        }
        let file = oplog.reopen().map_err(|error| MongoError::storage("reading the oplog", &error))?;
        replay.entries(file)?;
        let mut moment = span.map(|span| span.to).max(replay.moment());
        for (index, segment) in self.options.segments.iter().enumerate() {
            let opened =
                segment(b"").map_err(|error| MongoError::storage("reading shipped oplog", &error))?;
            replay.segment(opened, moment, index)?;
            moment = moment.max(replay.moment());
        }
        replay.finish()?;
        report.replayed = replay.count();
        report.moment = match (moment, self.options.until) {
            (Some(moment), Some(until)) => Some(moment.min(until)),
            (moment, _) => moment,
        };
        report.warnings.extend(replay.into_warnings());
        for target in targets.iter_mut().filter(|target| target.is_changed) {
            target.documents = Some(self.count(target)?);
        }
        Ok(())
    }

    fn count(&self, target: &Target) -> Result<u64> {
        let (database, collection) = (target.database.as_str(), target.written_as());
        let handle = self.connection.database(database).collection::<RawDocumentBuf>(&collection);
        let count = async { handle.count_documents(mongodb::bson::doc! {}).await };
        let count = self.connection.heed(self.control, count)?;
        count.map_err(|error| MongoError::of(format!("counting {database}.{collection}"), &error))
    }
}

fn keep(kept: &Kept, number: usize, documents: Vec<RawDocumentBuf>) -> Result<()> {
    /// Users, roles and functions of a server do not fill this.
    const MOST: usize = 64 << 20;
    let mut kept = kept.lock();
    let all = kept.entry(number).or_default();
    all.extend(documents);
    if all.iter().map(|document| document.as_bytes().len()).sum::<usize>() > MOST {
        return Err(MongoError::damaged("reading users, roles and functions", "there are too many"));
    }
    Ok(())
}

struct Found(Digest);

impl Intake for Found {
    fn document(&mut self, document: &[u8]) -> Result<()> {
        self.0.add(document);
        Ok(())
    }

    fn restart(&mut self) -> Result<bool> {
        self.0 = Digest::default();
        Ok(true)
    }
}
