//! New runs, and what the node keeps beside each to carry it out.

use std::path::Path;

use backstay_catalog::{NewLine, NewRun};
use backstay_core::{Clock, Random};
use backstay_model::limits::Priority;
use backstay_model::link::{NodeConfiguration, NodePlan, NodeSource, SealedConnection, SealedRepository};
use backstay_model::plan::PlanSpec;
use backstay_model::run::{Named, Progress, RestoreRequest, RunDestination, RunOrigin, Trigger};
use backstay_model::{
    Level, NodeId, PlanId, ProjectId, RepositoryId, Run, RunId, RunKind, RunState, SourceSpec, Time,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::now;
use crate::debts::Debts;

/// What a run needs beyond what is told of it: the plan as it was when the run was asked for, and the way to its
/// repositories. Secrets in it are sealed to the node.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Order {
    /// The plan, for runs of one.
    pub(crate) plan: Option<PlanPart>,
    /// The source, for backups.
    pub(crate) source: Option<NodeSource>,
    /// The service that a restore goes to, if it is one.
    #[serde(default)]
    pub(crate) connection: Option<SealedConnection>,
    /// The repositories, in the order of the run's destinations.
    pub(crate) repositories: Vec<SealedRepository>,
    /// The repository that is copied from, for runs of a copy plan.
    #[serde(default)]
    pub(crate) from: Option<SealedRepository>,
    /// How often the run has had to wait in a row.
    #[serde(default)]
    pub(crate) waits: u32,
    /// Since when it has waited for the same thing, more or less.
    #[serde(default)]
    pub(crate) waits_since: Option<Time>,
    /// Whether people were told that it waits for so long.
    #[serde(default)]
    pub(crate) wait_is_told: bool,
    /// How often the process ended while the run was executed.
    #[serde(default)]
    pub(crate) crashes: u32,
    /// What it owes, whatever ends or interrupts it.
    #[serde(default, flatten)]
    pub(crate) debts: Debts,
}

/// What a run needs of its plan.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PlanPart {
    /// Which.
    pub(crate) id: PlanId,
    /// Its version.
    #[serde(default)]
    pub(crate) revision: i64,
    /// What it said.
    pub(crate) spec: PlanSpec,
}

impl PlanPart {
    fn of(plan: &NodePlan) -> Self {
        Self { id: plan.id, revision: plan.revision, spec: plan.spec.clone() }
    }
}

impl Order {
    /// The folder that copies and archives of its source are made in, where the source names one.
    pub(crate) fn spool(&self) -> Option<&Path> {
        match &self.source.as_ref()?.spec {
            SourceSpec::Mysql(mysql) => mysql.cold().spool.as_deref().map(Path::new),
            SourceSpec::Sqlite(sqlite) => sqlite.spool.as_deref().map(Path::new),
            SourceSpec::Files(_) | SourceSpec::S3(_) | SourceSpec::Mongodb(_) => None,
        }
    }

    /// As it is stored.
    pub(crate) fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or(Value::Null)
    }

    /// From how it is stored; `None` when it is not as it was written.
    pub(crate) fn of(value: &Value) -> Option<Self> {
        Self::deserialize(value).ok()
    }
}

/// Why and for whom a run is made.
#[derive(Debug, Clone)]
pub(crate) struct Occasion {
    pub(crate) trigger: Trigger,
    pub(crate) requested_by: Option<String>,
    pub(crate) due: Option<Time>,
}

/// Makes runs of one node.
pub(crate) struct Clerk<'a> {
    pub(crate) node: NodeId,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) random: &'a dyn Random,
}

