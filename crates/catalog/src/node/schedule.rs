//! When each plan was last due.

use backstay_model::{PlanId, Run, Time};
use serde_json::Value;

use crate::Result;
use crate::database::Change;
use crate::node::log::append;
use crate::node::{NewLine, NodeStore, runs};
use crate::row::{Columns, micros, sql};

impl NodeStore {
    /// When a plan was last due, as far as that has been dealt with.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn last_due(&self, plan: PlanId) -> Result<Option<Time>> {
        let row = sql!("SELECT last_due FROM plans_due WHERE plan = $1", plan.to_string());
        let row = row.fetch_optional(self.database.read()).await?;
        row.map(|row| row.time("last_due")).transpose()
    }

    /// Notes that what was due up to a moment has been dealt with.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn set_last_due(&self, plan: PlanId, due: Time) -> Result<()> {
        let mut change = self.database.change().await?;
        note(&mut change, plan, due).await?;
        change.commit().await?;
        Ok(())
    }

    /// Queues runs, each with the first lines of its log, and notes what has been dealt with by that: all or nothing. A slot is
    /// so neither lost nor run twice, whenever the power fails.
    ///
    /// # Errors
    /// When one of the runs is there already, or the store fails.
    pub async fn queue(&self, runs: &[NewRun], handled: Handled<'_>) -> Result<()> {
        let mut change = self.database.change().await?;
        match handled {
            Handled::Nothing => {}
            Handled::Due(plan, due) => note(&mut change, plan, due).await?,
            Handled::Meta(key, value) => super::set(&mut change, key, value).await?,
        }
        for new in runs {
            runs::insert(&mut change, &new.run, &new.private).await?;
            append(&mut change, new.run.id, &new.lines).await?;
        }
        change.commit().await?;
        Ok(())
    }
}

/// A run that is to be queued.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRun {
    /// The run.
    pub run: Run,
    /// What only the node needs to carry it out.
    pub private: Value,
    /// The first lines of its log.
    pub lines: Vec<NewLine>,
}

/// What has been dealt with by queueing runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handled<'a> {
    /// Somebody has asked; nothing has to be noted.
    Nothing,
    /// What was due of a plan up to a moment.
    Due(PlanId, Time),
    /// Something that is noted as a small value under a key.
    Meta(&'a str, &'a str),
}

async fn note(change: &mut Change, plan: PlanId, due: Time) -> Result<()> {
    let text = "INSERT INTO plans_due (plan, last_due) VALUES ($1, $2) \
                ON CONFLICT (plan) DO UPDATE SET last_due = excluded.last_due";
    sql!(text, plan.to_string(), micros(due)).execute(&mut **change).await?;
    Ok(())
}
