//! Groups of snapshots that a retention rule is applied to one by one.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::SnapshotFacts;

/// By what snapshots are grouped, written `host,paths,tags`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct GroupBy {
    /// By the host they were made on.
    pub host: bool,
    /// By the set of paths that was backed up.
    pub paths: bool,
    /// By the set of tags.
    pub tags: bool,
}

impl GroupBy {
    /// By host and paths: what forgetting and finding a parent use unless told otherwise.
    pub const HOST_AND_PATHS: Self = Self { host: true, paths: true, tags: false };

    /// Whether everything is one group.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        !(self.host || self.paths || self.tags)
    }
}

/// A word that names nothing to group by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown grouping option: {0:?}; use host, paths and tags")]
pub struct GroupByError(String);

impl FromStr for GroupBy {
    type Err = GroupByError;

    fn from_str(text: &str) -> Result<Self, GroupByError> {
        let mut by = Self::default();
        for word in text.split(',') {
            match word {
                "host" | "hosts" => by.host = true,
                "path" | "paths" => by.paths = true,
                "tag" | "tags" => by.tags = true,
                "" => {}
                other => return Err(GroupByError(other.to_owned())),
            }
        }
        Ok(by)
    }
}

impl fmt::Display for GroupBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [(self.host, "host"), (self.paths, "paths"), (self.tags, "tags")];
        let chosen: Vec<_> = words.into_iter().filter_map(|(on, word)| on.then_some(word)).collect();
        f.write_str(&chosen.join(","))
    }
}

/// What the snapshots of a group have in common; what was not grouped by is empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct GroupKey {
    /// Their host.
    pub host: String,
    /// Their paths, sorted.
    pub paths: Option<Vec<String>>,
    /// Their tags, sorted.
    pub tags: Option<Vec<String>>,
}

impl fmt::Display for GroupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if !self.host.is_empty() {
            parts.push(format!("host {}", self.host));
        }
        if let Some(paths) = self.paths.as_ref().filter(|paths| !paths.is_empty()) {
            parts.push(format!("path [{}]", paths.join(" ")));
        }
        if let Some(tags) = self.tags.as_ref().filter(|tags| !tags.is_empty()) {
            parts.push(format!("tags [{}]", tags.join(" ")));
        }
        f.write_str(&parts.join(", "))
    }
}

/// Divides snapshots into groups, in the order of their keys.
#[must_use]
pub fn group<Id>(
    snapshots: Vec<SnapshotFacts<Id>>,
    by: GroupBy,
) -> BTreeMap<GroupKey, Vec<SnapshotFacts<Id>>> {
    let mut groups = BTreeMap::<GroupKey, Vec<_>>::new();
    for snapshot in snapshots {
        let key = GroupKey {
            host: if by.host { snapshot.host.clone() } else { String::new() },
            paths: by.paths.then(|| sorted(&snapshot.paths)).flatten(),
            tags: by.tags.then(|| sorted(&snapshot.tags)).flatten(),
        };
        groups.entry(key).or_default().push(snapshot);
    }
    groups
}

/// `None` for an empty set: a snapshot without tags does not write them down.
fn sorted(names: &[String]) -> Option<Vec<String>> {
    let mut names = names.to_vec();
    names.sort_unstable();
    (!names.is_empty()).then_some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(id: u32, host: &str, paths: &[&str], tags: &[&str]) -> SnapshotFacts<u32> {
        let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        SnapshotFacts { id, host: host.into(), paths: owned(paths), tags: owned(tags), ..Default::default() }
    }

    #[test]
    fn the_words_are_read() {
        assert_eq!("host,paths".parse(), Ok(GroupBy::HOST_AND_PATHS));
        assert_eq!("tag,hosts,path".parse::<GroupBy>().unwrap().to_string(), "host,paths,tags");
        assert!("".parse::<GroupBy>().unwrap().is_none());
        assert!("Host".parse::<GroupBy>().is_err());
    }

    #[test]
    fn the_order_of_paths_and_tags_does_not_matter() {
        let all = vec![
            snapshot(1, "a", &["/x", "/y"], &["t", "s"]),
            snapshot(2, "a", &["/y", "/x"], &["s", "t"]),
            snapshot(3, "b", &["/x"], &[]),
        ];
        let by = GroupBy { host: true, paths: true, tags: true };
        let groups = group(all, by);
        let ids: Vec<Vec<u32>> = groups.values().map(|g| g.iter().map(|s| s.id).collect()).collect();
        assert_eq!(ids, [vec![1, 2], vec![3]]);
        let first = groups.keys().next().unwrap();
        assert_eq!(first.to_string(), "host a, path [/x /y], tags [s t]");
    }

    #[test]
    fn without_grouping_there_is_one_group() {
        let all = vec![snapshot(1, "a", &["/x"], &[]), snapshot(2, "b", &["/y"], &["t"])];
        assert_eq!(group(all, GroupBy::default()).len(), 1);
    }
}
