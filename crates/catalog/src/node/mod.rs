//! The store of a node: a SQLite file that is its own, so that it works without its server.

mod log;
mod outbox;
mod retention;
mod runs;
mod schedule;
mod transfers;

use std::path::Path;

use backstay_model::CommandId;
use backstay_model::Time;
use backstay_model::link::NodeConfiguration;

use crate::Result;
use crate::database::{Change, Database};
use crate::migration::migrate;
use crate::row::{Columns, json, micros, sql};

pub use log::NewLine;
pub(crate) use log::line;
pub use outbox::{Agreement, OutboxLimits};
pub use schedule::{Handled, NewRun};
pub use transfers::Transfer;

/// The steps to the form of the store.
const STEPS: &[&str] = &[include_str!("0001.sql"), include_str!("0002.sql")];

/// Under which key the configuration is kept.
const CONFIGURATION: &str = "configuration";

/// What a node remembers. Clones share one store.
#[derive(Debug, Clone)]
pub struct NodeStore {
    database: Database,
}

impl NodeStore {
    /// Opens the store, makes it where it is missing, and brings it into its newest form.
    ///
    /// # Errors
    /// When it cannot be opened, is damaged, or was made by a newer version.
    pub async fn open(path: &Path) -> Result<Self> {
        let database = Database::sqlite(path).await?;
        migrate(&database, STEPS).await?;
        Ok(Self { database })
    }

    /// Ends all connections; calls in hand are waited for.
    pub async fn close(&self) {
        self.database.close().await;
    }

    /// A small value that was kept under a key.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn meta_get(&self, key: &str) -> Result<Option<String>> {
        let row = sql!("SELECT value FROM meta WHERE key = $1", key.to_owned());
        let row = row.fetch_optional(self.database.read()).await?;
        row.map(|row| row.text("value")).transpose()
    }

    /// Keeps a small value under a key, in place of the one before.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn meta_set(&self, key: &str, value: &str) -> Result<()> {
        let mut change = self.database.change().await?;
        set(&mut change, key, value).await?;
        change.commit().await?;
        Ok(())
    }

    /// The configuration as last received; an empty one of version 0 before there was any.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn configuration(&self) -> Result<NodeConfiguration> {
        let text = self.meta_get(CONFIGURATION).await?;
        Ok(text.map(|text| serde_json::from_str(&text)).transpose()?.unwrap_or_default())
    }

    /// Keeps a configuration in place of the one before.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn set_configuration(&self, configuration: &NodeConfiguration) -> Result<()> {
        self.meta_set(CONFIGURATION, &json(configuration)?).await
    }

    /// Notes that a command is being executed; false when it was before, and must not be again.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn begin_command(&self, id: CommandId, now: Time) -> Result<bool> {
        let text = "INSERT INTO commands (id, begun) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING";
        let result = sql!(text, id.to_string(), micros(now)).execute(self.database.write()).await?;
        Ok(result.rows_affected() == 1)
    }
}

async fn set(change: &mut Change, key: &str, value: &str) -> Result<()> {
    let text = "INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    sql!(text, key.to_owned(), value.to_owned()).execute(&mut **change).await?;
    Ok(())
}
