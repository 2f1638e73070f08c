//! Installing borg into a virtual environment of its own.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::workspace;

/// Installs version `version` of borg into the environment `folder`.
pub(super) fn install(version: &str, folder: &Path) -> Result<()> {
    workspace::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder))?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    workspace::run(pip.arg(format!("borgbackup=={version}")))
}
