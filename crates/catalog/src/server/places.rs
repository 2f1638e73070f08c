//! Destinations and the repositories at them.

use backstay_model::{Destination, DestinationId, NodeId, ProjectId, Repository, RepositoryId};
use sqlx::any::AnyRow;

use super::changes::Change;
use super::{ServerStore, nodes, records};
use crate::row::{Columns, json, micros, sql};
use crate::{CatalogError, Result};

impl ServerStore {
    /// Stores a new destination.
    ///
    /// # Errors
    /// A conflict when its name is taken or its connection is not there; when the store fails.
    pub async fn create_destination(&self, destination: &Destination) -> Result<()> {
        let mut transaction = self.database.change().await?;
        records::insert(&mut transaction, destination).await?;
        self.commit(transaction, vec![records::changed(destination)]).await
    }

    /// A destination.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn destination(&self, id: DestinationId) -> Result<Option<Destination>> {
        records::get(self, &id.to_string()).await
    }

    /// The destinations of a project, or of all, by name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn destinations(&self, project: Option<ProjectId>) -> Result<Vec<Destination>> {
        records::list(self, project).await
    }

    /// Stores a destination in place of the one with the expected revision; gives it back with its new one. The nodes with
    /// repositories at it get a new configuration.
    ///
    /// # Errors
    /// A conflict when somebody else has changed it, or its name is taken; when there is none, or the store fails.
    pub async fn update_destination(&self, destination: &Destination, expected: i64) -> Result<Destination> {
        let mut transaction = self.database.change().await?;
        let stored = records::update(&mut transaction, destination, expected).await?;
        let mut changes = vec![records::changed(&stored)];
        let concerned = nodes::of_destination(&mut transaction, &stored.id.to_string()).await?;
        changes.extend(nodes::renew_configurations(&mut transaction, concerned).await?);
        self.commit(transaction, changes).await?;
        Ok(stored)
    }

    /// Removes a destination. Its repositories stay where they lie; what is known of them goes only by
    /// [`ServerStore::delete_repository`], which has to come first.
    ///
    /// # Errors
    /// A conflict when a plan needs it or it has repositories; when there is none, or the store fails.
    pub async fn delete_destination(&self, id: DestinationId, expected: Option<i64>) -> Result<()> {
        let mut transaction = self.database.change().await?;
        let gone: Destination = records::delete(&mut transaction, &id.to_string(), expected).await?;
        self.commit(transaction, vec![records::changed(&gone)]).await
    }

    /// Stores a repository that was not known. `sealed` is its password, sealed.
    ///
    /// # Errors
    /// A conflict when the destination has one for its node already; when the store fails.
    pub async fn create_repository(&self, repository: &Repository, sealed: Option<&str>) -> Result<()> {
        let mut transaction = self.database.change().await?;
        let text = "INSERT INTO repositories (id, destination, user_node, created, sealed, doc) VALUES ($1, $2, $3, $4, $5, $6)";
        let (id, destination) = (repository.id.to_string(), repository.destination.to_string());
        let (created, sealed) = (micros(repository.created), sealed.map(str::to_owned));
        sql!(text, id, destination, user(repository.node), created, sealed, json(repository)?)
            .execute(&mut *transaction)
            .await
            .map_err(|error| CatalogError::from(error).naming("repository", &repository.path))?;
        let changed = self.repository_changed(&mut transaction, repository).await?;
        self.commit(transaction, changed).await
    }

    /// A repository, without its password.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn repository(&self, id: RepositoryId) -> Result<Option<Repository>> {
        let row = sql!("SELECT doc FROM repositories WHERE id = $1", id.to_string());
        row.fetch_optional(self.database.read()).await?.map(|row| row.doc("doc")).transpose()
    }

    /// The repository at a destination that a node uses, or that all share.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn repository_at(
        &self,
        destination: DestinationId,
        node: Option<NodeId>,
    ) -> Result<Option<Repository>> {
        let row = sql!(
            "SELECT doc FROM repositories WHERE destination = $1 AND user_node = $2",
            destination.to_string(),
            user(node)
        );
        row.fetch_optional(self.database.read()).await?.map(|row| row.doc("doc")).transpose()
    }

    /// The repositories at a destination, the oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn repositories(&self, destination: DestinationId) -> Result<Vec<Repository>> {
        let rows = sql!(
            "SELECT doc FROM repositories WHERE destination = $1 ORDER BY created, id",
            destination.to_string()
        );
        docs(&rows.fetch_all(self.database.read()).await?)
    }

    /// The repositories of a project, or of all, the oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn all_repositories(&self, project: Option<ProjectId>) -> Result<Vec<Repository>> {
        let rows = match project {
            Some(project) => {
                let text = "SELECT r.doc FROM repositories r JOIN destinations d ON d.id = r.destination \
                            WHERE d.project = $1 ORDER BY r.created, r.id";
                sql!(text, project.to_string()).fetch_all(self.database.read()).await?
            }
            None => {
                sql!("SELECT doc FROM repositories ORDER BY created, id")
                    .fetch_all(self.database.read())
                    .await?
            }
        };
        docs(&rows)
    }

    /// A repository's sealed password, if it has one.
    ///
    /// # Errors
    /// When there is no such repository, or the store fails.
    pub async fn repository_sealed(&self, id: RepositoryId) -> Result<Option<String>> {
        let row = sql!("SELECT sealed FROM repositories WHERE id = $1", id.to_string());
        let row = row.fetch_optional(self.database.read()).await?;
        row.ok_or_else(|| CatalogError::not_found("repository", id))?.text_or_none("sealed")
    }

    /// Replaces a repository's sealed password, and says whether it was adopted.
    ///
    /// # Errors
    /// When there is no such repository, or the store fails.
    pub async fn update_repository(&self, repository: &Repository, sealed: Option<&str>) -> Result<()> {
        let mut transaction = self.database.change().await?;
        let text = "UPDATE repositories SET sealed = $2, doc = $3 WHERE id = $1";
        let query = sql!(text, repository.id.to_string(), sealed.map(str::to_owned), json(repository)?);
        if query.execute(&mut *transaction).await?.rows_affected() == 0 {
            return Err(CatalogError::not_found("repository", repository.id));
        }
        let changed = self.repository_changed(&mut transaction, repository).await?;
        self.commit(transaction, changed).await
    }

    /// Replaces the sealed password alone, as when it is sealed with a newer key.
    ///
    /// # Errors
    /// A conflict when it is no longer what it was; when the store fails.
    pub async fn reseal_repository(&self, id: RepositoryId, before: &str, after: &str) -> Result<()> {
        let text = "UPDATE repositories SET sealed = $3 WHERE id = $1 AND sealed = $2";
        let query = sql!(text, id.to_string(), before.to_owned(), after.to_owned());
        match query.execute(self.database.write()).await?.rows_affected() {
            0 => Err(CatalogError::changed("repository", id)),
            _ => Ok(()),
        }
    }

    /// Forgets a repository, and with it the password that opens it. What lies there stays.
    ///
    /// # Errors
    /// When there is none, or the store fails.
    pub async fn delete_repository(&self, id: RepositoryId) -> Result<()> {
        let mut transaction = self.database.change().await?;
        let row = sql!("DELETE FROM repositories WHERE id = $1 RETURNING doc", id.to_string());
        let row = row.fetch_optional(&mut *transaction).await?;
        let gone: Repository = row.ok_or_else(|| CatalogError::not_found("repository", id))?.doc("doc")?;
        let changed = self.repository_changed(&mut transaction, &gone).await?;
        self.commit(transaction, changed).await
    }

    async fn repository_changed(
        &self,
        transaction: &mut crate::database::Change,
        repository: &Repository,
    ) -> Result<Vec<Change>> {
        let row = sql!("SELECT project FROM destinations WHERE id = $1", repository.destination.to_string());
        let project = row.fetch_one(&mut **transaction).await?.parsed("project")?;
        let change =
            Change::RecordChanged { project, kind: "repository".to_owned(), id: repository.id.to_string() };
        let concerned = match repository.node {
            Some(node) => vec![node],
            None => nodes::of_destination(transaction, &repository.destination.to_string()).await?,
        };
        let mut changes = vec![change];
        changes.extend(nodes::renew_configurations(transaction, concerned).await?);
        Ok(changes)
    }
}

/// As it stands in the column: empty where all share the repository.
fn user(node: Option<NodeId>) -> String {
    node.map(|node| node.to_string()).unwrap_or_default()
}

fn docs(rows: &[AnyRow]) -> Result<Vec<Repository>> {
    rows.iter().map(|row| row.doc("doc")).collect()
}