impl Clerk<'_> {
    /// A new id for a run.
    pub(crate) fn run_id(&self) -> RunId {
        RunId::new(self.clock, self.random)
    }

    /// A backup of one source of a plan.
    pub(crate) fn backup(
        &self,
        id: RunId,
        plan: &NodePlan,
        source: &NodeSource,
        configuration: &NodeConfiguration,
        occasion: &Occasion,
    ) -> (Run, Order) {
        let repositories = repositories(plan, configuration);
        let run = Run {
            plan: Some(Named { id: plan.id, name: plan.spec.name.clone() }),
            source: Some(source.named.clone()),
            priority: plan.spec.limits.priority,
            ..self.run(id, plan.project, RunKind::Backup, &repositories, occasion)
        };
        let order = Order {
            plan: Some(PlanPart::of(plan)),
            source: Some(source.clone()),
            repositories,
            ..Order::default()
        };
        (run, order)
    }

    /// What a copy plan is for.
    pub(crate) fn copy(
        &self,
        id: RunId,
        plan: &NodePlan,
        configuration: &NodeConfiguration,
        occasion: &Occasion,
    ) -> (Run, Order) {
        let repositories = repositories(plan, configuration);
        let from = origin(plan, configuration);
        let run = Run {
            plan: Some(Named { id: plan.id, name: plan.spec.name.clone() }),
            from: from.as_ref().map(|from| RunOrigin {
                id: from.destination.id,
                name: from.destination.name.clone(),
                repository: from.id,
            }),
            priority: plan.spec.limits.priority,
            ..self.run(id, plan.project, RunKind::Copy, &repositories, occasion)
        };
        (run, Order { plan: Some(PlanPart::of(plan)), from, repositories, ..Order::default() })
    }

    /// A check or a clean-up of a plan's repositories.
    pub(crate) fn upkeep(
        &self,
        id: RunId,
        kind: RunKind,
        plan: &NodePlan,
        configuration: &NodeConfiguration,
        occasion: &Occasion,
    ) -> (Run, Order) {
        let repositories = repositories(plan, configuration);
        let run = Run {
            plan: Some(Named { id: plan.id, name: plan.spec.name.clone() }),
            priority: Priority::Low,
            ..self.run(id, plan.project, kind, &repositories, occasion)
        };
        let order = Order {
            plan: Some(PlanPart::of(plan)),
            from: origin(plan, configuration),
            repositories,
            ..Order::default()
        };
        (run, order)
    }

    /// A restore.
    pub(crate) fn restore(
        &self,
        id: RunId,
        project: ProjectId,
        repository: SealedRepository,
        request: RestoreRequest,
        (source, connection): (Option<NodeSource>, Option<SealedConnection>),
        occasion: &Occasion,
    ) -> (Run, Order) {
        let repositories = vec![repository];
        let run = Run {
            restore: Some(request),
            source: source.as_ref().map(|source| source.named.clone()),
            priority: Priority::High,
            ..self.run(id, project, RunKind::Restore, &repositories, occasion)
        };
        (run, Order { repositories, source, connection, ..Order::default() })
    }

    /// A run as it is queued, with the first line of its log: why it is.
    pub(crate) fn queued(&self, run: Run, order: &Order, why: &str) -> NewRun {
        let line = NewLine {
            time: now(self.clock),
            level: Level::Info,
            step: "queue".to_owned(),
            text: why.to_owned(),
        };
        NewRun { run, private: order.to_value(), lines: vec![line] }
    }

    fn run(
        &self,
        id: RunId,
        project: ProjectId,
        kind: RunKind,
        repositories: &[SealedRepository],
        occasion: &Occasion,
    ) -> Run {
        let destinations = repositories.iter().map(|repository| RunDestination {
            id: repository.destination.id,
            name: repository.destination.name.clone(),
            repository: repository.id,
            state: RunState::Pending,
            snapshot: None,
            copied: 0,
            bytes_added: 0,
            stored: None,
            free: None,
            cut_apart_from: None,
            error: None,
        });
        Run {
            id,
            project,
            node: self.node,
            kind,
            plan: None,
            source: None,
            destinations: destinations.collect(),
            from: None,
            restore: None,
            trigger: occasion.trigger,
            requested_by: occasion.requested_by.clone(),
            state: RunState::Pending,
            intent: None,
            waiting: None,
            priority: Priority::Normal,
            attempt: 0,
            due: occasion.due,
            created: now(self.clock),
            started: None,
            ended: None,
            progress: Progress::default(),
            outcome: None,
            error: None,
            revision: 1,
        }
    }
}

/// The repositories of a plan, as far as the node knows them.
fn repositories(plan: &NodePlan, configuration: &NodeConfiguration) -> Vec<SealedRepository> {
    plan.repositories.iter().filter_map(|id| find(*id, configuration)).collect()
}

/// The repository that a plan copies from.
fn origin(plan: &NodePlan, configuration: &NodeConfiguration) -> Option<SealedRepository> {
    plan.from.and_then(|id| find(id, configuration))
}

fn find(id: RepositoryId, configuration: &NodeConfiguration) -> Option<SealedRepository> {
    configuration.repositories.iter().find(|repository| repository.id == id).cloned()
}
