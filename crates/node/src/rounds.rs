//! The rounds that a node makes: about every second, and whenever somebody rings.

use std::sync::Arc;
use std::time::{Duration, Instant};

use backstay_catalog::{CatalogError, Handled};
use backstay_model::link::{News, NodePlan, NodeSource};
use backstay_model::run::{Intent, RunError, Trigger, Waiting};
use backstay_model::{HostState, Level, Limits, Run, RunId, RunKind, RunState, SourceId, Time};
use backstay_policy::duration_text::print;
use backstay_policy::schedule::{self, Conditions};

use crate::active::{Active, Stop};
use crate::execution::Ending;
use crate::machine::Event;
use crate::node::Inner;
use crate::orders::{Occasion, Order};
use crate::plans::{Agenda, Duty};
use crate::queue::{self, Choice, Hold, Ticket};
use crate::runner::Task;
use crate::steward::{Note, SteerError};
use crate::{clock, followers, host, runner};

/// How often a round is made when nobody rings.
const ROUND: Duration = Duration::from_secs(1);
/// Work that does not stop within this time after it was told to is given up.
const GRACE: Duration = Duration::from_secs(60);
/// A run during which the process ends so often is not tried again.
const CRASHES: u32 = 5;
/// How often what is old is removed.
const HOUSEKEEPING: Duration = Duration::from_secs(3600);
/// A host that is in no state for a run is looked at again after this time.
const UNFIT: Duration = Duration::from_secs(60);
/// Log lines that are kept at most, whatever their age.
const MOST_LINES: u64 = 2_000_000;
/// Forgetting and pruning follow a plan's backups, at most this often.
const PRUNE_EVERY: Duration = Duration::from_secs(24 * 3600);

/// Takes up what an earlier process left behind.
pub(crate) async fn recover(inner: &Arc<Inner>) -> Result<(), CatalogError> {
    for (run, private) in inner.store.open_runs().await? {
        if run.state != RunState::Running {
            continue;
        }
        let mut order = Order::of(&private).unwrap_or_default();
        order.crashes += 1;
        inner.store.set_private(run.id, &order.to_value()).await?;
        take_up(inner, run, order).await?;
    }
    let needed: Vec<_> = inner.store.open_runs().await?.into_iter().map(|(run, _)| run.id).collect();
    let workshop = Arc::clone(&inner.workshop);
    let _ = tokio::task::spawn_blocking(move || workshop.tidy_copies(&needed)).await;
    Ok(())
}

/// Takes up a run that nobody executes though it is running. What its hooks have left behind is made good first, so that nothing
/// is left stopped while it waits for its turn.
async fn take_up(inner: &Arc<Inner>, run: Run, order: Order) -> Result<(), CatalogError> {
    let hooks = order.plan.as_ref().filter(|_| run.kind.is_scheduled()).map(|plan| &plan.spec.hooks);
    let (ending, event, error) = if order.crashes >= CRASHES && run.intent != Some(Intent::Cancelling) {
        let message = format!("the process ended {} times while this run was executed", order.crashes);
        let hint = Some("look at the system's log for why it ended, as by lack of memory".to_owned());
        let error = RunError { message, hint, ..RunError::default() };
        (Ending::Failed(error.clone()), Event::Fail, Some(error))
    } else {
        (Ending::Stopped, Event::Stopped, None)
    };
    let has_to_tell = error.is_some() && hooks.is_some_and(|hooks| !hooks.on_failure.is_empty());
    if order.debts.is_due() || has_to_tell {
        let active = Arc::new(Active::new(Limits::default()));
        active.set_debts(order.debts.clone());
        if inner.active.enter(run.id, &active) {
            let text = "interrupted; what it has stopped is started first";
            inner.log(run.id, Level::Warning, "recover", text).await;
            tokio::spawn(runner::drive(Arc::clone(inner), run, order, active, Task::WindUp(ending)));
        }
        return Ok(());
    }
    match inner.steward.apply(run.id, event, Note { error, ..Note::default() }).await {
        Ok(after) if after.state.is_final() => {
            inner.discard(&after).await;
            Ok(())
        }
        other => hush(other),
    }
}

/// Makes rounds until the node ends.
pub(crate) async fn go(inner: Arc<Inner>) {
    let mut rounds = Rounds { agenda: Agenda::default(), cleaned: None, told: None };
    while !inner.is_ending() {
        if let Err(error) = rounds.round(&inner).await {
            // A store that fails now may be well again in the next round; its failure is told once.
            rounds.trouble(&inner, &format!("the node's store fails: {error}")).await;
        } else {
            rounds.told = None;
        }
        tokio::select! {
            () = inner.wake.notified() => {}
            () = tokio::time::sleep(ROUND) => {}
        }
    }
}

