//! Follows the oplog for restores to a point in time.

use std::time::{Duration, Instant};

use backstay_core::{Control, Silent};
use mongodb::bson::{RawBsonRef, RawDocument};

use super::error::{MongoError, Result, Trouble};
use super::reader::{Intake, Order, Scan};
use super::replay::known;
use super::{Connection, Position, Selection};

/// A stretch of the oplog. Its first entry is the last one of the stretch before it, which shows that nothing is missing between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// The first entry.
    pub from: Position,
    /// The last entry.
    pub to: Position,
    /// How many there are.
    pub entries: u64,
    /// The entries one after the other.
    pub data: Vec<u8>,
    /// Why a restore cannot replay all of them, with the first one that it cannot.
    pub cannot: Option<(Position, String)>,
}

impl Segment {
    /// A name that sorts by time.
    #[must_use]
    pub fn name(&self) -> String {
        let Self { from, to, .. } = self;
        format!("oplog-{:010}-{:010}-{:010}-{:010}.bson", from.seconds, from.counter, to.seconds, to.counter)
    }
}

/// Follows the oplog from a position on.
#[derive(Debug)]
pub struct Shipper {
    position: Position,
    selection: Selection,
}

/// How much a segment holds before it ends.
const LARGEST: usize = 16 << 20;
/// How many seconds what a server has stamped may take until it can be read: under load it is not at once.
const SETTLE: u32 = 1;
/// How often the server is asked whether there is more.
const PAUSE: Duration = Duration::from_millis(500);

impl Shipper {
    /// Goes on after this entry: the end of a dump's oplog, or of the last segment.
    #[must_use]
    pub fn after(position: Position) -> Self {
        Self { position, selection: Selection::all() }
    }

    /// Says of what is selected alone whether a restore can replay it. All entries are shipped whatever is selected.
    #[must_use]
    pub fn selecting(self, selection: Selection) -> Self {
        Self { selection, ..self }
    }

    /// The last entry that was shipped.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.position
    }

    /// The next segment; nothing when the server wrote nothing for as long as `patience`.
    ///
    /// # Errors
    /// [`Trouble::Gap`] when the oplog no longer has the position: entries fell off its end, or a primary that went away had them alone. A new
    /// base is needed then. Else when the server stays away, or the work is cancelled.
    pub fn next(
        &mut self,
        connection: &Connection,
        patience: Duration,
        control: &Control,
    ) -> Result<Option<Segment>> {
        let end = Instant::now() + patience;
        loop {
            control.checkpoint()?;
            let newest = self.newest(connection)?;
            if newest > self.position {
                return self.read(connection, newest, control).map(Some);
            }
            if Instant::now() + PAUSE > end {
                return Ok(None);
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// The next segment of whole seconds, with the last second that it has all entries of: it ends a whole second before the one that the
    /// server's clock is in. A full one ends earlier, and the next follows at once. Where nothing was written it has the last entry alone.
    ///
    /// # Errors
    /// As [`Shipper::next`].
    pub fn next_whole(&mut self, connection: &Connection, control: &Control) -> Result<(Segment, u32)> {
        control.checkpoint()?;
        let (now, is_primary) = connection.clock()?;
        let newest = self.newest(connection)?;
        // A secondary has what is before its newest entry, whatever its clock says.
        let open = if is_primary { now } else { now.min(newest.seconds) };
        let end = Position { seconds: open.saturating_sub(1 + SETTLE), counter: u32::MAX };
        let segment = self.read(connection, newest.min(end).max(self.position), control)?;
        let is_whole = segment.data.len() < LARGEST;
        let until = if is_whole { end.seconds } else { segment.to.seconds.saturating_sub(1) };
        Ok((segment, until))
    }

    /// The newest entry, which is not before what was shipped.
    fn newest(&self, connection: &Connection) -> Result<Position> {
        match connection.newest()? {
            // A new primary that never had the last entries writes its own in their place.
            Some(newest) if newest < self.position => Err(self.gap(format!("the oplog ends at {newest}"))),
            Some(newest) => Ok(newest),
            None => {
                let mut error =
                    MongoError::new(Trouble::Settings, "following the oplog", "the server has none");
                error.hint = "only members of a replica set have one: start the server with --replSet, and initiate a set of one";
                Err(error)
            }
        }
    }

    fn read(&mut self, connection: &Connection, newest: Position, control: &Control) -> Result<Segment> {
        let mut entries = Entries {
            selection: &self.selection,
            data: Vec::new(),
            first: None,
            last: self.position,
            count: 0,
            cannot: None,
        };
        let scan = Scan {
            connection,
            database: "local",
            collection: "oplog.rs",
            order: Order::Oplog(self.position, newest),
            control,
            events: &Silent,
            patience: Duration::from_secs(60),
        };
        match scan.run(&mut entries) {
            Ok(()) => {}
            Err(error)
                if error.trouble == Trouble::Interrupted
                    && entries.data.len() >= LARGEST
                    && control.checkpoint().is_ok() => {}
            Err(error) => return Err(error),
        }
        if entries.first != Some(self.position) {
            let oldest = connection.oldest()?;
            return Err(self.gap(match oldest {
                Some(oldest) if oldest > self.position => format!("the oplog begins at {oldest}"),
                _ => "the oplog does not have that entry any more".to_owned(),
            }));
        }
        let segment = Segment {
            from: self.position,
            to: entries.last,
            entries: entries.count,
            data: entries.data,
            cannot: entries.cannot,
        };
        self.position = segment.to;
        Ok(segment)
    }

    fn gap(&self, cause: String) -> MongoError {
        MongoError::new(
            Trouble::Gap,
            format!("the oplog cannot be followed from {} on", self.position),
            cause,
        )
    }
}

struct Entries<'a> {
    selection: &'a Selection,
    data: Vec<u8>,
    first: Option<Position>,
    last: Position,
    count: u64,
    cannot: Option<(Position, String)>,
}

impl Intake for Entries<'_> {
    fn document(&mut self, document: &[u8]) -> Result<()> {
        let entry = RawDocument::from_bytes(document)?;
        let at = match entry.get("ts")? {
            Some(RawBsonRef::Timestamp(at)) => Position { seconds: at.time, counter: at.increment },
            _ => return Err(MongoError::damaged("following the oplog", "an entry has no time")),
        };
        // Entries of one time stay together, and however large the first is, which the segment before has too, one more follows it.
        let is_further = self.first.is_some_and(|first| self.last > first);
        if self.data.len() >= LARGEST && is_further && at > self.last {
            return Err(MongoError::new(Trouble::Interrupted, "following the oplog", "the segment is full"));
        }
        let takes = |database: &str, collection: &str| self.selection.takes(database, collection);
        if self.cannot.is_none()
            && let Err(error) = known::check_raw(entry, &takes)
        {
            self.cannot = Some((at, error.to_string()));
        }
        self.data.extend_from_slice(document);
        let _ = self.first.get_or_insert(at);
        self.last = at;
        self.count += 1;
        Ok(())
    }

    fn restart(&mut self) -> Result<bool> {
        Ok(false)
    }
}
