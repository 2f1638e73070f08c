//! `tokens`

use serde_json::{Value, json};

use super::fields::text;
use super::{records, sign_in};
use crate::app::App;
use crate::args::{TokenDeed, Tokens};
use crate::failure::Outcome;
use crate::remote::Client;

pub(crate) fn run(app: &App, args: &Tokens) -> Outcome {
    sign_in::within(app, &args.person, |client| carry_out(app, client, &args.deed))
}

fn carry_out(app: &App, client: &Client, deed: &TokenDeed) -> Outcome {
    let kind = &records::TOKENS;
    match deed {
        TokenDeed::List => records::list(app, kind, &client.get(kind.path)?),
        TokenDeed::Create { name, role, project, expires } => {
            let mut form = json!({"name": name, "role": role.name()});
            let project = project.as_deref().map(|name| records::find_id(client, &records::PROJECTS, name));
            for (field, value) in [("project", project.transpose()?), ("expires", expires.clone())] {
                if let (Value::Object(form), Some(value)) = (&mut form, value) {
                    form.insert(field.to_owned(), value.into());
                }
            }
            let made = client.post(kind.path, &form)?;
            if app.console.is_json() {
                app.console.message(&made);
            } else {
                app.console.say("The token is shown this once:");
                app.console.print(text(&made, "/key"));
            }
            Ok(())
        }
        TokenDeed::Delete { name } => {
            client.delete(&format!("{}/{}", kind.path, records::find_id(client, kind, name)?))?;
            app.console.say(format!("token {name} is taken back"));
            Ok(())
        }
    }
}
