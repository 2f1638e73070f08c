//! Sees what nobody tells of: nodes that fell silent, and plans that did not run.
//!
//! A node that is off cannot say so. So the server judges by its own clock, and only after it has itself been up, without a gap,
//! for as long as a node may be silent: after a start, or when the host wakes up, all nodes look as if they had been silent.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use backstay_catalog::{Happening, RunFilter};
use backstay_model::{Node, NodeId, Plan, PlanId, Run, RunState, Time};
use backstay_node::plans::seed;
use backstay_policy::Schedule;
use backstay_policy::schedule::{Due, ScheduleError};

use crate::problem::Problem;
use crate::settings;
use crate::state::AppState;

/// A node may be silent for so long.
const SILENCE: Duration = Duration::from_secs(15 * 60);
/// A run may be so late.
const LATE: Duration = Duration::from_secs(3600);
/// A run that has not ended stands for later slots for so long. Then it is stuck, and the plan does not run.
const STUCK: Duration = Duration::from_secs(24 * 3600);
/// While a plan does not run, this is said again for slots that are so much later.
const AGAIN: Duration = Duration::from_secs(23 * 3600);
/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// When nothing was looked at for so long, the server was not there.
const GAP: Duration = Duration::from_secs(300);

/// What one server has seen.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Since when it has been there without a gap.
    since: Option<Time>,
    /// When it was there last.
    there: Option<Time>,
    /// When it looked last.
    looked: Option<Time>,
    /// Slots that were judged.
    judged: HashMap<(PlanId, NodeId), Time>,
}

impl Watch {
    /// Looks, if it is time to. It has to be called often.
    pub(super) async fn look(&mut self, state: &AppState) -> Result<(), Problem> {
        let now = state.now();
        if !self.is_settled(now) || self.looked.is_some_and(|looked| within(looked, now, LOOK_EVERY)) {
            return Ok(());
        }
        let nodes = state.store.nodes(None).await?;
        for node in nodes.iter().filter(|node| !node.revoked) {
            look_for(state, node, now).await?;
        }
        self.look_at_plans(state, &nodes, now).await?;
        self.looked = Some(now);
        Ok(())
    }

    /// Whether the server has been there for long enough to judge others.
    fn is_settled(&mut self, now: Time) -> bool {
        let was_there = self.there.is_some_and(|there| now >= there && within(there, now, GAP));
        let since = self.since.filter(|_| was_there).unwrap_or(now);
        (self.since, self.there) = (Some(since), Some(now));
        !within(since, now, SILENCE)
    }

    async fn look_at_plans(&mut self, state: &AppState, nodes: &[Node], now: Time) -> Result<(), Problem> {
        let sources: HashMap<_, _> =
            state.store.sources(None).await?.into_iter().map(|source| (source.id, source.node)).collect();
        let plans = state.store.plans(None).await?;
        let known: BTreeSet<PlanId> = plans.iter().map(|plan| plan.id).collect();
        self.judged.retain(|(plan, _), _| known.contains(plan));
        for plan in plans.iter().filter(|plan| plan.spec.enabled) {
            let slot = match overdue_slot(plan, now) {
                Ok(Some(slot)) => slot,
                Ok(None) => continue,
                // The node that has to carry it out tells of it.
                Err(_) => continue,
            };
            let mut on: BTreeSet<NodeId> =
                plan.spec.sources.iter().filter_map(|source| sources.get(source).copied()).collect();
            if plan.spec.copy.is_some() {
                on.extend(state.store.nodes_of_plan(plan.id).await?);
            }
            for node in nodes.iter().filter(|node| on.contains(&node.id) && !node.revoked) {
                let key = (plan.id, node.id);
                if self.judged.get(&key) != Some(&slot) {
                    judge(state, plan, node, slot).await?;
                    self.judged.insert(key, slot);
                }
            }
        }
        Ok(())
    }
}

/// Whether less than `time` lies between two moments.
fn within(before: Time, now: Time, time: Duration) -> bool {
    now.duration_since(before).unsigned_abs() < time
}

