//! Backstay's program as commands run it: with a home of its own, and as a server in the background.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use anyhow::{Context, Result, ensure};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::workspace;

/// The program, and a folder in which it finds nothing of the user's.
pub(crate) struct Ours {
    program: PathBuf,
    home: PathBuf,
}

impl Ours {
    pub(crate) fn new(program: PathBuf, home: PathBuf) -> Result<Self> {
        let program = program.canonicalize().with_context(|| format!("there is no {}", program.display()))?;
        std::fs::create_dir_all(&home).with_context(|| format!("cannot make {}", home.display()))?;
        Ok(Self { program, home })
    }

    pub(crate) fn command<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(&self.home).env_clear().env("LANG", "C.UTF-8");
        command.env("HOME", &self.home).env("RUST_BACKTRACE", "0");
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command
    }

    /// Runs a command, and gives the last line that it printed as JSON.
    pub(crate) fn ask<'a, T: DeserializeOwned>(
        &self,
        arguments: impl IntoIterator<Item = &'a str>,
    ) -> Result<T> {
        let mut command = self.command(arguments);
        let text = workspace::read(command.arg("--json"))?;
        let last = text.lines().last().unwrap_or_default();
        serde_json::from_str(last).with_context(|| format!("{} printed {last:?}", workspace::line(&command)))
    }

    pub(crate) fn version(&self) -> Result<String> {
        Ok(workspace::read(&mut self.command(["version"]))?.trim().to_owned())
    }
}

/// A server in the background. It is killed when it is dropped.
pub(crate) struct Serving {
    child: Child,
    /// Kept open, so that nothing it says later fails.
    _output: BufReader<ChildStdout>,
    /// What it said when it began to listen.
    pub(crate) told: Value,
}

impl Serving {
    /// Starts a server that prints a line of JSON once it listens. Its messages go to `log`.
    pub(crate) fn start(mut command: Command, log: &Path) -> Result<Self> {
        let line = workspace::line(&command);
        let log = File::options().create(true).append(true).open(log).context("cannot write a log")?;
        command.arg("--json").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().with_context(|| format!("cannot start {line}"))?;
        let output = child.stdout.take().context("a server has no output")?;
        let mut serving = Self { child, _output: BufReader::new(output), told: Value::Null };
        let mut first = String::new();
        serving._output.read_line(&mut first).with_context(|| format!("{line} prints what is no text"))?;
        serving.told = serde_json::from_str(&first).with_context(|| format!("{line} printed {first:?}"))?;
        Ok(serving)
    }

    pub(crate) fn text(&self, field: &str) -> Result<&str> {
        let found = self.told.get(field).and_then(Value::as_str);
        found.with_context(|| format!("the server does not tell its {field}"))
    }

    /// The most memory that it has had so far, in bytes.
    pub(crate) fn peak(&self) -> Result<u64> {
        peak(self.child.id()).context("the kernel does not tell how much memory a server has had")
    }

    /// Forgets the most memory that it has had: what is told from now on begins with what it has now.
    pub(crate) fn forget_peak(&self) -> Result<()> {
        let file = format!("/proc/{}/clear_refs", self.child.id());
        std::fs::write(&file, "5").with_context(|| format!("cannot write {file}"))
    }

    /// Ends it as a power loss does.
    pub(crate) fn kill(&mut self) -> Result<ExitStatus> {
        self.child.kill().context("cannot kill a server")?;
        self.child.wait().context("cannot wait for a server")
    }

    /// Ends it as systemd does; fails unless it ends well.
    pub(crate) fn stop(mut self) -> Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        let pid = pid.context("a server has no number")?;
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).context("cannot end a server")?;
        let status = self.child.wait().context("cannot wait for a server")?;
        ensure!(status.success(), "a server that was asked to end ended with {status}");
        Ok(())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The most memory that a process has had, in bytes; nothing of one that has ended.
pub(crate) fn peak(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}
