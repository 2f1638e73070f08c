//! All that is sealed in the store, for who seals it anew.

use backstay_model::{ConnectionId, PersonId, RepositoryId};

use super::ServerStore;
use crate::row::{Columns, sql};
use crate::{CatalogError, Result};

/// Where something sealed is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SealedPlace {
    /// The secrets of a connection.
    Connection(ConnectionId),
    /// The password of a repository.
    Repository(RepositoryId),
    /// The secret of a person's one-time codes.
    Totp(PersonId),
    /// The secrets of a setting, by its name.
    Setting(String),
}

/// Something sealed, and where it is kept.
#[derive(Debug, Clone)]
pub struct SealedValue {
    /// Where.
    pub place: SealedPlace,
    /// What.
    pub sealed: String,
}

impl ServerStore {
    /// All that is sealed.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sealed_values(&self) -> Result<Vec<SealedValue>> {
        let mut values = Vec::new();
        let mut look = self.database.look().await?;
        let query = sql!("SELECT id, sealed FROM connections WHERE sealed IS NOT NULL ORDER BY id");
        for row in query.fetch_all(&mut *look).await? {
            let place = SealedPlace::Connection(row.parsed("id")?);
            values.push(SealedValue { place, sealed: row.text("sealed")? });
        }
        let query = sql!("SELECT id, sealed FROM repositories WHERE sealed IS NOT NULL ORDER BY id");
        for row in query.fetch_all(&mut *look).await? {
            let place = SealedPlace::Repository(row.parsed("id")?);
            values.push(SealedValue { place, sealed: row.text("sealed")? });
        }
        let query = sql!("SELECT id, totp_sealed FROM people WHERE totp_sealed IS NOT NULL ORDER BY id");
        for row in query.fetch_all(&mut *look).await? {
            let place = SealedPlace::Totp(row.parsed("id")?);
            values.push(SealedValue { place, sealed: row.text("totp_sealed")? });
        }
        let query = sql!("SELECT name, sealed FROM settings WHERE sealed IS NOT NULL ORDER BY name");
        for row in query.fetch_all(&mut *look).await? {
            let place = SealedPlace::Setting(row.text("name")?);
            values.push(SealedValue { place, sealed: row.text("sealed")? });
        }
        Ok(values)
    }

    /// Replaces what is sealed at a place with the same, sealed anew. Nothing else of the record changes.
    ///
    /// # Errors
    /// A conflict when it is no longer what it was; when the store fails.
    pub async fn reseal(&self, place: &SealedPlace, before: &str, after: &str) -> Result<()> {
        let (before, after) = (before.to_owned(), after.to_owned());
        let (query, kind, id) = match place {
            SealedPlace::Connection(id) => return self.reseal_connection(*id, &before, &after).await,
            SealedPlace::Repository(id) => return self.reseal_repository(*id, &before, &after).await,
            SealedPlace::Totp(id) => {
                let text = "UPDATE people SET totp_sealed = $3 WHERE id = $1 AND totp_sealed = $2";
                (sql!(text, id.to_string(), before, after), "person", id.to_string())
            }
            SealedPlace::Setting(name) => {
                let text = "UPDATE settings SET sealed = $3 WHERE name = $1 AND sealed = $2";
                (sql!(text, name.clone(), before, after), "setting", name.clone())
            }
        };
        match query.execute(self.database.write()).await?.rows_affected() {
            0 => Err(CatalogError::changed(kind, id)),
            _ => Ok(()),
        }
    }
}
