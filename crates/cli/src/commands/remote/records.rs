//! Records of a server: each kind is listed, shown, made, replaced and removed in the same way.

use serde_json::Value;

use super::fields::{cell, text};
use super::form;
use crate::app::App;
use crate::args::Records;
use crate::failure::{Failure, Outcome};
use crate::remote::{Client, encode};
use crate::table::Table;

/// A kind of record.
#[derive(Debug)]
pub(crate) struct Kind {
    /// Its place in the API.
    pub(crate) path: &'static str,
    /// What one is called.
    pub(crate) noun: &'static str,
    /// The field by which people name one.
    pub(crate) name: &'static str,
    /// What a listing shows: heads, and where the values are.
    columns: &'static [(&'static str, &'static str)],
}

pub(crate) const PROJECTS: Kind =
    Kind { path: "/projects", noun: "project", name: "name", columns: &[("ID", "/id"), ("Name", "/name")] };
pub(crate) const NODES: Kind = Kind {
    path: "/nodes",
    noun: "node",
    name: "name",
    columns: &[
        ("ID", "/id"),
        ("Name", "/name"),
        ("Host", "/host/host_name"),
        ("Version", "/host/version"),
        ("Last seen", "/last_seen"),
        ("Trouble", "/trouble"),
    ],
};
pub(crate) const CONNECTIONS: Kind = Kind {
    path: "/connections",
    noun: "connection",
    name: "name",
    columns: &[
        ("ID", "/id"),
        ("Name", "/name"),
        ("Type", "/settings/type"),
        ("Health", "/status/health"),
        ("Checked", "/status/checked"),
        ("Reason", "/status/reason"),
    ],
};
pub(crate) const SOURCES: Kind = Kind {
    path: "/sources",
    noun: "source",
    name: "name",
    columns: &[("ID", "/id"), ("Name", "/name"), ("Type", "/spec/type"), ("Paths", "/spec/paths")],
};
pub(crate) const DESTINATIONS: Kind = Kind {
    path: "/destinations",
    noun: "destination",
    name: "name",
    columns: &[("ID", "/id"), ("Name", "/name"), ("Path", "/path"), ("Layout", "/layout")],
};
pub(crate) const REPOSITORIES: Kind = Kind {
    path: "/repositories",
    noun: "repository",
    name: "name",
    columns: &[
        ("ID", "/id"),
        ("Name", "/name"),
        ("Node", "/node_name"),
        ("Path", "/path"),
        ("Adopted", "/adopted"),
    ],
};
pub(crate) const PLANS: Kind = Kind {
    path: "/plans",
    noun: "plan",
    name: "name",
    columns: &[("ID", "/id"), ("Name", "/name"), ("Enabled", "/enabled"), ("When", "/schedule/when")],
};
pub(crate) const RUNS: Kind = Kind {
    path: "/runs",
    noun: "run",
    name: "id",
    columns: &[
        ("ID", "/id"),
        ("Kind", "/kind"),
        ("Plan", "/plan/name"),
        ("Source", "/source/name"),
        ("State", "/state"),
        ("Created", "/created"),
        ("Ended", "/ended"),
        ("Added", "/outcome/bytes_added"),
        ("Error", "/error/message"),
    ],
};
pub(crate) const PEOPLE: Kind = Kind {
    path: "/people",
    noun: "person",
    name: "email",
    columns: &[
        ("ID", "/id"),
        ("E-mail", "/email"),
        ("Name", "/name"),
        ("Disabled", "/disabled"),
        ("Last sign-in", "/last_sign_in"),
    ],
};
pub(crate) const TOKENS: Kind = Kind {
    path: "/me/tokens",
    noun: "token",
    name: "name",
    columns: &[
        ("ID", "/id"),
        ("Name", "/name"),
        ("Role", "/role"),
        ("Expires", "/expires"),
        ("Last used", "/last_used"),
    ],
};
pub(crate) const VAULT_KEYS: Kind = Kind {
    path: "/vault",
    noun: "key",
    name: "id",
    columns: &[("ID", "/id"), ("State", "/state"), ("Values", "/values")],
};
pub(crate) const NOTIFIERS: Kind = Kind {
    path: "/notifiers",
    noun: "notifier",
    name: "name",
    columns: &[("ID", "/id"), ("Name", "/name"), ("On", "/on"), ("Channel", "/channel/type")],
};
pub(crate) const AUDIT: Kind = Kind {
    path: "/audit",
    noun: "entry",
    name: "number",
    columns: &[
        ("Number", "/number"),
        ("Time", "/time"),
        ("Who", "/actor"),
        ("What", "/action"),
        ("Subject", "/subject"),
    ],
};

