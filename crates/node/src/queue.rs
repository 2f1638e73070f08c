//! Which of the waiting runs may start now.
//!
//! Pure: runs in, choices out. A node executes a bounded number of runs at once. Two runs that use the same repository may run
//! beside each other only where the table [`may_run_beside`] says so; it follows the table of locks in ARCHITECTURE.md, so that no
//! run starts only to find the repository locked by its neighbour.

use backstay_model::limits::Priority;
use backstay_model::{RepositoryId, Run, RunId, RunKind, RunState, Time};

/// Whether two runs may use one repository at the same time.
///
/// | | backup, copy | restore | verify | prune |
/// |---|---|---|---|---|
/// | **backup, copy** (from it or to it) | yes | yes | no | no |
/// | **restore** | yes | yes | no | no |
/// | **verify** | no | no | no | no |
/// | **prune** | no | no | no | no |
#[must_use]
pub const fn may_run_beside(one: RunKind, other: RunKind) -> bool {
    const fn shares(kind: RunKind) -> bool {
        matches!(kind, RunKind::Backup | RunKind::Copy | RunKind::Restore)
    }
    shares(one) && shares(other)
}

/// What the queue needs to know about a run that has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Which.
    pub id: RunId,
    /// What it does.
    pub kind: RunKind,
    /// Where it stands.
    pub state: RunState,
    /// The repositories that it still has to use.
    pub repositories: Vec<RepositoryId>,
    /// Which goes first.
    pub priority: Priority,
    /// When it was asked for.
    pub created: Time,
    /// Not before this moment.
    pub not_before: Option<Time>,
}

impl Ticket {
    /// The ticket of a run.
    #[must_use]
    pub fn of(run: &Run) -> Self {
        let left = run.destinations.iter().filter(|destination| !destination.state.is_final());
        let from = run.from.as_ref().map(|from| from.repository);
        Self {
            id: run.id,
            kind: run.kind,
            state: run.state,
            repositories: left.map(|destination| destination.repository).chain(from).collect(),
            priority: run.priority,
            created: run.created,
            not_before: run.waiting.as_ref().and_then(|waiting| waiting.next_try),
        }
    }

    fn stands_in_the_way_of(&self, other: &Self) -> bool {
        !may_run_beside(self.kind, other.kind)
            && self.repositories.iter().any(|repository| other.repositories.contains(repository))
    }
}

/// What becomes of a pending run now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// It starts.
    Start(RunId),
    /// It waits, for this reason.
    Hold(RunId, Hold),
}

/// Why a run does not start yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// As many run as may.
    PoolIsFull,
    /// Another run uses a repository that it needs for itself, or the other way round.
    Behind(RunId),
    /// Its next try is later.
    NotYet(Time),
}

