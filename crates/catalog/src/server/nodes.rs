//! Nodes: what people decided about them, what they say of themselves, and how far their outbox has been taken in.

use std::collections::BTreeSet;

use backstay_model::{HostState, Node, NodeId, ProjectId, Time};
use sqlx::any::AnyRow;

use super::ServerStore;
use super::changes::Change;
use super::events::{self, Happening};
use crate::database::Change as Transaction;
use crate::row::{Columns, json, micros, sql};
use crate::{CatalogError, Result};

/// What a contact with a node tells of the process behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contact {
    /// It is the one of last time.
    Same,
    /// It is a new one.
    Started,
    /// It is one that another had taken the place of: two processes have the node's identity.
    Doubled,
}

/// How far a node and the server have understood each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeLink {
    /// Up to which number its outbox has been taken in.
    pub acknowledged: i64,
    /// The version of the configuration that it should have.
    pub configuration: i64,
}

const COLUMNS: &str = "doc, last_seen, host, trouble, revoked";

impl ServerStore {
    /// Stores a new node. `certificate` is the fingerprint of the certificate it shows.
    ///
    /// # Errors
    /// A conflict when its name or certificate is taken; when the store fails.
    pub async fn create_node(&self, node: &Node, certificate: Option<&str>) -> Result<()> {
        let mut transaction = self.database.change().await?;
        let text = "INSERT INTO nodes (id, project, name, created, local, certificate, last_seen, host, trouble, revoked, doc) \
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        let (id, project, name) = (node.id.to_string(), node.project.to_string(), node.name.clone());
        let (local, certificate) = (i64::from(node.local), certificate.map(str::to_owned));
        let (seen, host) = (node.last_seen.map(micros), json(&node.host)?);
        let (trouble, revoked) = (node.trouble.clone(), i64::from(node.revoked));
        let created = micros(node.created);
        sql!(text, id, project, name, created, local, certificate, seen, host, trouble, revoked, json(node)?)
            .execute(&mut *transaction)
            .await
            .map_err(|error| CatalogError::from(error).naming("node", &node.name))?;
        self.commit(transaction, vec![changed(node.project, node.id)]).await
    }

