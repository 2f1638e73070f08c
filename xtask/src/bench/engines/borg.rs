//! borg 1.4, told to compress with zstd.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::{Engine, PASSWORD};
use crate::bench::place::Place;
use crate::bench::work::{KEEP, Stage, Work};
use crate::workspace;

pub(super) struct Borg {
    pub(super) name: &'static str,
    pub(super) program: PathBuf,
}

impl Engine for Borg {
    fn name(&self) -> &'static str {
        self.name
    }

    fn version(&self) -> Result<String> {
        Ok(workspace::read(Command::new(&self.program).arg("--version"))?.trim().to_owned())
    }

    fn commands(&self, stage: Stage, place: &Place) -> Option<Vec<Command>> {
        let borg = || {
            let mut command = place.command(&self.program);
            command
                .env("BORG_REPO", place.repository())
                .env("BORG_PASSPHRASE", PASSWORD)
                .env("BORG_BASE_DIR", place.private("home"))
                // The repository of the round before had another identity at the same place.
                .env("BORG_RELOCATED_REPO_ACCESS_IS_OK", "yes")
                .env("BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK", "yes");
            command
        };
        let archive = format!("::{}", stage.snapshot);
        let mut command = borg();
        match stage.work {
            // AES-CTR with HMAC-SHA256: quicker than BLAKE2b where the processor knows SHA-256.
            Work::Init => command.args(["init", "--encryption", "repokey"]),
            Work::First | Work::Unchanged | Work::Next | Work::Repeat => {
                command.args(["create", "--compression", "zstd,3"]).arg(archive).arg(place.source())
            }
            Work::Open => return None,
            Work::Restore => command.current_dir(place.target()).arg("extract").arg(archive),
            Work::Check => command.args(["check", "--verify-data"]),
            Work::Prune => {
                command.args(["prune", "--keep-last"]).arg(KEEP.to_string());
                let mut compact = borg();
                compact.args(["compact", "--threshold", "0"]);
                return Some(vec![command, compact]);
            }
        };
        Some(vec![command])
    }
}
