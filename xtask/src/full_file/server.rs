//! A server with a node, as one who backs a database up has it: `backstay up`, and plans made through its API.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::instance::{Instance, PASSWORD, SERVICE, USER};
use crate::ours::{Ours, Serving};
use crate::workspace;

const EMAIL: &str = "ada@example.org";
/// It is no secret: it protects a server of an hour on loopback.
const OWNER: &str = "correct horse benchmark";

pub(super) struct Server<'a> {
    ours: &'a Ours,
    forms: std::path::PathBuf,
    _serving: Serving,
}

/// What a run told of itself.
pub(super) struct Told {
    /// Seconds for which the instance was stopped.
    pub(super) downtime: f64,
    /// Its line about the copy.
    pub(super) copy: String,
}

impl<'a> Server<'a> {
    /// Starts it with its data in `folder`, and makes its owner.
    pub(super) fn start(ours: &'a Ours, folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let data = folder.join("data").display().to_string();
        let command = ours.command(["up", "--listen", "127.0.0.1:0", "--data-dir", &data]);
        let serving = Serving::start(command, &folder.join("log"))?;
        let url = serving.text("url")?.to_owned();
        let (_, token) = serving.text("setup")?.split_once('#').context("the set-up link has no token")?;
        let form = json!({"token": token, "name": "Ada", "email": EMAIL, "password": OWNER});
        let mut setup = Command::new("curl");
        setup.args(["--silent", "--show-error", "--fail", "--header", "Content-Type: application/json"]);
        feed(setup.args(["--data", "@-"]).arg(format!("{url}/api/v1/setup")), &form.to_string())?;
        feed(&mut ours.command(["login", &url, "--email", EMAIL]), &format!("{OWNER}\n"))?;
        Ok(Self { ours, forms: folder.to_owned(), _serving: serving })
    }

    fn make(&self, kind: &str, form: &Value) -> Result<Value> {
        let path = self.forms.join("form.json");
        std::fs::write(&path, form.to_string()).context("cannot write a form")?;
        self.ours.ask([kind, "create", "--file", &path.display().to_string()])
    }

    /// Makes a plan of this name that backs an instance up, as the defaults have it, into a folder.
    pub(super) fn plan(
        &self,
        name: &str,
        instance: &Instance,
        to: &Path,
        spool: Option<&Path>,
    ) -> Result<()> {
        let settings = json!({"type": "mysql", "port": instance.port(), "user": USER, "password": PASSWORD});
        let database =
            self.make("connections", &json!({"name": format!("{name} database"), "settings": settings}))?;
        let manager = instance.manager();
        let command = |verb: &str| json!({"program": manager, "arguments": [verb, "--", SERVICE]});
        let service = json!({"commands": {"stop": command("stop"), "start": command("start")}});
        let mut method = json!({"type": "cold", "service": service});
        if let (Some(spool), Some(method)) = (spool, method.as_object_mut()) {
            method.insert("spool".to_owned(), json!(spool));
        }
        let spec = json!({"type": "mysql", "connection": database["id"], "method": method});
        let source = self.make("sources", &json!({"name": name, "spec": spec}))?;
        let settings = json!({"type": "local", "path": to});
        let disk =
            self.make("connections", &json!({"name": format!("{name} disk"), "settings": settings}))?;
        let form = json!({"name": name, "connection": disk["id"]});
        let destination = self.make("destinations", &form)?;
        let form = json!({"name": name, "sources": [source["id"]], "destinations": [destination["id"]]});
        self.make("plans", &form).map(drop)
    }

    /// Runs a plan to its end.
    pub(super) fn run(&self, plan: &str) -> Result<Told> {
        let queued: Value = self.ours.ask(["plans", "run", plan])?;
        let run = queued["runs"][0].as_str().context("no run was queued")?;
        let waited = workspace::read(&mut self.ours.command(["runs", "wait", run]));
        let log = workspace::read(&mut self.ours.command(["runs", "log", run]))?;
        waited.with_context(|| format!("the run failed: {log}"))?;
        let run: Value = self.ours.ask(["runs", "show", run])?;
        let told = find(&run, "downtime_ms").context("the run does not tell a downtime")?;
        let milliseconds: f64 =
            told.as_str().map_or_else(|| told.as_f64(), |text| text.parse().ok()).context("no downtime")?;
        let copy = log.lines().find(|line| line.contains(" were copied in ")).unwrap_or("nothing told");
        let copy = copy.split_once("copy").map_or(copy, |(_, text)| text);
        Ok(Told { downtime: milliseconds / 1000.0, copy: copy.trim().to_owned() })
    }
}

/// The value of a field, wherever it stands.
fn find<'a>(value: &'a Value, field: &str) -> Option<&'a Value> {
    match value {
        Value::Object(map) => map.get(field).or_else(|| map.values().find_map(|value| find(value, field))),
        Value::Array(list) => list.iter().find_map(|value| find(value, field)),
        _ => None,
    }
}

/// Runs a command that reads `input`.
fn feed(command: &mut Command, input: &str) -> Result<()> {
    let line = workspace::line(command);
    command.stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = command.spawn().with_context(|| format!("cannot start {line}"))?;
    let mut to = child.stdin.take().context("a command takes no input")?;
    to.write_all(input.as_bytes()).with_context(|| format!("{line} takes no input"))?;
    drop(to);
    let status = child.wait().with_context(|| format!("cannot wait for {line}"))?;
    ensure!(status.success(), "{line} ended with {status}");
    Ok(())
}
