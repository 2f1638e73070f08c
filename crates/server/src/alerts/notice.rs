//! What people are told.

use backstay_catalog::{Happening, RunFilter};
use backstay_model::run::{Named, RunKind};
use backstay_model::{NodeId, PlanId, ProjectId, Run, RunId, RunState, Time};
use serde::{Deserialize, Serialize};

use crate::problem::Problem;
use crate::reports::{self, Figures, Summary};
use crate::state::AppState;

/// What kind of news it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NoticeKind {
    /// A run failed.
    Failed,
    /// A run that should have been was not.
    Missed,
    /// A node is silent, or needs somebody to see to it.
    Trouble,
    /// A run completed, and not all of it went well.
    Warning,
    /// A plan's run completed after one that had failed.
    Recovered,
    /// A span of time is over: what backups did in it.
    Summary,
}

/// News for people. It holds no content of backups or logs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Notice {
    /// What kind of news it is.
    pub(crate) kind: NoticeKind,
    /// It in a line.
    pub(crate) title: String,
    /// Why.
    pub(crate) reason: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
    /// Where to see more.
    pub(crate) link: String,
    /// When it was known.
    pub(crate) time: Time,
    /// The project it concerns.
    pub(crate) project: Named<ProjectId>,
    /// The node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) node: Option<Named<NodeId>>,
    /// The plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) plan: Option<Named<PlanId>>,
    /// The run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) run: Option<RunId>,
    /// The numbers of a summary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) summary: Option<Summary>,
}

impl NoticeKind {
    const fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Missed => "missed",
            Self::Trouble => "trouble",
            Self::Warning => "warning",
            Self::Recovered => "recovered",
            Self::Summary => "summary",
        }
    }
}

impl Notice {
    /// The subject of a mail about it.
    pub(crate) fn subject(&self) -> String {
        let line: String = self.title.replace(char::is_control, " ").chars().take(150).collect();
        format!("[Backstay] {}: {line}", self.kind.word())
    }

    /// The text of a mail about it.
    pub(crate) fn mail(&self) -> String {
        let mut text = format!("{}.\n\n{}\n", self.title, self.reason);
        if let Some(hint) = &self.hint {
            text.push_str(&format!("\nWhat to do: {hint}\n"));
        }
        if let Some(summary) = &self.summary {
            text.push_str(&format!("\n{}\n", summary.table()));
        }
        text.push_str(&format!(
            "\nProject: {}\nTime: {:.0}\n\n{}\n",
            self.project.name, self.time, self.link
        ));
        text
    }

    /// A notice by which somebody sees whether notices arrive.
    pub(crate) async fn test(state: &AppState, project: ProjectId) -> Result<Self, Problem> {
        Ok(Self {
            kind: NoticeKind::Recovered,
            title: "This is a test: notices of Backstay arrive".to_owned(),
            reason: "Somebody asked for it. Nothing has happened.".to_owned(),
            hint: None,
            link: state.url.clone(),
            time: state.now(),
            project: project_of(state, project).await?,
            node: None,
            plan: None,
            run: None,
            summary: None,
        })
    }
}

/// What there is to tell of something that happened; nothing when what it is about is gone, or it went well.
pub(crate) async fn of(state: &AppState, happening: &Happening) -> Result<Vec<Notice>, Problem> {
    match happening {
        Happening::RunEnded { run, .. } => match state.store.run(*run).await? {
            Some(run) => of_run(state, &run).await,
            None => Ok(Vec::new()),
        },
        Happening::Missed { project, node, plan, due, more, reason } => {
            let name = state.store.plan(*plan).await?.map_or_else(|| plan.to_string(), |plan| plan.spec.name);
            let also = match more {
                0 => String::new(),
                1 => ", and one time before it".to_owned(),
                more => format!(", and {more} times before it"),
            };
            Ok(vec![Notice {
                kind: NoticeKind::Missed,
                title: format!("Plan {name} did not run at {due:.0}{also}"),
                reason: reason.clone(),
                hint: Some(
                    "see that the node is switched on and reaches the server, or run the plan by hand"
                        .to_owned(),
                ),
                link: format!("{}/plans/{plan}", state.url),
                time: state.now(),
                project: project_of(state, *project).await?,
                node: Some(node_of(state, *node).await?),
                plan: Some(Named { id: *plan, name }),
                run: None,
                summary: None,
            }])
        }
        Happening::Trouble { project, node, text } => {
            let named = node_of(state, *node).await?;
            Ok(vec![Notice {
                kind: NoticeKind::Trouble,
                title: format!("Node {} needs attention", named.name),
                reason: text.clone(),
                hint: None,
                link: format!("{}/nodes/{node}", state.url),
                time: state.now(),
                project: project_of(state, *project).await?,
                node: Some(named),
                plan: None,
                run: None,
                summary: None,
            }])
        }
        Happening::SummaryDue { project, from, until, .. } => {
            let summary = reports::summary(state, &[*project], *from, *until).await?;
            Ok(vec![of_summary(state, *project, summary).await?])
        }
    }
}

