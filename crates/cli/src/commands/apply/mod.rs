//! `apply` and `export`: what a server has set up, as a file.
//!
//! Records stand in the file under their names, and refer to each other by name. What a field of a record leaves out has its
//! default, so that a file says all. Secrets come from the environment or from files: `secret_key: {env: NAME}`. A server
//! never shows them, so they cannot be compared; new ones are sent when another field of the record changes, or when that is
//! asked for.

mod change;
mod document;
mod names;
mod secrets;

use std::io::IsTerminal;

use serde_json::Value;

use crate::app::App;
use crate::args::{Apply, Export};
use crate::commands::remote::form;
use crate::console::Level;
use crate::failure::{Failure, Outcome};
use crate::remote::Client;

use change::Change;
use document::Document;
use names::Server;

/// What `--dry-run` ends with when something would change.
const WOULD_CHANGE: i32 = 2;

/// `apply`
pub(crate) fn apply(app: &App, args: &Apply) -> Outcome {
    let wanted = Document::parse(form::read(&args.file)?)?;
    let client = Client::new(app)?;
    let mut server = Server::load(&client, wanted.project.as_deref())?;
    let changes = change::between(&server, &wanted, args)?;
    if changes.is_empty() {
        app.console.say("nothing differs");
        return Ok(());
    }
    change::check(&changes, &server)?;
    show(app, &changes)?;
    if args.dry_run {
        app.console.flush()?;
        std::process::exit(WOULD_CHANGE);
    }
    if !args.yes {
        confirm(changes.len())?;
    }
    for change in &changes {
        let carried_out = change.carry_out(&client, &mut server);
        let told = carried_out.map_err(|failure| failure.context(change.title()))?;
        if app.settings.level >= Level::Normal {
            app.console.say(format!("done: {}", change.title()));
        }
        if let Some(told) = told {
            app.console.say(told);
        }
    }
    Ok(())
}

/// `export`
pub(crate) fn export(app: &App, args: &Export) -> Outcome {
    let client = Client::new(app)?;
    let server = Server::load(&client, args.project.as_deref())?;
    let document = server.document();
    if app.console.is_json() {
        app.console.message(&document);
    } else {
        app.console.print(form::to_yaml(&document)?.trim_end());
    }
    Ok(())
}

fn show(app: &App, changes: &[Change]) -> Outcome {
    if app.console.is_json() {
        let told: Vec<Value> = changes.iter().map(Change::to_json).collect();
        app.console.message(&told);
        return Ok(());
    }
    for change in changes {
        app.console.print(change.describe()?);
    }
    Ok(())
}

fn confirm(count: usize) -> Outcome {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::fatal("nobody can be asked whether to make these changes")
            .hint("look at them with --dry-run, and make them with --yes"));
    }
    let answer = crate::commands::remote::ask(&format!("Make {count} changes? [y/N] "))?;
    if matches!(answer.as_str(), "y" | "Y" | "yes") {
        Ok(())
    } else {
        Err(Failure::fatal("nothing was changed"))
    }
}
