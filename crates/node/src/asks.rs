//! What a server asks of a node, carried out.

use std::sync::Arc;
use std::time::Duration;

use backstay_catalog::Handled;
use backstay_model::command::{Answer, Ask, Command, CommandError, CommandResult, Refusal};
use backstay_model::link::{NodeConfiguration, NodePlan, NodeSource, SealedConnection, SealedRepository};
use backstay_model::run::{RestoreRequest, Trigger};
use backstay_model::{Health, PlanId, ProjectId, RunId, RunKind, RunState, SourceId, Time};

use crate::machine::Event;
use crate::node::Inner;
use crate::orders::{Occasion, Order};
use crate::seals::Opened;
use crate::steward::{Note, SteerError};
use crate::work::failure::Class;
use crate::work::{WorkError, Workshop};
use crate::{active, seals};

/// An answer is given by so much earlier than it is waited for.
const MARGIN: Duration = Duration::from_secs(2);
/// No question is given less time, or more, than this: the clocks of server and node may differ.
const SHORTEST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(120);

/// Carries out a command.
pub(crate) async fn carry_out(inner: &Arc<Inner>, command: Command) -> CommandResult {
    let id = command.id;
    if command.expires < inner.now() {
        return CommandResult {
            id,
            answer: Err(refusal(Refusal::Conflict, "the command came too late to be begun")),
        };
    }
    CommandResult { id, answer: answer(inner, command).await }
}

async fn answer(inner: &Arc<Inner>, command: Command) -> Result<Answer, CommandError> {
    let patience = patience(command.expires, inner.now());
    let by = command.requested_by;
    match command.ask {
        Ask::Probe { settings, secrets } => {
            let secrets = inner.open(&seals::of_probe(inner.identity.id), &secrets)?;
            let workshop = Arc::clone(&inner.workshop);
            let tried = inner.desk.ask(patience, move || Ok(workshop.probe(&settings, &secrets))).await?;
            Ok(match tried {
                Ok(_) => Answer::Probed { health: Health::Valid, reason: None },
                Err(error) => Answer::Probed { health: Health::Failing, reason: Some(with_hint(&error)) },
            })
        }
        Ask::RunPlan { plan, kind, guard, runs } => run_plan(inner, plan, kind, guard, &runs, by).await,
        Ask::Restore { run, project, repository, request, connection } => {
            restore(inner, run, project, repository, (*request, connection.map(|boxed| *boxed)), by).await
        }
        Ask::Pause { run } => steer(inner, run, Event::Pause, &by).await,
        Ask::Resume { run } => steer(inner, run, Event::Resume, &by).await,
        Ask::Cancel { run } => steer(inner, run, Event::Cancel, &by).await,
        Ask::OpenRepository { repository, create } => {
            let (workshop, secrets) = (Arc::clone(&inner.workshop), inner.open_repository(&repository)?);
            inner.desk.ask(patience, move || workshop.open_or_create(&repository, &secrets, create)).await
        }
        Ask::Snapshots { repository } => {
            let look = move |workshop: &Workshop, repository: &_, secrets: &_| {
                workshop.snapshots(repository, secrets)
            };
            Ok(Answer::Snapshots { snapshots: within(inner, patience, repository, look).await? })
        }
        Ask::Browse { repository, snapshot, path, page } => {
            let look = move |workshop: &Workshop, repository: &_, secrets: &_| {
                workshop.folder(repository, secrets, &snapshot, &path, &page)
            };
            let (items, total) = within(inner, patience, repository, look).await?;
            Ok(Answer::Folder { items, total })
        }
        Ask::BrowseHost { path, page } => {
            let workshop = Arc::clone(&inner.workshop);
            let (items, total) = inner.desk.ask(patience, move || workshop.host_folder(&path, &page)).await?;
            Ok(Answer::Folder { items, total })
        }
        Ask::Find { repository, name, limit } => {
            let look = move |workshop: &Workshop, repository: &_, secrets: &_| {
                workshop.find_items(repository, secrets, &name, limit as usize)
            };
            let (hits, truncated) = within(inner, patience, repository, look).await?;
            Ok(Answer::Found { hits, truncated })
        }
        Ask::Versions { repository, path } => {
            let look = move |workshop: &Workshop, repository: &_, secrets: &_| {
                workshop.versions(repository, secrets, &path)
            };
            Ok(Answer::Versions { versions: within(inner, patience, repository, look).await? })
        }
        Ask::Compare { repository, from, to, limit } => {
            let look = move |workshop: &Workshop, repository: &_, secrets: &_| {
                workshop.compare(repository, secrets, (&from, &to), limit as usize)
            };
            Ok(Answer::Compared { comparison: within(inner, patience, repository, look).await? })
        }
        Ask::Tag { repository, snapshot, add, remove } => {
            let change = move |workshop: &Workshop, repository: &_, secrets: &_| {
                workshop.tag(repository, secrets, &snapshot, (&add, &remove))
            };
            Ok(Answer::Tagged { snapshot: within(inner, patience, repository, change).await? })
        }
        Ask::Send { repository, snapshot, paths, form, transfer } => {
            let take = move |workshop: &Workshop, repository: &_, secrets: &_| {
                workshop.extract(repository, secrets, &snapshot, &paths, form)
            };
            let place = inner.sender.place()?;
            let extract = within(inner, patience, repository, take).await?;
            let (name, length) = (extract.name().to_owned(), extract.length());
            inner.sender.send(place, inner.identity.id, transfer, extract)?;
            Ok(Answer::Sending { name, length })
        }
        Ask::Forget { repository, snapshot } => {
            let change = move |workshop: &Workshop, repository: &_, secrets: &_| {
                workshop.forget(repository, secrets, &snapshot)
            };
            within(inner, patience, repository, change).await?;
            inner.followers.changed();
            Ok(Answer::Done)
        }
    }
}