async fn of_summary(state: &AppState, project: ProjectId, summary: Summary) -> Result<Notice, Problem> {
    let project = project_of(state, project).await?;
    let Figures { completed, with_errors, failed, cancelled, missed, .. } = summary.total;
    let day = |time: Time| time.strftime("%Y-%m-%d").to_string();
    // The last day is the one before the moment at which it was over.
    let last = summary.to.saturating_sub(jiff::SignedDuration::from_secs(1)).unwrap_or(summary.to);
    let (first, last) = (day(summary.from), day(last));
    let span = if first == last { format!("on {first}") } else { format!("from {first} to {last}") };
    Ok(Notice {
        kind: NoticeKind::Summary,
        title: format!("Backups of {} {span}", project.name),
        reason: format!(
            "{completed} went well, {with_errors} completed with errors, {failed} failed, {cancelled} were cancelled, {missed} \
             were missed. Days are those of UTC."
        ),
        hint: None,
        link: format!("{}/plans", state.url),
        time: summary.to,
        project,
        node: None,
        plan: None,
        run: None,
        summary: Some(summary),
    })
}

async fn of_run(state: &AppState, run: &Run) -> Result<Vec<Notice>, Problem> {
    let mut told: Vec<(NoticeKind, String, String, Option<String>)> = Vec::new();
    match run.state {
        RunState::Failed => {
            let (reason, hint) = match &run.error {
                Some(error) => {
                    let chain = error.chain.iter().map(|cause| format!("\n  because: {cause}"));
                    (error.message.clone() + &chain.collect::<String>(), error.hint.clone())
                }
                None => ("It did not say why; its log tells more.".to_owned(), None),
            };
            told.push((NoticeKind::Failed, "failed".to_owned(), reason, hint));
        }
        RunState::Completed => {
            let errors = run.outcome.as_ref().map_or(0, |outcome| outcome.errors);
            let failed = run.destinations.iter().filter(|it| it.state == RunState::Failed);
            let failed: Vec<_> = failed
                .map(|it| {
                    format!("{} failed: {}", it.name, it.error.as_deref().unwrap_or("no reason was told"))
                })
                .collect();
            if errors > 0 || !failed.is_empty() {
                let mut reasons = failed;
                if errors > 0 {
                    reasons.insert(
                        0,
                        format!("{errors} items could not be read or written; its log names them."),
                    );
                }
                let what = "completed, but not all of it went well".to_owned();
                told.push((NoticeKind::Warning, what, reasons.join("\n"), None));
            }
            if had_failed(state, run).await? {
                let reason = "The run before had failed.".to_owned();
                told.push((NoticeKind::Recovered, "is well again".to_owned(), reason, None));
            }
        }
        RunState::Pending | RunState::Running | RunState::Paused | RunState::Cancelled => {}
    }
    if told.is_empty() {
        return Ok(Vec::new());
    }
    let (project, node) = (project_of(state, run.project).await?, node_of(state, run.node).await?);
    let subject = subject_of(run);
    let notice = |(kind, what, reason, hint)| Notice {
        kind,
        title: format!("{subject} {what} on {}", node.name),
        reason,
        hint,
        link: format!("{}/runs/{}", state.url, run.id),
        time: run.ended.unwrap_or_else(|| state.now()),
        project: project.clone(),
        node: Some(node.clone()),
        plan: run.plan.clone(),
        run: Some(run.id),
        summary: None,
    };
    Ok(told.into_iter().map(notice).collect())
}

/// What ran, as `Backup of home by plan nightly`.
fn subject_of(run: &Run) -> String {
    let mut text = match run.kind {
        RunKind::Backup => "Backup",
        RunKind::Restore => "Restore",
        RunKind::Verify => "Verification",
        RunKind::Prune => "Clean-up",
        RunKind::Copy => "Copy",
    }
    .to_owned();
    if let Some(source) = &run.source {
        text.push_str(&format!(" of {}", source.name));
    }
    if let Some(from) = &run.from {
        text.push_str(&format!(" of {}", from.name));
    }
    if let Some(plan) = &run.plan {
        text.push_str(&format!(" by plan {}", plan.name));
    }
    text
}

/// Whether the run of its kind, plan and source before this one failed.
async fn had_failed(state: &AppState, run: &Run) -> Result<bool, Problem> {
    let Some(plan) = &run.plan else { return Ok(false) };
    let before = RunFilter {
        projects: Some(vec![run.project]),
        kind: Some(run.kind),
        states: vec![RunState::Completed, RunState::Failed],
        plan: Some(plan.id),
        source: run.source.as_ref().map(|source| source.id),
        node: Some(run.node),
        until: Some(run.created),
        ..RunFilter::default()
    };
    let last = state.store.list_runs(&before, None, 1).await?;
    Ok(last.items.first().is_some_and(|last| last.state == RunState::Failed))
}

async fn project_of(state: &AppState, id: ProjectId) -> Result<Named<ProjectId>, Problem> {
    let name = state.store.project(id).await?.map_or_else(|| id.to_string(), |project| project.name);
    Ok(Named { id, name })
}

async fn node_of(state: &AppState, id: NodeId) -> Result<Named<NodeId>, Problem> {
    let name = state.store.node(id).await?.map_or_else(|| id.to_string(), |node| node.name);
    Ok(Named { id, name })
}
