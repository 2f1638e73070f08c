//! `repositories`

use serde_json::{Value, json};

use super::fields::{cell, text};
use super::{form, records, wait};
use crate::app::App;
use crate::args::{RemoteRestore as Restore, Repositories};
use crate::failure::Outcome;
use crate::remote::{Client, encode};
use crate::table::Table;

pub(crate) fn run(app: &App, args: &Repositories) -> Outcome {
    let kind = &records::REPOSITORIES;
    let client = Client::new(app)?;
    let id = |name: &str| records::find_id(&client, kind, name);
    match args {
        Repositories::List { project } => {
            let query = records::of_project(&client, project.as_deref())?;
            records::list(app, kind, &client.get(&format!("/repositories{query}"))?)
        }
        Repositories::Adopt { file } => {
            records::show(app, &client.post("/repositories/adopt", &form::read(file)?)?)
        }
        Repositories::Snapshots { name } => {
            snapshots(app, &client.get(&format!("/repositories/{}/snapshots", id(name)?))?)
        }
        Repositories::Ls { name, snapshot, path } => {
            let place = format!("/repositories/{}/snapshots/{}/folder", id(name)?, encode(snapshot));
            folder(app, &client.get(&format!("{place}?path={}", encode(path)))?)
        }
        Repositories::RevealKey { name } => {
            let revealed = client.post(&format!("/repositories/{}/reveal-key", id(name)?), &Value::Null)?;
            if app.console.is_json() {
                app.console.message(&revealed);
            } else {
                app.console.print(text(&revealed, "/password"));
            }
            Ok(())
        }
        Repositories::Restore(args) => restore(app, &client, args),
    }
}

fn restore(app: &App, client: &Client, args: &Restore) -> Outcome {
    let mut form = json!({
        "repository": records::find_id(client, &records::REPOSITORIES, &args.name)?,
        "snapshot": args.snapshot,
        "target": args.target,
        "paths": args.paths,
        "overwrite": args.overwrite.name(),
        "delete": args.delete,
        "dry_run": args.dry_run,
    });
    if let (Value::Object(form), Some(node)) = (&mut form, &args.node) {
        form.insert("node".to_owned(), records::find_id(client, &records::NODES, node)?.into());
    }
    let made = client.post("/restores", &form)?;
    if app.console.is_json() {
        app.console.message(&made);
    }
    wait::if_asked(app, client, &[text(&made, "/run")], &args.wait)
}

fn snapshots(app: &App, found: &Value) -> Outcome {
    if app.console.is_json() {
        app.console.message(found);
        return Ok(());
    }
    let mut table = Table::new(&["ID", "Time", "Host", "Paths", "Tags", "Size"]);
    for item in found.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default() {
        let id: String = text(item, "/id").chars().take(8).collect();
        let mut row = vec![id];
        row.extend(["/time", "/host", "/paths", "/tags", "/bytes"].map(|place| cell(item, place)));
        table.row(row);
    }
    app.console.print(table.draw());
    Ok(())
}

/// Shows the items of a folder.
pub(super) fn folder(app: &App, found: &Value) -> Outcome {
    if app.console.is_json() {
        app.console.message(found);
        return Ok(());
    }
    let mut table = Table::new(&["Kind", "Size", "Changed", "Name"]);
    for item in found.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default() {
        table.row(["/kind", "/size", "/modified", "/name"].map(|place| cell(item, place)).to_vec());
    }
    app.console.print(table.draw());
    Ok(())
}
