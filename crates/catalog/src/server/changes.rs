//! Who watches is told what changed, once it is stored.
//!
//! Within a process a channel does it. Servers over one PostgreSQL tell each other by `NOTIFY`, in the transaction of the change
//! itself, so that word of it goes out if and only if it is stored.

use std::borrow::Cow;
use std::collections::HashSet;
use std::time::Duration;

use backstay_model::{CommandId, NodeId, ProjectId, RunId};
use serde::{Deserialize, Serialize};
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

use super::ServerStore;
use crate::database::{Change as Transaction, Database, Dialect};
use crate::row::{Columns, json, sql};
use crate::{CatalogError, Result};

/// Changes that a slow subscriber may be behind.
const BACKLOG: usize = 4096;

/// The channel of PostgreSQL.
const CHANNEL: &str = "backstay";

/// Changes in one message: PostgreSQL takes 8000 bytes at most.
const TOGETHER: usize = 32;

/// How long to wait before the listening connection is made again.
const PAUSE: Duration = Duration::from_secs(1);

/// Something that changed. It says where to look, not what is there.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Change {
    /// A run is new or has changed.
    RunChanged {
        /// Its project.
        project: ProjectId,
        /// Which.
        run: RunId,
    },
    /// A run has more lines in its log.
    LogAppended {
        /// Its project.
        project: ProjectId,
        /// Which.
        run: RunId,
        /// The number of the last line.
        last: i64,
    },
    /// A node was added, changed, heard of or removed.
    NodeChanged {
        /// Its project.
        project: ProjectId,
        /// Which.
        node: NodeId,
    },
    /// What a node has to do by itself may be another now.
    ConfigurationChanged {
        /// Which node.
        node: NodeId,
    },
    /// A record that people make was added, changed or removed.
    RecordChanged {
        /// Its project.
        project: ProjectId,
        /// Its kind: `connection`, `source`, `destination`, `repository`, `plan` or `project`.
        kind: String,
        /// Its id.
        id: String,
    },
    /// There are commands for a node.
    CommandsWaiting {
        /// Which.
        node: NodeId,
    },
    /// A node has told what came of a command.
    CommandSettled {
        /// Which.
        command: CommandId,
    },
    /// There are events that nobody has dealt with.
    EventsWaiting,
    /// Word from other servers was missed: anything may have changed.
    Unknown,
}

/// Changes on their way to other servers.
#[derive(Serialize, Deserialize)]
struct Message<'a> {
    /// Which server tells; it has told its own subscribers already.
    from: Cow<'a, str>,
    changes: Cow<'a, [Change]>,
}

/// Where changes come together.
#[derive(Debug)]
pub(super) struct Hub {
    sender: broadcast::Sender<Change>,
    /// This process's name among the servers.
    origin: String,
    listener: Option<JoinHandle<()>>,
}

impl Hub {
    /// For a store that no other server uses.
    pub(super) fn alone() -> Self {
        Self { sender: broadcast::channel(BACKLOG).0, origin: String::new(), listener: None }
    }

    /// For a store that other servers may use.
    pub(super) async fn among_servers(database: &Database, address: &str) -> Result<Self> {
        let row = sql!("SELECT CAST(gen_random_uuid() AS TEXT) AS origin").fetch_one(database.read()).await?;
        let origin = row.text("origin")?;
        let options: PgConnectOptions = address.parse()?;
        let pool = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
        let pool = pool.connect_with(options).await?;
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.listen(CHANNEL).await?;
        let sender = broadcast::channel(BACKLOG).0;
        let task = tokio::spawn(listen(listener, sender.clone(), origin.clone()));
        Ok(Self { sender, origin, listener: Some(task) })
    }

    pub(super) fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.sender.subscribe()
    }

    pub(super) fn close(&self) {
        if let Some(listener) = &self.listener {
            listener.abort();
        }
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.close();
    }
}

/// Passes on what other servers tell.
async fn listen(mut listener: PgListener, sender: broadcast::Sender<Change>, origin: String) {
    loop {
        // Nobody may be subscribed; that is no failure.
        match listener.try_recv().await {
            Ok(Some(notification)) => {
                match serde_json::from_str::<Message<'_>>(notification.payload()) {
                    Ok(message) if message.from == origin => {}
                    Ok(message) => {
                        for change in message.changes.iter() {
                            drop(sender.send(change.clone()));
                        }
                    }
                    // Another version of Backstay may tell of what this one does not know.
                    Err(_) => drop(sender.send(Change::Unknown)),
                }
            }
            Ok(None) => drop(sender.send(Change::Unknown)),
            Err(_) => {
                tokio::time::sleep(PAUSE).await;
                drop(sender.send(Change::Unknown));
            }
        }
    }
}

impl ServerStore {
    /// Commits, and then tells who watches.
    pub(super) async fn commit(&self, mut transaction: Transaction, mut changes: Vec<Change>) -> Result<()> {
        let mut seen = HashSet::with_capacity(changes.len());
        changes.retain(|change| seen.insert(change.clone()));
        if self.database.dialect == Dialect::Postgres {
            for changes in changes.chunks(TOGETHER) {
                let message = Message { from: Cow::from(&self.changes.origin), changes: Cow::from(changes) };
                sql!("SELECT pg_notify($1, $2)", CHANNEL, json(&message)?).execute(&mut *transaction).await?;
            }
        }
        transaction.commit().await.map_err(CatalogError::from)?;
        for change in changes {
            // Nobody may be subscribed; that is no failure.
            drop(self.changes.sender.send(change));
        }
        Ok(())
    }
}
