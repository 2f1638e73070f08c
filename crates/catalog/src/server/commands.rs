//! Commands on their way to nodes, and what came of them.
//!
//! They go through the store because the server that is asked and the server that the node talks to may be two.

use std::time::Duration;

use backstay_model::command::{Command, CommandResult};
use backstay_model::{CommandId, NodeId, Time};

use super::{Change, ServerStore};
use crate::row::{Columns, json, micros, sql, whole};
use crate::{CatalogError, Result};

impl ServerStore {
    /// Leaves a command for a node.
    ///
    /// # Errors
    /// A conflict when there is no such node; when the store fails.
    pub async fn add_command(&self, node: NodeId, command: &Command) -> Result<()> {
        let mut transaction = self.database.change().await?;
        let text = "INSERT INTO commands (id, node, expires, doc) VALUES ($1, $2, $3, $4)";
        let (id, expires) = (command.id.to_string(), micros(command.expires));
        sql!(text, id.clone(), node.to_string(), expires, json(command)?)
            .execute(&mut *transaction)
            .await
            .map_err(|error| CatalogError::from(error).naming("command", &id))?;
        self.commit(transaction, vec![Change::CommandsWaiting { node }]).await
    }

    /// The commands that a node should get now. One that nothing came of is given again after a while: the answer that held it
    /// may have been lost, and a node carries each out once.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn take_commands(
        &self,
        node: NodeId,
        now: Time,
        again_after: Duration,
    ) -> Result<Vec<Command>> {
        let again = whole(u64::try_from(again_after.as_micros()).unwrap_or(u64::MAX));
        let before = micros(now).saturating_sub(again);
        let text = "SELECT 1 AS one FROM commands \
                    WHERE node = $1 AND expires > $2 AND result IS NULL AND sent <= $3 LIMIT 1";
        let waiting = sql!(text, node.to_string(), micros(now), before);
        if waiting.fetch_optional(self.database.read()).await?.is_none() {
            return Ok(Vec::new());
        }
        let mut transaction = self.database.change().await?;
        let text = "UPDATE commands SET sent = $2 \
                    WHERE node = $1 AND expires > $2 AND result IS NULL AND sent <= $3 RETURNING doc";
        let rows = sql!(text, node.to_string(), micros(now), before).fetch_all(&mut *transaction).await?;
        let mut commands: Vec<Command> = rows.iter().map(|row| row.doc("doc")).collect::<Result<_>>()?;
        commands.sort_unstable_by_key(|command| command.id);
        self.commit(transaction, Vec::new()).await?;
        Ok(commands)
    }

    /// Keeps what came of a node's commands. What another node was asked, or nobody, is passed over.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn settle_commands(&self, node: NodeId, results: &[CommandResult]) -> Result<()> {
        if results.is_empty() {
            return Ok(());
        }
        let mut transaction = self.database.change().await?;
        let mut changes = Vec::new();
        for result in results {
            let text = "UPDATE commands SET result = $3 WHERE id = $1 AND node = $2 AND result IS NULL";
            let query = sql!(text, result.id.to_string(), node.to_string(), json(result)?);
            if query.execute(&mut *transaction).await?.rows_affected() == 1 {
                changes.push(Change::CommandSettled { command: result.id });
            }
        }
        self.commit(transaction, changes).await
    }

    /// What came of a command, once the node has told.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn command_result(&self, id: CommandId) -> Result<Option<CommandResult>> {
        let text = "SELECT result FROM commands WHERE id = $1 AND result IS NOT NULL";
        let row = sql!(text, id.to_string()).fetch_optional(self.database.read()).await?;
        row.map(|row| row.doc("result")).transpose()
    }

    /// Removes commands that expired before a moment. Gives how many.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prune_commands(&self, expired_before: Time) -> Result<u64> {
        let query = sql!("DELETE FROM commands WHERE expires < $1", micros(expired_before));
        Ok(query.execute(self.database.write()).await?.rows_affected())
    }
}
