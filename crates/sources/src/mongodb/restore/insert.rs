//! Writes documents over several connections at once.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use backstay_core::{Control, Events};
use mongodb::bson::raw::RawDocumentBuf;
use mongodb::error::ErrorKind;
use parking_lot::Mutex;

use super::super::error::{MongoError, Result, Trouble, is_passing};
use super::super::reader::within;
use super::super::{Connection, Digest};
use super::plan::{Target, Targets};

pub(super) struct Inserts<'a> {
    pub(super) connection: &'a Connection,
    pub(super) control: &'a Control,
    pub(super) events: &'a dyn Events,
    pub(super) patience: Duration,
}

/// Takes documents of a collection of the dump, by its number.
type Insert<'a> = dyn Fn(usize, Vec<RawDocumentBuf>) -> Result<()> + Sync + 'a;

/// Two documents of a collection have the same `_id`, or the same key of a unique index.
const DUPLICATE: i32 = 11000;

impl Inserts<'_> {
    /// Lets `read` insert documents, and waits for all of them. Gives what was inserted into each collection.
    pub(super) fn run(
        &self,
        parallel: usize,
        targets: &Targets,
        read: impl FnOnce(&Insert<'_>) -> Result<()>,
    ) -> Result<HashMap<usize, Digest>> {
        let digests = Mutex::new(HashMap::new());
        let first_error = Mutex::new(None);
        let known: HashMap<usize, &Target> = targets.numbers().collect();
        let write = |number: usize, documents: &[RawDocumentBuf]| -> Result<()> {
            let Some(target) = known.get(&number) else { return Ok(()) };
            let mut digest = Digest::default();
            documents.iter().for_each(|document| digest.add(document.as_bytes()));
            self.write(target, documents)?;
            self.events.bytes_done(digest.bytes);
            digests.lock().entry(number).or_insert_with(Digest::default).merge(&digest);
            Ok(())
        };
        let (send, receive) = sync_channel(parallel.max(1));
        let receive = Mutex::new(receive);
        let read = std::thread::scope(|scope| {
            for _ in 0..parallel.max(1) {
                let _ = scope.spawn(|| worker(&receive, &write, &first_error));
            }
            let send: Mutex<SyncSender<(usize, Vec<RawDocumentBuf>)>> = Mutex::new(send);
            let insert = |number: usize, documents: Vec<RawDocumentBuf>| {
                if let Some(error) = first_error.lock().take() {
                    return Err(error);
                }
                if known.get(&number).is_some_and(|target| target.source.is_capped()) {
                    // Its order is that of insertion.
                    return write(number, &documents);
                }
                let sender = send.lock().clone();
                let gone =
                    |_| MongoError::new(Trouble::Refused, "writing documents", "the work was given up");
                sender.send((number, documents)).map_err(gone)
            };
            let read = read(&insert);
            // The workers end when nobody sends any more.
            drop(send);
            read
        });
        // What went wrong with writing is why reading was given up.
        if let Some(error) = first_error.into_inner() {
            return Err(error);
        }
        read?;
        Ok(digests.into_inner())
    }

    fn write(&self, target: &Target, documents: &[RawDocumentBuf]) -> Result<()> {
        let name = target.written_as();
        let handle = self.connection.database(&target.database).collection::<RawDocumentBuf>(&name);
        let what = || format!("writing to {}.{name} for {}", target.database, target.source.full_name());
        let begin = Instant::now();
        let mut is_again = false;
        let mut pause = Duration::from_millis(100);
        loop {
            self.control.checkpoint()?;
            let insert = async {
                handle
                    .insert_many(documents)
                    .ordered(target.source.is_capped())
                    .bypass_document_validation(true)
                    .await
            };
            let error = match self.connection.heed(self.control, within(self.patience, insert))? {
                Ok(_) => return Ok(()),
                Err(error) => error,
            };
            if let ErrorKind::InsertMany(told) = error.kind.as_ref() {
                let errors = told.write_errors.as_deref().unwrap_or_default();
                let is_all_there = !errors.is_empty() && errors.iter().all(|error| error.code == DUPLICATE);
                // They were written before the answer was lost. Whether they are the same is seen when all are compared.
                if is_again && is_all_there && !target.source.is_capped() {
                    return Ok(());
                }
                if is_all_there {
                    return Err(MongoError::damaged(what(), MongoError::of("", &error).cause));
                }
            }
            if !is_passing(&error) || begin.elapsed() >= self.patience || target.source.is_capped() {
                return Err(MongoError::of(what(), &error));
            }
            self.events.warning(&format!("{}: {}; trying again", what(), MongoError::of("", &error).cause));
            is_again = true;
            std::thread::sleep(pause);
            pause = Duration::from_secs(5).min(pause * 2);
        }
    }
}

fn worker(
    receive: &Mutex<Receiver<(usize, Vec<RawDocumentBuf>)>>,
    write: &(impl Fn(usize, &[RawDocumentBuf]) -> Result<()> + Sync),
    first_error: &Mutex<Option<MongoError>>,
) {
    loop {
        let next = receive.lock().recv();
        let Ok((number, documents)) = next else { return };
        if first_error.lock().is_some() {
            // What is on its way is taken, so that nobody waits for room, and dropped.
            continue;
        }
        if let Err(error) = write(number, &documents) {
            let _ = first_error.lock().get_or_insert(error);
        }
    }
}