struct Rounds {
    agenda: Agenda,
    cleaned: Option<Instant>,
    told: Option<String>,
}

impl Rounds {
    async fn round(&mut self, inner: &Arc<Inner>) -> Result<(), CatalogError> {
        self.look_at_plans(inner).await?;
        watch(inner).await;
        start_what_may(inner).await?;
        followers::look(inner);
        inner.workshop.tidy();
        if self.cleaned.is_none_or(|cleaned| cleaned.elapsed() > HOUSEKEEPING) {
            forget_old(inner).await?;
            self.cleaned = Some(Instant::now());
        }
        Ok(())
    }

    /// Tells people once of what goes wrong in each round.
    async fn trouble(&mut self, inner: &Inner, text: &str) {
        if self.told.as_deref() != Some(text) {
            eprintln!("backstay: {text}");
            let _ = inner.store.tell(&News::Trouble { text: text.to_owned() }).await;
            inner.news.notify_waiters();
            self.told = Some(text.to_owned());
        }
    }

    async fn look_at_plans(&mut self, inner: &Arc<Inner>) -> Result<(), CatalogError> {
        let now = inner.now();
        self.agenda.tick(now);
        let configuration = inner.configuration();
        for plan in &configuration.plans {
            if self.agenda.is_open(plan, now) {
                let last = inner.store.last_due(plan.id).await?;
                match self.agenda.look(plan, last, now) {
                    Ok(None) => {}
                    Ok(Some(Duty::Run { due, trigger, missed })) => {
                        queue_plan(inner, plan, due, trigger, missed).await?;
                    }
                    Ok(Some(Duty::Missed { due, missed })) => {
                        let reason =
                            "the node was not running then, and the plan does not catch up".to_owned();
                        inner.store.tell(&News::Missed { plan: plan.id, due, more: missed, reason }).await?;
                        inner.store.set_last_due(plan.id, due).await?;
                        inner.news.notify_waiters();
                    }
                    Err(error) => {
                        self.trouble(inner, &format!("plan {:?}: {error}", plan.spec.name)).await;
                    }
                }
            }
            upkeep(inner, plan, now).await?;
        }
        Ok(())
    }
}

/// Forgets log lines, ended runs and commands that are old.
async fn forget_old(inner: &Arc<Inner>) -> Result<(), CatalogError> {
    let keep = jiff::SignedDuration::try_from(inner.options.keep).unwrap_or(jiff::SignedDuration::MAX);
    let before = inner.now().saturating_sub(keep).unwrap_or(Time::MIN);
    inner.store.prune_logs(before, MOST_LINES).await?;
    inner.store.prune_runs(before).await?;
    inner.store.prune_commands(before).await?;
    inner.store.expire_transfers(before).await?;
    let plans: Vec<_> = inner.configuration().plans.iter().map(|plan| plan.id).collect();
    let (workshop, keep) = (Arc::clone(&inner.workshop), inner.options.keep);
    let _ = tokio::task::spawn_blocking(move || workshop.tidy_outboxes(&plans, keep)).await;
    Ok(())
}

/// Queues what a plan is for when it is due: a backup of each of its sources, or its copy. One that still runs stands for the new one
/// too.
async fn queue_plan(
    inner: &Arc<Inner>,
    plan: &NodePlan,
    due: Time,
    trigger: Trigger,
    missed: u64,
) -> Result<(), CatalogError> {
    let configuration = inner.configuration();
    let open = inner.store.open_runs().await?;
    let clerk = inner.clerk();
    let occasion = Occasion { trigger, requested_by: None, due: Some(due) };
    let text = match missed {
        0 => format!("queued: due at {due:.0}"),
        more => {
            format!("queued: due at {due:.0}; {more} earlier times were missed, and this run stands for them")
        }
    };
    let mut runs = Vec::new();
    let mut covered = Vec::new();
    let under_way = |source: Option<SourceId>| {
        let same = |run: &Run| {
            run.kind.is_scheduled()
                && run.plan.as_ref().is_some_and(|named| named.id == plan.id)
                && run.source.as_ref().map(|named| named.id) == source
        };
        open.iter().find(|(run, _)| same(run)).map(|(run, _)| run.id)
    };
    let sources = plan.sources.iter().map(Some);
    let parts: Vec<Option<&NodeSource>> = if plan.from.is_some() { vec![None] } else { sources.collect() };
    for source in parts {
        if let Some(run) = under_way(source.map(|source| source.named.id)) {
            covered.push(run);
            continue;
        }
        let id = clerk.run_id();
        let (run, order) = match source {
            Some(source) => clerk.backup(id, plan, source, &configuration, &occasion),
            None => clerk.copy(id, plan, &configuration, &occasion),
        };
        runs.push(clerk.queued(run, &order, &text));
    }
    inner.store.queue(&runs, Handled::Due(plan.id, due)).await?;
    for run in covered {
        let text = format!("the plan was due again at {due:.0}; this run stands for that one too");
        inner.log(run, Level::Warning, "queue", &text).await;
    }
    inner.news.notify_waiters();
    Ok(())
}