/// Does something with a repository that takes no run.
async fn within<T: Send + 'static>(
    inner: &Arc<Inner>,
    patience: Duration,
    repository: SealedRepository,
    what: impl FnOnce(&Workshop, &SealedRepository, &Opened) -> Result<T, WorkError> + Send + 'static,
) -> Result<T, CommandError> {
    let (workshop, secrets) = (Arc::clone(&inner.workshop), inner.open_repository(&repository)?);
    inner.desk.ask(patience, move || what(&workshop, &repository, &secrets)).await
}

/// Pauses, resumes or cancels a run: the state first, so that it shows at once, then the work.
async fn steer(inner: &Arc<Inner>, run: RunId, event: Event, by: &str) -> Result<Answer, CommandError> {
    let changed = match inner.steward.apply(run, event, Note::by(by)).await {
        Ok(run) => run,
        Err(SteerError::NoSuchRun(run)) => {
            return Err(refusal(Refusal::NotFound, &format!("this node has no run {run}")));
        }
        Err(error @ SteerError::Refused(_)) => return Err(refusal(Refusal::Conflict, &error.to_string())),
        Err(error) => return Err(refusal(Refusal::Failed, &error.to_string())),
    };
    if changed.intent.is_some() {
        if let Some(active) = inner.active.get(run) {
            active.stop(active::Stop::Asked);
        }
    } else if changed.state == RunState::Cancelled {
        inner.discard(&changed).await;
    }
    inner.wake.notify_one();
    Ok(Answer::Done)
}

async fn run_plan(
    inner: &Arc<Inner>,
    plan: PlanId,
    kind: RunKind,
    guard: bool,
    ids: &[RunId],
    by: String,
) -> Result<Answer, CommandError> {
    let configuration = inner.configuration();
    let plan = find(&configuration, plan)?;
    let trigger = if guard { Trigger::Guard } else { Trigger::Manual };
    let occasion = Occasion { trigger, requested_by: Some(by), due: None };
    let clerk = inner.clerk();
    if kind.is_scheduled() && kind != plan.spec.kind() {
        let text =
            format!("the plan has no {} to make: it is one for a {}", kind.name(), plan.spec.kind().name());
        return Err(refusal(Refusal::Invalid, &text));
    }
    let orders: Vec<_> = match kind {
        RunKind::Backup => {
            if ids.len() != plan.sources.len() {
                let text = "the sources of the plan have changed meanwhile; try again";
                return Err(refusal(Refusal::Conflict, text));
            }
            let each = ids.iter().zip(&plan.sources);
            each.map(|(id, source)| clerk.backup(*id, plan, source, &configuration, &occasion)).collect()
        }
        RunKind::Copy => {
            if plan.from.is_none() {
                let text = "what the plan copies from is not known to this node yet; try again";
                return Err(refusal(Refusal::Conflict, text));
            }
            let ids = ids.iter().take(1);
            ids.map(|id| clerk.copy(*id, plan, &configuration, &occasion)).collect()
        }
        RunKind::Verify | RunKind::Prune => {
            let ids = ids.iter().take(1);
            ids.map(|id| clerk.upkeep(*id, kind, plan, &configuration, &occasion)).collect()
        }
        RunKind::Restore => return Err(refusal(Refusal::Invalid, "a restore needs a snapshot and a target")),
    };
    queue(inner, orders).await
}

