//! Writes down who changed what, and who read data out.

use backstay_catalog::NewAuditEntry;
use backstay_model::ProjectId;
use serde::Serialize;

use crate::access::extract::Caller;
use crate::problem::Problem;
use crate::state::AppState;

/// What is written down of one deed.
#[derive(Debug, Default)]
pub(crate) struct Deed {
    project: Option<ProjectId>,
    action: &'static str,
    subject: String,
    before: Option<serde_json::Value>,
    after: Option<serde_json::Value>,
}

impl Deed {
    /// A deed, as `("plan.update", "plan 0190… home")`.
    pub(crate) fn new(action: &'static str, subject: impl Into<String>) -> Self {
        Self { action, subject: subject.into(), ..Self::default() }
    }

    /// In this project.
    pub(crate) fn project(self, project: ProjectId) -> Self {
        Self { project: Some(project), ..self }
    }

    /// How it was before. Secrets in records write themselves as `null`.
    pub(crate) fn before<T: Serialize>(self, before: &T) -> Self {
        Self { before: serde_json::to_value(before).ok(), ..self }
    }

    /// How it is since.
    pub(crate) fn after<T: Serialize>(self, after: &T) -> Self {
        Self { after: serde_json::to_value(after).ok(), ..self }
    }

    /// Writes it down as somebody's.
    pub(crate) async fn by(self, state: &AppState, caller: &Caller) -> Result<(), Problem> {
        self.of(state, caller.actor(), Some(caller.address.clone())).await
    }

    /// Writes it down as that of a named actor: of nobody known, a node, or the server itself.
    pub(crate) async fn of(
        self,
        state: &AppState,
        actor: impl Into<String>,
        address: Option<String>,
    ) -> Result<(), Problem> {
        let entry = NewAuditEntry {
            time: state.now(),
            project: self.project,
            actor: actor.into(),
            action: self.action.to_owned(),
            subject: self.subject,
            before: self.before,
            after: self.after,
            address,
        };
        state.store.append_audit(entry).await?;
        Ok(())
    }
}