/// Queues checks and clean-ups that are due.
async fn upkeep(inner: &Arc<Inner>, plan: &NodePlan, now: Time) -> Result<(), CatalogError> {
    if !plan.spec.enabled {
        return Ok(());
    }
    // Only what was backed up or copied can be checked.
    let Some(backed_up) = inner.store.meta_get(&format!("backed-up:{}", plan.id)).await? else {
        return Ok(());
    };
    let prunes = plan.spec.forgets().then_some(PRUNE_EVERY);
    for (kind, every) in [(RunKind::Prune, prunes), (RunKind::Verify, plan.spec.verification.every)] {
        let Some(every) = every else { continue };
        let key = format!("{}:{}", kind.name(), plan.id);
        let last = inner.store.meta_get(&key).await?.unwrap_or_else(|| backed_up.clone());
        let Ok(last) = last.parse::<Time>() else { continue };
        if clock::later(last.min(now), every) > now {
            continue;
        }
        let configuration = inner.configuration();
        let occasion = Occasion { trigger: Trigger::Maintenance, requested_by: None, due: Some(now) };
        let clerk = inner.clerk();
        let (run, order) = clerk.upkeep(clerk.run_id(), kind, plan, &configuration, &occasion);
        let text = format!("queued: the plan's repositories are due for it every {}", print(every));
        let new = clerk.queued(run, &order, &text);
        inner.store.queue(&[new], Handled::Meta(&key, &now.to_string())).await?;
        inner.news.notify_waiters();
    }
    Ok(())
}

/// Looks after what runs: time limits, and work that does not follow.
async fn watch(inner: &Arc<Inner>) {
    for active in inner.active.all() {
        active.watch();
    }
}

/// Takes up runs that are said to be running and are not executed: the store may have kept a start that it said had failed.
async fn find_lost(inner: &Arc<Inner>, open: &[(Run, serde_json::Value)]) -> Result<(), CatalogError> {
    for (run, _) in open.iter().filter(|(run, _)| run.state == RunState::Running) {
        // Who leaves has written down the end: so in this order.
        if inner.active.get(run.id).is_some() || inner.is_ending() {
            continue;
        }
        match inner.store.run(run.id).await? {
            Some((run, private)) if run.state == RunState::Running => {
                take_up(inner, run, Order::of(&private).unwrap_or_default()).await?;
            }
            _ => {}
        }
    }
    Ok(())
}

async fn start_what_may(inner: &Arc<Inner>) -> Result<(), CatalogError> {
    let open = inner.store.open_runs().await?;
    find_lost(inner, &open).await?;
    let tickets: Vec<Ticket> = open.iter().map(|(run, _)| Ticket::of(run)).collect();
    let now = inner.now();
    let mut pending = 0;
    for choice in queue::choose(&tickets, inner.options.pool, now) {
        match choice {
            Choice::Start(id) => match open.iter().find(|(run, _)| run.id == id) {
                Some((run, private)) => {
                    start(inner, run, Order::of(private)).await?;
                }
                None => continue,
            },
            Choice::Hold(id, hold) => {
                pending += 1;
                explain(inner, &open, id, hold).await?;
            }
        }
    }
    let mut host = inner.host.lock();
    host.runs_pending = pending;
    host.runs_running = u32::try_from(inner.active.all().len()).unwrap_or(u32::MAX);
    Ok(())
}

/// Says why a run waits, if it has not been said.
async fn explain(
    inner: &Arc<Inner>,
    open: &[(Run, serde_json::Value)],
    id: RunId,
    hold: Hold,
) -> Result<(), CatalogError> {
    let name = |id: RunId| {
        open.iter().find(|(run, _)| run.id == id).map_or_else(String::new, |(run, _)| {
            let what = run.plan.as_ref().map_or("", |plan| plan.name.as_str());
            format!("{} {what}", run.kind.name()).trim_end().to_owned()
        })
    };
    let reason = match hold {
        // It was said when the next try was set.
        Hold::NotYet(_) => return Ok(()),
        Hold::PoolIsFull => format!("{} runs are executed at once at most", inner.options.pool),
        Hold::Behind(other) => format!("its repository is in use by another run ({})", name(other)),
    };
    let told = open.iter().find(|(run, _)| run.id == id).and_then(|(run, _)| run.waiting.as_ref());
    if told.is_some_and(|waiting| waiting.reason == reason) {
        return Ok(());
    }
    let waiting = Waiting { reason, next_try: None };
    hush(inner.steward.apply(id, Event::Wait, Note { waiting: Some(waiting), ..Note::default() }).await)
}

