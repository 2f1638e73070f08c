//! Where things lie in the working copy, and how its commands are started.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The working copy in which this command was started.
pub(crate) struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// The folder above this package's own. Cargo tells it when it runs us; what it told when it built us may be another
    /// copy, where copies share a build folder.
    pub(crate) fn find() -> Result<Self> {
        let package = std::env::var_os("CARGO_MANIFEST_DIR").context("start this as `cargo xtask`")?;
        let root = Path::new(&package).parent().context("xtask lies in no workspace")?;
        Ok(Self { root: root.to_owned() })
    }

    /// The folder of the workspace's `Cargo.toml`.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where installed peers are kept between runs. It does not follow `CARGO_TARGET_DIR`: one copy serves all builds.
    pub(crate) fn peers(&self) -> PathBuf {
        self.root.join("target").join("peers")
    }

    /// A command that starts at the root of the workspace.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        command
    }

    /// The cargo that started us, so that a toolchain named on the command line (`cargo +1.95.0 xtask`) holds.
    pub(crate) fn cargo(&self) -> Command {
        self.command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
    }
}

/// Runs `command` with its output shown; fails unless it exits with 0.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {}", name(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", line(command));
    }
    Ok(())
}

/// Runs `command` and gives back what it wrote to standard output; fails, with its messages, unless it exits with 0.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("cannot start {}", name(command)))?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr);
        bail!("{} ended with {}: {}", line(command), output.status, message.trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("{} wrote what is not UTF-8", name(command)))
}

/// The program of a command, for messages.
fn name(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

/// A command as one would type it, for messages; arguments are not quoted.
pub(crate) fn line(command: &Command) -> String {
    let arguments = command.get_args().map(|argument| argument.to_string_lossy());
    std::iter::once(command.get_program().to_string_lossy()).chain(arguments).collect::<Vec<_>>().join(" ")
}

/// Whether this is a CI machine, on which nothing that is needed may be missing.
pub(crate) fn on_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}
