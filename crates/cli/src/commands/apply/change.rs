//! What differs between a file and a server, and how to make it so.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::document::{Document, Kind, Record};
use super::names::{Found, Server};
use super::secrets;
use crate::args::Apply;
use crate::commands::remote::form;
use crate::failure::Outcome;
use crate::remote::{Client, encode};

/// One record that differs.
#[derive(Debug)]
pub(super) struct Change {
    kind: Kind,
    name: String,
    deed: Deed,
}

#[derive(Debug)]
enum Deed {
    Create { wanted: Record },
    Update { found: Found, wanted: Record },
    Delete { found: Found },
}

/// All that differs, in an order in which it can be done.
pub(super) fn between(server: &Server, wanted: &Document, args: &Apply) -> Outcome<Vec<Change>> {
    let mut changes = Vec::new();
    let mut gone = Vec::new();
    for kind in Kind::ALL {
        let mut records = wanted.records(kind)?;
        // Copy plans may refer to other plans.
        records.sort_by_key(|record| record.fields.contains_key("copy"));
        if args.prune && kind != Kind::Person {
            let surplus =
                server.all(kind).filter(|found| records.iter().all(|it| it.name != found.record.name));
            gone.extend(surplus.map(|found| {
                let name = found.record.name.clone();
                Change { kind, name, deed: Deed::Delete { found: found.clone() } }
            }));
        }
        for wanted in records {
            let name = wanted.name.clone();
            let deed = match server.get(kind, &name) {
                None => Deed::Create { wanted },
                Some(found) => {
                    let wanted = completed(wanted, &found.record);
                    let resend = args.secrets && secrets::any(&Value::Object(wanted.fields.clone()));
                    if !resend && without_secrets(&wanted.fields) == without_secrets(&found.record.fields) {
                        continue;
                    }
                    Deed::Update { found: found.clone(), wanted }
                }
            };
            changes.push(Change { kind, name, deed });
        }
    }
    // What is removed goes last, and what refers to others before them.
    changes.extend(gone.into_iter().rev());
    Ok(changes)
}

/// Looks whether all that the changes refer to is there, or made along with them, and whether their secrets can be had. What cannot be done
/// is told before anything is.
pub(super) fn check(changes: &[Change], server: &Server) -> Outcome {
    let made = |change: &&Change| matches!(change.deed, Deed::Create { .. });
    let made: BTreeSet<_> =
        changes.iter().filter(made).map(|change| (change.kind, change.name.clone())).collect();
    for change in changes {
        let (Deed::Create { wanted } | Deed::Update { wanted, .. }) = &change.deed else { continue };
        let form = server.with_ids(&wanted.fields, &made);
        let checked = form.and_then(|form| secrets::fetched(Value::Object(form)));
        checked.map_err(|failure| failure.context(change.title()))?;
    }
    Ok(())
}

/// What the file may leave to the server: the node of a record, the name of a person.
fn completed(mut wanted: Record, found: &Record) -> Record {
    for (field, value) in &found.fields {
        if matches!(field.as_str(), "node" | "name" | "role") {
            wanted.fields.entry(field.clone()).or_insert_with(|| value.clone());
        }
    }
    if let (Some(Value::Object(copy)), Some(node)) =
        (wanted.fields.get_mut("copy"), found.fields.get("copy").and_then(|copy| copy.get("node")))
    {
        copy.entry("node").or_insert_with(|| node.clone());
    }
    wanted
}

/// A record's fields as both sides can show them.
fn without_secrets(fields: &Map<String, Value>) -> Value {
    fn strip(value: Value) -> Value {
        match value {
            Value::Object(fields) => fields
                .into_iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| (name, strip(value)))
                .collect(),
            Value::Array(items) => items.into_iter().map(strip).collect(),
            other => other,
        }
    }
    strip(secrets::hidden(Value::Object(fields.clone())))
}

impl Change {
    /// What is done, in a few words.
    pub(super) fn title(&self) -> String {
        let verb = match self.deed {
            Deed::Create { .. } => "create",
            Deed::Update { .. } => "change",
            Deed::Delete { .. } => "remove",
        };
        format!("{verb} {} {}", self.kind.noun(), self.name)
    }