/// Decides over all runs that have not ended. At most `pool` run at once.
///
/// A run never overtakes one that came before it and needs the same repository: else a prune would wait for ever behind a
/// stream of backups.
#[must_use]
pub fn choose(tickets: &[Ticket], pool: usize, now: Time) -> Vec<Choice> {
    let of_state = |state| tickets.iter().filter(move |ticket| ticket.state == state);
    let mut running: Vec<&Ticket> = of_state(RunState::Running).collect();
    let mut waiting: Vec<&Ticket> = of_state(RunState::Pending).collect();
    waiting.sort_by_key(|ticket| (std::cmp::Reverse(ticket.priority), ticket.created, ticket.id));

    let mut ahead: Vec<&Ticket> = Vec::new();
    let mut choices = Vec::new();
    for ticket in waiting {
        let in_the_way = running.iter().chain(&ahead).find(|other| other.stands_in_the_way_of(ticket));
        let hold = match (ticket.not_before.filter(|time| *time > now), in_the_way) {
            // What cannot start for its own reasons holds nobody up.
            (Some(time), _) => {
                choices.push(Choice::Hold(ticket.id, Hold::NotYet(time)));
                continue;
            }
            (None, Some(other)) => Hold::Behind(other.id),
            (None, None) if running.len() >= pool.max(1) => Hold::PoolIsFull,
            (None, None) => {
                running.push(ticket);
                choices.push(Choice::Start(ticket.id));
                continue;
            }
        };
        ahead.push(ticket);
        choices.push(Choice::Hold(ticket.id, hold));
    }
    choices
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(number: u8) -> RunId {
        format!("00000000-0000-7000-8000-0000000000{number:02x}").parse().unwrap()
    }

    fn repository(number: u8) -> RepositoryId {
        format!("00000000-0000-7000-9000-0000000000{number:02x}").parse().unwrap()
    }

    fn at(second: i64) -> Time {
        Time::from_second(second).unwrap()
    }

    fn ticket(number: u8, kind: RunKind, state: RunState, repositories: &[u8]) -> Ticket {
        Ticket {
            id: id(number),
            kind,
            state,
            repositories: repositories.iter().map(|number| repository(*number)).collect(),
            priority: Priority::Normal,
            created: at(i64::from(number)),
            not_before: None,
        }
    }

    #[test]
    fn backups_share_a_repository_and_a_prune_waits_for_them_and_holds_later_ones() {
        let tickets = [
            ticket(1, RunKind::Backup, RunState::Running, &[1]),
            ticket(2, RunKind::Backup, RunState::Pending, &[1]),
            ticket(3, RunKind::Prune, RunState::Pending, &[1]),
            ticket(4, RunKind::Backup, RunState::Pending, &[1]),
            ticket(5, RunKind::Prune, RunState::Pending, &[2]),
        ];
        assert_eq!(
            choose(&tickets, 8, at(100)),
            [
                Choice::Start(id(2)),
                Choice::Hold(id(3), Hold::Behind(id(1))),
                Choice::Hold(id(4), Hold::Behind(id(3))),
                Choice::Start(id(5)),
            ]
        );
    }

    #[test]
    fn the_pool_is_bounded_and_the_urgent_go_first() {
        let mut tickets = [
            ticket(1, RunKind::Backup, RunState::Running, &[1]),
            ticket(2, RunKind::Backup, RunState::Pending, &[2]),
            ticket(3, RunKind::Backup, RunState::Pending, &[3]),
        ];
        tickets[2].priority = Priority::High;
        assert_eq!(
            choose(&tickets, 2, at(100)),
            [Choice::Start(id(3)), Choice::Hold(id(2), Hold::PoolIsFull)]
        );
    }

    #[test]
    fn who_waits_for_its_next_try_holds_nobody_up() {
        let mut tickets = [
            ticket(1, RunKind::Prune, RunState::Pending, &[1]),
            ticket(2, RunKind::Backup, RunState::Pending, &[1]),
        ];
        tickets[0].not_before = Some(at(200));
        assert_eq!(
            choose(&tickets, 2, at(100)),
            [Choice::Hold(id(1), Hold::NotYet(at(200))), Choice::Start(id(2))]
        );
        assert_eq!(choose(&tickets, 2, at(200))[0], Choice::Start(id(1)));
    }

    proptest! {
        #[test]
        fn what_starts_fits_what_runs(
            runs in prop::collection::vec((0usize..4, any::<bool>(), prop::collection::vec(0u8..4, 0..3)), 0..12),
            pool in 1usize..5,
        ) {
            let tickets: Vec<Ticket> = runs.iter().enumerate().map(|(number, (kind, waits, used))| {
                let state = if *waits { RunState::Pending } else { RunState::Running };
                ticket(number as u8, RunKind::ALL[*kind], state, used)
            }).collect();
            let started: Vec<&Ticket> = choose(&tickets, pool, at(100)).iter().filter_map(|choice| match choice {
                Choice::Start(id) => tickets.iter().find(|ticket| ticket.id == *id),
                Choice::Hold(..) => None,
            }).collect();
            let running: Vec<&Ticket> =
                tickets.iter().filter(|ticket| ticket.state == RunState::Running).collect();
            prop_assert!(started.is_empty() || running.len() + started.len() <= pool);
            for (place, ticket) in started.iter().enumerate() {
                for other in running.iter().chain(&started[..place]) {
                    prop_assert!(!other.stands_in_the_way_of(ticket));
                }
            }
        }

        #[test]
        fn somebody_starts_when_nobody_runs(
            kinds in prop::collection::vec((0usize..4, prop::collection::vec(0u8..4, 0..3)), 1..12),
        ) {
            let tickets: Vec<Ticket> = kinds.iter().enumerate()
                .map(|(number, (kind, used))| ticket(number as u8, RunKind::ALL[*kind], RunState::Pending, used))
                .collect();
            let starts = choose(&tickets, 2, at(100)).iter().any(|choice| matches!(choice, Choice::Start(_)));
            prop_assert!(starts);
        }
    }
}
