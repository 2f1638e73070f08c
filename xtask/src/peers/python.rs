//! Installing programs of the Python package index, each into a virtual environment of its own.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::workspace;

/// Installs a version of a package into the environment `folder`.
pub(super) fn install(package: &str, version: &str, folder: &Path) -> Result<()> {
    let mut pip = environment(folder)?;
    workspace::run(pip.arg(format!("{package}=={version}")))
}

/// Installs what a list names, with the hashes that it has, into the environment `folder`.
pub(super) fn install_list(list: &Path, folder: &Path) -> Result<()> {
    let mut pip = environment(folder)?;
    // Nothing is built here: a package whose wheel does not fit the machine fails, and says so.
    pip.args(["--require-hashes", "--only-binary", ":all:", "--requirement"]);
    workspace::run(pip.arg(list))
}

/// Makes the environment; gives the command that installs into it.
fn environment(folder: &Path) -> Result<Command> {
    workspace::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder))?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    Ok(pip)
}
