//! How many runs there are, counted as they come, so that nobody ever counts them all.
//!
//! A run counts once for its project, its plan, its source, its node and each of its destinations, and once for each two of the
//! latter together, on the UTC day it was asked for, by kind and state. Sums so take a few hundred rows, however many runs
//! there are. The project is part of each count: what a node says of another project's plan does not count there.

use std::collections::{BTreeMap, BTreeSet};

use backstay_model::{Run, Time};

use crate::Result;
use crate::database::Change;
use crate::row::{Composed, micros};

/// Microseconds of a day.
pub(super) const DAY: i64 = 86_400_000_000;

/// Rows stored by one statement.
const ROWS: usize = 50;

/// The UTC day of a moment, from 1970 on.
pub(super) fn day(time: Time) -> i64 {
    micros(time).div_euclid(DAY)
}

/// What is to be added to the tallies, in their order: so two transactions never wait for each other.
#[derive(Default)]
pub(super) struct Tallies(BTreeMap<(String, &'static str, &'static str, i64, String), i64>);

impl Tallies {
    /// Counts a run in, or out by a `weight` of -1.
    pub(super) fn count(&mut self, run: &Run, weight: i64) {
        let plan = run.plan.as_ref().map(|plan| plan.id.to_string());
        let source = run.source.as_ref().map(|source| source.id.to_string());
        let others: Vec<String> = [plan, source, Some(run.node.to_string())].into_iter().flatten().collect();
        let destinations: BTreeSet<String> = run.destinations.iter().map(|it| it.id.to_string()).collect();

        let mut subjects = BTreeSet::from([run.project.to_string()]);
        for (place, one) in others.iter().enumerate() {
            let rest = others.iter().skip(place + 1);
            subjects.extend(rest.chain(&destinations).map(|other| pair(one, other)));
        }
        subjects.extend(others);
        subjects.extend(destinations);
        for subject in subjects {
            let key = (subject, run.kind.name(), run.state.name(), day(run.created), run.project.to_string());
            *self.0.entry(key).or_default() += weight;
        }
    }

    /// Stores what has changed.
    pub(super) async fn store(self, change: &mut Change) -> Result<()> {
        let changed: Vec<_> = self.0.into_iter().filter(|(_, weight)| *weight != 0).collect();
        for part in changed.chunks(ROWS) {
            let mut query =
                Composed::new("INSERT INTO run_tallies (subject, kind, state, day, project, runs) VALUES ");
            for (place, ((subject, kind, state, day, project), weight)) in part.iter().enumerate() {
                query.push(if place == 0 { "(" } else { ", (" }).text(subject).push(", ").text(*kind);
                query.push(", ").text(*state).push(", ").int(*day).push(", ").text(project);
                query.push(", ").int(*weight).push(")");
            }
            query.push(" ON CONFLICT (subject, kind, state, day, project) DO UPDATE SET runs = run_tallies.runs + excluded.runs");
            query.query().execute(&mut **change).await?;
        }
        Ok(())
    }
}

/// The subject that two things are together.
pub(super) fn pair(one: &str, other: &str) -> String {
    if one < other { format!("{one}+{other}") } else { format!("{other}+{one}") }
}
