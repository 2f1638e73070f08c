//! Runs that are old enough to be forgotten.

use backstay_model::{Run, Time};

use super::ServerStore;
use super::sums;
use super::tallies::Tallies;
use crate::Result;
use crate::row::{Columns, micros, sql};

/// Runs removed by one transaction.
const BATCH: i64 = 500;

impl ServerStore {
    /// Removes runs that ended before a moment, with their logs; they no longer count. Gives how many went.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prune_runs(&self, ended_before: Time) -> Result<u64> {
        let mut removed = 0;
        loop {
            let mut transaction = self.database.change().await?;
            let text = "DELETE FROM runs WHERE id IN (SELECT id FROM runs WHERE ended < $1 ORDER BY ended LIMIT $2) RETURNING doc";
            let rows = sql!(text, micros(ended_before), BATCH).fetch_all(&mut *transaction).await?;
            if rows.is_empty() {
                sql!("DELETE FROM run_tallies WHERE runs = 0").execute(&mut *transaction).await?;
                sums::forget(&mut transaction, ended_before).await?;
                self.commit(transaction, Vec::new()).await?;
                return Ok(removed);
            }
            let mut tallies = Tallies::default();
            for row in &rows {
                tallies.count(&row.doc::<Run>("doc")?, -1);
            }
            tallies.store(&mut transaction).await?;
            self.commit(transaction, Vec::new()).await?;
            removed += rows.len() as u64;
        }
    }
}
