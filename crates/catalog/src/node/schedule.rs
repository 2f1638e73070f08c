//! When each plan was last due.

use backstay_model::{PlanId, Run, Time};
use serde_json::Value;

use crate::Result;
use crate::database::Change;
use crate::node::{NodeStore, runs};
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

    /// Queues the runs of a plan that was due, and notes that it has been dealt with: both or neither. A slot is so neither
    /// lost nor run twice, whenever the power fails.
    ///
    /// # Errors
    /// When one of the runs is there already, or the store fails.
    pub async fn queue_due(&self, plan: PlanId, due: Time, runs: &[(Run, Value)]) -> Result<()> {
        let mut change = self.database.change().await?;
        note(&mut change, plan, due).await?;
        for (run, private) in runs {
            runs::insert(&mut change, run, private).await?;
        }
        change.commit().await?;
        Ok(())
    }
}

async fn note(change: &mut Change, plan: PlanId, due: Time) -> Result<()> {
    let text = "INSERT INTO plans_due (plan, last_due) VALUES ($1, $2) \
                ON CONFLICT (plan) DO UPDATE SET last_due = excluded.last_due";
    sql!(text, plan.to_string(), micros(due)).execute(&mut **change).await?;
    Ok(())
}
