//! Numbers for metrics.

use backstay_model::{NodeId, ProjectId, RunKind, RunState};

use super::ServerStore;
use super::run_counts::state;
use crate::row::{Columns, sql};
use crate::{CatalogError, Result};

/// How many runs of a kind in a state a node has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunTotal {
    /// The node's project.
    pub project: ProjectId,
    /// The node.
    pub node: NodeId,
    /// The kind.
    pub kind: RunKind,
    /// The state.
    pub state: RunState,
    /// How many.
    pub runs: u64,
}

impl ServerStore {
    /// How many runs there are by node, kind and state. It reads tallies and no runs.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn run_totals(&self) -> Result<Vec<RunTotal>> {
        let text = "SELECT t.project AS project, t.subject AS node, t.kind AS kind, t.state AS state, \
                    CAST(SUM(t.runs) AS BIGINT) AS runs FROM nodes n JOIN run_tallies t ON t.subject = n.id \
                    GROUP BY t.project, t.subject, t.kind, t.state ORDER BY t.project, t.subject, t.kind, t.state";
        let rows = sql!(text).fetch_all(self.database.read()).await?;
        let mut totals = Vec::with_capacity(rows.len());
        for row in &rows {
            let kind = row.text("kind")?;
            let kind = RunKind::from_name(&kind)
                .ok_or_else(|| CatalogError::corrupt(format_args!("{kind:?} is no kind of run")))?;
            let runs = u64::try_from(row.int("runs")?).unwrap_or(0);
            if runs > 0 {
                let (project, node) = (row.parsed("project")?, row.parsed("node")?);
                totals.push(RunTotal { project, node, kind, state: state(&row.text("state")?)?, runs });
            }
        }
        Ok(totals)
    }
}
