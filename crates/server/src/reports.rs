//! What plans did over some days: the numbers, and a table of them for people.

use std::collections::BTreeMap;
use std::time::Duration;

use backstay_catalog::{ServerStore, Sums};
use backstay_model::run::Named;
use backstay_model::{PlanId, ProjectId, Time};
use serde::{Deserialize, Serialize};

use crate::problem::Problem;
use crate::state::AppState;

/// What backups did over whole days (UTC).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub(crate) struct Summary {
    /// The beginning of the first day.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) from: Time,
    /// The end of the last day.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) to: Time,
    /// Plan by plan, by name. A plan that is gone is there as long as it has numbers.
    pub(crate) plans: Vec<PlanSummary>,
    /// All together.
    pub(crate) total: Figures,
}

/// What the backups of a plan did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub(crate) struct PlanSummary {
    /// The plan; its id stands for its name when it is gone.
    #[schema(inline)]
    pub(crate) plan: Named<PlanId>,
    /// Its project.
    pub(crate) project: ProjectId,
    /// What they did.
    #[serde(flatten)]
    pub(crate) figures: Figures,
    /// When a backup last completed without errors, in the span or before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) last_success: Option<Time>,
    /// When a verification last completed without errors, in the span or before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) last_verify: Option<Time>,
}

/// Numbers of backups.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub(crate) struct Figures {
    /// Completed without errors.
    pub(crate) completed: u64,
    /// Completed, but with items or destinations left out.
    pub(crate) with_errors: u64,
    /// Failed.
    pub(crate) failed: u64,
    /// Cancelled by somebody.
    pub(crate) cancelled: u64,
    /// Should have been, and were not.
    pub(crate) missed: u64,
    /// Bytes of the sources.
    pub(crate) bytes_read: u64,
    /// Bytes added to all destinations, as stored.
    pub(crate) bytes_added: u64,
    /// How long a backup that completed took, in the mean.
    pub(crate) mean_seconds: f64,
    /// How long the longest took.
    pub(crate) longest_seconds: f64,
    /// Bytes of the sources in a second of these backups, in the mean.
    pub(crate) bytes_per_second: u64,
}

impl From<&Sums> for Figures {
    #[allow(clippy::cast_precision_loss)]
    fn from(sums: &Sums) -> Self {
        let runs = sums.completed.saturating_add(sums.incomplete);
        let millis = u64::try_from(sums.time.as_millis()).unwrap_or(u64::MAX);
        Self {
            completed: sums.completed,
            with_errors: sums.incomplete,
            failed: sums.failed,
            cancelled: sums.cancelled,
            missed: sums.missed,
            bytes_read: sums.bytes,
            bytes_added: sums.bytes_added,
            mean_seconds: if runs == 0 { 0.0 } else { millis as f64 / runs as f64 / 1000.0 },
            longest_seconds: sums.longest.as_secs_f64(),
            bytes_per_second: sums.bytes_of_completed.saturating_mul(1000).checked_div(millis).unwrap_or(0),
        }
    }
}

/// What the plans of these projects did on the days that a span touches.
pub(crate) async fn summary(
    state: &AppState,
    projects: &[ProjectId],
    from: Time,
    to: Time,
) -> Result<Summary, Problem> {
    let mut total = Sums::default();
    let mut plans = Vec::new();
    for project in projects {
        let known = state.store.plans(Some(*project)).await?;
        let mut of_plans: BTreeMap<PlanId, _> = state
            .store
            .plan_sums(*project, from, to)
            .await?
            .into_iter()
            .map(|of_plan| (of_plan.plan, of_plan))
            .collect();
        for plan in known {
            let found = of_plans.remove(&plan.id);
            let sums = found.as_ref().map(|found| found.sums.clone()).unwrap_or_default();
            total.add(&sums);
            plans.push(PlanSummary {
                plan: Named { id: plan.id, name: plan.spec.name },
                project: *project,
                figures: Figures::from(&sums),
                last_success: found.as_ref().and_then(|found| found.last_success),
                last_verify: found.as_ref().and_then(|found| found.last_verify),
            });
        }
        for (id, gone) in of_plans.into_iter().filter(|(_, gone)| gone.sums != Sums::default()) {
            total.add(&gone.sums);
            plans.push(PlanSummary {
                plan: Named { id, name: id.to_string() },
                project: *project,
                figures: Figures::from(&gone.sums),
                last_success: gone.last_success,
                last_verify: gone.last_verify,
            });
        }
    }
    plans.sort_by(|one, other| (&one.plan.name, one.plan.id).cmp(&(&other.plan.name, other.plan.id)));
    let (from, to) = ServerStore::whole_days(from, to)?;
    Ok(Summary { from, to, plans, total: Figures::from(&total) })
}

