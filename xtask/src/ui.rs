//! `cargo xtask ui`: what can be said of the dashboard without a browser: its types fit the API's document, and its tests pass.

use std::process::Command;

use anyhow::{Context, Result};

use crate::workspace::{self, Workspace};

/// Checks it; prints what is wrong, true when nothing is.
pub(crate) fn run(workspace: &Workspace) -> Result<bool> {
    let folder = workspace.root().join("ui");
    if Command::new("npm").arg("--version").output().is_err() {
        eprintln!("warning: there is no npm; the dashboard is not checked (it needs Node.js 20.19 or newer)");
        return Ok(!workspace::on_ci());
    }
    let npm = || {
        let mut npm = Command::new("npm");
        npm.current_dir(&folder);
        npm
    };
    let modified = |path: &str| folder.join(path).metadata().and_then(|metadata| metadata.modified()).ok();
    // Npm writes the second when it has done what the first says.
    if modified("node_modules/.package-lock.json") < modified("package-lock.json") {
        workspace::run(npm().args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]))
            .context("the dashboard's packages cannot be installed; it needs Node.js 20.19 or newer")?;
    }
    match workspace::run(npm().args(["run", "--silent", "check"])) {
        Ok(()) => Ok(true),
        Err(error) => {
            eprintln!("ui: {error:#}");
            Ok(false)
        }
    }
}