/// Tells of a node that has been silent for too long and has plans to carry out.
async fn look_for(state: &AppState, node: &Node, now: Time) -> Result<(), Problem> {
    let seen = node.last_seen.unwrap_or(node.created);
    if within(seen, now, SILENCE) || seen > now {
        return Ok(());
    }
    let plans = state.store.plans_of_node(node.id).await?;
    let enabled = plans.iter().filter(|plan| plan.spec.enabled).count();
    let (mark, thing) = (format!("told:silent:{}", node.id), seen.to_string());
    if enabled == 0 || settings::read::<String>(state, &mark).await?.as_ref() == Some(&thing) {
        return Ok(());
    }
    let text = format!(
        "node {} was last heard of at {seen:.0}, and has {enabled} plans to carry out. See that its host is switched on, that \
         Backstay runs there, and that it reaches {}",
        node.name, state.url
    );
    let happening = Happening::Trouble { project: node.project, node: node.id, text };
    state.store.add_event_once(&mark, &thing, &happening).await?;
    Ok(())
}

/// The last moment a plan was due, if that is long enough ago for a run to have begun.
pub(crate) fn overdue_slot(plan: &Plan, now: Time) -> Result<Option<Time>, ScheduleError> {
    let late = jiff::SignedDuration::try_from(LATE).unwrap_or(jiff::SignedDuration::ZERO);
    let Ok(until) = now.saturating_sub(late) else { return Ok(None) };
    if until <= plan.changed {
        return Ok(None);
    }
    // Whether a run could begin now does not matter: it should have.
    let schedule = Schedule { catch_up: false, ..plan.spec.schedule.clone() };
    Ok(match schedule.due(Some(plan.changed), until, seed(plan.id))? {
        Due::NotYet { .. } => None,
        Due::Now { slot, .. } | Due::Missed { slot, .. } => Some(slot),
    })
}

fn mark_of(plan: PlanId, node: NodeId) -> String {
    format!("told:overdue:{plan}:{node}")
}

/// Tells of a plan that no run has begun of on a node.
async fn judge(state: &AppState, plan: &Plan, node: &Node, slot: Time) -> Result<(), Problem> {
    let filter = RunFilter {
        projects: Some(vec![plan.project]),
        kind: Some(plan.spec.kind()),
        plan: Some(plan.id),
        node: Some(node.id),
        ..RunFilter::default()
    };
    let newest = state.store.list_runs(&filter, None, 1).await?.items.into_iter().next();
    // A run that goes on stands for the slot too; one that waits for ever does not.
    let stands = |run: &Run| match run.state {
        RunState::Running => true,
        RunState::Pending | RunState::Paused => slot <= run.created || within(run.created, slot, STUCK),
        RunState::Completed | RunState::Failed | RunState::Cancelled => false,
    };
    let reaches = |moment: Time| {
        newest.as_ref().is_some_and(|run| run.created >= moment || run.due.is_some_and(|due| due >= moment))
    };
    if reaches(slot) || newest.as_ref().is_some_and(stands) {
        return Ok(());
    }
    let mark = mark_of(plan.id, node.id);
    let told = settings::read::<Time>(state, &mark).await?;
    if told.is_some_and(|told| told >= slot || (within(told, slot, AGAIN) && !reaches(told))) {
        return Ok(());
    }
    let seen = match node.last_seen {
        Some(seen) => format!("it was last heard of at {seen:.0}"),
        None => "it was never heard of".to_owned(),
    };
    let reason = match newest.as_ref().filter(|run| !run.state.is_final()) {
        Some(run) => {
            let why = run.waiting.as_ref().map(|waiting| format!(": {}", waiting.reason)).unwrap_or_default();
            format!("the run of {:.0} on node {} is still {}{why}", run.created, node.name, run.state.name())
        }
        None => format!("no run has begun on node {} an hour later; {seen}", node.name),
    };
    let happening =
        Happening::Missed { project: plan.project, node: node.id, plan: plan.id, due: slot, more: 0, reason };
    state.store.add_event_once(&mark, &slot.to_string(), &happening).await?;
    Ok(())
}

/// Keeps in mind what a node has told of by itself, so that it is not told of again.
pub(super) async fn heard(state: &AppState, happening: &Happening) -> Result<(), Problem> {
    let Happening::Missed { plan, node, due, .. } = happening else { return Ok(()) };
    let mark = mark_of(*plan, *node);
    if settings::read::<Time>(state, &mark).await?.is_none_or(|told| told < *due) {
        settings::write(state, &mark, &due.to_string()).await?;
    }
    Ok(())
}
