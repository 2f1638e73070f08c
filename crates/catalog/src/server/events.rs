//! What happened that people may have to be told of.
//!
//! An event is stored with what it is about, in one transaction, and goes when the notifications about it are stored, in one
//! transaction too. So whatever fails between, nobody is told twice and nothing is left untold.

use backstay_model::{NodeId, PlanId, ProjectId, RunId, RunState, Time};
use serde::{Deserialize, Serialize};

use super::notifications::{NewNotification, put};
use super::sums::{self, Ended};
use super::{Change, ServerStore};
use crate::Result;
use crate::database::Change as Transaction;
use crate::row::{Columns, json, sql};

/// An event that nobody has dealt with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number; the higher is the later.
    pub number: i64,
    /// What happened.
    pub happening: Happening,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "happening", rename_all = "snake_case")]
pub enum Happening {
    /// A run has ended.
    RunEnded {
        /// Its project.
        project: ProjectId,
        /// Which.
        run: RunId,
        /// How.
        state: RunState,
    },
    /// A run that should have been was not.
    Missed {
        /// The plan's project.
        project: ProjectId,
        /// The node that tells.
        node: NodeId,
        /// Of which plan.
        plan: PlanId,
        /// When it was due.
        due: Time,
        /// How many more were.
        more: u64,
        /// Why it was not.
        reason: String,
    },
    /// Something on a node that people have to see to.
    Trouble {
        /// The node's project.
        project: ProjectId,
        /// Which node.
        node: NodeId,
        /// In words, with what to do.
        text: String,
    },
    /// A span is over of which a notifier wants a summary.
    SummaryDue {
        /// The project.
        project: ProjectId,
        /// The notifier's id.
        notifier: String,
        /// When the span began.
        from: Time,
        /// When it was over.
        until: Time,
    },
}

impl ServerStore {
    /// Events that nobody has dealt with, the oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn events(&self, limit: u32) -> Result<Vec<Event>> {
        let query = sql!("SELECT number, doc FROM events ORDER BY number LIMIT $1", i64::from(limit));
        let rows = query.fetch_all(self.database.read()).await?;
        rows.iter().map(|row| Ok(Event { number: row.int("number")?, happening: row.doc("doc")? })).collect()
    }

    /// Stores an event that the server itself has seen.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn add_event(&self, happening: &Happening) -> Result<()> {
        let mut transaction = self.database.change().await?;
        add(&mut transaction, happening).await?;
        self.commit(transaction, vec![Change::EventsWaiting]).await
    }

    /// Stores an event that the server itself has seen, unless the setting `mark` says that this very thing was told before. The
    /// mark says so from then on, in the same transaction. False when it was told before.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn add_event_once(&self, mark: &str, thing: &str, happening: &Happening) -> Result<bool> {
        let mut transaction = self.database.change().await?;
        let text = "INSERT INTO settings (name, doc) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET doc = excluded.doc \
                    WHERE settings.doc <> excluded.doc";
        let marked = sql!(text, mark.to_owned(), json(&thing)?).execute(&mut *transaction).await?;
        if marked.rows_affected() == 0 {
            return Ok(false);
        }
        if let Happening::Missed { project, node, plan, due, more, .. } = happening {
            let of = (*project, *plan, *node);
            sums::count_missed(&mut transaction, of, *due, more.saturating_add(1), Ended::Overdue).await?;
        }
        add(&mut transaction, happening).await?;
        self.commit(transaction, vec![Change::EventsWaiting]).await?;
        Ok(true)
    }

    /// Deals with an event: it goes, and the notifications about it wait to be sent. False, and nothing is stored, when another
    /// server has dealt with it before.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn settle_event(&self, number: i64, notifications: &[NewNotification]) -> Result<bool> {
        let mut transaction = self.database.change().await?;
        let gone = sql!("DELETE FROM events WHERE number = $1", number).execute(&mut *transaction).await?;
        if gone.rows_affected() == 0 {
            return Ok(false);
        }
        for notification in notifications {
            put(&mut transaction, notification).await?;
        }
        self.commit(transaction, Vec::new()).await?;
        Ok(true)
    }
}

/// Stores an event.
pub(super) async fn add(transaction: &mut Transaction, happening: &Happening) -> Result<()> {
    let number = next(transaction, "events").await?;
    sql!("INSERT INTO events (number, doc) VALUES ($1, $2)", number, json(happening)?)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// The next number of a counter. It is locked until the transaction ends.
pub(super) async fn next(transaction: &mut Transaction, counter: &'static str) -> Result<i64> {
    let query = sql!("UPDATE counters SET last = last + 1 WHERE name = $1 RETURNING last", counter);
    query.fetch_one(&mut **transaction).await?.int("last")
}