async fn start(inner: &Arc<Inner>, run: &Run, order: Option<Order>) -> Result<(), CatalogError> {
    let Some(order) = order else {
        let message = "what this node kept to carry out the run is damaged".to_owned();
        let error = RunError { message, hint: Some("start it again".to_owned()), ..RunError::default() };
        return hush(
            inner.steward.apply(run.id, Event::Fail, Note { error: Some(error), ..Note::default() }).await,
        );
    };
    let comes_by_itself = matches!(run.trigger, Trigger::Schedule | Trigger::CatchUp | Trigger::Maintenance);
    if let Some((reason, next_try)) = comes_by_itself.then(|| unfit(inner, run, &order)).flatten() {
        let next_try = Some(next_try);
        let note = Note { waiting: Some(Waiting { reason, next_try }), ..Note::default() };
        return hush(inner.steward.apply(run.id, Event::Wait, note).await);
    }
    let limits = order.plan.as_ref().map(|plan| plan.spec.limits.clone()).unwrap_or_default();
    let active = Arc::new(Active::new(limits));
    active.set_debts(order.debts.clone());
    if !inner.active.enter(run.id, &active) {
        return Ok(());
    }
    match inner.steward.apply(run.id, Event::Start, Note::default()).await {
        Ok(run) => {
            tokio::spawn(runner::drive(Arc::clone(inner), run, order, active, Task::Execute));
            Ok(())
        }
        other => {
            inner.active.leave(run.id);
            hush(other)
        }
    }
}

/// Why a run that nobody asked for may not start now, if so, and when to try again. The windows of a backup are looked at when it is
/// due; those of upkeep, which is due at any time, are looked at here.
fn unfit(inner: &Inner, run: &Run, order: &Order) -> Option<(String, Time)> {
    let schedule = &order.plan.as_ref()?.spec.schedule;
    let now = inner.now();
    if run.trigger == Trigger::Maintenance
        && let Ok(opens) = schedule.next_open(now)
        && opens != Some(now)
    {
        let reason = "checks and clean-ups start in the windows of the plan only".to_owned();
        return Some((reason, opens.unwrap_or(Time::MAX)));
    }
    if schedule.conditions.is_empty() {
        return None;
    }
    let reason = unfit_host(&schedule.conditions, &host::host_state(&inner.options.data_dir))?;
    Some((reason, clock::later(now, UNFIT)))
}

/// Why a host in this state may not start what nobody asked for, if so.
fn unfit_host(conditions: &Conditions, host: &HostState) -> Option<String> {
    let state = schedule::HostState {
        on_battery: host.on_battery,
        load_per_core: Some(host.load / f64::from(host.cores.max(1))),
    };
    Some(conditions.judge(&state).err()?.to_string())
}

/// A run that somebody else changed meanwhile is looked at again in the next round.
fn hush<T>(changed: Result<T, SteerError>) -> Result<(), CatalogError> {
    match changed {
        Ok(_) | Err(SteerError::Refused(_) | SteerError::NoSuchRun(_)) => Ok(()),
        Err(SteerError::Store(error)) => Err(error),
    }
}

/// Whether work has been told to stop and has not, for so long that it is given up.
pub(crate) fn is_given_up(active: &Active) -> bool {
    active.defiance().is_some_and(|since| since > GRACE) && active.stopped() != Some(Stop::Shutdown)
}

#[cfg(test)]
mod tests {
    use backstay_policy::schedule::Battery;

    use super::*;

    #[test]
    fn a_host_on_its_battery_or_with_a_high_load_starts_nothing_by_itself() {
        let host = |on_battery, load| HostState { on_battery, load, cores: 2, ..HostState::default() };
        let conditions = Conditions { battery: Battery::Avoid, max_load: Some(1.5) };
        let reason = unfit_host(&conditions, &host(Some(true), 0.0)).unwrap();
        assert!(reason.contains("battery"), "{reason}");
        let reason = unfit_host(&conditions, &host(Some(false), 4.0)).unwrap();
        assert!(reason.contains("load per core is 2.00"), "{reason}");
        for state in [host(Some(false), 3.0), host(None, 0.0)] {
            assert_eq!(unfit_host(&conditions, &state), None);
        }
    }
}
