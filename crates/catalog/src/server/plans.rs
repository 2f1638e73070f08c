//! Plans, each with all its revisions.

use backstay_model::{NodeId, Plan, PlanId, ProjectId, Time};

use super::{ServerStore, nodes, records};
use crate::database::Change as Transaction;
use crate::row::{Columns, json, micros, sql};
use crate::{CatalogError, Result};

/// A plan as it was, and who made it so.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanRevision {
    /// The plan as it was.
    pub plan: Plan,
    /// When it became so.
    pub changed: Time,
    /// Who made it so.
    pub changed_by: String,
}

impl ServerStore {
    /// Stores a new plan.
    ///
    /// # Errors
    /// A conflict when its name is taken, or one of its sources or destinations is not there; when the store fails.
    pub async fn create_plan(&self, plan: &Plan, by: &str) -> Result<()> {
        let mut transaction = self.database.change().await?;
        records::insert(&mut transaction, plan).await?;
        put_parts(&mut transaction, plan).await?;
        put_revision(&mut transaction, plan, by).await?;
        let concerned = nodes::of_plan(&mut transaction, &plan.id.to_string()).await?;
        let mut changes = vec![records::changed(plan)];
        changes.extend(nodes::renew_configurations(&mut transaction, concerned).await?);
        self.commit(transaction, changes).await
    }

    /// A plan.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn plan(&self, id: PlanId) -> Result<Option<Plan>> {
        records::get(self, &id.to_string()).await
    }

    /// The plans of a project, or of all, by name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn plans(&self, project: Option<ProjectId>) -> Result<Vec<Plan>> {
        records::list(self, project).await
    }

    /// The plans that a node carries out, by name: those that have sources on it, or copies to make there.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn plans_of_node(&self, node: NodeId) -> Result<Vec<Plan>> {
        let text = "SELECT doc FROM plans WHERE id IN (SELECT plan FROM plan_nodes WHERE node = $1) ORDER BY name, id";
        let rows = sql!(text, node.to_string()).fetch_all(self.database.read()).await?;
        rows.iter().map(|row| row.doc("doc")).collect()
    }

    /// The nodes that carry a plan out, by id.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn nodes_of_plan(&self, plan: PlanId) -> Result<Vec<NodeId>> {
        let text = "SELECT node FROM plan_nodes WHERE plan = $1 ORDER BY node";
        let rows = sql!(text, plan.to_string()).fetch_all(self.database.read()).await?;
        rows.iter().map(|row| row.parsed("node")).collect()
    }

    /// Stores a plan in place of the one with the expected revision; gives it back with its new one. The nodes that carried it out or
    /// do now get a new configuration.
    ///
    /// # Errors
    /// A conflict when somebody else has changed it, its name is taken, or one of its sources or destinations is not there;
    /// when there is none, or the store fails.
    pub async fn update_plan(&self, plan: &Plan, expected: i64, by: &str) -> Result<Plan> {
        let mut transaction = self.database.change().await?;
        let stored = records::update(&mut transaction, plan, expected).await?;
        let id = stored.id.to_string();
        let mut concerned = nodes::of_plan(&mut transaction, &id).await?;
        for text in [
            "DELETE FROM plan_sources WHERE plan = $1",
            "DELETE FROM plan_destinations WHERE plan = $1",
            "DELETE FROM plan_copies WHERE plan = $1",
        ] {
            sql!(text, id.clone()).execute(&mut *transaction).await?;
        }
        put_parts(&mut transaction, &stored).await?;
        put_revision(&mut transaction, &stored, by).await?;
        concerned.extend(nodes::of_plan(&mut transaction, &id).await?);
        let mut changes = vec![records::changed(&stored)];
        changes.extend(nodes::renew_configurations(&mut transaction, concerned).await?);
        self.commit(transaction, changes).await?;
        Ok(stored)
    }

    /// Removes a plan. Its revisions and runs stay.
    ///
    /// # Errors
    /// A conflict when it has another revision than expected; when there is none, or the store fails.
    pub async fn delete_plan(&self, id: PlanId, expected: Option<i64>) -> Result<()> {
        let mut transaction = self.database.change().await?;
        let concerned = nodes::of_plan(&mut transaction, &id.to_string()).await?;
        let gone: Plan = records::delete(&mut transaction, &id.to_string(), expected).await?;
        let mut changes = vec![records::changed(&gone)];
        changes.extend(nodes::renew_configurations(&mut transaction, concerned).await?);
        self.commit(transaction, changes).await
    }

    /// All revisions of a plan, the newest first; those of a plan that was deleted too.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn plan_revisions(&self, id: PlanId) -> Result<Vec<PlanRevision>> {
        let text =
            "SELECT changed, changed_by, doc FROM plan_revisions WHERE plan = $1 ORDER BY revision DESC";
        let rows = sql!(text, id.to_string()).fetch_all(self.database.read()).await?;
        let revision = |row| {
            let row: &sqlx::any::AnyRow = row;
            Ok(PlanRevision {
                plan: row.doc("doc")?,
                changed: row.time("changed")?,
                changed_by: row.text("changed_by")?,
            })
        };
        rows.iter().map(revision).collect()
    }
}

async fn put_parts(transaction: &mut Transaction, plan: &Plan) -> Result<()> {
    let failed = |error: sqlx::Error| CatalogError::from(error).naming("plan", &plan.spec.name);
    for source in &plan.spec.sources {
        let text = "INSERT INTO plan_sources (plan, source) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        sql!(text, plan.id.to_string(), source.to_string())
            .execute(&mut **transaction)
            .await
            .map_err(failed)?;
    }
    for destination in &plan.spec.destinations {
        let text = "INSERT INTO plan_destinations (plan, destination) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        let query = sql!(text, plan.id.to_string(), destination.to_string());
        query.execute(&mut **transaction).await.map_err(failed)?;
    }
    if let Some(copy) = &plan.spec.copy {
        let text = "INSERT INTO plan_copies (plan, destination, node) VALUES ($1, $2, $3)";
        let node = copy.node.map(|node| node.to_string());
        let query = sql!(text, plan.id.to_string(), copy.from.to_string(), node);
        query.execute(&mut **transaction).await.map_err(failed)?;
    }
    Ok(())
}

async fn put_revision(transaction: &mut Transaction, plan: &Plan, by: &str) -> Result<()> {
    let text = "INSERT INTO plan_revisions (plan, revision, project, changed, changed_by, doc) VALUES ($1, $2, $3, $4, $5, $6)";
    let (id, project, changed) = (plan.id.to_string(), plan.project.to_string(), micros(plan.changed));
    sql!(text, id, plan.revision, project, changed, by.to_owned(), json(plan)?)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}
