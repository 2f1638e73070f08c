//! What plans did over a span of days, and what lies where. Reads sums and no runs.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use backstay_model::{DestinationId, NodeId, PlanId, ProjectId, RepositoryId, RunKind, Time};
use sqlx::any::AnyRow;

use super::ServerStore;
use super::sums::Ended;
use super::tallies::{DAY, day};
use crate::row::{Columns, moment, sql};
use crate::{CatalogError, Result};

/// What backups did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sums {
    /// Backups that went well.
    pub completed: u64,
    /// Backups that completed and left something out.
    pub incomplete: u64,
    /// Backups that could not be made.
    pub failed: u64,
    /// Backups that somebody ended.
    pub cancelled: u64,
    /// Backups that should have been and were not.
    pub missed: u64,
    /// Bytes of the sources.
    pub bytes: u64,
    /// Bytes of the sources of those that completed.
    pub bytes_of_completed: u64,
    /// Bytes added to all destinations, as stored.
    pub bytes_added: u64,
    /// The time that those took which completed.
    pub time: Duration,
    /// The time that the longest of them took.
    pub longest: Duration,
}

/// What a plan did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanSums {
    /// The plan. It may be gone.
    pub plan: PlanId,
    /// Its backups in the span.
    pub sums: Sums,
    /// When a backup last went well, in the span or not.
    pub last_success: Option<Time>,
    /// When a verification last went well, in the span or not.
    pub last_verify: Option<Time>,
}

/// How a plan's backups ended on a UTC day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanDay {
    /// The plan. It may be gone.
    pub plan: PlanId,
    /// The beginning of the day.
    pub day: Time,
    /// Backups that went well.
    pub completed: u64,
    /// Backups that completed and left something out.
    pub incomplete: u64,
    /// Backups that could not be made.
    pub failed: u64,
    /// Backups that should have been and were not.
    pub missed: u64,
}

/// What backups have added to a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageTotal {
    /// The destination's project.
    pub project: ProjectId,
    /// The destination.
    pub destination: DestinationId,
    /// Its name.
    pub name: String,
    /// The repository.
    pub repository: RepositoryId,
    /// The node that it is for, where each has its own.
    pub node: Option<NodeId>,
    /// Bytes, as stored.
    pub added: u64,
    /// Snapshots.
    pub snapshots: u64,
    /// When the last snapshot was made.
    pub last: Option<Time>,
}

impl Sums {
    /// Adds what others did.
    pub fn add(&mut self, other: &Self) {
        self.completed = self.completed.saturating_add(other.completed);
        self.incomplete = self.incomplete.saturating_add(other.incomplete);
        self.failed = self.failed.saturating_add(other.failed);
        self.cancelled = self.cancelled.saturating_add(other.cancelled);
        self.missed = self.missed.saturating_add(other.missed);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.bytes_of_completed = self.bytes_of_completed.saturating_add(other.bytes_of_completed);
        self.bytes_added = self.bytes_added.saturating_add(other.bytes_added);
        self.time = self.time.saturating_add(other.time);
        self.longest = self.longest.max(other.longest);
    }
}

/// The UTC days that a span touches: the first, and the one after the last.
fn days(since: Time, until: Time) -> (i64, i64) {
    let last = until.as_microsecond().saturating_sub(1).div_euclid(DAY);
    (day(since), last.saturating_add(1))
}

/// How the runs of a row ended.
fn ended(row: &AnyRow) -> Result<Ended> {
    let name = row.text("ended")?;
    let ended = Ended::ALL.into_iter().find(|it| it.name() == name);
    ended.ok_or_else(|| CatalogError::corrupt("a sum says not how runs ended"))
}

impl ServerStore {
    /// The span of whole UTC days that reports tell of when asked for these moments.
    ///
    /// # Errors
    /// When a day lies beyond all calendars.
    pub fn whole_days(since: Time, until: Time) -> Result<(Time, Time)> {
        let (first, end) = days(since, until);
        Ok((moment(first.saturating_mul(DAY))?, moment(end.saturating_mul(DAY))?))
    }

