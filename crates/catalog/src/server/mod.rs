//! The store of a server, in a SQLite file or a PostgreSQL database.

mod audit;
mod changes;
mod commands;
mod connections;
mod events;
mod ingest;
mod lasts;
mod leases;
mod log;
mod metrics;
mod nodes;
mod notifications;
mod one_time;
mod passkeys;
mod people;
mod places;
mod plans;
mod projects;
mod proofs;
mod records;
mod reports;
mod run_counts;
mod run_filter;
mod run_list;
mod run_retention;
mod sealed;
mod sessions;
mod settings;
mod sources;
mod sums;
mod tallies;
mod throttle;
mod tokens;

use std::path::Path;
use std::sync::Arc;

use tokio::sync::broadcast;

use crate::database::{Database, Dialect};
use crate::migration::migrate;
use crate::row::{Columns, sql};
use crate::{CatalogError, Result};

pub use audit::{AuditFilter, AuditVerdict, NewAuditEntry};
pub use changes::Change;
pub use events::{Event, Happening};
pub use ingest::Ingested;
pub use lasts::{SourceLast, StorageDay};
pub use leases::Token;
pub use log::LogFilter;
pub use metrics::RunTotal;
pub use nodes::{Contact, NodeLink};
pub use notifications::{NewNotification, Notification};
pub use one_time::{OneTimeKind, OneTimeToken};
pub use passkeys::KeptPasskey;
pub use people::Credentials;
pub use plans::PlanRevision;
pub use proofs::{PlanProof, RepositoryFault, RepositoryProof};
pub use reports::{PlanDay, PlanSums, StorageTotal, Sums};
pub use run_counts::RunCounts;
pub use run_filter::{Cursor, NoCursor, Page, RunFilter};
pub use sealed::{SealedPlace, SealedValue};
pub use sessions::Session;
pub use throttle::Throttle;

/// The steps to the form of the store.
const STEPS: &[&str] = &[
    include_str!("0001.sql"),
    include_str!("0002.sql"),
    include_str!("0003.sql"),
    include_str!("0004.sql"),
    include_str!("0005.sql"),
    include_str!("0006.sql"),
    include_str!("0007.sql"),
    include_str!("0008.sql"),
    include_str!("0009.sql"),
];

/// What a server remembers. Clones share one store.
#[derive(Debug, Clone)]
pub struct ServerStore {
    database: Database,
    changes: Arc<changes::Hub>,
}

impl ServerStore {
    /// Opens the store at `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/DATABASE`, makes it where it is missing (a database
    /// of PostgreSQL has to be there, and may be empty), and brings it into its newest form.
    ///
    /// # Errors
    /// When it cannot be opened or reached, is damaged, or was made by a newer version.
    pub async fn open(address: &str) -> Result<Self> {
        let database = if let Some(path) = address.strip_prefix("sqlite:") {
            Database::sqlite(Path::new(path.strip_prefix("//").unwrap_or(path))).await?
        } else if address.starts_with("postgres://") || address.starts_with("postgresql://") {
            Database::postgres(address).await?
        } else {
            return Err(CatalogError::other("the address of a store begins with `sqlite:` or `postgres://`"));
        };
        migrate(&database, STEPS).await?;
        let changes = match database.dialect {
            Dialect::Sqlite => changes::Hub::alone(),
            Dialect::Postgres => changes::Hub::among_servers(&database, address).await?,
        };
        Ok(Self { database, changes: Arc::new(changes) })
    }

    /// Ends all connections; calls in hand are waited for.
    pub async fn close(&self) {
        self.changes.close();
        self.database.close().await;
    }

    /// The file it is in; `None` when it is a database elsewhere.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.database.file.as_deref()
    }

    /// Whether the database answers, for who asks whether the server is well.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<()> {
        sql!("SELECT 1 AS one").fetch_one(self.database.read()).await?.int("one").map(drop)
    }

    /// What changes from now on, in this process and, with PostgreSQL, in other servers too.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }
}
