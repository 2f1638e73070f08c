//! `nodes`

use serde_json::{Value, json};

use super::fields::text;
use super::records;
use crate::app::App;
use crate::args::Nodes;
use crate::failure::Outcome;
use crate::remote::{Client, encode};

pub(crate) fn run(app: &App, args: &Nodes) -> Outcome {
    let kind = &records::NODES;
    let client = Client::new(app)?;
    let id = |name: &str| records::find_id(&client, kind, name);
    match args {
        Nodes::List { project } => {
            let query = records::of_project(&client, project.as_deref())?;
            records::list(app, kind, &client.get(&format!("/nodes{query}"))?)
        }
        Nodes::Show { name } => records::show(app, &records::find(&client, kind, name)?),
        Nodes::Token { project, name, rejoin, expires_in } => {
            let mut form = json!({"expires_in": expires_in});
            let project = project.as_deref().map(|name| records::find_id(&client, &records::PROJECTS, name));
            let rejoin = rejoin.as_deref().map(id);
            let given =
                [("project", project.transpose()?), ("name", name.clone()), ("rejoin", rejoin.transpose()?)];
            for (field, value) in given {
                if let (Value::Object(form), Some(value)) = (&mut form, value) {
                    form.insert(field.to_owned(), value.into());
                }
            }
            let made = client.post("/nodes/tokens", &form)?;
            if app.console.is_json() {
                app.console.message(&made);
            } else {
                app.console.say("On the host that is to join:");
                app.console.say(format!("\n  {}\n", text(&made, "/command")));
                app.console.say("The token works once. It is asked for, or read from BACKSTAY_JOIN_TOKEN:");
                app.console.print(text(&made, "/token"));
            }
            Ok(())
        }
        Nodes::Rename { name, new } => {
            records::show(app, &client.put(&format!("/nodes/{}", id(name)?), &json!({"name": new}))?)
        }
        Nodes::Revoke { name } => {
            records::show(app, &client.post(&format!("/nodes/{}/revoke", id(name)?), &Value::Null)?)
        }
        Nodes::Delete { name } => {
            client.delete(&format!("/nodes/{}", id(name)?))?;
            app.console.say(format!("node {name} is removed"));
            Ok(())
        }
        Nodes::Ls { name, path } => {
            let found = client.get(&format!("/nodes/{}/folder?path={}", id(name)?, encode(path)))?;
            super::repositories::folder(app, &found)
        }
    }
}
