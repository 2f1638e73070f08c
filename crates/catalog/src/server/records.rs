//! What connections, sources, destinations and plans have in common: a project, a unique name in it, and a revision.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use backstay_model::{Connection, Destination, Plan, ProjectId, Source};

use super::ServerStore;
use super::changes::Change;
use crate::database::Change as Transaction;
use crate::row::{Columns, json, sql};
use crate::{CatalogError, Result};

/// A record that people make.
pub(super) trait Record: Serialize + DeserializeOwned + Clone {
    /// The table it is in.
    const TABLE: &'static str;
    /// What it is called.
    const KIND: &'static str;
    /// The columns beside those that all records have.
    const EXTRA: &'static [&'static str];

    fn id(&self) -> String;
    fn project(&self) -> ProjectId;
    fn name(&self) -> &str;
    fn revision(&self) -> i64;
    fn set_revision(&mut self, revision: i64);
    /// What goes into the columns more.
    fn extra(&self) -> Vec<Option<String>>;
}

macro_rules! record {
    ($type:ty, $table:literal, $kind:literal, $name:expr, $extra:expr, $value:expr) => {
        impl Record for $type {
            const TABLE: &'static str = $table;
            const KIND: &'static str = $kind;
            const EXTRA: &'static [&'static str] = $extra;

            fn id(&self) -> String {
                self.id.to_string()
            }
            fn project(&self) -> ProjectId {
                self.project
            }
            fn name(&self) -> &str {
                let name: fn(&Self) -> &str = $name;
                name(self)
            }
            fn revision(&self) -> i64 {
                self.revision
            }
            fn set_revision(&mut self, revision: i64) {
                self.revision = revision;
            }
            fn extra(&self) -> Vec<Option<String>> {
                let value: fn(&Self) -> Vec<Option<String>> = $value;
                value(self)
            }
        }
    };
}

record!(Connection, "connections", "connection", |it| &it.name, &["node"], |it| vec![Some(
    it.node.to_string()
)]);
record!(Source, "sources", "source", |it| &it.name, &["node", "connection"], |it| {
    vec![Some(it.node.to_string()), it.spec.connection().map(|id| id.to_string())]
});
record!(Destination, "destinations", "destination", |it| &it.name, &["connection"], |it| {
    vec![Some(it.connection.to_string())]
});
record!(Plan, "plans", "plan", |it| &it.spec.name, &[], |_| Vec::new());

/// The change to tell of.
pub(super) fn changed<T: Record>(record: &T) -> Change {
    Change::RecordChanged { project: record.project(), kind: T::KIND.to_owned(), id: record.id() }
}

/// Stores a new record, with its revision as it is.
pub(super) async fn insert<T: Record>(transaction: &mut Transaction, record: &T) -> Result<()> {
    let (table, doc) = (T::TABLE, json(record)?);
    let columns: String = T::EXTRA.iter().map(|column| format!(", {column}")).collect();
    let values: String = (6..).take(T::EXTRA.len()).map(|number| format!(", ${number}")).collect();
    let text = format!(
        "INSERT INTO {table} (id, project, name, revision, doc{columns}) VALUES ($1, $2, $3, $4, $5{values})"
    );
    let (project, name) = (record.project().to_string(), record.name().to_owned());
    let mut query = sql!(AssertSqlSafe(text), record.id(), project, name, record.revision(), doc);
    for extra in record.extra() {
        query = query.bind(extra);
    }
    query.execute(&mut **transaction).await.map_err(|error| failed(error, record))?;
    Ok(())
}

/// Stores a record in place of the one with the expected revision, and gives it back with its new revision.
pub(super) async fn update<T: Record>(transaction: &mut Transaction, record: &T, expected: i64) -> Result<T> {
    let mut record = record.clone();
    record.set_revision(expected + 1);
    let (table, doc) = (T::TABLE, json(&record)?);
    let extra = T::EXTRA.iter().zip(7..).map(|(column, number)| format!(", {column} = ${number}"));
    let extra: String = extra.collect();
    let text = format!(
        "UPDATE {table} SET name = $3, revision = $4, doc = $5{extra} WHERE id = $1 AND project = $2 AND revision = $6"
    );
    let (project, name) = (record.project().to_string(), record.name().to_owned());
    let mut query = sql!(AssertSqlSafe(text), record.id(), project, name, record.revision(), doc, expected);
    for extra in record.extra() {
        query = query.bind(extra);
    }
    let result = query.execute(&mut **transaction).await.map_err(|error| failed(error, &record))?;
    if result.rows_affected() == 0 {
        let text = format!("SELECT 1 AS one FROM {table} WHERE id = $1");
        let found = sql!(AssertSqlSafe(text), record.id()).fetch_optional(&mut **transaction).await?;
        return Err(match found {
            Some(_) => CatalogError::changed(T::KIND, record.id()),
            None => CatalogError::not_found(T::KIND, record.id()),
        });
    }
    Ok(record)
}

/// Removes a record with the expected revision; whatever its revision when none is expected.
pub(super) async fn delete<T: Record>(
    transaction: &mut Transaction,
    id: &str,
    expected: Option<i64>,
) -> Result<T> {
    let table = T::TABLE;
    let text = format!("DELETE FROM {table} WHERE id = $1 RETURNING doc, revision");
    let row = sql!(AssertSqlSafe(text), id.to_owned()).fetch_optional(&mut **transaction).await;
    let row = row.map_err(|error| CatalogError::from(error).naming(T::KIND, id))?;
    let row = row.ok_or_else(|| CatalogError::not_found(T::KIND, id))?;
    if expected.is_some_and(|expected| row.int("revision").is_ok_and(|found| found != expected)) {
        return Err(CatalogError::changed(T::KIND, id));
    }
    row.doc("doc")
}

/// A record, with `columns` beside its document.
pub(super) async fn row<T: Record>(store: &ServerStore, columns: &str, id: &str) -> Result<Option<AnyRow>> {
    let text = format!("SELECT {columns} FROM {} WHERE id = $1", T::TABLE);
    Ok(sql!(AssertSqlSafe(text), id.to_owned()).fetch_optional(store.database.read()).await?)
}

/// A record.
pub(super) async fn get<T: Record>(store: &ServerStore, id: &str) -> Result<Option<T>> {
    row::<T>(store, "doc", id).await?.map(|row| row.doc("doc")).transpose()
}

/// The rows of all records of a project, or of all projects, by name.
pub(super) async fn rows<T: Record>(
    store: &ServerStore,
    columns: &str,
    project: Option<ProjectId>,
) -> Result<Vec<AnyRow>> {
    let table = T::TABLE;
    Ok(match project {
        Some(project) => {
            let text = format!("SELECT {columns} FROM {table} WHERE project = $1 ORDER BY name, id");
            sql!(AssertSqlSafe(text), project.to_string()).fetch_all(store.database.read()).await?
        }
        None => {
            let text = format!("SELECT {columns} FROM {table} ORDER BY name, id");
            sql!(AssertSqlSafe(text)).fetch_all(store.database.read()).await?
        }
    })
}

/// All records of a project, or of all projects, by name.
pub(super) async fn list<T: Record>(store: &ServerStore, project: Option<ProjectId>) -> Result<Vec<T>> {
    rows::<T>(store, "doc", project).await?.iter().map(|row| row.doc("doc")).collect()
}

fn failed<T: Record>(error: sqlx::Error, record: &T) -> CatalogError {
    CatalogError::from(error).naming(T::KIND, record.name())
}
