//! Building a Go program that a small module of ours pins.
//!
//! `go install package@version` asks the proxy for the list of versions, which it does not hold for every module; a module
//! with the version in its `go.mod` and all checksums in its `go.sum` needs no list, and pins every dependency too.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::workspace;

/// Builds `package` with the versions of the module in `module` into the file `program`.
pub(super) fn build(module: &Path, package: &str, program: &Path) -> Result<()> {
    // Built beside its place and renamed, so that an interrupted build never looks like a finished one.
    let mut partial = OsString::from(program);
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let mut command = Command::new("go");
    command.current_dir(module).env("GOWORK", "off").env("CGO_ENABLED", "0");
    command.args(["build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-o"]).arg(&partial).arg(package);
    workspace::run(&mut command)?;
    fs::rename(&partial, program).with_context(|| format!("cannot put {} in place", program.display()))
}
