//! `guard`: backups first, then the command, unless they left anything out.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use serde_json::json;

use super::records;
use super::wait::{self, Gaps};
use crate::app::App;
use crate::args::Guard;
use crate::failure::{Exit, Explain, Failure, Outcome};
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
    let gaps = if args.allow_errors { Gaps::Allowed } else { Gaps::Refused };
    wait::until_ended(app, &client, &runs, args.timeout, gaps).map_err(|failure| {
        let name = program.to_string_lossy();
        let is_incomplete = failure.exit == Exit::Incomplete;
        let failure =
            failure.context(format!("{name} was not run, since the backup before it is not complete"));
        if is_incomplete {
            failure.hint("see `backstay runs log RUN`; with --allow-errors the command is run all the same")
        } else {
            failure
        }
    })?;
    app.console.flush()?;
    let status = Command::new(program).args(arguments).status();
    let status =
        status.explain(format!("the backup is complete, but {} cannot be run", program.to_string_lossy()))?;
    // The command's own code is the outcome, as with any program that runs another.
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    std::process::exit(code)
}
