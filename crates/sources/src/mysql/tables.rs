//! Whether the tables of an instance are whole.

use std::time::Duration;

use backstay_core::Control;
use mysql::prelude::Queryable;
use mysql::{Conn, Row};

use super::{Access, MysqlError, Trouble};

/// A table that did not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableProblem {
    /// The table, as `schema.table`.
    pub table: String,
    /// What the instance says of it.
    pub text: String,
}

/// A large table takes long to check.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// Lets the instance check each of its tables (`CHECK TABLE`), and gives how many there are and those that are not whole.
///
/// # Errors
/// When the instance does not answer, or the control is cancelled.
pub fn check_tables(access: &Access, control: &Control) -> Result<(u64, Vec<TableProblem>), MysqlError> {
    let mut connection = access.connect(PATIENCE)?;
    // What these schemas show is made up as it is read.
    let statement = "SELECT TABLE_SCHEMA, TABLE_NAME FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_TYPE = 'BASE TABLE' \
                     AND TABLE_SCHEMA NOT IN ('information_schema', 'performance_schema') ORDER BY 1, 2";
    let tables: Vec<(String, String)> =
        connection.query(statement).map_err(|error| MysqlError::of("listing the tables", &error))?;
    let mut problems = Vec::new();
    for (schema, table) in &tables {
        if control.is_cancelled() {
            return Err(MysqlError::new(Trouble::Interrupted, "checking the tables", "it was given up"));
        }
        if let Some(text) = check(&mut connection, schema, table)? {
            problems.push(TableProblem { table: format!("{schema}.{table}"), text });
        }
    }
    Ok((tables.len() as u64, problems))
}

fn check(connection: &mut Conn, schema: &str, table: &str) -> Result<Option<String>, MysqlError> {
    let quoted = |name: &str| format!("`{}`", name.replace('`', "``"));
    let name = format!("{}.{}", quoted(schema), quoted(table));
    let rows: Vec<Row> = connection
        .query(format!("CHECK TABLE {name}"))
        .map_err(|error| MysqlError::of(format!("checking {schema}.{table}"), &error))?;
    let told = rows.into_iter().filter_map(|row| {
        let text = |column| row.get_opt::<String, _>(column)?.ok();
        Some((text("Msg_type")?.to_lowercase(), text("Msg_text")?))
    });
    let bad: Vec<_> =
        told.filter(|(kind, text)| kind == "error" || (kind == "status" && !is_fine(text))).collect();
    Ok(bad.into_iter().next().map(|(_, text)| text))
}

/// What a table that is whole has as its status.
fn is_fine(status: &str) -> bool {
    ["OK", "Table is already up to date"].contains(&status)
}
