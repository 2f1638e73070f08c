//! What a run owes, whatever ends or interrupts it.

use std::path::PathBuf;

use backstay_model::Time;
use serde::{Deserialize, Serialize};

use crate::work::cold::InstanceCopy;
use crate::work::swap::Swap;

/// What a run has to make good, and what it need not do again. It is stored with the run before it comes true, so that the next process
/// knows it too.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Debts {
    /// Whether the hooks `after` the backup have still to be run, to make good what those `before` it did.
    #[serde(rename = "owes_after")]
    pub(crate) after: bool,
    /// The instance that is stopped for the run, which has to start it.
    pub(crate) stopped: Option<Stopped>,
    /// For how long the instance was stopped, in milliseconds, once it was started again.
    pub(crate) downtime: Option<u64>,
    /// A whole copy of the instance's files, from which the run goes on.
    pub(crate) copy: Option<InstanceCopy>,
    /// Files of the instance that were put in the place of others, and are not proven yet.
    pub(crate) exchange: Option<Exchange>,
}

/// Files that take the place of others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Exchange {
    /// The renames.
    pub(crate) swaps: Vec<Swap>,
    /// The data directory of the instance.
    pub(crate) data_dir: PathBuf,
    /// Whether the instance ran before.
    pub(crate) was_running: bool,
}

/// An instance that is stopped for a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stopped {
    /// Since when.
    pub(crate) since: Time,
    /// Its data directory.
    pub(crate) data_dir: PathBuf,
    /// Where it writes its errors, if that is known.
    pub(crate) error_log: Option<PathBuf>,
}

impl Debts {
    /// Whether something has to be run or started before the run may end, wait or be paused.
    pub(crate) const fn is_due(&self) -> bool {
        self.after || self.stopped.is_some() || self.exchange.is_some()
    }
}
