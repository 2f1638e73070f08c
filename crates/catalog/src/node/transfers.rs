//! Resume tokens of transfers that are not over.

use backstay_model::Time;

use crate::Result;
use crate::node::NodeStore;
use crate::row::{Columns, micros, sql};

/// A transfer that was begun.
#[derive(Clone, PartialEq, Eq)]
pub struct Transfer {
    /// The resume token. It is of use only to who has the credentials that the transfer was begun with.
    pub token: String,
    /// The length in bytes of each chunk but the last.
    pub chunk_size: u64,
}

impl std::fmt::Debug for Transfer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transfer").field("chunk_size", &self.chunk_size).finish_non_exhaustive()
    }
}

impl NodeStore {
    /// The transfer of this key, if one was begun.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn transfer(&self, key: &str) -> Result<Option<Transfer>> {
        let row = sql!("SELECT token, chunk_size FROM transfers WHERE key = $1", key.to_owned());
        let row = row.fetch_optional(self.database.read()).await?;
        row.map(|row| {
            let chunk_size = u64::try_from(row.int("chunk_size")?).unwrap_or(1);
            Ok(Transfer { token: row.text("token")?, chunk_size })
        })
        .transpose()
    }

    /// Remembers a transfer, in place of another one of the same key.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn set_transfer(&self, key: &str, transfer: &Transfer, now: Time) -> Result<()> {
        let text = "INSERT INTO transfers (key, token, chunk_size, begun) VALUES ($1, $2, $3, $4) \
                    ON CONFLICT (key) DO UPDATE SET token = excluded.token, chunk_size = excluded.chunk_size, begun = excluded.begun";
        let size = i64::try_from(transfer.chunk_size).unwrap_or(i64::MAX);
        let query = sql!(text, key.to_owned(), transfer.token.clone(), size, micros(now));
        query.execute(self.database.write()).await?;
        Ok(())
    }

    /// Forgets a transfer. Fine if it is not known.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn remove_transfer(&self, key: &str) -> Result<()> {
        let query = sql!("DELETE FROM transfers WHERE key = $1", key.to_owned());
        query.execute(self.database.write()).await?;
        Ok(())
    }

    /// Forgets transfers that were begun before a moment; says how many.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn expire_transfers(&self, before: Time) -> Result<u64> {
        let query = sql!("DELETE FROM transfers WHERE begun < $1", micros(before));
        Ok(query.execute(self.database.write()).await?.rows_affected())
    }

    /// How many transfers are not over.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn transfers(&self) -> Result<u64> {
        let row = sql!("SELECT COUNT(*) AS number FROM transfers").fetch_one(self.database.read()).await?;
        Ok(u64::try_from(row.int("number")?).unwrap_or_default())
    }
}
