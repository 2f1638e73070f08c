//! Reading a collection from end to end, across servers that go away and come back.

mod answers;

use std::time::{Duration, Instant};

use backstay_core::{Control, Events};
use mongodb::bson::raw::RawDocumentBuf;
use mongodb::bson::{Bson, Document, RawBsonRef, RawDocument, Timestamp, doc};
use mongodb::options::{FindOptions, Hint};

use super::error::{MongoError, Result, Trouble, is_passing};
use super::{Connection, Position, nesting};
use answers::{Answer, Size};
pub(super) use answers::{EMPTY, Room, within};

/// The order that documents are read in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// That of the index of `_id`: the same documents come in the same order each time, and reading goes on after any of them.
    Id,
    /// That of the server.
    Natural,
    /// That of time, from one entry of the oplog to another, both included.
    Oplog(Position, Position),
}

/// What is read.
pub(super) struct Scan<'a> {
    pub(super) connection: &'a Connection,
    pub(super) database: &'a str,
    pub(super) collection: &'a str,
    pub(super) order: Order,
    pub(super) control: &'a Control,
    pub(super) events: &'a dyn Events,
    /// How long a server may be away, or take for an answer.
    pub(super) patience: Duration,
}

/// Takes what is read.
pub(super) trait Intake {
    /// One document.
    fn document(&mut self, document: &[u8]) -> Result<()>;

    /// The documents of an answer are all taken.
    fn batch_done(&mut self) -> Result<()> {
        Ok(())
    }

    /// Forgets all that was taken, to begin anew; false when that is not possible.
    fn restart(&mut self) -> Result<bool>;
}

/// The pause after a server went away; it doubles up to [`LONGEST`].
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);

/// How far reading got.
#[derive(Default)]
struct Progress {
    first: Option<Bson>,
    last: Option<Bson>,
    /// Documents that were read since the server last went away.
    read: u64,
    /// How many documents are asked for at once.
    size: Size,
}

/// Why a pass over the collection ended early.
enum Stop {
    /// Nothing that goes by.
    For(MongoError),
    /// Asking again may help.
    Passing(mongodb::error::Error),
}

impl<E: Into<MongoError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::For(error.into())
    }
}

