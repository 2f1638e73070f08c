//! What a node forgets again.
//!
//! A run goes only once its server has everything of it. Log lines may go before: they must not fill the disk of a node whose
//! server is away.

use backstay_model::Time;

use crate::Result;
use crate::node::NodeStore;
use crate::row::{Columns, micros, sql, whole};

impl NodeStore {
    /// Removes log lines older than a moment, and the oldest ones beyond `max_lines`. Gives how many went.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prune_logs(&self, older_than: Time, max_lines: u64) -> Result<u64> {
        let mut change = self.database.change().await?;
        let old =
            sql!("DELETE FROM log_lines WHERE time < $1", micros(older_than)).execute(&mut *change).await?;
        let row = sql!("SELECT COUNT(*) AS lines FROM log_lines").fetch_one(&mut *change).await?;
        let beyond = row.int("lines")? - whole(max_lines);
        let mut removed = old.rows_affected();
        if beyond > 0 {
            let text = "DELETE FROM log_lines WHERE (run, number) IN \
                        (SELECT run, number FROM log_lines ORDER BY time, run, number LIMIT $1)";
            removed += sql!(text, beyond).execute(&mut *change).await?.rows_affected();
        }
        change.commit().await?;
        Ok(removed)
    }

    /// Removes runs that ended before a moment and of which nothing waits in the outbox. Gives how many went.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prune_runs(&self, ended_before: Time) -> Result<u64> {
        let text = "DELETE FROM runs WHERE final = 1 AND ended < $1 \
                    AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.run = runs.id)";
        Ok(sql!(text, micros(ended_before)).execute(self.database.write()).await?.rows_affected())
    }

    /// Forgets commands begun before a moment, which nobody will ask for again. Gives how many went.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prune_commands(&self, begun_before: Time) -> Result<u64> {
        let text = "DELETE FROM commands WHERE begun < $1";
        Ok(sql!(text, micros(begun_before)).execute(self.database.write()).await?.rows_affected())
    }
}
