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
        Self { before: object_of(before), ..self }
    }

    /// How it is since.
    pub(crate) fn after<T: Serialize>(self, after: &T) -> Self {
        Self { after: object_of(after), ..self }
    }

    /// Writes it down as somebody's.
    pub(crate) async fn by(self, state: &AppState, caller: &Caller) -> Result<(), Problem> {
        self.of(state, caller.actor(), Some(caller.address.clone())).await
    }

    /// Writes it down as somebody's reading, once in ten minutes for the same person or token and the same thing: who follows
    /// a log asks for it every second.
    pub(crate) async fn read_by(self, state: &AppState, caller: &Caller) -> Result<(), Problem> {
        let who = (caller.person.id, caller.token.as_ref().map(|token| token.id));
        let what = format!("{who:?} {} {} {:?} {:?}", self.action, self.subject, self.project, self.after);
        if !state.read_outs.is_new(what.clone(), state.now()) {
            return Ok(());
        }
        let written = self.by(state, caller).await;
        if written.is_err() {
            state.read_outs.forget(&what);
        }
        written
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

/// A record as it is written down: always as an object, so that who reads the audit need not tell kinds of values apart.
fn object_of<T: Serialize>(record: &T) -> Option<serde_json::Value> {
    match serde_json::to_value(record).ok()? {
        serde_json::Value::Null => None,
        object @ serde_json::Value::Object(_) => Some(object),
        other => Some(serde_json::json!({"value": other})),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn what_is_written_down_is_an_object() {
        assert_eq!(super::object_of(&json!({"a": 1})), Some(json!({"a": 1})));
        assert_eq!(super::object_of(&[1, 2]), Some(json!({"value": [1, 2]})));
        assert_eq!(super::object_of(&()), None);
    }
}
