//! Leases: who may work on what, until when.
//!
//! A holder that was away for too long does not know that its lease has run out. So each comes with a token that grows with each
//! new lease of a resource; before something is done that cannot be undone, the token is checked again. A token never comes
//! twice, not even for the same holder.

use std::time::Duration;

use backstay_model::Time;

use super::ServerStore;
use crate::Result;
use crate::row::{Columns, micros, sql, whole};

/// A lease's token. The higher one is the newer lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub i64);

impl ServerStore {
    /// Takes a lease on a resource unless somebody, maybe oneself, has one still.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn claim(
        &self,
        resource: &str,
        holder: &str,
        now: Time,
        time: Duration,
    ) -> Result<Option<Token>> {
        let mut transaction = self.database.change().await?;
        let text = "INSERT INTO leases (resource, holder, token, until) VALUES ($1, $2, 1, $4) \
                    ON CONFLICT (resource) DO UPDATE SET holder = excluded.holder, token = leases.token + 1, \
                    until = excluded.until WHERE leases.until <= $3 RETURNING token";
        let query = sql!(text, resource.to_owned(), holder.to_owned(), micros(now), until(now, time));
        let row = query.fetch_optional(&mut *transaction).await?;
        let token = row.map(|row| row.int("token")).transpose()?.map(Token);
        self.commit(transaction, Vec::new()).await?;
        Ok(token)
    }

    /// Extends a lease; false when it has run out or is another's.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn renew(&self, resource: &str, token: Token, now: Time, time: Duration) -> Result<bool> {
        let text = "UPDATE leases SET until = $4 WHERE resource = $1 AND token = $2 AND until > $3";
        let query = sql!(text, resource.to_owned(), token.0, micros(now), until(now, time));
        Ok(query.execute(self.database.write()).await?.rows_affected() == 1)
    }

    /// Whether a lease is in force still.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn check(&self, resource: &str, token: Token, now: Time) -> Result<bool> {
        let text = "SELECT 1 AS one FROM leases WHERE resource = $1 AND token = $2 AND until > $3";
        let query = sql!(text, resource.to_owned(), token.0, micros(now));
        // The writer answers: a reader may look at a state of a moment ago.
        Ok(query.fetch_optional(self.database.write()).await?.is_some())
    }

    /// Gives a lease up; false when it was another's already.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn release(&self, resource: &str, token: Token) -> Result<bool> {
        let query = sql!(
            "UPDATE leases SET until = 0 WHERE resource = $1 AND token = $2",
            resource.to_owned(),
            token.0
        );
        Ok(query.execute(self.database.write()).await?.rows_affected() == 1)
    }
}

fn until(now: Time, time: Duration) -> i64 {
    micros(now).saturating_add(whole(u64::try_from(time.as_micros()).unwrap_or(u64::MAX)))
}