    /// What the plans of a project did on the UTC days that a span touches.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn plan_sums(&self, project: ProjectId, since: Time, until: Time) -> Result<Vec<PlanSums>> {
        let (first, end) = days(since, until);
        // Apart from their rest, bytes add up in MiB: no sum of rows overflows.
        let text = "SELECT plan, node, ended, CAST(SUM(runs) AS BIGINT) AS runs, \
                    CAST(SUM(bytes / 1048576) AS BIGINT) AS bytes_mib, CAST(SUM(bytes % 1048576) AS BIGINT) AS bytes_rest, \
                    CAST(SUM(added / 1048576) AS BIGINT) AS added_mib, CAST(SUM(added % 1048576) AS BIGINT) AS added_rest, \
                    CAST(SUM(time / 1048576) AS BIGINT) AS time_mib, CAST(SUM(time % 1048576) AS BIGINT) AS time_rest, \
                    MAX(longest) AS longest FROM run_sums \
                    WHERE project = $1 AND kind IN ($2, $3) AND day >= $4 AND day < $5 GROUP BY plan, node, ended";
        let (backup, copy) = (RunKind::Backup.name(), RunKind::Copy.name());
        let rows =
            sql!(text, project.to_string(), backup, copy, first, end).fetch_all(self.database.read()).await?;
        let mut of_nodes: BTreeMap<(PlanId, String), (Sums, u64)> = BTreeMap::new();
        for row in &rows {
            let number = |name: &str| row.int(name).map(|number| u64::try_from(number).unwrap_or(0));
            let large = |name: &str| -> Result<u64> {
                let mib = number(&format!("{name}_mib"))?;
                Ok(mib.saturating_mul(1 << 20).saturating_add(number(&format!("{name}_rest"))?))
            };
            let ended = ended(row)?;
            let (sums, overdue) = of_nodes.entry((row.parsed("plan")?, row.text("node")?)).or_default();
            let runs = number("runs")?;
            sums.bytes = sums.bytes.saturating_add(large("bytes")?);
            sums.bytes_added = sums.bytes_added.saturating_add(large("added")?);
            match ended {
                Ended::Completed => sums.completed = runs,
                Ended::Incomplete => sums.incomplete = runs,
                Ended::Failed => sums.failed = runs,
                Ended::Cancelled => sums.cancelled = runs,
                Ended::Missed => sums.missed = runs,
                Ended::Overdue => *overdue = runs,
            }
            if matches!(ended, Ended::Completed | Ended::Incomplete) {
                sums.bytes_of_completed = sums.bytes_of_completed.saturating_add(large("bytes")?);
                sums.time = sums.time.saturating_add(Duration::from_micros(large("time")?));
                sums.longest = sums.longest.max(Duration::from_micros(number("longest")?));
            }
        }
        let mut plans: BTreeMap<PlanId, PlanSums> = BTreeMap::new();
        let of_plan = |plan| PlanSums { plan, sums: Sums::default(), last_success: None, last_verify: None };
        for ((plan, _), (mut sums, overdue)) in of_nodes {
            // A node that comes back tells of what the server has seen meanwhile.
            sums.missed = sums.missed.max(overdue);
            plans.entry(plan).or_insert_with(|| of_plan(plan)).sums.add(&sums);
        }
        let text =
            "SELECT plan, kind, MAX(ended) AS ended FROM plan_lasts WHERE project = $1 GROUP BY plan, kind";
        for row in &sql!(text, project.to_string()).fetch_all(self.database.read()).await? {
            let plan = row.parsed("plan")?;
            let of_plan = plans.entry(plan).or_insert_with(|| of_plan(plan));
            match RunKind::from_name(&row.text("kind")?) {
                Some(RunKind::Backup | RunKind::Copy) => of_plan.last_success = Some(row.time("ended")?),
                Some(RunKind::Verify) => of_plan.last_verify = Some(row.time("ended")?),
                _ => {}
            }
        }
        Ok(plans.into_values().collect())
    }

    /// How the backups and copies of a project's plans ended on each of the UTC days that a span touches, by plan and day. Days without any
    /// are left out.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn plan_days(&self, project: ProjectId, since: Time, until: Time) -> Result<Vec<PlanDay>> {
        let (first, end) = days(since, until);
        let text = "SELECT plan, day, node, ended, runs FROM run_sums \
                    WHERE project = $1 AND kind IN ($2, $3) AND day >= $4 AND day < $5 ORDER BY plan, day, node";
        let (backup, copy) = (RunKind::Backup.name(), RunKind::Copy.name());
        let rows =
            sql!(text, project.to_string(), backup, copy, first, end).fetch_all(self.database.read()).await?;
        let mut found: BTreeMap<(PlanId, i64), PlanDay> = BTreeMap::new();
        // A node that comes back tells of what the server has seen meanwhile.
        let mut missed: BTreeMap<(PlanId, i64, String), [u64; 2]> = BTreeMap::new();
        for row in &rows {
            let (plan, number) = (row.parsed("plan")?, row.int("day")?);
            let runs = u64::try_from(row.int("runs")?).unwrap_or(0);
            let day = match found.entry((plan, number)) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => {
                    let day = moment(number.saturating_mul(DAY))?;
                    entry.insert(PlanDay { plan, day, completed: 0, incomplete: 0, failed: 0, missed: 0 })
                }
            };
            let told = missed.entry((plan, number, row.text("node")?)).or_default();
            match ended(row)? {
                Ended::Completed => day.completed = day.completed.saturating_add(runs),
                Ended::Incomplete => day.incomplete = day.incomplete.saturating_add(runs),
                Ended::Failed => day.failed = day.failed.saturating_add(runs),
                Ended::Missed => told[0] = runs,
                Ended::Overdue => told[1] = runs,
                Ended::Cancelled => {}
            }
        }
        for ((plan, number, _), [by_node, by_server]) in missed {
            if let Some(day) = found.get_mut(&(plan, number)) {
                day.missed = day.missed.saturating_add(by_node.max(by_server));
            }
        }
        Ok(found.into_values().collect())
    }

    /// What backups and copies have added to each repository that is known.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn storage_totals(&self) -> Result<Vec<StorageTotal>> {
        let text = "SELECT d.project AS project, d.id AS destination, d.name AS name, r.id AS repository, r.user_node AS node, \
                    COALESCE(CAST(SUM(s.added) AS BIGINT), 0) AS added, \
                    COALESCE(CAST(SUM(s.snapshots) AS BIGINT), 0) AS snapshots, COALESCE(MAX(s.ended), 0) AS ended \
                    FROM repositories r JOIN destinations d ON d.id = r.destination \
                    LEFT JOIN storage_sums s ON s.repository = r.id AND s.project = d.project \
                    GROUP BY d.project, d.id, d.name, r.id, r.user_node ORDER BY d.project, d.name, r.id";
        let rows = sql!(text).fetch_all(self.database.read()).await?;
        let of = |row: &AnyRow| -> Result<StorageTotal> {
            let number = |name: &str| row.int(name).map(|number| u64::try_from(number).unwrap_or(0));
            let node = row.text_or_none("node")?.and_then(|node| node.parse().ok());
            let last = Some(row.int("ended")?).filter(|ended| *ended > 0).map(moment).transpose()?;
            Ok(StorageTotal {
                project: row.parsed("project")?,
                destination: row.parsed("destination")?,
                name: row.text("name")?,
                repository: row.parsed("repository")?,
                node,
                added: number("added")?,
                snapshots: number("snapshots")?,
                last,
            })
        };
        rows.iter().map(of).collect()
    }
}
