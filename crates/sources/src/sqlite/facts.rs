//! What is known of a database: how it is laid out, and how much is in it.

use std::path::Path;

use backstay_core::Control;

use super::database::open_still;
use super::error::{Result, of};

/// What is known of a database.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// Bytes of a page.
    pub page_size: u32,
    /// How many pages it has.
    pub pages: u64,
    /// What its program wrote as the version of its schema (`PRAGMA user_version`).
    pub user_version: i64,
    /// What says whose format it is (`PRAGMA application_id`).
    pub application_id: i64,
    /// Its tables, by name.
    pub tables: Vec<Table>,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// How many rows it has.
    pub rows: u64,
}

/// Looks into a database that nobody writes.
///
/// # Errors
/// When it cannot be read.
pub fn facts(database: &Path, control: &Control) -> Result<Facts> {
    let opened = open_still(database, control)?;
    let read = || -> rusqlite::Result<Facts> {
        let pragma = |name: &str| opened.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        // Virtual tables are left out: what they show lies in ordinary ones, and reading them runs code of their modules.
        let mut named = opened.prepare(
            "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'shadow') \
             AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
        )?;
        let names: Vec<String> = named.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        let mut tables = Vec::with_capacity(names.len());
        for name in names {
            let count = format!("SELECT count(*) FROM main.\"{}\"", name.replace('"', "\"\""));
            let rows: i64 = opened.query_row(&count, [], |row| row.get(0))?;
            tables.push(Table { name, rows: u64::try_from(rows).unwrap_or(0) });
        }
        Ok(Facts {
            page_size: u32::try_from(pragma("page_size")?).unwrap_or(0),
            pages: u64::try_from(pragma("page_count")?).unwrap_or(0),
            user_version: pragma("user_version")?,
            application_id: pragma("application_id")?,
            tables,
        })
    };
    read().map_err(of("reading", database))
}
