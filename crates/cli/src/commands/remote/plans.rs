//! `plans`

use serde_json::{Value, json};

use super::{records, wait};
use crate::app::App;
use crate::args::Plans;
use crate::failure::Outcome;
use crate::remote::Client;

pub(crate) fn run(app: &App, args: &Plans) -> Outcome {
    let kind = &records::PLANS;
    if let Plans::Records(args) = args {
        return records::run(app, kind, args);
    }
    let client = Client::new(app)?;
    let path = |name: &str, verb: &str| -> Outcome<String> {
        Ok(format!("/plans/{}/{verb}", records::find_id(&client, kind, name)?))
    };
    match args {
        Plans::Records(_) => Ok(()),
        Plans::Run { name, kind, wait } => {
            let queued = client.post(&path(name, "run")?, &json!({"kind": kind.map(|kind| kind.name())}))?;
            if app.console.is_json() {
                app.console.message(&queued);
            }
            wait::if_asked(app, &client, &wait::runs_in(&queued), wait)
        }
        Plans::Enable { name } => records::show(app, &client.post(&path(name, "enable")?, &Value::Null)?),
        Plans::Disable { name } => records::show(app, &client.post(&path(name, "disable")?, &Value::Null)?),
        Plans::Clone { name, new } => {
            records::show(app, &client.post(&path(name, "clone")?, &json!({"name": new}))?)
        }
        Plans::Next { name, count } => {
            let path = path(name, "next")?;
            records::show(app, &client.get(&format!("{path}?count={count}"))?)
        }
        Plans::Moments { name } => records::show(app, &client.get(&path(name, "moments")?)?),
        Plans::Revisions { name } => records::show(app, &client.get(&path(name, "revisions")?)?),
        Plans::Revert { name, revision } => {
            records::show(app, &client.post(&path(name, "revert")?, &json!({"revision": revision}))?)
        }
    }
}