    /// What is done, line by line.
    pub(super) fn describe(&self) -> Outcome<String> {
        let text = |record: Option<&Record>| match record {
            None => Ok(String::new()),
            Some(record) => form::to_yaml(&without_secrets(&record.fields)),
        };
        let (before, after) = match &self.deed {
            Deed::Create { wanted } => (None, Some(wanted)),
            Deed::Update { found, wanted } => (Some(&found.record), Some(wanted)),
            Deed::Delete { found } => (Some(&found.record), None),
        };
        let (before, after) = (text(before)?, text(after)?);
        let mut lines = vec![self.title()];
        for change in similar::TextDiff::from_lines(&before, &after).iter_all_changes() {
            let mark = match change.tag() {
                similar::ChangeTag::Delete => "-",
                similar::ChangeTag::Insert => "+",
                similar::ChangeTag::Equal => " ",
            };
            lines.push(format!("  {mark} {}", change.value().trim_end()));
        }
        Ok(lines.join("\n"))
    }

    /// For programs.
    pub(super) fn to_json(&self) -> Value {
        let (change, before, after) = match &self.deed {
            Deed::Create { wanted } => ("create", Value::Null, without_secrets(&wanted.fields)),
            Deed::Update { found, wanted } => {
                ("update", without_secrets(&found.record.fields), without_secrets(&wanted.fields))
            }
            Deed::Delete { found } => ("delete", without_secrets(&found.record.fields), Value::Null),
        };
        json!({"change": change, "kind": self.kind.noun(), "name": self.name, "before": before, "after": after})
    }

    /// Makes it so; gives what whoever asked has to pass on.
    pub(super) fn carry_out(&self, client: &Client, server: &mut Server) -> Outcome<Option<String>> {
        let mut told = None;
        let place = format!("/{}", self.kind.list());
        match &self.deed {
            Deed::Delete { found } => {
                client.delete(&format!("{place}/{}", encode(&found.id)))?;
            }
            _ if self.kind == Kind::Person => told = self.person(client, server)?,
            Deed::Create { wanted } => {
                let mut form = server.with_ids(&wanted.fields, &BTreeSet::new())?;
                form.insert("project".to_owned(), server.project().into());
                client.post(&place, &secrets::fetched(Value::Object(form))?)?;
            }
            Deed::Update { found, wanted } => {
                let mut form = server.with_ids(&wanted.fields, &BTreeSet::new())?;
                if let Some(revision) = found.revision {
                    form.insert("revision".to_owned(), revision.into());
                }
                client.put(
                    &format!("{place}/{}", encode(&found.id)),
                    &secrets::fetched(Value::Object(form))?,
                )?;
            }
        }
        server.load_kind(client, self.kind)?;
        Ok(told)
    }

    /// People belong to the whole server, their roles to the project.
    fn person(&self, client: &Client, server: &Server) -> Outcome<Option<String>> {
        let (Deed::Create { wanted } | Deed::Update { wanted, .. }) = &self.deed else { return Ok(None) };
        let mut told = None;
        let role = wanted.fields.get("role").cloned().unwrap_or_else(|| "viewer".into());
        let everybody = client.get("/people")?;
        let everybody = everybody.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
        let known = everybody.iter().find(|person| person["email"].as_str() == Some(&self.name));
        let id = match (&self.deed, known) {
            (Deed::Update { found, .. }, _) => found.id.clone(),
            (_, Some(known)) => known["id"].as_str().unwrap_or_default().to_owned(),
            (_, None) => {
                let name = wanted.fields.get("name").cloned().unwrap_or_else(|| self.name.clone().into());
                let made = client.post("/people", &json!({"email": self.name, "name": name}))?;
                // Where no mail goes out, nobody else knows the way in.
                told =
                    made["link"].as_str().map(|link| format!("{} chooses a password at {link}", self.name));
                made["id"].as_str().unwrap_or_default().to_owned()
            }
        };
        let place = format!("/projects/{}/people/{}", encode(server.project()), encode(&id));
        client.put(&place, &json!({"role": role}))?;
        Ok(told)
    }
}