    /// A node.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn node(&self, id: NodeId) -> Result<Option<Node>> {
        self.one_node("id", id.to_string()).await
    }

    /// The node that shows a certificate.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn node_by_certificate(&self, fingerprint: &str) -> Result<Option<Node>> {
        self.one_node("certificate", fingerprint.to_owned()).await
    }

    async fn one_node(&self, column: &str, value: String) -> Result<Option<Node>> {
        let text = format!("SELECT {COLUMNS} FROM nodes WHERE {column} = $1");
        let row = sql!(sqlx::AssertSqlSafe(text), value).fetch_optional(self.database.read()).await?;
        row.as_ref().map(node).transpose()
    }

    /// The nodes of a project, or of all, by name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn nodes(&self, project: Option<ProjectId>) -> Result<Vec<Node>> {
        let rows = match project {
            Some(project) => {
                let text = format!("SELECT {COLUMNS} FROM nodes WHERE project = $1 ORDER BY name, id");
                sql!(sqlx::AssertSqlSafe(text), project.to_string()).fetch_all(self.database.read()).await?
            }
            None => {
                let text = format!("SELECT {COLUMNS} FROM nodes ORDER BY name, id");
                sql!(sqlx::AssertSqlSafe(text)).fetch_all(self.database.read()).await?
            }
        };
        rows.iter().map(node).collect()
    }

    /// Stores what people decide about a node: its name, whether it is shut out, and the key that secrets are sealed to. What it
    /// says of itself, and its project, stay as they are.
    ///
    /// # Errors
    /// A conflict when its name is taken; when there is none, or the store fails.
    pub async fn update_node(&self, node: &Node) -> Result<()> {
        let mut transaction = self.database.change().await?;
        let text = "UPDATE nodes SET name = $3, revoked = $4, doc = $5, configuration = configuration + 1 \
                    WHERE id = $1 AND project = $2";
        let (id, project, revoked) = (node.id.to_string(), node.project.to_string(), i64::from(node.revoked));
        let result = sql!(text, id, project, node.name.clone(), revoked, json(node)?)
            .execute(&mut *transaction)
            .await
            .map_err(|error| CatalogError::from(error).naming("node", &node.name))?;
        if result.rows_affected() == 0 {
            return Err(CatalogError::not_found("node", node.id));
        }
        let changes = vec![changed(node.project, node.id), Change::ConfigurationChanged { node: node.id }];
        self.commit(transaction, changes).await
    }

    /// Notes the certificate that a node shows from now on.
    ///
    /// # Errors
    /// A conflict when another node shows it; when there is no such node, or the store fails.
    pub async fn set_node_certificate(&self, id: NodeId, fingerprint: Option<&str>) -> Result<()> {
        let text = "UPDATE nodes SET certificate = $2 WHERE id = $1";
        let query = sql!(text, id.to_string(), fingerprint.map(str::to_owned));
        match query.execute(self.database.write()).await?.rows_affected() {
            0 => Err(CatalogError::not_found("node", id)),
            _ => Ok(()),
        }
    }

    /// Says why a node needs attention, or that it no longer does for this reason. Each reason has one line, known by how it
    /// begins: one that is there stays as it is. A new one is an event, so that people are told of it once. True when
    /// something has changed.
    ///
    /// # Errors
    /// When there is no such node, or the store fails.
    pub async fn judge_node(&self, id: NodeId, beginning: &str, trouble: Option<&str>) -> Result<bool> {
        let mut transaction = self.database.change().await?;
        // An update locks the row in both databases.
        let text = "UPDATE nodes SET trouble = trouble WHERE id = $1 RETURNING project, trouble";
        let row = sql!(text, id.to_string()).fetch_optional(&mut *transaction).await?;
        let row = row.ok_or_else(|| CatalogError::not_found("node", id))?;
        let (project, before) = (row.parsed("project")?, row.text_or_none("trouble")?.unwrap_or_default());
        let is_known = before.lines().any(|line| line.starts_with(beginning));
        if is_known == trouble.is_some() {
            return Ok(false);
        }
        let mut lines: Vec<&str> = before.lines().filter(|line| !line.starts_with(beginning)).collect();
        lines.extend(trouble);
        let after = (!lines.is_empty()).then(|| lines.join("\n"));
        sql!("UPDATE nodes SET trouble = $2 WHERE id = $1", id.to_string(), after)
            .execute(&mut *transaction)
            .await?;
        let mut changes = vec![changed(project, id)];
        if let Some(text) = trouble {
            let text = text.to_owned();
            events::add(&mut transaction, &Happening::Trouble { project, node: id, text }).await?;
            changes.push(Change::EventsWaiting);
        }
        self.commit(transaction, changes).await?;
        Ok(true)
    }

    /// Forgets all reasons for which a node needed attention, as when it has joined anew.
    ///
    /// # Errors
    /// When there is no such node, or the store fails.
    pub async fn clear_node_trouble(&self, id: NodeId) -> Result<()> {
        let mut transaction = self.database.change().await?;
        let text = "UPDATE nodes SET trouble = NULL WHERE id = $1 RETURNING project";
        let row = sql!(text, id.to_string()).fetch_optional(&mut *transaction).await?;
        let project = row.ok_or_else(|| CatalogError::not_found("node", id))?.parsed("project")?;
        self.commit(transaction, vec![changed(project, id)]).await
    }

    /// Notes that a node was heard of, and what it said of its host. `incarnation` is its process's random number.
    ///
    /// # Errors
    /// When there is no such node, or the store fails.
    pub async fn node_seen(
        &self,
        id: NodeId,
        incarnation: u64,
        host: &HostState,
        now: Time,
    ) -> Result<Contact> {
        let mut transaction = self.database.change().await?;
        let text = "UPDATE nodes SET last_seen = $2, host = $3 WHERE id = $1 \
                    RETURNING project, incarnation, former_incarnation";
        let row =
            sql!(text, id.to_string(), micros(now), json(host)?).fetch_optional(&mut *transaction).await?;
        let row = row.ok_or_else(|| CatalogError::not_found("node", id))?;
        let told = Some(incarnation.to_string());
        let (last, former) = (row.text_or_none("incarnation")?, row.text_or_none("former_incarnation")?);
        let contact = if last == told {
            Contact::Same
        } else if former == told {
            Contact::Doubled
        } else {
            Contact::Started
        };
        if contact != Contact::Same {
            let text = "UPDATE nodes SET former_incarnation = incarnation, incarnation = $2 WHERE id = $1";
            sql!(text, id.to_string(), told).execute(&mut *transaction).await?;
        }
        self.commit(transaction, vec![changed(row.parsed("project")?, id)]).await?;
        Ok(contact)
    }

    /// How far a node and the server have understood each other.
    ///
    /// # Errors
    /// When there is no such node, or the store fails.
    pub async fn node_link(&self, id: NodeId) -> Result<NodeLink> {
        let row = sql!("SELECT acknowledged, configuration FROM nodes WHERE id = $1", id.to_string());
        let row = row.fetch_optional(self.database.read()).await?;
        let row = row.ok_or_else(|| CatalogError::not_found("node", id))?;
        Ok(NodeLink { acknowledged: row.int("acknowledged")?, configuration: row.int("configuration")? })
    }

    /// Makes the version of a node's configuration higher than any it has seen, as after the server was set back. Gives the
    /// version it should have now.
    ///
    /// # Errors
    /// When there is no such node, or the store fails.
    pub async fn renew_configuration(&self, id: NodeId, higher_than: i64) -> Result<i64> {
        let mut transaction = self.database.change().await?;
        let text = "UPDATE nodes SET configuration = \
                    CASE WHEN configuration > $2 THEN configuration + 1 ELSE $2 + 1 END WHERE id = $1 RETURNING configuration";
        let row = sql!(text, id.to_string(), higher_than).fetch_optional(&mut *transaction).await?;
        let version = row.ok_or_else(|| CatalogError::not_found("node", id))?.int("configuration")?;
        self.commit(transaction, vec![Change::ConfigurationChanged { node: id }]).await?;
        Ok(version)
    }

    /// Removes a node. Its runs stay.
    ///
    /// # Errors
    /// A conflict when connections or sources are on it, or a plan copies on it; when there is none, or the store fails.
    pub async fn delete_node(&self, id: NodeId) -> Result<()> {
        let mut transaction = self.database.change().await?;
        let row = sql!("DELETE FROM nodes WHERE id = $1 RETURNING project", id.to_string());
        let row = row.fetch_optional(&mut *transaction).await;
        let row = row.map_err(|error| CatalogError::from(error).naming("node", &id.to_string()))?;
        let project = row.ok_or_else(|| CatalogError::not_found("node", id))?.parsed("project")?;
        self.commit(transaction, vec![changed(project, id)]).await
    }
}

