//! restic, and with it Backstay, which takes restic's commands, flags and environment.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::{Engine, PASSWORD};
use crate::bench::place::Place;
use crate::bench::work::{KEEP, Stage, Work};
use crate::workspace;

pub(super) struct Restic {
    pub(super) name: &'static str,
    pub(super) program: PathBuf,
}

impl Engine for Restic {
    fn name(&self) -> &'static str {
        self.name
    }

    fn version(&self) -> Result<String> {
        let text = workspace::read(Command::new(&self.program).arg("version"))?;
        Ok(text.lines().next().unwrap_or_default().to_owned())
    }

    fn commands(&self, stage: Stage, place: &Place) -> Option<Vec<Command>> {
        let mut command = place.command(&self.program);
        command
            .env("RESTIC_REPOSITORY", place.repository())
            .env("RESTIC_PASSWORD", PASSWORD)
            .env("RESTIC_CACHE_DIR", place.private("cache"))
            .arg("--quiet");
        match stage.work {
            Work::Init => command.arg("init"),
            Work::First | Work::Unchanged | Work::Next | Work::Repeat => {
                command.arg("backup").arg(place.source())
            }
            Work::Open => command.args(["cat", "config"]),
            Work::Restore => command.args(["restore", "latest", "--target"]).arg(place.target()),
            Work::Check => command.args(["check", "--read-data"]),
            Work::Prune => {
                command.args(["forget", "--prune", "--max-unused", "0", "--keep-last"]).arg(KEEP.to_string())
            }
        };
        Some(vec![command])
    }
}
