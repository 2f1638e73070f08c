//! Takes a server into a sink.

mod sink_output;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use backstay_core::sink::escape_name;
use backstay_core::{Control, Events, Sink, Timestamp};
use mongodb::bson::{RawBsonRef, RawDocument};
use parking_lot::Mutex;

use super::access::AWAY;
use super::error::{MongoError, Result, Trouble};
use super::oplog::Start;
use super::reader::{Intake, Order, Scan};
use super::replay::known;
use super::{Collection, Connection, Counted, Digest, Kind, Manifest, OplogSpan, Position, Selection, users};
use sink_output::{SinkOutput, SinkStream};

/// How a server is captured.
#[derive(Debug, Clone)]
pub struct CaptureOptions {
    /// What is taken.
    pub selection: Selection,
    /// How many collections are read at once.
    pub parallel: usize,
    /// Whether the oplog is taken along, where there is one, so that the dump is of one moment.
    pub oplog: bool,
    /// Whether users and roles are taken along when the selection is whole.
    pub users: bool,
    /// How long the server may be away before the work is given up.
    pub patience: Duration,
    /// The time that the dump is said to be taken at.
    pub taken_at: Timestamp,
}

impl Default for CaptureOptions {
    fn default() -> Self {
        Self {
            selection: Selection::all(),
            parallel: 4,
            oplog: true,
            users: true,
            patience: AWAY,
            taken_at: Timestamp::default(),
        }
    }
}

/// Collections that are told of one by one; the others are counted.
const TOLD: usize = 100;
/// How many bytes are handed on at once.
const PIECE: usize = 256 << 10;

/// Captures a server into a sink. A collection that the user may not read is left out and told to the sink.
///
/// # Errors
/// When the server stays away, the oplog does not reach back, the sink fails, or the work is cancelled. The sink is left with folders that
/// are not closed then.
pub fn capture(
    connection: &Connection,
    sink: &dyn Sink,
    options: &CaptureOptions,
    control: &Control,
    events: &dyn Events,
) -> Result<Manifest> {
    let root = sink.root()?;
    let parallel = options.parallel.min(sink.open_limit());
    let work = Work { connection, options, control, events, told: AtomicUsize::new(0) };
    let plan = work.plan()?;
    let mut folders = BTreeMap::new();
    for collection in &plan.collections {
        if !folders.contains_key(&collection.database) {
            let folder = root.folder(&escape_name(collection.database.as_bytes()))?;
            let _ = folders.insert(collection.database.clone(), folder);
        }
    }
    let output = SinkOutput { root, folders, taken_at: options.taken_at, events };
    let manifest = work.run(&plan, parallel, &output)?;
    output.close(&manifest)?;
    Ok(manifest)
}

struct Work<'a> {
    connection: &'a Connection,
    options: &'a CaptureOptions,
    control: &'a Control,
    events: &'a dyn Events,
    /// How many collections were told of when they were read.
    told: AtomicUsize,
}

/// What is to be captured.
struct Plan {
    /// Where the oplog stood before anything was read.
    from: Option<Start>,
    inconsistent_because: Option<String>,
    collections: Vec<Collection>,
    has_users: bool,
}

