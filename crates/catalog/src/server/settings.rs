//! Settings of the server: a value and, where it has secrets, those sealed.

use serde_json::Value;

use super::ServerStore;
use crate::Result;
use crate::row::{Columns, json, sql};

impl ServerStore {
    /// A setting.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn setting(&self, name: &str) -> Result<Option<Value>> {
        let query = sql!("SELECT doc FROM settings WHERE name = $1", name.to_owned());
        query.fetch_optional(self.database.read()).await?.map(|row| row.doc("doc")).transpose()
    }

    /// The sealed secrets of a setting, if it has any.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn setting_sealed(&self, name: &str) -> Result<Option<String>> {
        let query = sql!("SELECT sealed FROM settings WHERE name = $1", name.to_owned());
        let row = query.fetch_optional(self.database.read()).await?;
        Ok(row.map(|row| row.text_or_none("sealed")).transpose()?.flatten())
    }

    /// Stores a setting in place of the one before, with its secrets sealed if it has any.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn set_setting(&self, name: &str, value: &Value, sealed: Option<&str>) -> Result<()> {
        let text = "INSERT INTO settings (name, doc, sealed) VALUES ($1, $2, $3) \
                    ON CONFLICT (name) DO UPDATE SET doc = excluded.doc, sealed = excluded.sealed";
        let query = sql!(text, name.to_owned(), json(value)?, sealed.map(str::to_owned));
        query.execute(self.database.write()).await?;
        Ok(())
    }

    /// Stores a setting unless there is one by the name; true when it was stored. Of all who try, one succeeds.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn add_setting(&self, name: &str, value: &Value, sealed: Option<&str>) -> Result<bool> {
        let text =
            "INSERT INTO settings (name, doc, sealed) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING";
        let query = sql!(text, name.to_owned(), json(value)?, sealed.map(str::to_owned));
        Ok(query.execute(self.database.write()).await?.rows_affected() == 1)
    }

    /// Replaces a setting as long as it is what it was when it was read; false, and nothing is stored, when somebody else has
    /// changed it since.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn change_setting(
        &self,
        name: &str,
        before: &Value,
        after: &Value,
        sealed: Option<&str>,
    ) -> Result<bool> {
        let text = "UPDATE settings SET doc = $3, sealed = $4 WHERE name = $1 AND doc = $2";
        let query = sql!(text, name.to_owned(), json(before)?, json(after)?, sealed.map(str::to_owned));
        Ok(query.execute(self.database.write()).await?.rows_affected() == 1)
    }

    /// Removes a setting, if there is one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delete_setting(&self, name: &str) -> Result<()> {
        sql!("DELETE FROM settings WHERE name = $1", name.to_owned()).execute(self.database.write()).await?;
        Ok(())
    }
}
