//! Sessions of people, known by the hash of their key.

use backstay_model::{PersonId, Time};
use sqlx::any::AnyRow;

use super::ServerStore;
use crate::row::{Columns, micros, plain, sql};
use crate::{CatalogError, Result};

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The hash of its key. It names the session, and opens nothing.
    pub hash: String,
    /// Whose it is.
    pub person: PersonId,
    /// When it began.
    pub created: Time,
    /// When it was last used.
    pub last_used: Time,
    /// When it ends, whatever happens.
    pub expires: Time,
    /// The program it is used with.
    pub user_agent: String,
    /// The address it began from.
    pub address: String,
}

const COLUMNS: &str = "hash, person, created, last_used, expires, user_agent, address";

impl ServerStore {
    /// Stores a new session.
    ///
    /// # Errors
    /// When its person is not there, or the store fails.
    pub async fn create_session(&self, session: &Session) -> Result<()> {
        let text = format!("INSERT INTO sessions ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7)");
        let Session { hash, person, created, last_used, expires, user_agent, address } = session.clone();
        let (created, last_used, expires) = (micros(created), micros(last_used), micros(expires));
        let (user_agent, address) = (plain(&user_agent), plain(&address));
        let text = sqlx::AssertSqlSafe(text);
        sql!(text, hash, person.to_string(), created, last_used, expires, user_agent, address)
            .execute(self.database.write())
            .await?;
        Ok(())
    }

    /// The session of a key's hash, unless its end has come.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn session(&self, hash: &str, now: Time) -> Result<Option<Session>> {
        let text = format!("SELECT {COLUMNS} FROM sessions WHERE hash = $1 AND expires > $2");
        let query = sql!(sqlx::AssertSqlSafe(text), hash.to_owned(), micros(now));
        query.fetch_optional(self.database.read()).await?.as_ref().map(session).transpose()
    }

    /// The sessions of a person that have not come to their end, the newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sessions_of(&self, person: PersonId, now: Time) -> Result<Vec<Session>> {
        let text = format!(
            "SELECT {COLUMNS} FROM sessions WHERE person = $1 AND expires > $2 ORDER BY created DESC, hash"
        );
        let query = sql!(sqlx::AssertSqlSafe(text), person.to_string(), micros(now));
        query.fetch_all(self.database.read()).await?.iter().map(session).collect()
    }

    /// Notes that a session was used. A session that has gone meanwhile stays gone.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn touch_session(&self, hash: &str, now: Time) -> Result<()> {
        let text = "UPDATE sessions SET last_used = $2 WHERE hash = $1 AND last_used < $2";
        sql!(text, hash.to_owned(), micros(now)).execute(self.database.write()).await?;
        Ok(())
    }

    /// Ends a session of a person.
    ///
    /// # Errors
    /// When the person has none such, or the store fails.
    pub async fn delete_session(&self, person: PersonId, hash: &str) -> Result<()> {
        let query =
            sql!("DELETE FROM sessions WHERE person = $1 AND hash = $2", person.to_string(), hash.to_owned());
        match query.execute(self.database.write()).await?.rows_affected() {
            0 => Err(CatalogError::NotFound { what: "session".to_owned() }),
            _ => Ok(()),
        }
    }

    /// Ends all sessions of a person, but for one if it is named. Gives how many.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delete_sessions_of(&self, person: PersonId, except: Option<&str>) -> Result<u64> {
        let text = "DELETE FROM sessions WHERE person = $1 AND hash <> $2";
        let query = sql!(text, person.to_string(), except.unwrap_or_default().to_owned());
        Ok(query.execute(self.database.write()).await?.rows_affected())
    }

    /// Removes sessions whose end has come, or that were last used before a moment. Gives how many.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prune_sessions(&self, now: Time, last_used_before: Time) -> Result<u64> {
        let query = sql!(
            "DELETE FROM sessions WHERE expires <= $1 OR last_used < $2",
            micros(now),
            micros(last_used_before)
        );
        Ok(query.execute(self.database.write()).await?.rows_affected())
    }
}

fn session(row: &AnyRow) -> Result<Session> {
    Ok(Session {
        hash: row.text("hash")?,
        person: row.parsed("person")?,
        created: row.time("created")?,
        last_used: row.time("last_used")?,
        expires: row.time("expires")?,
        user_agent: row.text("user_agent")?,
        address: row.text("address")?,
    })
}
