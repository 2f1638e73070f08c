//! The floor program of `bench/floor`.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::{Engine, FLOOR};
use crate::bench::place::Place;
use crate::bench::work::{Stage, Work};

pub(super) struct Floor {
    pub(super) program: PathBuf,
}

impl Engine for Floor {
    fn name(&self) -> &'static str {
        FLOOR
    }

    fn version(&self) -> Result<String> {
        Ok("the bare pipeline of bench/floor".to_owned())
    }

    fn commands(&self, stage: Stage, place: &Place) -> Option<Vec<Command>> {
        let mut command = place.command(&self.program);
        match stage.work {
            Work::First | Work::Next => command.arg("backup").arg(place.source()).arg(place.repository()),
            Work::Unchanged => command.arg("walk").arg(place.source()),
            Work::Restore => command.arg("restore").arg(place.repository()).arg(place.target()),
            Work::Check => command.arg("check").arg(place.repository()),
            Work::Init | Work::Open | Work::Repeat | Work::Prune => return None,
        };
        Some(vec![command])
    }
}
