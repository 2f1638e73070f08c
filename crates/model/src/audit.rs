//! The record of who changed what, and who read data out.

use serde::{Deserialize, Serialize};

use crate::{ProjectId, Time};

/// One entry. Each holds the hash of the one before it, so that none can be changed or left out unnoticed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AuditEntry {
    /// Its number, from 1 up without gaps.
    pub number: i64,
    /// When.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub time: Time,
    /// The project it concerns, if it is one's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectId>,
    /// Who: a person, a token of a person, a node, or the server itself.
    pub actor: String,
    /// What was done: `plan.update`, `run.cancel`, `session.sign_in` …
    pub action: String,
    /// To what: its kind, id and name.
    pub subject: String,
    /// How it was before, without secrets; for changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<Object>))]
    pub before: Option<serde_json::Value>,
    /// How it is since, without secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<Object>))]
    pub after: Option<serde_json::Value>,
    /// The address it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// SHA-256 over the entry before and this one's content, in hexadecimal digits.
    pub hash: String,
}
