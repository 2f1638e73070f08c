//! Commands that ask a server.

mod api;
mod download;
mod fields;
pub(super) mod form;
mod google;
mod guard;
mod login;
mod nodes;
mod plans;
mod projects;
mod records;
mod report;
mod repositories;
mod runs;
mod sign_in;
mod tokens;
mod wait;

use serde_json::Value;

use crate::app::App;
use crate::args::{Audit, Connections};
use crate::failure::Outcome;
use crate::remote::{Client, encode};

pub(super) use api::run as api;
pub(super) use guard::run as guard;
pub(super) use login::{login, logout};
pub(super) use nodes::run as nodes;
pub(super) use plans::run as plans;
pub(super) use projects::run as projects;
pub(super) use report::run as report;
pub(super) use repositories::run as repositories;
pub(super) use runs::run as runs;
pub(super) use tokens::run as tokens;

pub(super) use records::{
    DESTINATIONS, NOTIFIERS, PEOPLE, PROJECTS, SOURCES, VAULT_KEYS, find, list, run as records,
};
pub(super) use sign_in::line as ask;

/// `connections`
pub(super) fn connections(app: &App, args: &Connections) -> Outcome {
    let kind = &records::CONNECTIONS;
    match args {
        Connections::Records(args) => records::run(app, kind, args),
        Connections::Check { name } => {
            let client = Client::new(app)?;
            let id = records::find_id(&client, kind, name)?;
            let checked = client.post(&format!("/connections/{id}/check"), &Value::Null)?;
            records::show(app, &checked)
        }
        Connections::SignIn { name, file } => google::sign_in(app, name.as_deref(), file.as_deref()),
    }
}

/// `audit`
pub(super) fn audit(app: &App, args: &Audit) -> Outcome {
    let client = Client::new(app)?;
    match args {
        Audit::List { limit } => {
            let found = client.get(&format!("/audit?limit={}", encode(&limit.to_string())))?;
            records::list(app, &records::AUDIT, &found)
        }
        Audit::Verify => records::show(app, &client.get("/audit/verify")?),
    }
}
