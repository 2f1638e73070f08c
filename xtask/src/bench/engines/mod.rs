//! The engines: for each a translation of the works into its own command lines.

mod borg;
mod floor;
mod kopia;
mod restic;
mod rustic;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::place::Place;
use super::work::Stage;
use crate::peers::{self, Peer};
use crate::workspace::{self, Workspace};

/// Backstay's name in the results.
pub(crate) const OURS: &str = "backstay";
/// The floor program's name in the results.
pub(crate) const FLOOR: &str = "floor";

/// It is no secret: it protects a repository of public source code that lives for a minute.
const PASSWORD: &str = "benchmark";

/// A program that does the works.
pub(crate) trait Engine {
    /// Its name in the results.
    fn name(&self) -> &'static str;

    /// What it says of its version.
    fn version(&self) -> Result<String>;

    /// The commands that do a work, one after the other; `None` when the engine has nothing that compares.
    fn commands(&self, stage: Stage, place: &Place) -> Option<Vec<Command>>;
}

/// The engines that are there, ours first and the floor last; `wanted` names those to take, or none for all. Builds what is
/// our own, and names the peers that are missing.
pub(crate) fn installed(workspace: &Workspace, wanted: &[String]) -> Result<Vec<Box<dyn Engine>>> {
    type Make = fn(&'static str, PathBuf) -> Box<dyn Engine>;
    let peers: [(Peer, Make); 5] = [
        (peers::RESTIC, |name, program| Box::new(restic::Restic { name, program })),
        (peers::RESTIC_DEBIAN, |name, program| Box::new(restic::Restic { name, program })),
        (peers::RUSTIC, |name, program| Box::new(rustic::Rustic { name, program })),
        (peers::BORG, |name, program| Box::new(borg::Borg { name, program })),
        (peers::KOPIA, |name, program| Box::new(kopia::Kopia { name, program })),
    ];
    let known = |name: &str| name == OURS || name == FLOOR || peers.iter().any(|(peer, _)| peer.name == name);
    if let Some(name) = wanted.iter().find(|name| !known(name)) {
        bail!("there is no engine {name}");
    }
    let takes = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);

    let mut engines: Vec<Box<dyn Engine>> = Vec::new();
    let mut missing = Vec::new();
    if takes(OURS) {
        engines.push(ours(workspace)?);
    }
    for (peer, make) in &peers {
        if takes(peer.name) {
            match peer.installed(workspace) {
                Some(program) => engines.push(make(peer.name, program)),
                None => missing.push(peer.name),
            }
        }
    }
    if takes(FLOOR) {
        engines.push(Box::new(floor::Floor { program: build(workspace, "backstay-floor")? }));
    }
    if !missing.is_empty() {
        eprintln!("not installed: {} (`cargo xtask test --peers=all` installs them)", missing.join(", "));
    }
    Ok(engines)
}

/// Backstay, built from the working copy.
pub(crate) fn ours(workspace: &Workspace) -> Result<Box<dyn Engine>> {
    Ok(Box::new(restic::Restic { name: OURS, program: build(workspace, "backstay")? }))
}

/// rustic; installed when it is missing.
pub(crate) fn rustic(workspace: &Workspace) -> Result<Box<dyn Engine>> {
    let program = peers::RUSTIC.provide(workspace)?;
    Ok(Box::new(rustic::Rustic { name: peers::RUSTIC.name, program }))
}

/// Builds a program of the workspace for release; gives its path.
pub(crate) fn build(workspace: &Workspace, package: &str) -> Result<PathBuf> {
    #[derive(Deserialize)]
    struct Metadata {
        target_directory: PathBuf,
    }
    workspace::run(workspace.cargo().args(["build", "--release", "--package", package]))?;
    let listing =
        workspace::read(workspace.cargo().args(["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: Metadata =
        serde_json::from_str(&listing).context("cannot read what cargo metadata wrote")?;
    Ok(metadata.target_directory.join("release").join(package))
}