async fn restore(
    inner: &Arc<Inner>,
    run: RunId,
    project: ProjectId,
    repository: SealedRepository,
    (request, connection): (RestoreRequest, Option<SealedConnection>),
    by: String,
) -> Result<Answer, CommandError> {
    request.validate().map_err(|error| refusal(Refusal::Invalid, &error.to_string()))?;
    inner.open_repository(&repository)?;
    let occasion = Occasion { trigger: Trigger::Manual, requested_by: Some(by), due: None };
    let source = request.instance.map(|id| find_source(&inner.configuration(), project, id)).transpose()?;
    if let (Some(into), None) = (&request.into, &connection)
        && into.connection().is_some()
    {
        let text =
            format!("the connection of type {} that is restored into did not come along", into.type_name());
        return Err(refusal(Refusal::Invalid, &text));
    }
    let order = inner.clerk().restore(run, project, repository, request, (source, connection), &occasion);
    queue(inner, vec![order]).await
}

/// Queues runs that somebody asked for: all of them or none.
async fn queue(
    inner: &Arc<Inner>,
    orders: Vec<(backstay_model::Run, Order)>,
) -> Result<Answer, CommandError> {
    let clerk = inner.clerk();
    let new = orders.into_iter().map(|(run, order)| {
        let by = run.requested_by.as_deref().unwrap_or("somebody");
        let text = match run.trigger {
            Trigger::Guard => format!("queued: asked for by {by}, before a critical operation"),
            _ => format!("queued: asked for by {by}"),
        };
        clerk.queued(run, &order, &text)
    });
    let new: Vec<_> = new.collect();
    let stored = inner.store.queue(&new, Handled::Nothing).await;
    stored.map_err(|error| refusal(Refusal::Failed, &error.to_string()))?;
    inner.news.notify_waiters();
    inner.wake.notify_one();
    Ok(Answer::Queued { runs: new.iter().map(|new| new.run.id).collect() })
}

fn find_source(
    configuration: &NodeConfiguration,
    project: ProjectId,
    id: SourceId,
) -> Result<NodeSource, CommandError> {
    let plans = configuration.plans.iter().filter(|plan| plan.project == project);
    let found = plans.flat_map(|plan| &plan.sources).find(|source| source.named.id == id).cloned();
    found.ok_or_else(|| {
        refusal(Refusal::NotFound, "no plan with sources on this node has that source; add it to one")
    })
}

fn find(configuration: &NodeConfiguration, id: PlanId) -> Result<&NodePlan, CommandError> {
    let found = configuration.plans.iter().find(|plan| plan.id == id);
    found.ok_or_else(|| refusal(Refusal::NotFound, "the plan has not reached this node yet; try again"))
}

/// How long an answer may take: it comes before nobody waits for it any more.
fn patience(expires: Time, now: Time) -> Duration {
    let left = Duration::try_from(expires.duration_since(now)).unwrap_or_default();
    left.saturating_sub(MARGIN).clamp(SHORTEST, LONGEST)
}

/// How a failure of the work is told to who asked.
pub(crate) fn told(error: &WorkError) -> CommandError {
    let kind = match error.class() {
        Class::Forbidden => Refusal::Forbidden,
        Class::NoRepository | Class::NotFound => Refusal::NotFound,
        Class::Locked => Refusal::Conflict,
        _ => Refusal::Failed,
    };
    let error = error.to_run_error();
    CommandError { kind, message: error.message, hint: error.hint }
}

fn with_hint(error: &WorkError) -> String {
    let error = error.to_run_error();
    match error.hint {
        Some(hint) => format!("{}. {hint}", error.message),
        None => error.message,
    }
}

/// A refusal without a hint.
pub(crate) fn refusal(kind: Refusal, message: &str) -> CommandError {
    CommandError { kind, message: message.to_owned(), hint: None }
}