impl Summary {
    /// The numbers as a table that a mail can hold.
    pub(crate) fn table(&self) -> String {
        let heads = ["Plan", "Well", "Errors", "Failed", "Missed", "Read", "Added", "Mean", "Last success"];
        let of = |name: &str, figures: &Figures, last: String| {
            [
                name.replace(char::is_control, " "),
                figures.completed.to_string(),
                figures.with_errors.to_string(),
                figures.failed.to_string(),
                figures.missed.to_string(),
                size(figures.bytes_read),
                size(figures.bytes_added),
                time(Duration::try_from_secs_f64(figures.mean_seconds).unwrap_or_default()),
                last,
            ]
        };
        let last = |plan: &PlanSummary| {
            plan.last_success.map_or_else(|| "never".to_owned(), |at| format!("{at:.0}"))
        };
        let mut rows = vec![heads.map(str::to_owned)];
        rows.extend(self.plans.iter().map(|plan| of(&plan.plan.name, &plan.figures, last(plan))));
        rows.push(of("all together", &self.total, String::new()));
        let width = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..heads.len()).map(width).collect();
        let line = |row: &[String; 9]| {
            let cells = row.iter().zip(&widths).enumerate().map(|(place, (cell, width))| match place {
                // Words begin at the left, numbers end at the right.
                0 | 8 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        rows.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

#[allow(clippy::cast_precision_loss)]
fn size(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = bytes as f64;
    let mut units = units.into_iter();
    let mut unit = units.next().unwrap_or_default();
    for larger in units {
        if value < 1024.0 {
            break;
        }
        (value, unit) = (value / 1024.0, larger);
    }
    if unit == "B" { format!("{value:.0} {unit}") } else { format!("{value:.1} {unit}") }
}

fn time(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{}:{:02} min", seconds / 60, seconds % 60),
        _ => format!("{}:{:02} h", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_means_over_what_completed() {
        let sums = Sums {
            completed: 3,
            incomplete: 1,
            failed: 7,
            bytes: 9_000,
            bytes_of_completed: 8_000,
            time: Duration::from_secs(8),
            longest: Duration::from_secs(5),
            ..Sums::default()
        };
        let figures = Figures::from(&sums);
        assert!((figures.mean_seconds - 2.0).abs() < 1e-9 && (figures.longest_seconds - 5.0).abs() < 1e-9);
        assert_eq!(figures.bytes_per_second, 1000);
        assert_eq!(Figures::from(&Sums::default()), Figures::default());
    }

    #[test]
    fn a_table_keeps_its_columns_whatever_plans_are_called() {
        let id = PlanId(uuid::Uuid::from_u128(7));
        let plan = |name: &str, completed| PlanSummary {
            plan: Named { id, name: name.to_owned() },
            project: ProjectId(uuid::Uuid::from_u128(1)),
            figures: Figures { completed, bytes_read: 3 << 29, mean_seconds: 75.4, ..Figures::default() },
            last_success: Some("2026-03-01T04:05:06Z".parse().unwrap()),
            last_verify: None,
        };
        let summary = Summary {
            from: "2026-02-01T00:00:00Z".parse().unwrap(),
            to: "2026-03-01T00:00:00Z".parse().unwrap(),
            plans: vec![plan("nightly", 28), plan("wörk\nsta\u{7}tion", 1234)],
            total: Figures { completed: 1262, ..Figures::default() },
        };
        let table = summary.table();
        let expected = "\
Plan           Well  Errors  Failed  Missed     Read  Added      Mean  Last success
nightly          28       0       0       0  1.5 GiB    0 B  1:15 min  2026-03-01T04:05:06Z
wörk sta tion  1234       0       0       0  1.5 GiB    0 B  1:15 min  2026-03-01T04:05:06Z
all together   1262       0       0       0      0 B    0 B       0 s";
        assert_eq!(table, expected);
    }
}
