//! The form of a store, and the steps that lead to it.
//!
//! Steps are numbered from 1 and never change once they are out. Each is applied once, with its hash noted in the same
//! transaction. A store that has more steps than this program was made by a newer one; a step whose hash differs was another one.

use sha2::{Digest, Sha256};

use crate::database::{Database, Dialect};
use crate::row::{Columns, sql};
use crate::{CatalogError, Result};

/// A lock of PostgreSQL by which servers that start at once wait for each other.
const LOCK: i64 = 0x6261_636b_7374_6179;

/// Brings the store into its newest form.
pub(crate) async fn migrate(database: &Database, steps: &[&'static str]) -> Result<()> {
    apply(database, steps).await.map_err(|error| database.placed(error))
}

async fn apply(database: &Database, steps: &[&'static str]) -> Result<()> {
    let mut change = database.change().await?;
    if database.dialect == Dialect::Postgres {
        sql!("SELECT pg_advisory_xact_lock($1)", LOCK).execute(&mut *change).await?;
    }
    sql!("CREATE TABLE IF NOT EXISTS migrations (number BIGINT PRIMARY KEY, hash TEXT NOT NULL)")
        .execute(&mut *change)
        .await?;
    let rows = sql!("SELECT number, hash FROM migrations ORDER BY number").fetch_all(&mut *change).await?;
    let known = i64::try_from(steps.len()).unwrap_or(i64::MAX);
    if let Some(last) = rows.last() {
        let found = last.int("number")?;
        if found > known {
            return Err(CatalogError::TooNew { found, known });
        }
    }
    for (number, step) in (1_i64..).zip(steps) {
        let hash = hash(step);
        let mut applied = rows.iter();
        let applied = applied.find(|row| row.int("number").is_ok_and(|found| found == number));
        match applied {
            Some(row) if row.text("hash")? == hash => {}
            Some(_) => return Err(CatalogError::Altered { number }),
            None => {
                sqlx::raw_sql(*step).execute(&mut *change).await?;
                sql!("INSERT INTO migrations (number, hash) VALUES ($1, $2)", number, hash)
                    .execute(&mut *change)
                    .await?;
            }
        }
    }
    change.commit().await?;
    Ok(())
}

fn hash(step: &str) -> String {
    hexadecimal(&Sha256::digest(step.as_bytes()))
}

/// Bytes in hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