impl Work<'_> {
    fn plan(&self) -> Result<Plan> {
        self.control.checkpoint()?;
        let (from, inconsistent_because) = self.position()?;
        let mut collections = self.connection.list(&self.options.selection, self.control)?;
        let has_users = self.options.users && self.options.selection.is_whole() && self.may_read_users();
        if has_users {
            collections.extend(users::collections());
        }
        let series = collections.iter().find(|collection| collection.kind == Kind::TimeSeries);
        let inconsistent_because = match series.filter(|_| from.is_some()) {
            Some(series) => Some(format!(
                "{} is a time series, and what the oplog says of its buckets is not taken along",
                series.full_name()
            )),
            None => inconsistent_because,
        };
        self.events.totals(collections.len() as u64, 0, false);
        Ok(Plan { from, inconsistent_because, collections, has_users })
    }

    /// Where the oplog has to be read from, or why there is none.
    fn position(&self) -> Result<(Option<Start>, Option<String>)> {
        let without = |why: &str| Ok((None, Some(why.to_owned())));
        if !self.options.oplog {
            return without("the oplog was not asked for");
        }
        if self.connection.is_router() {
            return without("a sharded cluster has an oplog in each shard and none for the whole");
        }
        if self.connection.replica_set().is_none() {
            return without("the server is of no replica set and has no oplog");
        }
        match self.connection.oplog_start() {
            Ok(Some(from)) => Ok((Some(from), None)),
            Ok(None) => without("the oplog is empty"),
            Err(error) if error.trouble == Trouble::Denied => {
                self.events.warning(&format!(
                    "the oplog cannot be read ({error}); grant the role `backup` in `admin`"
                ));
                without("the user may not read the oplog")
            }
            Err(error) => Err(error),
        }
    }

    fn may_read_users(&self) -> bool {
        let handle = self.connection.database(users::DATABASE);
        let handle = handle.collection::<mongodb::bson::RawDocumentBuf>(users::USERS);
        let read =
            self.connection.ask("reading the users", async { handle.find_one(mongodb::bson::doc! {}).await });
        if let Err(error) = &read {
            self.events.warning(&format!(
                "users and roles are left out ({error}); grant the role `backup` in `admin`"
            ));
        }
        read.is_ok()
    }

    fn run(&self, plan: &Plan, parallel: usize, output: &SinkOutput<'_>) -> Result<Manifest> {
        let next = AtomicUsize::new(0);
        let stop = AtomicBool::new(false);
        let counted = Mutex::new(BTreeMap::new());
        let first_error = Mutex::new(None);
        let worker = || {
            while !stop.load(Ordering::Relaxed) {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(collection) = plan.collections.get(index) else { return };
                match self.collection(collection, output, &stop) {
                    Ok(Some(digest)) => drop(counted.lock().insert(index, digest)),
                    Ok(None) => {}
                    Err(error) => {
                        stop.store(true, Ordering::Relaxed);
                        let _ = first_error.lock().get_or_insert(error);
                    }
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..parallel.clamp(1, plan.collections.len().max(1)) {
                let _ = scope.spawn(worker);
            }
        });
        if let Some(error) = first_error.into_inner() {
            return Err(error);
        }
        let untold = self.told.load(Ordering::Relaxed).saturating_sub(TOLD);
        if untold > 0 {
            self.events.message(&format!("read {untold} more collections"));
        }
        let oplog = match plan.from {
            Some(start) => Some(self.oplog(start, plan, output)?),
            None => None,
        };
        if let Some(why) = &plan.inconsistent_because {
            self.events.message(&format!("the collections are not of one moment: {why}"));
        }
        let counted = counted.into_inner();
        let missing = plan.collections.iter().enumerate().filter(|(index, _)| !counted.contains_key(index));
        let left_out = missing
            .map(|(_, collection)| collection)
            .filter(|collection| !users::has(collection))
            .map(Collection::full_name)
            .collect();
        let counted = counted.into_iter().filter_map(|(index, digest): (usize, Digest)| {
            let collection = plan.collections.get(index)?;
            Some(Counted {
                database: collection.database.clone(),
                collection: collection.name.clone(),
                kind: collection.kind.name().to_owned(),
                documents: digest.documents,
                bytes: digest.bytes,
                hash: digest.hash(),
            })
        });
        let selection = &self.options.selection;
        Ok(Manifest {
            format: 1,
            server_version: self.connection.version().to_owned(),
            replica_set: self.connection.replica_set().map(ToOwned::to_owned),
            taken_at: self.options.taken_at.seconds,
            include: selection.include.clone(),
            exclude: selection.exclude.clone(),
            oplog,
            inconsistent_because: plan.inconsistent_because.clone(),
            left_out,
            has_users: plan.has_users,
            collections: counted.collect(),
        })
    }

    /// Reads one collection; nothing when it is left out.
    fn collection(
        &self,
        collection: &Collection,
        output: &SinkOutput<'_>,
        stop: &AtomicBool,
    ) -> Result<Option<Digest>> {
        let mut stream = output.begin(collection)?;
        let mut intake = Counting {
            stream: &mut stream,
            buffer: Vec::new(),
            digest: Digest::default(),
            events: self.events,
            stop,
        };
        let read = if collection.kind == Kind::View {
            Ok(())
        } else {
            self.scan(
                &collection.database,
                &collection.stored_as(),
                if collection.is_ordered() { Order::Id } else { Order::Natural },
            )
            .run(&mut intake)
            .and_then(|()| intake.flush())
        };
        let digest = intake.digest;
        match read {
            Ok(()) => {
                stream.finish()?;
                self.tell(collection, &digest);
                Ok(Some(digest))
            }
            Err(error) if error.trouble == Trouble::Refused && self.is_gone(collection)? => {
                self.events.message(&format!("{} was dropped while it was read", collection.full_name()));
                intake.flush()?;
                stream.finish()?;
                Ok(Some(digest))
            }
            Err(error) if matches!(error.trouble, Trouble::Denied | Trouble::Refused) => {
                drop(stream);
                if output.failed(collection, &error) { Ok(None) } else { Err(error) }
            }
            Err(error) => Err(error),
        }
    }

    /// Tells what was read of a collection; of the first ones alone where there are many.
    fn tell(&self, collection: &Collection, digest: &Digest) {
        let text = match (self.told.fetch_add(1, Ordering::Relaxed), collection.kind) {
            (TOLD.., _) => return,
            (_, Kind::View) => format!("read the definition of the view {}", collection.full_name()),
            _ => {
                let (documents, bytes) = (digest.documents, digest.bytes);
                format!("read {}: {documents} documents of {bytes} bytes", collection.full_name())
            }
        };
        self.events.message(&text);
    }

    /// Whether a collection is no longer there.
    fn is_gone(&self, collection: &Collection) -> Result<bool> {
        let there = self.connection.collections(&collection.database, self.control)?;
        Ok(!there.iter().any(|there| there.name == collection.name && there.uuid == collection.uuid))
    }

    fn scan<'b>(&'b self, database: &'b str, collection: &'b str, order: Order) -> Scan<'b> {
        Scan {
            connection: self.connection,
            database,
            collection,
            order,
            control: self.control,
            events: self.events,
            patience: self.options.patience,
        }
    }

    /// Reads the oplog from before the first collection to now.
    fn oplog(&self, start: Start, plan: &Plan, output: &SinkOutput<'_>) -> Result<OplogSpan> {
        let Start { from, end } = start;
        let to = self.connection.newest()?.unwrap_or(from).max(from);
        let never = AtomicBool::new(false);
        let mut stream = output.begin_oplog()?;
        let counting = Counting {
            stream: &mut stream,
            buffer: Vec::new(),
            digest: Digest::default(),
            events: self.events,
            stop: &never,
        };
        let mut entries =
            OplogEntries { plan, before: end, selection: &self.options.selection, counting, has_told: false };
        self.scan("local", "oplog.rs", Order::Oplog(from, to)).run(&mut entries)?;
        entries.counting.flush()?;
        let count = entries.counting.digest.documents;
        // Only now is it sure that nothing fell off the other end while it was read.
        if let Some(oldest) = self.connection.oldest()?.filter(|oldest| *oldest > from) {
            let cause = format!("it begins at {oldest}, and the capture began at {from}");
            return Err(MongoError::new(
                Trouble::Gap,
                "the oplog does not reach back to the begin of the capture",
                cause,
            ));
        }
        stream.finish()?;
        self.events.message(&format!("read the oplog from {from} to {to}: {count} entries"));
        Ok(OplogSpan { from, to, entries: count })
    }
}

