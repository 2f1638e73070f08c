//! kopia, told to compress with zstd; it encrypts by default.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::{Engine, PASSWORD};
use crate::bench::place::Place;
use crate::bench::work::{Stage, Work};
use crate::workspace;

pub(super) struct Kopia {
    pub(super) name: &'static str,
    pub(super) program: PathBuf,
}

impl Engine for Kopia {
    fn name(&self) -> &'static str {
        self.name
    }

    fn version(&self) -> Result<String> {
        Ok(workspace::read(Command::new(&self.program).arg("--version"))?.trim().to_owned())
    }

    fn commands(&self, stage: Stage, place: &Place) -> Option<Vec<Command>> {
        let kopia = || {
            let mut command = place.command(&self.program);
            command
                .env("KOPIA_PASSWORD", PASSWORD)
                .env("KOPIA_CONFIG_PATH", place.private("home").join("kopia.config"))
                .env("KOPIA_CACHE_DIRECTORY", place.private("cache"))
                .env("KOPIA_LOG_DIR", place.private("temporary"))
                .env("KOPIA_CHECK_FOR_UPDATES", "false")
                .env("KOPIA_USE_KEYRING", "false");
            command
        };
        let mut command = kopia();
        match stage.work {
            Work::Init => {
                command.args(["repository", "create", "filesystem", "--path"]).arg(place.repository());
                let mut policy = kopia();
                policy.args(["policy", "set", "--global", "--compression=zstd"]);
                return Some(vec![command, policy]);
            }
            Work::First | Work::Unchanged | Work::Next | Work::Repeat => {
                command.args(["snapshot", "create", "--no-progress"]).arg(place.source())
            }
            Work::Open => command.args(["repository", "status"]),
            Work::Restore => command
                .args(["restore", "--no-progress", "--snapshot-time=latest"])
                .arg(place.source())
                .arg(place.target()),
            Work::Check => command.args(["snapshot", "verify", "--verify-files-percent=100"]),
            // Its maintenance knows no bound for unused space: nothing that compares.
            Work::Prune => return None,
        };
        Some(vec![command])
    }
}
