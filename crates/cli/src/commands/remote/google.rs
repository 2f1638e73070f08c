//! `connections sign-in`: signing in to Google, by a code that is entered in a browser.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::fields::text;
use super::{form, records};
use crate::app::App;
use crate::failure::{Failure, Outcome};
use crate::remote::{Client, encode};

/// No longer is waited without a look whether to go on.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How long to wait between two questions, where the server does not say.
const INTERVAL: u64 = 5;

pub(super) fn sign_in(app: &App, name: Option<&str>, file: Option<&Path>) -> Outcome {
    let client = Client::new(app)?;
    let (started, project) = match (name, file) {
        (_, Some(file)) => {
            let form = form::read(file)?;
            let project = form.get("project").cloned().unwrap_or(Value::Null);
            (client.post("/connections/google/device", &form)?, project)
        }
        (Some(name), None) => {
            let id = encode(&records::find_id(&client, &records::CONNECTIONS, name)?);
            let connection = client.get(&format!("/connections/{id}"))?;
            let started = client.post(&format!("/connections/{id}/google/device"), &json!({}))?;
            (started, connection.get("project").cloned().unwrap_or(Value::Null))
        }
        (None, None) => return Err(Failure::fatal("name the connection, or give the form of a new one")),
    };
    let (url, code) = (text(&started, "/verification_url"), text(&started, "/user_code"));
    if app.console.is_json() {
        app.console.message(&json!({
            "message_type": "sign_in", "verification_url": url, "user_code": code, "expires": started.get("expires"),
        }));
    } else {
        app.console.say(format!("open {url} in any browser, and enter the code {code}"));
    }
    let mut sign_in = started.get("sign_in").cloned().unwrap_or(Value::Null);
    let mut interval = started.get("interval").and_then(Value::as_u64).unwrap_or(INTERVAL);
    loop {
        wait(app, Duration::from_secs(interval))?;
        let form = json!({"project": project, "sign_in": sign_in});
        let told = client.post("/connections/google/device/poll", &form)?;
        match text(&told, "/state").as_str() {
            "pending" => {}
            "done" => return records::show(app, told.get("connection").unwrap_or(&Value::Null)),
            _ => {
                return Err(Failure::fatal(text(&told, "/reason"))
                    .hint("nothing was saved; mend that, and sign in again"));
            }
        }
        sign_in = told.get("sign_in").cloned().unwrap_or(Value::Null);
        interval = told.get("interval").and_then(Value::as_u64).unwrap_or(interval);
    }
}

fn wait(app: &App, time: Duration) -> Outcome {
    let end = Instant::now() + time;
    while Instant::now() < end {
        app.control.checkpoint()?;
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(())
}
