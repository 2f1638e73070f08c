//! Waiting for runs.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::fields::text;
use crate::app::App;
use crate::args::Wait;
use crate::failure::{Exit, Failure, Outcome};
use crate::remote::{Client, encode};

const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Whether a run that completed may have left something out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gaps {
    /// It is no good end then.
    Refused,
    /// That is well.
    Allowed,
}

/// Waits for runs if that was asked for, else says which were started.
pub(crate) fn if_asked(app: &App, client: &Client, runs: &[String], wait: &Wait) -> Outcome {
    if wait.wait {
        return until_ended(app, client, runs, wait.timeout, Gaps::Refused);
    }
    for run in runs {
        app.console.say(format!("run {run} is queued"));
    }
    Ok(())
}

/// Waits until all runs have ended; a failure unless all went well.
pub(crate) fn until_ended(
    app: &App,
    client: &Client,
    runs: &[String],
    timeout: Option<Duration>,
    gaps: Gaps,
) -> Outcome {
    let begun = Instant::now();
    let mut open: Vec<&String> = runs.iter().collect();
    let (mut bad, mut incomplete) = (Vec::new(), Vec::new());
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
                    let gap = gap_in(&found);
                    let also = gap.as_ref().map_or_else(String::new, |gap| format!(", but {gap}"));
                    app.console.say(format!("run {run}: completed{also}"));
                    incomplete.extend(gap.map(|gap| format!("run {run} is completed, but {gap}")));
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
    // Incomplete is told from failed, as `backup` does.
    let exit = if bad.is_empty() { Exit::Incomplete } else { Exit::General };
    if gaps == Gaps::Refused {
        bad.extend(incomplete);
    }
    match bad.as_slice() {
        [] => Ok(()),
        _ => {
            Err(Failure::new(exit, format!("Fatal: {}", bad.join("\n"))).hint("see `backstay runs log RUN`"))
        }
    }
}

/// What a run that completed has left out.
fn gap_in(run: &Value) -> Option<String> {
    let errors = run.pointer("/outcome/errors").and_then(Value::as_u64).unwrap_or_default();
    let mut gaps = Vec::new();
    match errors {
        0 => {}
        1 => gaps.push("1 item could not be read or written".to_owned()),
        errors => gaps.push(format!("{errors} items could not be read or written")),
    }
    let destinations =
        run.get("destinations").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let failed = destinations.iter().filter(|destination| text(destination, "/state") != "completed");
    gaps.extend(failed.map(|destination| {
        format!("destination {} is {}", text(destination, "/name"), text(destination, "/state"))
    }));
    (!gaps.is_empty()).then(|| gaps.join(", and "))
}

/// The ids of the runs in an answer.
pub(crate) fn runs_in(answer: &Value) -> Vec<String> {
    let list = answer.get("runs").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}
