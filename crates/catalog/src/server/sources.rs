//! Sources.

use backstay_model::{ProjectId, Source, SourceId};

use super::{ServerStore, records};
use crate::Result;

impl ServerStore {
    /// Stores a new source.
    ///
    /// # Errors
    /// A conflict when its name is taken or its node is not there; when the store fails.
    pub async fn create_source(&self, source: &Source) -> Result<()> {
        let mut transaction = self.database.change().await?;
        records::insert(&mut transaction, source).await?;
        self.commit(transaction, vec![records::changed(source)]).await
    }

    /// A source.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn source(&self, id: SourceId) -> Result<Option<Source>> {
        records::get(self, &id.to_string()).await
    }

    /// The sources of a project, or of all, by name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sources(&self, project: Option<ProjectId>) -> Result<Vec<Source>> {
        records::list(self, project).await
    }

    /// Stores a source in place of the one with the expected revision; gives it back with its new one. The nodes that carry it
    /// out get a new configuration.
    ///
    /// # Errors
    /// A conflict when somebody else has changed it, or its name is taken; when there is none, or the store fails.
    pub async fn update_source(&self, source: &Source, expected: i64) -> Result<Source> {
        let before = self.source(source.id).await?;
        let mut transaction = self.database.change().await?;
        let stored = records::update(&mut transaction, source, expected).await?;
        let mut changes = vec![records::changed(&stored)];
        let nodes = before.map(|it| it.node).into_iter().chain([stored.node]);
        changes.extend(super::nodes::renew_configurations(&mut transaction, nodes).await?);
        self.commit(transaction, changes).await?;
        Ok(stored)
    }

    /// Removes a source.
    ///
    /// # Errors
    /// A conflict when a plan needs it, or it has another revision than expected; when there is none, or the store fails.
    pub async fn delete_source(&self, id: SourceId, expected: Option<i64>) -> Result<()> {
        let mut transaction = self.database.change().await?;
        let source: Source = records::delete(&mut transaction, &id.to_string(), expected).await?;
        self.commit(transaction, vec![records::changed(&source)]).await
    }
}
