//! A server with a node for a command, as somebody has it who makes backups: `backstay up`, and plans made through its API.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::ours::{Ours, Serving};
use crate::workspace;

const EMAIL: &str = "ada@example.org";
/// It is no secret: it protects a server of an hour on loopback.
const OWNER: &str = "correct horse benchmark";

pub(crate) struct Server<'a> {
    ours: &'a Ours,
    forms: std::path::PathBuf,
    serving: Serving,
}

/// A run that succeeded.
pub(crate) struct Ran {
    /// Its record.
    pub(crate) record: Value,
    pub(crate) log: String,
}

impl<'a> Server<'a> {
    /// Starts it with its data in `folder`, and makes its owner.
    pub(crate) fn start(ours: &'a Ours, folder: &Path) -> Result<Self> {
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
        Ok(Self { ours, forms: folder.to_owned(), serving })
    }

    /// Makes a record of a kind as `backstay KIND create` does; gives it.
    pub(crate) fn make(&self, kind: &str, form: &Value) -> Result<Value> {
        let path = self.forms.join("form.json");
        std::fs::write(&path, form.to_string()).context("cannot write a form")?;
        self.ours.ask([kind, "create", "--file", &path.display().to_string()])
    }

    /// Makes a plan of this name with a source, and a repository in a folder as its destination.
    pub(crate) fn plan(&self, name: &str, spec: &Value, to: &Path) -> Result<()> {
        let source = self.make("sources", &json!({"name": name, "spec": spec}))?;
        let settings = json!({"type": "local", "path": to});
        let disk =
            self.make("connections", &json!({"name": format!("{name} disk"), "settings": settings}))?;
        let destination = self.make("destinations", &json!({"name": name, "connection": disk["id"]}))?;
        let form = json!({"name": name, "sources": [source["id"]], "destinations": [destination["id"]]});
        self.make("plans", &form).map(drop)
    }

    /// Runs a plan to its end.
    pub(crate) fn run(&self, plan: &str) -> Result<Ran> {
        let queued: Value = self.ours.ask(["plans", "run", plan])?;
        let run = queued["runs"][0].as_str().context("no run was queued")?;
        let waited = workspace::read(&mut self.ours.command(["runs", "wait", run]));
        let log = workspace::read(&mut self.ours.command(["runs", "log", run]))?;
        waited.with_context(|| format!("the run failed: {log}"))?;
        Ok(Ran { record: self.ours.ask(["runs", "show", run])?, log })
    }

    /// The process of the server and its node.
    pub(crate) fn serving(&self) -> &Serving {
        &self.serving
    }
}

/// The value of a field, wherever it stands.
pub(crate) fn find<'a>(value: &'a Value, field: &str) -> Option<&'a Value> {
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
