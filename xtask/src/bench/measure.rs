//! What a command costs: time on the wall, time on the processors, memory.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use wait4::Wait4;

use crate::workspace;

/// The cost of a work. Times in seconds, memory in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    pub(crate) wall: f64,
    pub(crate) user: f64,
    pub(crate) system: f64,
    /// The largest resident set of any of its processes.
    pub(crate) peak: u64,
}

/// Runs the commands of one work one after the other and adds up what they cost. Each must exit with 0; what they write is
/// kept in `log`, for the error's sake.
pub(crate) fn run(commands: Vec<Command>, log: &Path) -> Result<Cost> {
    let mut total = Cost::default();
    for mut command in commands {
        let messages = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(messages.try_clone()?).stderr(messages);
        let start = Instant::now();
        let child = command.spawn().with_context(|| format!("cannot start {}", workspace::line(&command)))?;
        let used = child.wait4().context("cannot wait for a command")?;
        total.wall += start.elapsed().as_secs_f64();
        total.user += used.rusage.utime.as_secs_f64();
        total.system += used.rusage.stime.as_secs_f64();
        total.peak = total.peak.max(used.rusage.maxrss);
        if !used.status.success() {
            bail!("{} ended with {}: {}", workspace::line(&command), used.status, tail(log));
        }
    }
    Ok(total)
}

/// The last lines of a log.
fn tail(log: &Path) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::run;
    use std::process::Command;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn adds_up_what_the_commands_cost() {
        let folder = tempfile::tempdir().unwrap();
        let busy = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done";
        let cost = run(vec![shell(busy), shell("sleep 0.05")], &folder.path().join("log")).unwrap();
        assert!(cost.wall >= 0.05, "{cost:?}");
        assert!(cost.user > 0.0, "{cost:?}");
        assert!(cost.peak > 100_000, "{cost:?}");
    }

    #[test]
    fn a_command_that_fails_is_told_with_its_last_words() {
        let folder = tempfile::tempdir().unwrap();
        let error =
            run(vec![shell("echo wrong password >&2; exit 12")], &folder.path().join("log")).unwrap_err();
        let message = error.to_string();
        assert!(message.contains("12") && message.contains("wrong password"), "{message}");
    }
}
