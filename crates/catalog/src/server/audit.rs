//! The record of who changed what.
//!
//! Each entry's hash is over the hash of the one before and its own content in a canonical form: JSON without spaces, with
//! the fields of every object in the order of their names. The last number and hash are kept apart, so that entries cut off at
//! the end are missed too. Who can write to the database can make up a chain of their own: that takes a hash kept elsewhere to see.

use backstay_model::{AuditEntry, ProjectId, Time};
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::any::AnyRow;

use super::ServerStore;
use crate::migration::hexadecimal;
use crate::row::{Columns, Composed, json, micros, plain, sql};
use crate::{CatalogError, Result};

/// Entries read at once when the chain is verified.
const BATCH: i64 = 1000;

/// An entry that has neither number nor hash yet.
#[derive(Debug, Clone, PartialEq)]
pub struct NewAuditEntry {
    /// When.
    pub time: Time,
    /// The project it concerns, if it is one's.
    pub project: Option<ProjectId>,
    /// Who: a person, a token of a person, a node, or the server itself.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// To what.
    pub subject: String,
    /// How it was before, without secrets.
    pub before: Option<Value>,
    /// How it is since, without secrets.
    pub after: Option<Value>,
    /// The address it came from.
    pub address: Option<String>,
}

/// Which entries are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Of these projects; of all, and of none, when left out.
    pub projects: Option<Vec<ProjectId>>,
    /// Of this actor.
    pub actor: Option<String>,
    /// Of this action.
    pub action: Option<String>,
    /// Not before this moment.
    pub since: Option<Time>,
    /// Before this moment.
    pub until: Option<Time>,
    /// With lower numbers than this: the last number of the page before.
    pub below: Option<i64>,
}

/// What verifying the chain came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditVerdict {
    /// Entries that are as they were written, from the first on.
    pub good: i64,
    /// The number of the first entry that is not, or that is missing.
    pub first_bad: Option<i64>,
}

impl ServerStore {
    /// Appends an entry; gives it back with its number and hash.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn append_audit(&self, new: NewAuditEntry) -> Result<AuditEntry> {
        let mut transaction = self.database.change().await?;
        let text = "UPDATE counters SET last = last + 1 WHERE name = 'audit' RETURNING last, hash";
        let row = sql!(text).fetch_one(&mut *transaction).await?;
        let NewAuditEntry { time, project, actor, action, subject, before, after, address } = new;
        let number = row.int("last")?;
        let mut entry = AuditEntry {
            number,
            time,
            project,
            actor,
            action,
            subject,
            before,
            after,
            address,
            hash: String::new(),
        };
        let content = serde_json::to_value(&entry).map_err(CatalogError::other)?;
        entry.hash = link(&row.text("hash")?, content);
        let text = "INSERT INTO audit (number, time, project, actor, action, hash, doc) VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let (actor, action) = (plain(&entry.actor), plain(&entry.action));
        let project = entry.project.map(|project| project.to_string());
        sql!(text, number, micros(time), project, actor, action, entry.hash.clone(), json(&entry)?)
            .execute(&mut *transaction)
            .await?;
        let text = "UPDATE counters SET hash = $1 WHERE name = 'audit'";
        sql!(text, entry.hash.clone()).execute(&mut *transaction).await?;
        self.commit(transaction, Vec::new()).await?;
        Ok(entry)
    }

    /// Entries, the newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn audit(&self, filter: &AuditFilter, limit: u32) -> Result<Vec<AuditEntry>> {
        let mut query = Composed::new("SELECT doc FROM audit WHERE number < ");
        query.int(filter.below.unwrap_or(i64::MAX));
        if let Some(projects) = &filter.projects {
            query.push(" AND project IN ").texts(projects.iter().map(ToString::to_string));
        }
        if let Some(actor) = &filter.actor {
            query.push(" AND actor = ").text(plain(actor));
        }
        if let Some(action) = &filter.action {
            query.push(" AND action = ").text(plain(action));
        }
        if let Some(since) = filter.since {
            query.push(" AND time >= ").int(micros(since));
        }
        if let Some(until) = filter.until {
            query.push(" AND time < ").int(micros(until));
        }
        query.push(" ORDER BY number DESC LIMIT ").int(i64::from(limit));
        let rows = query.query().fetch_all(self.database.read()).await?;
        rows.iter().map(|row| row.doc("doc")).collect()
    }

    /// Verifies the whole chain.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn verify_audit(&self) -> Result<AuditVerdict> {
        let mut look = self.database.look().await?;
        let head = sql!("SELECT last, hash FROM counters WHERE name = 'audit'").fetch_one(&mut *look).await?;
        let (last, head) = (head.int("last")?, head.text("hash")?);
        let (mut good, mut hash) = (0, String::new());
        loop {
            let text = "SELECT number, time, project, actor, action, hash, doc FROM audit WHERE number > $1 ORDER BY number LIMIT $2";
            let rows = sql!(text, good, BATCH).fetch_all(&mut *look).await?;
            if rows.is_empty() {
                break;
            }
            for row in &rows {
                match verified(row, good + 1, &hash) {
                    Some(next) => hash = next,
                    None => return Ok(AuditVerdict { good, first_bad: Some(good + 1) }),
                }
                good += 1;
            }
        }
        // The end may be cut off, or something may be appended by others than this program.
        let whole = good == last && hash == head;
        Ok(AuditVerdict {
            good,
            first_bad: (!whole).then_some(if good > last { last + 1 } else { good + 1 }),
        })
    }
}

/// The hash of an entry that is as it was written.
fn verified(row: &AnyRow, number: i64, before: &str) -> Option<String> {
    let content: Value = row.doc("doc").ok()?;
    let entry: AuditEntry = serde_json::from_value(content.clone()).ok()?;
    let columns = row.int("number").ok()? == number
        && entry.number == number
        && row.int("time").ok()? == micros(entry.time)
        && row.text_or_none("project").ok()? == entry.project.map(|project| project.to_string())
        && row.text("actor").ok()? == plain(&entry.actor)
        && row.text("action").ok()? == plain(&entry.action)
        && row.text("hash").ok()? == entry.hash;
    (columns && link(before, content) == entry.hash).then_some(entry.hash)
}

/// The hash of an entry that follows one with the hash `before`.
fn link(before: &str, mut content: Value) -> String {
    if let Some(fields) = content.as_object_mut() {
        fields.remove("hash");
    }
    let mut text = String::new();
    canonical(&content, &mut text);
    let mut hasher = Sha256::new();
    hasher.update(before.as_bytes());
    hasher.update(text.as_bytes());
    hexadecimal(&hasher.finalize())
}

fn canonical(value: &Value, text: &mut String) {
    match value {
        Value::Array(items) => {
            text.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                canonical(item, text);
            }
            text.push(']');
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| name.as_str());
            text.push('{');
            for (place, (name, item)) in fields.into_iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                canonical(item, text);
            }
            text.push('}');
        }
        plain => text.push_str(&plain.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_canonical_form_does_not_hang_on_the_order_of_fields() {
        let mut text = String::new();
        canonical(&serde_json::json!({"b": [1, {"z": null, "a": "\n"}], "a": 1.5}), &mut text);
        assert_eq!(text, r#"{"a":1.5,"b":[1,{"a":"\n","z":null}]}"#);
    }
}
