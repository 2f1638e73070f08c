//! Where the oplog has to be read from.

use mongodb::bson::{Bson, Document, doc};

use super::error::Result;
use super::{Connection, Position};

/// Where the oplog stands before anything is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start {
    /// Where it has to be read from.
    pub(super) from: Position,
    /// Its end: what it says up to here is in what is read.
    pub(super) end: Position,
}

impl Connection {
    /// The place that the oplog has to be read from so that nothing is missed that a collection may lack: its end, or the begin of the
    /// oldest transaction that is under way, whose operations are written when it is committed.
    pub(super) fn oplog_start(&self) -> Result<Option<Start>> {
        let Some(end) = self.newest()? else { return Ok(None) };
        let transactions = self.database("config").collection::<Document>("transactions");
        let under_way = doc! { "state": { "$in": ["prepared", "inProgress"] } };
        let query = async { transactions.find_one(under_way).sort(doc! { "startOpTime": 1 }).await };
        let oldest = self.ask("asking for transactions under way", query)?;
        let began =
            oldest.as_ref().and_then(|oldest| oldest.get_document("startOpTime").ok()?.get("ts").cloned());
        let from = match began {
            Some(Bson::Timestamp(at)) => end.min(Position { seconds: at.time, counter: at.increment }),
            _ => end,
        };
        Ok(Some(Start { from, end }))
    }
}
