//! A plan that backs the instance up, and what its runs tell.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;

use super::instance::{Instance, PASSWORD, SERVICE, USER};
use crate::server::{Server, find};

/// What a run told of itself.
pub(super) struct Told {
    /// Seconds for which the instance was stopped.
    pub(super) downtime: f64,
    /// Its line about the copy.
    pub(super) copy: String,
}

/// Makes a plan of this name that backs an instance up, as the defaults have it, into a folder.
pub(super) fn make(
    server: &Server<'_>,
    name: &str,
    instance: &Instance,
    to: &Path,
    spool: Option<&Path>,
) -> Result<()> {
    let settings = json!({"type": "mysql", "port": instance.port(), "user": USER, "password": PASSWORD});
    let database =
        server.make("connections", &json!({"name": format!("{name} database"), "settings": settings}))?;
    let manager = instance.manager();
    let command = |verb: &str| json!({"program": manager, "arguments": [verb, "--", SERVICE]});
    let service = json!({"commands": {"stop": command("stop"), "start": command("start")}});
    let mut method = json!({"type": "cold", "service": service});
    if let (Some(spool), Some(method)) = (spool, method.as_object_mut()) {
        method.insert("spool".to_owned(), json!(spool));
    }
    server.plan(name, &json!({"type": "mysql", "connection": database["id"], "method": method}), to)
}

/// Runs a plan to its end.
pub(super) fn run(server: &Server<'_>, plan: &str) -> Result<Told> {
    let ran = server.run(plan)?;
    let told = find(&ran.record, "downtime_ms").context("the run does not tell a downtime")?;
    let milliseconds: f64 =
        told.as_str().map_or_else(|| told.as_f64(), |text| text.parse().ok()).context("no downtime")?;
    let copy = ran.log.lines().find(|line| line.contains(" were copied in ")).unwrap_or("nothing told");
    let copy = copy.split_once("copy").map_or(copy, |(_, text)| text);
    Ok(Told { downtime: milliseconds / 1000.0, copy: copy.trim().to_owned() })
}