impl Scan<'_> {
    /// Reads all documents.
    pub(super) fn run(&self, intake: &mut dyn Intake) -> Result<()> {
        let mut progress = Progress::default();
        let mut away_since = Instant::now();
        let mut pause = SHORTEST;
        loop {
            let error = match self.pass(&mut progress, intake) {
                Ok(()) => return Ok(()),
                Err(Stop::For(error)) => return Err(error),
                Err(Stop::Passing(error)) => error,
            };
            if progress.read > 0 {
                (away_since, pause) = (Instant::now(), SHORTEST);
                progress.read = 0;
            }
            if away_since.elapsed() >= self.patience {
                return Err(MongoError::of(self.what(), &error));
            }
            let is_begun = progress.last.is_some();
            if is_begun && self.order == Order::Natural {
                if !intake.restart()? {
                    let cause = "the server went away, and a collection without an order to go on by cannot be read on";
                    return Err(MongoError::new(Trouble::NoAnswer, self.what(), cause));
                }
                progress = Progress::default();
            }
            self.events.warning(&format!(
                "{}: {}; trying again",
                self.what(),
                MongoError::of("", &error).cause
            ));
            self.rest(pause)?;
            pause = LONGEST.min(pause * 2);
        }
    }

    fn what(&self) -> String {
        format!("reading {}.{}", self.database, self.collection)
    }

    fn rest(&self, pause: Duration) -> Result<()> {
        let end = Instant::now() + pause;
        while Instant::now() < end {
            self.control.checkpoint()?;
            std::thread::sleep(SHORTEST.min(pause));
        }
        Ok(())
    }

    /// Reads from where reading got to until the end.
    fn pass(&self, progress: &mut Progress, intake: &mut dyn Intake) -> std::result::Result<(), Stop> {
        self.control.checkpoint().map_err(MongoError::from)?;
        let (filter, options) = self.query(progress.last.as_ref());
        let handle = self.connection.database(self.database).collection::<RawDocumentBuf>(self.collection);
        let stop = |error: mongodb::error::Error| {
            if is_passing(&error) {
                Stop::Passing(error)
            } else {
                Stop::For(MongoError::of(self.what(), &error))
            }
        };
        let room = self.connection.room();
        let open =
            |asked| handle.find(filter.clone()).with_options(options.clone()).batch_size(asked).batch();
        let opened = answers::open(room, self.patience, &mut progress.size, open);
        let reading = self.connection.heed(self.control, opened)?.map_err(&stop)?;
        // The next answer is on its way while one is worked on.
        let (send, mut answers) = tokio::sync::mpsc::channel(1);
        let task = self.connection.spawn(reading.hand_to(room.clone(), self.patience, send));
        let read = self.take(&mut answers, progress, intake, &stop);
        drop(answers);
        // The cursor ends with it.
        task.abort();
        read
    }

    fn take(
        &self,
        answers: &mut tokio::sync::mpsc::Receiver<mongodb::error::Result<Answer>>,
        progress: &mut Progress,
        intake: &mut dyn Intake,
        stop: &dyn Fn(mongodb::error::Error) -> Stop,
    ) -> std::result::Result<(), Stop> {
        let mut resumed_after = progress.last.clone();
        let mut empty = 0;
        while let Some(answer) = self.connection.heed(self.control, answers.recv())? {
            self.control.checkpoint().map_err(MongoError::from)?;
            let answer = answer.map_err(stop)?;
            let mut last = None;
            for document in answer.documents.doc_slices().map_err(stop)?.into_iter() {
                let document = match document.map_err(MongoError::from)? {
                    RawBsonRef::Document(document) => document,
                    _ => {
                        return Err(Stop::For(MongoError::new(
                            Trouble::Refused,
                            self.what(),
                            "an answer has no documents",
                        )));
                    }
                };
                if let Some(after) = resumed_after.take()
                    && self.is_repeated(document, &after, progress)?
                {
                    continue;
                }
                intake.document(document.as_bytes())?;
                progress.read += 1;
                last = Some(document);
            }
            intake.batch_done()?;
            empty = if last.is_some() { 0 } else { empty + 1 };
            if empty > EMPTY {
                let cause = "the server answers with nothing again and again";
                return Err(Stop::For(MongoError::new(Trouble::Refused, self.what(), cause)));
            }
            if let Some(last) = last {
                progress.last = Some(self.mark(last)?);
                if progress.first.is_none() {
                    let first = answer.documents.doc_slices().map_err(stop)?.into_iter().next();
                    if let Some(Ok(RawBsonRef::Document(first))) = first {
                        progress.first = Some(self.mark(first)?);
                    }
                }
            }
        }
        Ok(())
    }

    /// What reading goes on by.
    fn mark(&self, document: &RawDocument) -> Result<Bson> {
        let key = if matches!(self.order, Order::Oplog(..)) { "ts" } else { "_id" };
        match document.get(key).map_err(MongoError::from)? {
            Some(value) => nesting::value(value),
            None => Ok(Bson::Null),
        }
    }

    /// Whether the first document after a pause is the last one before it. The lower bound of an index includes it.
    fn is_repeated(&self, document: &RawDocument, after: &Bson, progress: &Progress) -> Result<bool> {
        if self.order != Order::Id {
            return Ok(false);
        }
        let mark = self.mark(document)?;
        if mark == *after {
            return Ok(true);
        }
        // A server that does not know lower bounds begins anew, and everything would be twice in the dump.
        if Some(&mark) == progress.first.as_ref() {
            return Err(MongoError::new(
                Trouble::Refused,
                self.what(),
                "the server cannot go on in the middle of an index",
            ));
        }
        Ok(false)
    }

    /// What is asked for to go on after `last`.
    fn query(&self, last: Option<&Bson>) -> (Document, FindOptions) {
        let mut options = FindOptions::builder().no_cursor_timeout(false).build();
        let mut filter = doc! {};
        match self.order {
            Order::Id => {
                options.sort = Some(doc! { "_id": 1 });
                options.hint = Some(Hint::Name("_id_".to_owned()));
                if let Some(last) = last {
                    // A comparison would leave out ids of other types; the bound of an index does not.
                    options.min = Some(doc! { "_id": last.clone() });
                    options.hint = Some(Hint::Keys(doc! { "_id": 1 }));
                }
            }
            Order::Natural => options.hint = Some(Hint::Keys(doc! { "$natural": 1 })),
            Order::Oplog(from, to) => {
                let time = |at: Position| Timestamp { time: at.seconds, increment: at.counter };
                let lower = match last {
                    Some(last) => doc! { "$gt": last.clone() },
                    None => doc! { "$gte": time(from) },
                };
                filter = doc! { "$and": [{ "ts": lower }, { "ts": { "$lte": time(to) } }] };
            }
        }
        (filter, options)
    }
}
