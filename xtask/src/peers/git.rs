//! Building Go programs of a repository that has all they need within it.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::workspace;

/// Fetches one revision and builds its packages into `folder`, each under the name that it has with them. The last one is the one that
/// shows that all are there.
pub(super) fn build(url: &str, revision: &str, packages: &[(&str, &str)], folder: &Path) -> Result<()> {
    let sources = folder.with_extension("sources");
    if sources.exists() {
        std::fs::remove_dir_all(&sources).with_context(|| format!("cannot remove {}", sources.display()))?;
    }
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.arg("-C").arg(&sources).args(arguments);
        workspace::run(&mut command)
    };
    workspace::run(Command::new("git").args(["init", "--quiet"]).arg(&sources))?;
    git(&["fetch", "--quiet", "--depth", "1", url, revision])?;
    git(&["checkout", "--quiet", "--detach", revision])?;
    for (package, name) in packages {
        let mut command = Command::new("go");
        command.current_dir(&sources).env("GOWORK", "off").env("CGO_ENABLED", "0");
        command
            .args(["build", "-mod=vendor", "-trimpath", "-buildvcs=false", "-o"])
            .arg(folder.join(name))
            .arg(package);
        workspace::run(&mut command)?;
    }
    std::fs::remove_dir_all(&sources).with_context(|| format!("cannot remove {}", sources.display()))
}
