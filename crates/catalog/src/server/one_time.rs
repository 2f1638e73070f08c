//! Tokens that work once: for the first set-up, for a new password, for a node to join, for the way back from a provider, and
//! for what a passkey signs.

use backstay_model::Time;
use serde_json::Value;
use sqlx::any::AnyRow;

use super::ServerStore;
use crate::row::{Columns, json, micros, sql};
use crate::{CatalogError, Result};

/// What a token is good for, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OneTimeKind {
    /// To set the server up.
    Setup,
    /// To choose a new password, or a first one.
    PasswordReset,
    /// To join a node.
    AgentJoin,
    /// To come back from a provider of OpenID Connect.
    OidcSignIn,
    /// To end the making of a passkey.
    PasskeyCreation,
    /// To answer a challenge with a passkey.
    PasskeySignIn,
}

impl OneTimeKind {
    /// As it is stored.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::PasswordReset => "password_reset",
            Self::AgentJoin => "agent_join",
            Self::OidcSignIn => "oidc_sign_in",
            Self::PasskeyCreation => "passkey_creation",
            Self::PasskeySignIn => "passkey_sign_in",
        }
    }
}

/// A token that works once.
#[derive(Debug, Clone, PartialEq)]
pub struct OneTimeToken {
    /// The hash of its key. It names the token, and opens nothing.
    pub hash: String,
    /// What it is good for.
    pub kind: OneTimeKind,
    /// What it is about: the person, the project and name of the node. No secret.
    pub about: Value,
    /// When it was made.
    pub created: Time,
    /// When it stops working.
    pub expires: Time,
}

impl ServerStore {
    /// Stores a new token.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn create_one_time(&self, token: &OneTimeToken) -> Result<()> {
        let text =
            "INSERT INTO one_time_tokens (hash, kind, created, expires, doc) VALUES ($1, $2, $3, $4, $5)";
        let (created, expires) = (micros(token.created), micros(token.expires));
        sql!(text, token.hash.clone(), token.kind.name(), created, expires, json(&token.about)?)
            .execute(self.database.write())
            .await?;
        Ok(())
    }

    /// A token that still works, without using it up.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn one_time(&self, kind: OneTimeKind, hash: &str, now: Time) -> Result<Option<OneTimeToken>> {
        let text = "SELECT hash, created, expires, doc FROM one_time_tokens WHERE hash = $1 AND kind = $2 AND expires > $3";
        let row = sql!(text, hash.to_owned(), kind.name(), micros(now))
            .fetch_optional(self.database.read())
            .await?;
        row.map(|row| token(kind, &row)).transpose()
    }

    /// Uses a token up: of all who try, one gets it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn use_one_time(
        &self,
        kind: OneTimeKind,
        hash: &str,
        now: Time,
    ) -> Result<Option<OneTimeToken>> {
        let mut transaction = self.database.change().await?;
        let text = "DELETE FROM one_time_tokens WHERE hash = $1 AND kind = $2 AND expires > $3 \
                    RETURNING hash, created, expires, doc";
        let row =
            sql!(text, hash.to_owned(), kind.name(), micros(now)).fetch_optional(&mut *transaction).await?;
        let token = row.map(|row| token(kind, &row)).transpose()?;
        self.commit(transaction, Vec::new()).await?;
        Ok(token)
    }

    /// The tokens of a kind that still work, the newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn one_times(&self, kind: OneTimeKind, now: Time) -> Result<Vec<OneTimeToken>> {
        let text = "SELECT hash, created, expires, doc FROM one_time_tokens WHERE kind = $1 AND expires > $2 \
                    ORDER BY created DESC, hash";
        let rows = sql!(text, kind.name(), micros(now)).fetch_all(self.database.read()).await?;
        rows.iter().map(|row| token(kind, row)).collect()
    }

    /// Takes a token back.
    ///
    /// # Errors
    /// When there is none such, or the store fails.
    pub async fn delete_one_time(&self, kind: OneTimeKind, hash: &str) -> Result<()> {
        let query =
            sql!("DELETE FROM one_time_tokens WHERE hash = $1 AND kind = $2", hash.to_owned(), kind.name());
        match query.execute(self.database.write()).await?.rows_affected() {
            0 => Err(CatalogError::NotFound { what: format!("such token for {}", kind.name()) }),
            _ => Ok(()),
        }
    }

    /// Removes tokens that no longer work. Gives how many.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prune_one_times(&self, now: Time) -> Result<u64> {
        let query = sql!("DELETE FROM one_time_tokens WHERE expires <= $1", micros(now));
        Ok(query.execute(self.database.write()).await?.rows_affected())
    }
}

fn token(kind: OneTimeKind, row: &AnyRow) -> Result<OneTimeToken> {
    Ok(OneTimeToken {
        hash: row.text("hash")?,
        kind,
        about: row.doc("doc")?,
        created: row.time("created")?,
        expires: row.time("expires")?,
    })
}
