//! `cargo xtask simulate`: the crash simulator, built for release, with the arguments that it is given.

use anyhow::Result;
use clap::Args;

use crate::workspace::Workspace;

#[derive(Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Options {
    /// What the simulator takes, such as `--seeds 100`; `--help` lists it
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// True when the simulator found nothing lost.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    let mut command = workspace.cargo();
    command.args(["run", "--quiet", "--release", "--package", "backstay-simulator", "--"]);
    Ok(command.args(&options.arguments).status()?.success())
}
