//! Waiting for runs.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::fields::text;
use crate::app::App;
use crate::args::Wait;
use crate::failure::{Exit, Failure, Outcome};
use crate::remote::{Client, encode};

const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Waits for runs if that was asked for, else says which were started.
pub(crate) fn if_asked(app: &App, client: &Client, runs: &[String], wait: &Wait) -> Outcome {
    if wait.wait {
        return until_ended(app, client, runs, wait.timeout);
    }
    for run in runs {
        app.console.say(format!("run {run} is queued"));
    }
    Ok(())
}

/// Waits until all runs have ended; a failure unless all are complete.
pub(crate) fn until_ended(app: &App, client: &Client, runs: &[String], timeout: Option<Duration>) -> Outcome {
    let begun = Instant::now();
    let mut open: Vec<&String> = runs.iter().collect();
    let mut bad = Vec::new();
    while !open.is_empty() {
        app.control.checkpoint()?;
        let mut left = Vec::new();
        for run in open {
            // A run that was just queued may not have been told of yet.
            let Some(found) = client.find(&format!("/runs/{}", encode(run)))? else {
                left.push(run);
                continue;
            };
            let state = text(&found, "/state");
            match state.as_str() {
                "completed" => {
                    app.console.say(format!("run {run}: completed"));
                }
                "failed" | "cancelled" => {
                    let why = text(&found, "/error/message");
                    let why = if why.is_empty() { String::new() } else { format!(": {why}") };
                    bad.push(format!("run {run} is {state}{why}"));
                }
                _ => left.push(run),
            }
        }
        open = left;
        if !open.is_empty() {
            if timeout.is_some_and(|timeout| begun.elapsed() > timeout) {
                let text = format!("{} of {} runs have not ended in time", open.len(), runs.len());
                return Err(Failure::fatal(text).hint("they go on; see `backstay runs list`"));
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
    if bad.is_empty() {
        return Ok(());
    }
    Err(Failure::new(Exit::General, format!("Fatal: {}", bad.join("\n"))).hint("see `backstay runs log RUN`"))
}

/// The ids of the runs in an answer.
pub(crate) fn runs_in(answer: &Value) -> Vec<String> {
    let list = answer.get("runs").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}
