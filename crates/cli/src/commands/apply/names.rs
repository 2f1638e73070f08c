//! What a server has, in the form of the file: names where the API has ids.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::document::{Kind, Record};
use super::secrets::name_variable;
use crate::commands::remote::{PROJECTS, find};
use crate::failure::{Failure, Outcome};
use crate::remote::{Client, encode};

/// What a server has in one project.
pub(super) struct Server {
    project: String,
    project_name: String,
    /// By kind and name.
    found: BTreeMap<(Kind, String), Found>,
    /// Names by id, of all that can be referred to.
    names: BTreeMap<String, String>,
    nodes: BTreeMap<String, String>,
}

/// A record of the server.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) id: String,
    pub(super) revision: Option<i64>,
    pub(super) record: Record,
}

/// Fields that the server fills in.
const ITS_OWN: [&str; 11] = [
    "id",
    "project",
    "created",
    "changed",
    "revision",
    "status",
    "grants",
    "last_sign_in",
    "totp",
    "disabled",
    "node_name",
];

impl Server {
    /// Reads all of a project: the one that is named, or the only one.
    pub(super) fn load(client: &Client, project: Option<&str>) -> Outcome<Self> {
        let project = match project {
            Some(name) => find(client, &PROJECTS, name)?,
            None => only_project(client)?,
        };
        let text = |field: &str| project.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut server = Self {
            project: text("id"),
            project_name: text("name"),
            found: BTreeMap::new(),
            names: BTreeMap::new(),
            nodes: BTreeMap::new(),
        };
        for node in server.items(client, "/nodes")? {
            let of = |field: &str| node.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
            server.names.insert(of("id"), of("name"));
            server.nodes.insert(of("name"), of("id"));
        }
        for kind in Kind::ALL {
            server.load_kind(client, kind)?;
        }
        Ok(server)
    }

    /// Reads one kind anew, as after a record of it was made.
    pub(super) fn load_kind(&mut self, client: &Client, kind: Kind) -> Outcome {
        let items = match kind {
            Kind::Person => self.people(client)?,
            _ => self.items(client, &format!("/{}", kind.list()))?,
        };
        self.found.retain(|(other, _), _| *other != kind);
        // Plans may refer to plans that come later.
        for item in &items {
            if let (Some(id), Some(name)) = (item["id"].as_str(), item[kind.key()].as_str()) {
                self.names.insert(id.to_owned(), name.to_owned());
            }
        }
        for item in items {
            let Value::Object(mut fields) = item else { continue };
            let id = fields.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
            let revision = fields.get("revision").and_then(Value::as_i64);
            fields.retain(|name, _| !ITS_OWN.contains(&name.as_str()));
            self.name_references(&mut fields);
            let record = Record::new(kind, fields)?;
            self.found.insert((kind, record.name.clone()), Found { id, revision, record });
        }
        Ok(())
    }

    /// The project's id.
    pub(super) fn project(&self) -> &str {
        &self.project
    }

    /// A record by its name.
    pub(super) fn get(&self, kind: Kind, name: &str) -> Option<&Found> {
        self.found.get(&(kind, name.to_owned()))
    }

    /// All of a kind.
    pub(super) fn all(&self, kind: Kind) -> impl Iterator<Item = &Found> {
        self.found.iter().filter(move |((other, _), _)| *other == kind).map(|(_, found)| found)
    }

    /// Everything as a file. Where a secret would be stands the variable to put it in.
    pub(super) fn document(&self) -> Value {
        let mut document = Map::from_iter([("project".to_owned(), self.project_name.clone().into())]);
        let mut taken = BTreeSet::new();
        for kind in Kind::ALL {
            let records: Vec<Value> = self
                .all(kind)
                .map(|found| {
                    let mut fields = Value::Object(found.record.fields.clone());
                    name_variable(&mut fields, &found.record.name, &mut taken);
                    fields
                })
                .collect();
            if !records.is_empty() {
                document.insert(kind.list().to_owned(), records.into());
            }
        }
        Value::Object(document)
    }

