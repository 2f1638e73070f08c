//! `report`

use std::time::Duration;

use serde_json::Value;

use super::fields::{cell, text};
use super::records;
use crate::app::App;
use crate::args::Report;
use crate::failure::{Explain, Outcome};
use crate::remote::{Client, encode};
use crate::table::Table;

pub(crate) fn run(app: &App, args: &Report) -> Outcome {
    let client = Client::new(app)?;
    let mut query = match records::of_project(&client, args.project.as_deref())? {
        none if none.is_empty() => "?".to_owned(),
        project => project + "&",
    };
    let from = match &args.from {
        Some(from) => from.clone(),
        None => ago(args)?,
    };
    query.push_str(&format!("from={}", encode(&from)));
    if let Some(to) = &args.to {
        query.push_str(&format!("&to={}", encode(to)));
    }
    let report = client.get(&format!("/reports/summary{query}"))?;
    if app.console.is_json() {
        app.console.message(&report);
        return Ok(());
    }
    app.console.say(format!("Backups from {} to {}", cell(&report, "/from"), cell(&report, "/to")));
    app.console.print(table(&report));
    Ok(())
}

/// So long before the end of the span.
fn ago(args: &Report) -> Outcome<String> {
    let end: jiff::Timestamp = match &args.to {
        Some(to) => to.parse().explain(format!("--to {to} is no moment as 2026-01-31T00:00:00Z"))?,
        None => jiff::Timestamp::now(),
    };
    let from = end.checked_sub(args.since).explain("--since goes back too far")?;
    Ok(from.to_string())
}

fn table(report: &Value) -> String {
    let mut table = Table::new(&[
        "Plan",
        "Well",
        "Errors",
        "Failed",
        "Cancelled",
        "Missed",
        "Read",
        "Added",
        "Mean",
        "Longest",
        "Per second",
        "Last success",
        "Last verified",
    ]);
    let figures = ["completed", "with_errors", "failed", "cancelled", "missed", "bytes_read", "bytes_added"];
    let row = |name: String, of: &Value| {
        let mut row = vec![name];
        row.extend(figures.map(|field| cell(of, &format!("/{field}"))));
        row.extend(["mean_seconds", "longest_seconds"].map(|field| seconds(of, field)));
        row.extend(["/bytes_per_second", "/last_success", "/last_verify"].map(|place| cell(of, place)));
        row
    };
    for plan in report.get("plans").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default() {
        table.row(row(text(plan, "/plan/name"), plan));
    }
    if let Some(total) = report.get("total") {
        table.row(row("all together".to_owned(), total));
    }
    table.draw()
}

fn seconds(of: &Value, field: &str) -> String {
    let seconds = of.get(field).and_then(Value::as_f64).unwrap_or_default();
    Duration::try_from_secs_f64(seconds).map_or_else(|_| String::new(), crate::format::duration)
}
