//! How often somebody failed to sign in, so that guessing takes for ever.

use std::time::Duration;

use backstay_model::Time;

use super::ServerStore;
use crate::Result;
use crate::row::{Columns, micros, plain, sql, whole};

/// Failures of late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttle {
    /// How many.
    pub failures: i64,
    /// When the last one was.
    pub last: Time,
}

impl ServerStore {
    /// Counts a failure of a subject, which is an account or an address. The count begins anew when the last failure was longer
    /// ago than `memory`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn count_failure(&self, subject: &str, now: Time, memory: Duration) -> Result<Throttle> {
        let mut transaction = self.database.change().await?;
        let text = "INSERT INTO throttles (subject, failures, last) VALUES ($1, 1, $2) ON CONFLICT (subject) DO UPDATE SET \
                    failures = CASE WHEN throttles.last < $3 THEN 1 ELSE throttles.failures + 1 END, last = excluded.last \
                    RETURNING failures, last";
        let since = micros(now).saturating_sub(whole(u64::try_from(memory.as_micros()).unwrap_or(u64::MAX)));
        let row = sql!(text, plain(subject), micros(now), since).fetch_one(&mut *transaction).await?;
        let throttle = Throttle { failures: row.int("failures")?, last: row.time("last")? };
        self.commit(transaction, Vec::new()).await?;
        Ok(throttle)
    }

    /// The failures of a subject, if there are any.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn failures(&self, subject: &str) -> Result<Option<Throttle>> {
        let query = sql!("SELECT failures, last FROM throttles WHERE subject = $1", plain(subject));
        let row = query.fetch_optional(self.database.read()).await?;
        row.map(|row| Ok(Throttle { failures: row.int("failures")?, last: row.time("last")? })).transpose()
    }

    /// Forgets the failures of a subject that has succeeded.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn clear_failures(&self, subject: &str) -> Result<()> {
        sql!("DELETE FROM throttles WHERE subject = $1", plain(subject))
            .execute(self.database.write())
            .await?;
        Ok(())
    }

    /// Forgets failures before a moment. Gives of how many subjects.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prune_failures(&self, before: Time) -> Result<u64> {
        let query = sql!("DELETE FROM throttles WHERE last < $1", micros(before));
        Ok(query.execute(self.database.write()).await?.rows_affected())
    }
}
