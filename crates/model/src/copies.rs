//! Copies: what a plan copies from one destination to others.

use backstay_policy::SnapshotFacts;
use backstay_policy::point_in_time::is_piece;
use serde::{Deserialize, Serialize};

use crate::{DestinationId, Invalid, NodeId, PlanId};

/// What a copy plan copies. Lists that are left out leave a property open; a snapshot has to fit all that are there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CopySpec {
    /// The destination that is copied from.
    pub from: DestinationId,
    /// The node that copies. Where each node has a repository of its own there and this is left out, each of them copies its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeId>,
    /// Only snapshots of any of these plans.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plans: Vec<PlanId>,
    /// Only snapshots of any of these hosts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// Only snapshots that have any of these paths among theirs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// Only snapshots that have any of these tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Whether clean-ups also remove the copies of what is gone from where it was copied.
    #[serde(default)]
    pub mirror: bool,
}

impl CopySpec {
    /// Everything there is at a destination.
    #[must_use]
    pub const fn of(from: DestinationId) -> Self {
        Self {
            from,
            node: None,
            plans: Vec::new(),
            hosts: Vec::new(),
            paths: Vec::new(),
            tags: Vec::new(),
            mirror: false,
        }
    }

    /// Whether a snapshot is to be copied. Pieces of a log never are: what is kept of copies is counted by backups, and would break their chain.
    #[must_use]
    pub fn takes<Id>(&self, snapshot: &SnapshotFacts<Id>) -> bool {
        fn any<T>(wanted: &[T], has: impl FnMut(&T) -> bool) -> bool {
            wanted.is_empty() || wanted.iter().any(has)
        }
        !is_piece(&snapshot.tags)
            && any(&self.plans, |plan| snapshot.tags.contains(&plan.tag()))
            && any(&self.hosts, |host| snapshot.host == *host)
            && any(&self.paths, |path| snapshot.paths.contains(path))
            && any(&self.tags, |tag| snapshot.tags.contains(tag))
    }

    /// Whether it makes sense with these destinations.
    pub(crate) fn validate(&self, destinations: &[DestinationId]) -> Result<(), Invalid> {
        if let Some(place) = destinations.iter().position(|destination| *destination == self.from) {
            let why = "what is copied from cannot be copied to; name another destination";
            return Err(Invalid::new(format!("destinations[{place}]"), why));
        }
        for (field, list) in [("hosts", &self.hosts), ("paths", &self.paths), ("tags", &self.tags)] {
            if let Some(place) = list.iter().position(|text| text.trim().is_empty()) {
                return Err(Invalid::new(format!("copy.{field}[{place}]"), "it must not be empty"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use backstay_policy::Moment;

    use super::*;

    const ID: &str = "01900000-0000-7000-8000-000000000001";

    #[test]
    fn a_snapshot_has_to_fit_every_list_that_is_there() {
        let plan: PlanId = ID.parse().unwrap();
        let snapshot = SnapshotFacts {
            id: (),
            time: Moment { seconds: 0, nanos: 0, offset: 0 },
            host: "office".to_owned(),
            paths: vec!["/home".to_owned(), "/srv".to_owned()],
            tags: vec!["weekly".to_owned(), plan.tag()],
        };
        let all = CopySpec::of(ID.parse().unwrap());
        let list = |text: &str| vec!["other".to_owned(), text.to_owned()];
        assert!(all.takes(&snapshot));
        let piece = SnapshotFacts {
            tags: vec![plan.tag(), "log-piece:1.1:2.1:3".to_owned()],
            paths: snapshot.paths.clone(),
            host: snapshot.host.clone(),
            ..snapshot
        };
        assert!(!all.takes(&piece), "a piece of a log is no backup");
        let fits = CopySpec {
            plans: vec![plan],
            hosts: list("office"),
            paths: list("/srv"),
            tags: list("weekly"),
            ..all
        };
        assert!(fits.takes(&snapshot));
        let other: PlanId = "01900000-0000-7000-8000-000000000002".parse().unwrap();
        for misses in [
            CopySpec { plans: vec![other], ..fits.clone() },
            CopySpec { hosts: list("home"), ..fits.clone() },
            CopySpec { paths: list("/home/me"), ..fits.clone() },
            CopySpec { tags: list("daily"), ..fits.clone() },
        ] {
            assert!(!misses.takes(&snapshot), "{misses:?}");
        }
    }
}
