//! A database, open: who reads, who writes, and what is set on each connection.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{Any, AnyConnection, AnyPool, AssertSqlSafe, Connection, Transaction};

use crate::{CatalogError, Result};

/// How long a caller waits for a connection: longer than any change takes, and not so long that nobody waits any more.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long a connection to SQLite waits for another process's lock.
const BUSY: Duration = Duration::from_secs(5);

/// Connections that read a SQLite file at once.
const READERS: u32 = 4;

/// Connections to PostgreSQL.
const CONNECTIONS: u32 = 16;

/// A change in the making. Dropped without a commit, it is undone.
pub(crate) type Change = Transaction<'static, Any>;

/// Which database it is, where the two differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// A database, open.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    pub(crate) dialect: Dialect,
    /// Where it is, if it is a file.
    pub(crate) file: Option<PathBuf>,
    reader: AnyPool,
    writer: AnyPool,
}

impl Database {
    /// Opens a SQLite file; makes it, and its folder, for its owner alone.
    pub(crate) async fn sqlite(path: &Path) -> Result<Self> {
        sqlx::any::install_default_drivers();
        prepare_file(path)?;
        let options = sqlite_options(path)?;
        // A pool tries again and again where a first connection tells at once what is wrong.
        let first = async {
            let mut connection = AnyConnection::connect_with(&options).await?;
            prepare(&mut connection).await?;
            connection.close().await
        };
        first.await.map_err(|error| at(path, CatalogError::from(error)))?;
        let pool = |connections: u32| {
            let pool = AnyPoolOptions::new().max_connections(connections).acquire_timeout(PATIENCE);
            let pool = pool.idle_timeout(None).max_lifetime(None).test_before_acquire(false);
            // When the disk is full, SQLite may undo a transaction by itself. The connection then believes to be in it still, and
            // takes no other one.
            let pool = pool.after_release(|connection, _| {
                Box::pin(async move {
                    connection.ping().await?;
                    Ok(!connection.is_in_transaction())
                })
            });
            pool.after_connect(|connection, _| Box::pin(prepare(connection)))
                .connect_lazy_with(options.clone())
        };
        let (writer, reader) = (pool(1), pool(READERS));
        Ok(Self { dialect: Dialect::Sqlite, file: Some(path.to_owned()), reader, writer })
    }

    /// Connects to PostgreSQL at an address as `postgres://user@host/database`.
    pub(crate) async fn postgres(address: &str) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let options: AnyConnectOptions = address.parse()?;
        let first = async { AnyConnection::connect_with(&options).await?.close().await };
        let in_time = tokio::time::timeout(PATIENCE, first).await;
        in_time.map_err(|_| CatalogError::Unavailable { what: "it does not answer".to_owned() })??;
        let pool = AnyPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(PATIENCE);
        let pool = pool.connect_lazy_with(options);
        Ok(Self { dialect: Dialect::Postgres, file: None, reader: pool.clone(), writer: pool })
    }

    /// The error with where the database is, for who opens it.
    pub(crate) fn placed(&self, error: CatalogError) -> CatalogError {
        match &self.file {
            Some(path) => at(path, error),
            None => error,
        }
    }

    /// For what only reads.
    pub(crate) const fn read(&self) -> &AnyPool {
        &self.reader
    }

    /// For several reads of one state of things.
    pub(crate) async fn look(&self) -> Result<Change> {
        Ok(match self.dialect {
            Dialect::Sqlite => self.reader.begin().await?,
            Dialect::Postgres => {
                self.reader.begin_with("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY").await?
            }
        })
    }

    /// For one statement that writes.
    pub(crate) const fn write(&self) -> &AnyPool {
        &self.writer
    }

    /// Begins a change of several statements. On SQLite it is the only one from here on.
    pub(crate) async fn change(&self) -> Result<Change> {
        Ok(match self.dialect {
            Dialect::Sqlite => self.writer.begin_with("BEGIN IMMEDIATE").await?,
            Dialect::Postgres => self.writer.begin().await?,
        })
    }

    /// Ends all connections.
    pub(crate) async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }
}

/// Sets what each connection to SQLite has. The order matters: nothing may fail for a lock before the patience is set.
async fn prepare(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    let text = format!(
        "PRAGMA busy_timeout = {}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
         PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY;",
        BUSY.as_millis()
    );
    sqlx::raw_sql(AssertSqlSafe(text)).execute(connection).await.map(drop)
}

/// The error with the file that it is about.
fn at(path: &Path, error: CatalogError) -> CatalogError {
    let path = path.display();
    match error {
        CatalogError::Locked { what } => CatalogError::Locked { what: format!("{path}: {what}") },
        CatalogError::Corrupt { what } => CatalogError::Corrupt { what: format!("{path}: {what}") },
        CatalogError::Full { what } => CatalogError::Full { what: format!("{path}: {what}") },
        CatalogError::ReadOnly { what } => CatalogError::ReadOnly { what: format!("{path}: {what}") },
        CatalogError::Other { what } => CatalogError::Other { what: format!("{path}: {what}") },
        other => other,
    }
}

fn sqlite_options(path: &Path) -> Result<AnyConnectOptions> {
    let path = path.to_str().ok_or_else(|| {
        CatalogError::other(format_args!("{}: the path of a store has to be UTF-8", path.display()))
    })?;
    // What an address would read as something else than part of a path.
    let mut escaped = String::with_capacity(path.len());
    for character in path.chars() {
        match character {
            '%' => escaped.push_str("%25"),
            '?' => escaped.push_str("%3F"),
            '#' => escaped.push_str("%23"),
            '\\' => escaped.push_str("%5C"),
            other => escaped.push(other),
        }
    }
    Ok(format!("sqlite://{escaped}?mode=rw").parse()?)
}

/// Makes the file and its folder where they are missing, readable for their owner alone. SQLite gives its other files the
/// permissions of this one.
fn prepare_file(path: &Path) -> Result<()> {
    let failed = |error: std::io::Error| {
        let what = format!("{}: {error}", path.display());
        match error.kind() {
            std::io::ErrorKind::StorageFull => CatalogError::Full { what },
            std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                CatalogError::ReadOnly { what }
            }
            _ => CatalogError::Other { what },
        }
    };
    let folder = path.parent().map(PathBuf::from).unwrap_or_default();
    if !folder.as_os_str().is_empty() && !folder.exists() {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&folder).map_err(failed)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(failed(error)),
    }
}