/// Does with records of a kind what is asked.
pub(crate) fn run(app: &App, kind: &Kind, args: &Records) -> Outcome {
    let client = Client::new(app)?;
    match args {
        Records::List { project } => {
            let found = client.get(&format!("{}{}", kind.path, of_project(&client, project.as_deref())?))?;
            list(app, kind, &found)
        }
        Records::Show { name } => show(app, &find(&client, kind, name)?),
        Records::Create { file } => show(app, &client.post(kind.path, &form::read(file)?)?),
        Records::Update { name, file } => {
            let found = find(&client, kind, name)?;
            let mut form = form::read(file)?;
            // A form that does not say which version it replaces replaces the newest.
            if let (Value::Object(form), Some(revision)) = (&mut form, found.get("revision")) {
                form.entry("revision").or_insert_with(|| revision.clone());
            }
            let id = text(&found, "/id");
            show(app, &client.put(&format!("{}/{}", kind.path, encode(&id)), &form)?)
        }
        Records::Delete { name } => {
            let id = find_id(&client, kind, name)?;
            client.delete(&format!("{}/{id}", kind.path))?;
            app.console.say(format!("{} {name} is removed", kind.noun));
            Ok(())
        }
    }
}

/// `?project=…`, by the project's name or id.
pub(crate) fn of_project(client: &Client, project: Option<&str>) -> Outcome<String> {
    match project {
        None => Ok(String::new()),
        Some(name) => Ok(format!("?project={}", find_id(client, &PROJECTS, name)?)),
    }
}

/// The id of a record, ready for a path.
pub(crate) fn find_id(client: &Client, kind: &Kind, name: &str) -> Outcome<String> {
    Ok(encode(&text(&find(client, kind, name)?, "/id")))
}

/// A record by its name, its id, or the start of its id.
pub(crate) fn find(client: &Client, kind: &Kind, name: &str) -> Outcome<Value> {
    let found = client.get(kind.path)?;
    let items = found.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
    let is = |item: &Value, field: &str| text(item, &format!("/{field}")) == name;
    let mut exact: Vec<_> = items.iter().filter(|item| is(item, "id") || is(item, kind.name)).collect();
    if exact.is_empty() {
        // A repository may be named by its destination alone.
        exact = items.iter().filter(|item| is(item, "destination_name")).collect();
    }
    let candidates = if exact.is_empty() && name.len() >= 4 {
        items.iter().filter(|item| text(item, "/id").starts_with(name)).collect()
    } else {
        exact
    };
    match candidates.as_slice() {
        [one] => Ok((*one).clone()),
        [] => Err(Failure::fatal(format!("there is no {} {name:?}", kind.noun)).hint(format!(
            "list them with `backstay {} list`",
            kind.path.rsplit('/').next().unwrap_or_default()
        ))),
        several => Err(Failure::fatal(format!("{} {}s are called {name:?}", several.len(), kind.noun))
            .hint("name one by its id")),
    }
}

/// Shows records in a table, or as they came.
pub(crate) fn list(app: &App, kind: &Kind, found: &Value) -> Outcome {
    if app.console.is_json() {
        app.console.message(found);
        return Ok(());
    }
    let items = found.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let heads: Vec<_> = kind.columns.iter().map(|(head, _)| *head).collect();
    let mut table = Table::new(&heads);
    for item in items {
        table.row(kind.columns.iter().map(|(_, place)| cell(item, place)).collect());
    }
    app.console.print(table.draw());
    if found.get("next").is_some_and(|next| !next.is_null()) {
        app.console.say("there are more; narrow the search or raise --limit");
    }
    Ok(())
}

/// Shows one record: as YAML for people, as it came for programs.
pub(crate) fn show(app: &App, record: &Value) -> Outcome {
    if app.console.is_json() {
        app.console.message(record);
    } else if !record.is_null() {
        app.console.print(form::to_yaml(record)?.trim_end());
    }
    Ok(())
}
