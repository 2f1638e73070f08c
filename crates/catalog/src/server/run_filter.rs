//! Which runs are asked for, and how they are found without looking at the others.
//!
//! Every index but two begins with what is asked for most (a plan, a source, a node, a destination, a project), then has kind and
//! state, then the time. Where a filter leaves kind or state open, each combination of them is looked up by itself, and the
//! results are merged: two dozen short steps through an index instead of one long one past what does not fit.

use std::fmt;
use std::str::FromStr;

use backstay_model::{DestinationId, NodeId, PlanId, ProjectId, RunId, RunKind, RunState, SourceId, Time};

use super::tallies;
use crate::row::{Composed, micros};

/// Which runs are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Of these projects; of all when left out.
    pub projects: Option<Vec<ProjectId>>,
    /// Of this kind.
    pub kind: Option<RunKind>,
    /// In one of these states; in any when empty.
    pub states: Vec<RunState>,
    /// Of this plan.
    pub plan: Option<PlanId>,
    /// Of this source.
    pub source: Option<SourceId>,
    /// To this destination.
    pub destination: Option<DestinationId>,
    /// On this node.
    pub node: Option<NodeId>,
    /// Asked for not before this moment.
    pub since: Option<Time>,
    /// Asked for before this moment.
    pub until: Option<Time>,
}

/// Where a page of a list ended, newest first. As text it is good for an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Microseconds since 1970.
    pub(super) time: i64,
    /// The run.
    pub(super) run: RunId,
    /// The number of the line, for lines of logs.
    pub(super) number: i64,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The newest first.
    pub items: Vec<T>,
    /// Where it ended; `None` when there is no more.
    pub next: Option<Cursor>,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.time, self.run, self.number)
    }
}

/// A text that is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no place in a list")]
pub struct NoCursor;

impl FromStr for Cursor {
    type Err = NoCursor;

    fn from_str(text: &str) -> Result<Self, NoCursor> {
        let mut parts = text.split('.');
        let (Some(time), Some(run), Some(number), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NoCursor);
        };
        Ok(Self {
            time: time.parse().map_err(|_| NoCursor)?,
            run: run.parse().map_err(|_| NoCursor)?,
            number: number.parse().map_err(|_| NoCursor)?,
        })
    }
}

/// By which index runs are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    /// By time alone.
    Everything,
    /// By project and time.
    Project(ProjectId),
    /// By project, kind, state and time.
    ProjectKind(ProjectId, RunKind, RunState),
    /// By a column of runs, kind, state and time.
    Column(&'static str, String, RunKind, RunState),
    /// By destination, kind, state and time.
    Destination(DestinationId, RunKind, RunState),
}

impl RunFilter {
    /// What of it is about single things: plan, source, destination, node.
    fn subjects(&self) -> [Option<String>; 4] {
        [
            self.destination.map(|id| id.to_string()),
            self.source.map(|id| id.to_string()),
            self.plan.map(|id| id.to_string()),
            self.node.map(|id| id.to_string()),
        ]
    }

    /// What the tallies know it by, `Some(None)` standing for its projects; `None` if it is about three things or more, which no
    /// tally counts.
    pub(super) fn subject(&self) -> Option<Option<String>> {
        let subjects: Vec<String> = self.subjects().into_iter().flatten().collect();
        match subjects.as_slice() {
            [] => Some(None),
            [one] => Some(Some(one.clone())),
            [one, other] => Some(Some(tallies::pair(one, other))),
            _ => None,
        }
    }

    fn kinds(&self) -> Vec<RunKind> {
        self.kind.map_or_else(|| RunKind::ALL.to_vec(), |kind| vec![kind])
    }

    /// The states asked for, each once.
    pub(super) fn each_state(&self) -> Vec<RunState> {
        let asked = |state: &RunState| self.states.is_empty() || self.states.contains(state);
        RunState::ALL.into_iter().filter(asked).collect()
    }

    /// Whether kind or state matters.
    pub(super) fn is_narrow(&self) -> bool {
        self.kind.is_some() || !self.states.is_empty()
    }

    /// The steps that find all runs it asks for, each once. `projects` stands for all projects where it names none. Where `kinds`
    /// says so, kind and state are part of each step that has room for them.
    pub(super) fn keys(&self, projects: &[ProjectId], kinds: bool) -> Vec<Key> {
        let mut keys = Vec::new();
        let mut each = |key: &dyn Fn(RunKind, RunState) -> Key| {
            for kind in self.kinds() {
                keys.extend(self.each_state().into_iter().map(|state| key(kind, state)));
            }
        };
        // The more a thing leaves out, the better; a source has fewer runs than a plan, and that fewer than a node.
        if let Some(source) = self.source {
            each(&|kind, state| Key::Column("source", source.to_string(), kind, state));
        } else if let Some(plan) = self.plan {
            each(&|kind, state| Key::Column("plan", plan.to_string(), kind, state));
        } else if let Some(destination) = self.destination {
            each(&|kind, state| Key::Destination(destination, kind, state));
        } else if let Some(node) = self.node {
            each(&|kind, state| Key::Column("node", node.to_string(), kind, state));
        } else if self.is_narrow() || kinds {
            let mut projects = projects.to_vec();
            projects.sort_unstable();
            projects.dedup();
            for project in projects {
                each(&|kind, state| Key::ProjectKind(project, kind, state));
            }
        } else if self.projects.is_some() {
            let mut projects = projects.to_vec();
            projects.sort_unstable();
            projects.dedup();
            keys.extend(projects.into_iter().map(Key::Project));
        } else {
            keys.push(Key::Everything);
        }
        keys
    }

