//! Connections, their secrets sealed apart, and how the last attempt to connect went.

use backstay_model::{Connection, ConnectionId, ConnectionStatus, ProjectId};
use sqlx::any::AnyRow;

use super::{ServerStore, nodes, records};
use crate::row::{Columns, json, sql};
use crate::{CatalogError, Result};

impl ServerStore {
    /// Stores a new connection. `sealed` is its secrets, sealed.
    ///
    /// # Errors
    /// A conflict when its name is taken or its node is not there; when the store fails.
    pub async fn create_connection(&self, connection: &Connection, sealed: Option<&str>) -> Result<()> {
        let mut transaction = self.database.change().await?;
        // The status column has no default, for it always stands beside the document.
        let text = "INSERT INTO connections (id, project, name, node, revision, sealed, status, doc) \
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let (id, project, node) =
            (connection.id.to_string(), connection.project.to_string(), connection.node.to_string());
        let (name, sealed) = (connection.name.clone(), sealed.map(str::to_owned));
        let (status, doc) = (json(&connection.status)?, json(connection)?);
        sql!(text, id, project, name, node, connection.revision, sealed, status, doc)
            .execute(&mut *transaction)
            .await
            .map_err(|error| CatalogError::from(error).naming("connection", &connection.name))?;
        self.commit(transaction, vec![records::changed(connection)]).await
    }

    /// A connection.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn connection(&self, id: ConnectionId) -> Result<Option<Connection>> {
        let row = records::row::<Connection>(self, "doc, status", &id.to_string()).await?;
        row.as_ref().map(connection).transpose()
    }

    /// A connection's sealed secrets, if it has any.
    ///
    /// # Errors
    /// When there is no such connection, or the store fails.
    pub async fn connection_sealed(&self, id: ConnectionId) -> Result<Option<String>> {
        let row = records::row::<Connection>(self, "sealed", &id.to_string()).await?;
        row.ok_or_else(|| CatalogError::not_found("connection", id))?.text_or_none("sealed")
    }

    /// The connections of a project, or of all, by name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn connections(&self, project: Option<ProjectId>) -> Result<Vec<Connection>> {
        records::rows::<Connection>(self, "doc, status", project).await?.iter().map(connection).collect()
    }

    /// Stores a connection in place of the one with the expected revision; gives it back with its new one. Its sealed secrets
    /// are replaced too. The nodes that carry it out get a new configuration.
    ///
    /// # Errors
    /// A conflict when somebody else has changed it, or its name is taken; when there is none, or the store fails.
    pub async fn update_connection(
        &self,
        connection: &Connection,
        sealed: Option<&str>,
        expected: i64,
    ) -> Result<Connection> {
        let before = self.connection(connection.id).await?;
        let mut transaction = self.database.change().await?;
        let stored = records::update(&mut transaction, connection, expected).await?;
        let text = "UPDATE connections SET sealed = $2, status = $3 WHERE id = $1";
        sql!(text, stored.id.to_string(), sealed.map(str::to_owned), json(&stored.status)?)
            .execute(&mut *transaction)
            .await?;
        let mut changes = vec![records::changed(&stored)];
        let concerned = before.map(|it| it.node).into_iter().chain([stored.node]);
        changes.extend(nodes::renew_configurations(&mut transaction, concerned).await?);
        let others = nodes::with_repositories_over(&mut transaction, &stored.id.to_string()).await?;
        changes.extend(nodes::renew_configurations(&mut transaction, others).await?);
        self.commit(transaction, changes).await?;
        Ok(stored)
    }

    /// Replaces the sealed secrets alone, as when they are sealed with a newer key: neither revision nor configurations change.
    ///
    /// # Errors
    /// A conflict when they are no longer what they were; when the store fails.
    pub async fn reseal_connection(&self, id: ConnectionId, before: &str, after: &str) -> Result<()> {
        let text = "UPDATE connections SET sealed = $3 WHERE id = $1 AND sealed = $2";
        let query = sql!(text, id.to_string(), before.to_owned(), after.to_owned());
        match query.execute(self.database.write()).await?.rows_affected() {
            0 => Err(CatalogError::changed("connection", id)),
            _ => Ok(()),
        }
    }

    /// Notes how an attempt to connect went. The revision stays.
    ///
    /// # Errors
    /// When there is no such connection, or the store fails.
    pub async fn set_connection_status(&self, id: ConnectionId, status: &ConnectionStatus) -> Result<()> {
        let mut transaction = self.database.change().await?;
        let text = "UPDATE connections SET status = $2 WHERE id = $1 RETURNING doc, status";
        let row = sql!(text, id.to_string(), json(status)?).fetch_optional(&mut *transaction).await?;
        let stored = connection(&row.ok_or_else(|| CatalogError::not_found("connection", id))?)?;
        self.commit(transaction, vec![records::changed(&stored)]).await
    }

    /// Removes a connection.
    ///
    /// # Errors
    /// A conflict when a destination needs it, or it has another revision than expected; when there is none, or the store fails.
    pub async fn delete_connection(&self, id: ConnectionId, expected: Option<i64>) -> Result<()> {
        let mut transaction = self.database.change().await?;
        let gone: Connection = records::delete(&mut transaction, &id.to_string(), expected).await?;
        self.commit(transaction, vec![records::changed(&gone)]).await
    }
}

fn connection(row: &AnyRow) -> Result<Connection> {
    let mut connection: Connection = row.doc("doc")?;
    connection.status = row.doc("status")?;
    Ok(connection)
}