    /// A record's fields as the API takes them: ids where the file has names. Those of records that are yet to be made stay names.
    pub(super) fn with_ids(
        &self,
        fields: &Map<String, Value>,
        yet_to_be_made: &BTreeSet<(Kind, String)>,
    ) -> Outcome<Map<String, Value>> {
        let mut fields = fields.clone();
        let of = |kind: Kind, name: &Value| -> Outcome<Value> {
            let text = name.as_str().unwrap_or_default();
            match self.get(kind, text) {
                Some(found) => Ok(found.id.clone().into()),
                None if yet_to_be_made.contains(&(kind, text.to_owned())) => Ok(name.clone()),
                None => {
                    let there = self.all(kind).map(|found| &found.record.name);
                    Err(missing(
                        kind.noun(),
                        text,
                        there,
                        &format!("add it to `{}` in the file", kind.list()),
                    ))
                }
            }
        };
        if let Some(connection) = fields.get_mut("connection") {
            *connection = of(Kind::Connection, connection)?;
        }
        if let Some(connection) = fields.get_mut("spec").and_then(|spec| spec.get_mut("connection")) {
            *connection = of(Kind::Connection, connection)?;
        }
        let node_of = |name: &Value| -> Outcome<Value> {
            let name = name.as_str().unwrap_or_default();
            let id = self.nodes.get(name).cloned().map(Value::from);
            id.ok_or_else(|| {
                missing(
                    "node",
                    name,
                    self.nodes.keys(),
                    "leave `node` out for the only one, or the server's own",
                )
            })
        };
        if let Some(node) = fields.get_mut("node") {
            *node = node_of(node)?;
        }
        for (list, kind) in [("sources", Kind::Source), ("destinations", Kind::Destination)] {
            if let Some(Value::Array(names)) = fields.get_mut(list) {
                for name in names {
                    *name = of(kind, name)?;
                }
            }
        }
        if let Some(Value::Object(copy)) = fields.get_mut("copy") {
            if let Some(from) = copy.get_mut("from") {
                *from = of(Kind::Destination, from)?;
            }
            if let Some(node) = copy.get_mut("node") {
                *node = node_of(node)?;
            }
            if let Some(Value::Array(names)) = copy.get_mut("plans") {
                for name in names {
                    *name = of(Kind::Plan, name)?;
                }
            }
        }
        Ok(fields)
    }

    fn items(&self, client: &Client, path: &str) -> Outcome<Vec<Value>> {
        let found = client.get(&format!("{path}?project={}", encode(&self.project)))?;
        Ok(found.get("items").and_then(Value::as_array).cloned().unwrap_or_default())
    }

    /// Who has a role in the project: e-mail address, name and role.
    fn people(&self, client: &Client) -> Outcome<Vec<Value>> {
        let found = client.get(&format!("/projects/{}/people", encode(&self.project)))?;
        let items = found.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let person = |item: &Value| json!({"id": item["id"], "email": item["email"], "name": item["name"], "role": item["role"]});
        Ok(items.iter().map(person).collect())
    }

    fn name_references(&self, fields: &mut Map<String, Value>) {
        let named = |value: &mut Value| {
            if let Some(name) = value.as_str().and_then(|id| self.names.get(id)) {
                *value = name.clone().into();
            }
        };
        ["connection", "node"]
            .into_iter()
            .filter_map(|field| fields.get_mut(field).map(named))
            .for_each(drop);
        if let Some(connection) = fields.get_mut("spec").and_then(|spec| spec.get_mut("connection")) {
            named(connection);
        }
        for list in ["sources", "destinations"] {
            if let Some(Value::Array(ids)) = fields.get_mut(list) {
                ids.iter_mut().for_each(named);
            }
        }
        if let Some(Value::Object(copy)) = fields.get_mut("copy") {
            for field in ["from", "node"] {
                copy.get_mut(field).map(named);
            }
            if let Some(Value::Array(ids)) = copy.get_mut("plans") {
                ids.iter_mut().for_each(named);
            }
        }
    }
}

/// That there is no record of a name; those there are, and what else to do.
fn missing<'a>(noun: &str, name: &str, there: impl Iterator<Item = &'a String>, otherwise: &str) -> Failure {
    let there: Vec<_> = there.map(String::as_str).collect();
    let there =
        if there.is_empty() { "there is none".to_owned() } else { format!("there is {}", there.join(", ")) };
    Failure::fatal(format!("there is no {noun} {name:?}")).hint(format!("{there}; {otherwise}"))
}

fn only_project(client: &Client) -> Outcome<Value> {
    let found = client.get("/projects")?;
    match found.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default() {
        [one] => Ok(one.clone()),
        [] => Err(Failure::fatal("you have no role in any project").hint("ask an owner of one")),
        _ => Err(Failure::fatal("there are several projects")
            .hint("name one: `project: NAME` in the file, or --project")),
    }
}