    /// Writes `FROM … WHERE …` of one step, with the columns `created` and `id` to be read as `r.created` and `r.NAME`, where
    /// NAME is what is given back.
    pub(super) fn write(&self, key: &Key, query: &mut Composed) -> &'static str {
        let id = match key {
            Key::Destination(..) => "run",
            _ => "id",
        };
        match key {
            Key::Everything => query.push(" FROM runs r WHERE 1 = 1"),
            Key::Project(project) => query.push(" FROM runs r WHERE r.project = ").text(project.to_string()),
            Key::ProjectKind(project, kind, state) => {
                query.push(" FROM runs r WHERE r.project = ").text(project.to_string());
                kind_and_state(query, *kind, *state)
            }
            Key::Column(column, value, kind, state) => {
                query.push(" FROM runs r WHERE r.").push(column).push(" = ").text(value.clone());
                kind_and_state(query, *kind, *state)
            }
            Key::Destination(destination, kind, state) => {
                query.push(" FROM run_destinations r WHERE r.destination = ").text(destination.to_string());
                kind_and_state(query, *kind, *state)
            }
        };
        if let Some(since) = self.since {
            query.push(" AND r.created >= ").int(micros(since));
        }
        if let Some(until) = self.until {
            query.push(" AND r.created < ").int(micros(until));
        }
        self.write_rest(key, query);
        id
    }

    /// Writes `FROM … WHERE …` for all runs of three things or more together, with the column `state` to be read as `r.state`. All
    /// that it asks is in one index.
    pub(super) fn write_together(&self, query: &mut Composed) {
        query.push(match self.destination {
            Some(_) => " FROM run_destinations r WHERE 1 = 1",
            None => " FROM runs r WHERE 1 = 1",
        });
        let [destination, source, plan, node] = self.subjects();
        let columns = [("destination", destination), ("source", source), ("plan", plan), ("node", node)];
        let kind = ("kind", self.kind.map(|kind| kind.name().to_owned()));
        for (column, value) in columns.into_iter().chain([kind]) {
            if let Some(value) = value {
                query.push(" AND r.").push(column).push(" = ").text(value);
            }
        }
        if let Some(projects) = &self.projects {
            query.push(" AND r.project IN ").texts(projects.iter().map(ToString::to_string));
        }
        if !self.states.is_empty() {
            query.push(" AND r.state IN ").texts(self.states.iter().map(|state| state.name().to_owned()));
        }
        if let Some(since) = self.since {
            query.push(" AND r.created >= ").int(micros(since));
        }
        if let Some(until) = self.until {
            query.push(" AND r.created < ").int(micros(until));
        }
    }

    /// What the step's index does not know.
    fn write_rest(&self, key: &Key, query: &mut Composed) {
        let column = match key {
            Key::Column(column, ..) => column,
            _ => "",
        };
        let of_destination = matches!(key, Key::Destination(..));
        let mut rest: Vec<(&str, String)> = Vec::new();
        if let Some(plan) = self.plan
            && column != "plan"
        {
            rest.push(("plan", plan.to_string()));
        }
        if let Some(node) = self.node
            && column != "node"
        {
            rest.push(("node", node.to_string()));
        }
        let keyed_by_project = matches!(key, Key::Everything | Key::Project(_) | Key::ProjectKind(..));
        let projects = self.projects.as_ref().filter(|_| !keyed_by_project);
        if of_destination && (!rest.is_empty() || projects.is_some()) {
            query.push(" AND EXISTS (SELECT 1 FROM runs o WHERE o.id = r.run");
        }
        let table = if of_destination { "o" } else { "r" };
        for (name, value) in &rest {
            query.push(" AND ").push(table).push(".").push(name).push(" = ").text(value.clone());
        }
        if let Some(projects) = projects {
            query.push(" AND ").push(table).push(".project IN ");
            query.texts(projects.iter().map(ToString::to_string));
        }
        if of_destination && (!rest.is_empty() || projects.is_some()) {
            query.push(")");
        }
        if let Some(destination) = self.destination
            && !of_destination
        {
            query.push(
                " AND EXISTS (SELECT 1 FROM run_destinations d WHERE d.run = r.id AND d.destination = ",
            );
            query.text(destination.to_string()).push(")");
        }
    }
}

fn kind_and_state(query: &mut Composed, kind: RunKind, state: RunState) -> &mut Composed {
    query.push(" AND r.kind = ").text(kind.name()).push(" AND r.state = ").text(state.name())
}
