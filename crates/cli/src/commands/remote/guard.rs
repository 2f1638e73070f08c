//! `guard`: backups first, then the command.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use serde_json::json;

use super::{records, wait};
use crate::app::App;
use crate::args::Guard;
use crate::failure::{Explain, Failure, Outcome};
use crate::remote::Client;

pub(crate) fn run(app: &App, args: &Guard) -> Outcome {
    let Some((program, arguments)) = args.command.split_first() else {
        return Err(Failure::fatal("there is no command to run").hint("write it after `--`"));
    };
    let client = Client::new(app)?;
    let mut runs = Vec::new();
    for plan in &args.plans {
        let path = format!("/plans/{}/run", records::find_id(&client, &records::PLANS, plan)?);
        let queued = client.post(&path, &json!({"kind": "backup", "guard": true}))?;
        runs.extend(wait::runs_in(&queued));
    }
    wait::until_ended(app, &client, &runs, args.timeout).map_err(|failure| {
        let name = program.to_string_lossy();
        failure.context(format!("{name} was not run, since the backup before it is not complete"))
    })?;
    app.console.flush()?;
    let status = Command::new(program).args(arguments).status();
    let status =
        status.explain(format!("the backup is complete, but {} cannot be run", program.to_string_lossy()))?;
    // The command's own code is the outcome, as with any program that runs another.
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    std::process::exit(code)
}
