//! Keys for programs, known by their hash.

use backstay_model::people::ApiToken;
use backstay_model::{PersonId, Time, TokenId};
use sqlx::any::AnyRow;

use super::ServerStore;
use crate::row::{Columns, json, micros, sql};
use crate::{CatalogError, Result};

impl ServerStore {
    /// Stores a new token with the hash of its key.
    ///
    /// # Errors
    /// When its person is not there, or the store fails.
    pub async fn create_token(&self, token: &ApiToken, hash: &str) -> Result<()> {
        let text = "INSERT INTO api_tokens (id, hash, person, created, last_used, doc) VALUES ($1, $2, $3, $4, $5, $6)";
        let (id, person) = (token.id.to_string(), token.person.to_string());
        let (created, used) = (micros(token.created), token.last_used.map(micros));
        sql!(text, id, hash.to_owned(), person, created, used, json(token)?)
            .execute(self.database.write())
            .await?;
        Ok(())
    }

    /// The token of a key's hash. Whether it has expired is for the caller to see.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn token_by_hash(&self, hash: &str) -> Result<Option<ApiToken>> {
        let query = sql!("SELECT doc, last_used FROM api_tokens WHERE hash = $1", hash.to_owned());
        query.fetch_optional(self.database.read()).await?.as_ref().map(token).transpose()
    }

    /// The tokens of a person, the newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn tokens_of(&self, person: PersonId) -> Result<Vec<ApiToken>> {
        let text = "SELECT doc, last_used FROM api_tokens WHERE person = $1 ORDER BY created DESC, id DESC";
        let rows = sql!(text, person.to_string()).fetch_all(self.database.read()).await?;
        rows.iter().map(token).collect()
    }

    /// Notes that a token was used, at most once a minute.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn touch_token(&self, id: TokenId, now: Time) -> Result<()> {
        let text = "UPDATE api_tokens SET last_used = $2 WHERE id = $1 AND (last_used IS NULL OR last_used <= $2 - 60000000)";
        sql!(text, id.to_string(), micros(now)).execute(self.database.write()).await?;
        Ok(())
    }

    /// Removes a token of a person.
    ///
    /// # Errors
    /// When the person has none such, or the store fails.
    pub async fn delete_token(&self, person: PersonId, id: TokenId) -> Result<()> {
        let query =
            sql!("DELETE FROM api_tokens WHERE id = $1 AND person = $2", id.to_string(), person.to_string());
        match query.execute(self.database.write()).await?.rows_affected() {
            0 => Err(CatalogError::not_found("token", id)),
            _ => Ok(()),
        }
    }
}

fn token(row: &AnyRow) -> Result<ApiToken> {
    let mut token: ApiToken = row.doc("doc")?;
    token.last_used = row.time_or_none("last_used")?;
    Ok(token)
}
