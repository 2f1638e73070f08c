//! `runs`

use std::time::Duration;

use serde_json::Value;

use super::fields::text;
use super::records::{self, Kind};
use super::wait::{self, Gaps};
use crate::app::App;
use crate::args::{LogLevel, RunFilter, Runs};
use crate::failure::Outcome;
use crate::remote::{Client, encode};

const LINES: u32 = 1000;

pub(crate) fn run(app: &App, args: &Runs) -> Outcome {
    let client = Client::new(app)?;
    let steer = |run: &str, verb: &str| -> Outcome {
        records::show(app, &client.post(&format!("/runs/{}/{verb}", encode(run)), &Value::Null)?)
    };
    match args {
        Runs::List(filter) => {
            let found = client.get(&format!("/runs{}&limit={}", query(&client, filter)?, filter.limit))?;
            records::list(app, &records::RUNS, &found)
        }
        Runs::Counts(filter) => {
            records::show(app, &client.get(&format!("/runs/counts{}", query(&client, filter)?))?)
        }
        Runs::Show { run } => records::show(app, &client.get(&format!("/runs/{}", encode(run)))?),
        Runs::Log { run, follow, level } => log(app, &client, run, *follow, *level),
        Runs::Pause { run } => steer(run, "pause"),
        Runs::Resume { run } => steer(run, "resume"),
        Runs::Cancel { run } => steer(run, "cancel"),
        Runs::Wait { runs, timeout } => wait::until_ended(app, &client, runs, *timeout, Gaps::Refused),
    }
}

/// A filter as the query of an address; never empty, so that more can follow.
fn query(client: &Client, filter: &RunFilter) -> Outcome<String> {
    let named: [(&str, &Kind, &Option<String>); 5] = [
        ("project", &records::PROJECTS, &filter.project),
        ("plan", &records::PLANS, &filter.plan),
        ("source", &records::SOURCES, &filter.source),
        ("destination", &records::DESTINATIONS, &filter.destination),
        ("node", &records::NODES, &filter.node),
    ];
    let mut parts = Vec::new();
    for (field, kind, name) in named {
        if let Some(name) = name {
            parts.push(format!("{field}={}", records::find_id(client, kind, name)?));
        }
    }
    if !filter.state.is_empty() {
        parts.push(format!("state={}", encode(&filter.state.join(","))));
    }
    for (field, value) in [("kind", &filter.kind), ("since", &filter.since), ("until", &filter.until)] {
        if let Some(value) = value {
            parts.push(format!("{field}={}", encode(value)));
        }
    }
    Ok(format!("?{}", parts.join("&")))
}

/// Shows a log, and goes on with it until the run has ended if that was asked for.
fn log(app: &App, client: &Client, run: &str, follow: bool, level: LogLevel) -> Outcome {
    let mut after = 0;
    let path = format!("/runs/{}", encode(run));
    loop {
        // Asked before the lines: what is written between is in them.
        let ended = !follow || is_ended(&client.get(&path)?);
        let found = client.get(&format!("{path}/log?after={after}&limit={LINES}"))?;
        let lines = found.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
        for line in &lines {
            after = line.get("number").and_then(Value::as_i64).unwrap_or(after);
            if line.get("level").is_some_and(|of| !level.shows(of.as_str().unwrap_or_default())) {
                continue;
            }
            if app.console.is_json() {
                app.console.message(line);
            } else {
                let place = |name| text(line, name);
                let time: String = place("/time").chars().take(19).collect();
                app.console.print(format!(
                    "{time} {:7} {:8} {}",
                    place("/level"),
                    place("/step"),
                    place("/text")
                ));
            }
        }
        let more = lines.len() >= LINES as usize;
        if ended && !more {
            return Ok(());
        }
        if !more {
            app.control.checkpoint()?;
            std::thread::sleep(Duration::from_millis(500));
        }
    }
}

fn is_ended(run: &Value) -> bool {
    matches!(text(run, "/state").as_str(), "completed" | "failed" | "cancelled")
}
