//! Projects.

use backstay_model::{Project, ProjectId};

use super::ServerStore;
use super::changes::Change;
use crate::row::{Columns, json, micros, sql};
use crate::{CatalogError, Result};

/// What goes with a project when it is removed, each before what it refers to.
const HISTORY: [&str; 5] = [
    "DELETE FROM log_lines WHERE run IN (SELECT id FROM runs WHERE project = $1)",
    "DELETE FROM run_destinations WHERE run IN (SELECT id FROM runs WHERE project = $1)",
    "DELETE FROM run_tallies WHERE project = $1",
    "DELETE FROM plan_revisions WHERE project = $1",
    "DELETE FROM runs WHERE project = $1",
];

impl ServerStore {
    /// Stores a new project.
    ///
    /// # Errors
    /// A conflict when its name is taken; when the store fails.
    pub async fn create_project(&self, project: &Project) -> Result<()> {
        let mut transaction = self.database.change().await?;
        let text = "INSERT INTO projects (id, name, created, doc) VALUES ($1, $2, $3, $4)";
        let (id, created) = (project.id.to_string(), micros(project.created));
        sql!(text, id, project.name.clone(), created, json(project)?)
            .execute(&mut *transaction)
            .await
            .map_err(|error| CatalogError::from(error).naming("project", &project.name))?;
        self.commit(transaction, vec![changed(project.id)]).await
    }

    /// A project.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn project(&self, id: ProjectId) -> Result<Option<Project>> {
        let row = sql!("SELECT doc FROM projects WHERE id = $1", id.to_string());
        row.fetch_optional(self.database.read()).await?.map(|row| row.doc("doc")).transpose()
    }

    /// All projects, by name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn projects(&self) -> Result<Vec<Project>> {
        let rows = sql!("SELECT doc FROM projects ORDER BY name, id").fetch_all(self.database.read()).await?;
        rows.iter().map(|row| row.doc("doc")).collect()
    }

    /// Stores a project in place of the one with its id.
    ///
    /// # Errors
    /// A conflict when its name is taken; when there is none, or the store fails.
    pub async fn update_project(&self, project: &Project) -> Result<()> {
        let mut transaction = self.database.change().await?;
        let text = "UPDATE projects SET name = $2, doc = $3 WHERE id = $1";
        let result = sql!(text, project.id.to_string(), project.name.clone(), json(project)?)
            .execute(&mut *transaction)
            .await
            .map_err(|error| CatalogError::from(error).naming("project", &project.name))?;
        if result.rows_affected() == 0 {
            return Err(CatalogError::not_found("project", project.id));
        }
        self.commit(transaction, vec![changed(project.id)]).await
    }

    /// Removes a project with its history.
    ///
    /// # Errors
    /// A conflict when it has nodes, connections, sources, destinations or plans; when there is none, or the store fails.
    pub async fn delete_project(&self, id: ProjectId) -> Result<()> {
        let mut transaction = self.database.change().await?;
        for text in HISTORY {
            sql!(text, id.to_string()).execute(&mut *transaction).await?;
        }
        let result = sql!("DELETE FROM projects WHERE id = $1", id.to_string())
            .execute(&mut *transaction)
            .await
            .map_err(|error| CatalogError::from(error).naming("project", &id.to_string()))?;
        if result.rows_affected() == 0 {
            return Err(CatalogError::not_found("project", id));
        }
        self.commit(transaction, vec![changed(id)]).await
    }
}

fn changed(project: ProjectId) -> Change {
    Change::RecordChanged { project, kind: "project".to_owned(), id: project.to_string() }
}
