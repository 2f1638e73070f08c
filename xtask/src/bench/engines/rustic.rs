//! rustic: the same format, another program.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::{Engine, PASSWORD};
use crate::bench::place::Place;
use crate::bench::work::{KEEP, Stage, Work};
use crate::workspace;

pub(super) struct Rustic {
    pub(super) name: &'static str,
    pub(super) program: PathBuf,
}

impl Engine for Rustic {
    fn name(&self) -> &'static str {
        self.name
    }

    fn version(&self) -> Result<String> {
        Ok(workspace::read(Command::new(&self.program).arg("--version"))?.trim().to_owned())
    }

    fn commands(&self, stage: Stage, place: &Place) -> Option<Vec<Command>> {
        let mut command = place.command(&self.program);
        command
            .env("RUSTIC_REPOSITORY", place.repository())
            .env("RUSTIC_PASSWORD", PASSWORD)
            .env("RUSTIC_CACHE_DIR", place.private("cache"))
            .env("RUSTIC_NO_PROGRESS", "true");
        match stage.work {
            Work::Init => command.arg("init"),
            Work::First | Work::Unchanged | Work::Next | Work::Repeat => {
                command.arg("backup").arg(place.source())
            }
            Work::Open => command.args(["cat", "config"]),
            Work::Restore => command.args(["restore", "latest"]).arg(place.target()),
            Work::Check => command.args(["check", "--read-data"]),
            // By default it only marks packs, and repacks no more than a tenth: the others do it all.
            Work::Prune => command
                .args(["forget", "--prune", "--max-unused", "0%", "--max-repack", "unlimited"])
                .args(["--instant-delete", "--keep-last"])
                .arg(KEEP.to_string()),
        };
        Some(vec![command])
    }
}
