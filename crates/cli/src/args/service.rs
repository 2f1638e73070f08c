//! `service`: backups that start with the machine.

use std::ffi::OsString;

use clap::{Args, Subcommand};

/// Operate on the systemd service that keeps Backstay running
#[derive(Debug, Subcommand)]
pub(crate) enum Service {
    /// Write the unit, enable it and start it: for all of this machine as root, else for you
    Install(Unit),
    /// Print the unit that `install` would write
    Print(Unit),
    /// Stop the service and remove its unit; data and keys stay
    Uninstall {
        /// The agent's service, not the server's
        #[arg(long)]
        agent: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Unit {
    /// Run the agent that joined a server, not a server
    #[arg(long)]
    pub(crate) agent: bool,
    /// Further flags for `backstay up` or `backstay agent run`, after `--`
    #[arg(last = true, value_name = "FLAGS")]
    pub(crate) flags: Vec<OsString>,
}