fn changed(project: ProjectId, node: NodeId) -> Change {
    Change::NodeChanged { project, node }
}

fn node(row: &AnyRow) -> Result<Node> {
    let mut node: Node = row.doc("doc")?;
    node.last_seen = row.time_or_none("last_seen")?;
    node.host = row.doc_or_none("host")?.unwrap_or_default();
    node.trouble = row.text_or_none("trouble")?;
    node.revoked = row.flag("revoked")?;
    Ok(node)
}

/// Gives nodes a new version of their configuration, in the order of their ids so that two transactions never wait for each
/// other.
pub(super) async fn renew_configurations(
    transaction: &mut Transaction,
    nodes: impl IntoIterator<Item = NodeId>,
) -> Result<Vec<Change>> {
    let nodes: BTreeSet<NodeId> = nodes.into_iter().collect();
    let mut changes = Vec::with_capacity(nodes.len());
    for node in nodes {
        let text = "UPDATE nodes SET configuration = configuration + 1 WHERE id = $1";
        sql!(text, node.to_string()).execute(&mut **transaction).await?;
        changes.push(Change::ConfigurationChanged { node });
    }
    Ok(changes)
}

/// The nodes whose plans reach a destination.
pub(super) async fn of_destination(transaction: &mut Transaction, destination: &str) -> Result<Vec<NodeId>> {
    let text = "SELECT DISTINCT node FROM plan_nodes WHERE plan IN \
                (SELECT plan FROM plan_destinations WHERE destination = $1 \
                UNION SELECT plan FROM plan_copies WHERE destination = $1)";
    ids(&sql!(text, destination.to_owned()).fetch_all(&mut **transaction).await?)
}

/// The nodes whose plans reach destinations over a connection.
pub(super) async fn with_repositories_over(
    transaction: &mut Transaction,
    connection: &str,
) -> Result<Vec<NodeId>> {
    let text = "SELECT DISTINCT node FROM plan_nodes WHERE plan IN \
                (SELECT p.plan FROM plan_destinations p JOIN destinations d ON d.id = p.destination WHERE d.connection = $1 \
                UNION SELECT c.plan FROM plan_copies c JOIN destinations d ON d.id = c.destination WHERE d.connection = $1)";
    ids(&sql!(text, connection.to_owned()).fetch_all(&mut **transaction).await?)
}

/// The nodes that carry a plan out.
pub(super) async fn of_plan(transaction: &mut Transaction, plan: &str) -> Result<Vec<NodeId>> {
    let text = "SELECT DISTINCT node FROM plan_nodes WHERE plan = $1";
    ids(&sql!(text, plan.to_owned()).fetch_all(&mut **transaction).await?)
}

fn ids(rows: &[AnyRow]) -> Result<Vec<NodeId>> {
    rows.iter().map(|row| row.parsed("node")).collect()
}
