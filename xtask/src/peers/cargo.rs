//! Installing a program from the crates registry.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::workspace::{self, Workspace};

/// Builds version `version` of the crate `name`, with the versions that its authors locked, under `folder`.
pub(super) fn install(workspace: &Workspace, name: &str, version: &str, folder: &Path) -> Result<()> {
    // Its objects stay out of our own build folder: another profile, other features.
    let objects = folder.with_extension("objects");
    let mut command = workspace.cargo();
    command.args(["install", "--locked", "--version", version, "--root"]).arg(folder);
    command.arg("--target-dir").arg(&objects).arg(name);
    workspace::run(&mut command)?;
    fs::remove_dir_all(&objects).with_context(|| format!("cannot remove {}", objects.display()))
}