/// Counts what goes by, and hands it on in pieces.
struct Counting<'a, 'b> {
    stream: &'a mut SinkStream<'b>,
    buffer: Vec<u8>,
    digest: Digest,
    events: &'a dyn Events,
    /// Another thread failed.
    stop: &'a AtomicBool,
}

impl Counting<'_, '_> {
    fn flush(&mut self) -> Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.stream.write(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

impl Intake for Counting<'_, '_> {
    fn document(&mut self, document: &[u8]) -> Result<()> {
        self.digest.add(document);
        self.buffer.extend_from_slice(document);
        if self.buffer.len() >= PIECE { self.flush() } else { Ok(()) }
    }

    fn batch_done(&mut self) -> Result<()> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(MongoError::new(
                Trouble::Interrupted,
                "the work was given up",
                "another collection failed",
            ));
        }
        Ok(())
    }

    fn restart(&mut self) -> Result<bool> {
        self.buffer.clear();
        self.digest = Digest::default();
        self.events.message("a collection is read anew");
        self.stream.restart()?;
        Ok(true)
    }
}

/// Takes the entries of the oplog that the dump needs.
struct OplogEntries<'a, 'b> {
    plan: &'a Plan,
    /// What is written up to here was there before anything was read.
    before: Position,
    selection: &'a Selection,
    counting: Counting<'a, 'b>,
    /// Whether it was told that there is an entry which cannot be replayed.
    has_told: bool,
}

impl Intake for OplogEntries<'_, '_> {
    fn document(&mut self, document: &[u8]) -> Result<()> {
        let entry = RawDocument::from_bytes(document)?;
        let namespace = entry.get("ns")?.and_then(RawBsonRef::as_str).unwrap_or_default();
        let operation = entry.get("op")?.and_then(RawBsonRef::as_str).unwrap_or_default();
        let (database, collection) = namespace.split_once('.').unwrap_or((namespace, ""));
        let is_command = operation == "c";
        let is_wanted = if is_command {
            // A transaction's operations are one command of `admin`.
            database == "admin" || self.selection.touches(database)
        } else {
            self.selection.takes(database, collection)
        };
        if operation == "n" || !is_wanted {
            return Ok(());
        }
        if is_command
            && let Some(RawBsonRef::Document(command)) = entry.get("o")?
            && let Some(Ok((name, _))) = command.into_iter().next()
            && ["renameCollection", "importCollection"].contains(&name.as_str())
            && self.plan.collections.iter().any(|known| known.database == database)
        {
            if let Some(RawBsonRef::Timestamp(at)) = entry.get("ts")?
                && (Position { seconds: at.time, counter: at.increment }) <= self.before
            {
                return Ok(());
            }
            let what = format!("capturing the database {database}");
            let mut error = MongoError::new(Trouble::Refused, what, "a collection was renamed meanwhile");
            error.hint = "start it again; rename no collection while it runs";
            return Err(error);
        }
        let takes = |database: &str, collection: &str| self.selection.takes(database, collection);
        if !self.has_told
            && let Err(error) = known::check_raw(entry, &takes)
        {
            self.has_told = true;
            let text = format!("a restore cannot replay the oplog of this backup: {error} ({namespace})");
            self.counting.events.warning(&text);
        }
        self.counting.document(document)
    }

    fn restart(&mut self) -> Result<bool> {
        self.counting.restart()
    }
}
