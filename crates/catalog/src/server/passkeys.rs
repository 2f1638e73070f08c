//! The public halves of the key pairs by which people sign in.

use backstay_model::people::Passkey;
use backstay_model::{PasskeyId, PersonId, Time};
use sqlx::any::AnyRow;

use super::ServerStore;
use crate::row::{Columns, json, micros, sql};
use crate::{CatalogError, Result};

/// A passkey with what tells its signatures from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptPasskey {
    /// The passkey.
    pub passkey: Passkey,
    /// The id that its device knows it by, in base64url.
    pub credential: String,
    /// The public key with its counter, as whoever verifies signatures writes it down. No secret.
    pub key: String,
}

impl ServerStore {
    /// Stores a new passkey.
    ///
    /// # Errors
    /// When its device's id for it is known already, its person is not there, or the store fails.
    pub async fn create_passkey(&self, kept: &KeptPasskey) -> Result<()> {
        let text = "INSERT INTO passkeys (id, person, credential, key, created, last_used, doc) \
                    VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let passkey = &kept.passkey;
        let (id, person) = (passkey.id.to_string(), passkey.person.to_string());
        let (created, used) = (micros(passkey.created), passkey.last_used.map(micros));
        let (credential, key) = (kept.credential.clone(), kept.key.clone());
        sql!(text, id, person, credential, key, created, used, json(passkey)?)
            .execute(self.database.write())
            .await?;
        Ok(())
    }

    /// The passkeys of a person, the newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn passkeys_of(&self, person: PersonId) -> Result<Vec<KeptPasskey>> {
        let text = "SELECT doc, last_used, credential, key FROM passkeys WHERE person = $1 ORDER BY created DESC, id DESC";
        let query = sql!(text, person.to_string());
        query.fetch_all(self.database.read()).await?.iter().map(kept).collect()
    }

    /// The passkey that a device knows by this id.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn passkey_by_credential(&self, credential: &str) -> Result<Option<KeptPasskey>> {
        let text = "SELECT doc, last_used, credential, key FROM passkeys WHERE credential = $1";
        let query = sql!(text, credential.to_owned());
        query.fetch_optional(self.database.read()).await?.as_ref().map(kept).transpose()
    }

    /// Notes that somebody signed in with a passkey, and puts another form of its key in the place of `before`. False when that
    /// is not its key any more: a copy of the passkey was used at the same moment.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn passkey_used(&self, id: PasskeyId, before: &str, after: &str, now: Time) -> Result<bool> {
        let text = "UPDATE passkeys SET key = $3, last_used = $4 WHERE id = $1 AND key = $2";
        let query = sql!(text, id.to_string(), before.to_owned(), after.to_owned(), micros(now));
        Ok(query.execute(self.database.write()).await?.rows_affected() == 1)
    }

    /// Removes a passkey of a person.
    ///
    /// # Errors
    /// When the person has none such, or the store fails.
    pub async fn delete_passkey(&self, person: PersonId, id: PasskeyId) -> Result<()> {
        let query =
            sql!("DELETE FROM passkeys WHERE id = $1 AND person = $2", id.to_string(), person.to_string());
        match query.execute(self.database.write()).await?.rows_affected() {
            0 => Err(CatalogError::not_found("passkey", id)),
            _ => Ok(()),
        }
    }
}

fn kept(row: &AnyRow) -> Result<KeptPasskey> {
    let mut passkey: Passkey = row.doc("doc")?;
    passkey.last_used = row.time_or_none("last_used")?;
    Ok(KeptPasskey { passkey, credential: row.text("credential")?, key: row.text("key")? })
}
