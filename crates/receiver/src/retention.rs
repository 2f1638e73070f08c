//! Which archives of a client are removed in time: by age, count and space, never below a minimum.
//!
//! A file and what lies beside it under a longer name (`Data.zip` and `Data.zip.manifest.json`) are one archive: they stay and go
//! together, and count as one.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The rules for one client's archives. What is not set limits nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// Archives that stay whatever the other rules say: the newest so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_at_least: Option<u64>,
    /// Days after which an archive goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age_days: Option<u64>,
    /// How many archives stay at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_count: Option<u64>,
    /// How many bytes stay at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
}

/// A file as the rules see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) modified: Timestamp,
}

/// What is written beside an archive.
const BESIDE: [&str; 3] = [".manifest.json", ".sha256", ".json"];

/// Where nothing is said, one archive always stays.
const KEEP_AT_LEAST: u64 = 1;

impl Retention {
    /// Whether no rule removes anything.
    #[must_use]
    pub const fn is_nothing(&self) -> bool {
        self.max_age_days.is_none()
            && self.max_count.is_none()
            && self.max_bytes.is_none()
            && self.keep_at_least.is_none()
    }

    /// The names of the files that go.
    pub(crate) fn expired(&self, files: Vec<Kept>, now: Timestamp) -> Vec<String> {
        let mut archives = grouped(files);
        // Newest first; names decide between those of one moment, so that the outcome does not depend on the listing.
        archives.sort_by(|a, b| (b.modified, &b.names).cmp(&(a.modified, &a.names)));
        let (mut count, mut bytes, mut full) = (0_u64, 0_u64, false);
        let mut gone = Vec::new();
        for archive in archives {
            let is_old = self.max_age_days.is_some_and(|days| {
                let hours = i64::try_from(days).unwrap_or(i64::MAX).saturating_mul(24).min(1 << 40);
                now.duration_since(archive.modified) > SignedDuration::from_hours(hours)
            });
            let is_many = self.max_count.is_some_and(|most| count >= most);
            // What is older than one that does not fit goes too, or a chain would be left with holes.
            full |= self.max_bytes.is_some_and(|most| bytes.saturating_add(archive.size) > most);
            if count >= self.keep_at_least.unwrap_or(KEEP_AT_LEAST) && (is_old || is_many || full) {
                gone.extend(archive.names);
            } else {
                count += 1;
                bytes = bytes.saturating_add(archive.size);
            }
        }
        gone
    }
}

struct Archive {
    names: Vec<String>,
    size: u64,
    modified: Timestamp,
}

/// Puts files together with what lies beside them.
fn grouped(files: Vec<Kept>) -> Vec<Archive> {
    let all: std::collections::BTreeSet<String> = files.iter().map(|file| file.name.clone()).collect();
    let mut archives = std::collections::BTreeMap::<String, Archive>::new();
    for file in files {
        let main =
            BESIDE.iter().find_map(|end| file.name.strip_suffix(end).filter(|main| all.contains(*main)));
        let key = main.unwrap_or(&file.name).to_owned();
        let empty = Archive { names: Vec::new(), size: 0, modified: Timestamp::MIN };
        let archive = archives.entry(key).or_insert(empty);
        archive.names.push(file.name);
        archive.size = archive.size.saturating_add(file.size);
        archive.modified = archive.modified.max(file.modified);
    }
    archives.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    fn file(name: &str, size: u64, day: i64) -> Kept {
        Kept { name: name.to_owned(), size, modified: Timestamp::from_second(day * DAY).unwrap() }
    }

    fn gone(rules: &Retention, files: &[Kept], day: i64) -> Vec<String> {
        let mut gone = rules.expired(files.to_vec(), Timestamp::from_second(day * DAY).unwrap());
        gone.sort();
        gone
    }

    #[test]
    fn each_rule_removes_the_oldest_and_the_minimum_stays() {
        let files = [file("a", 10, 1), file("b", 10, 2), file("c", 10, 3), file("d", 10, 4)];
        let nothing = Retention::default();
        assert!(gone(&nothing, &files, 1000).is_empty());
        let count = Retention { max_count: Some(2), ..nothing.clone() };
        assert_eq!(gone(&count, &files, 5), ["a", "b"]);
        let age = Retention { max_age_days: Some(2), ..nothing.clone() };
        assert_eq!(gone(&age, &files, 5), ["a", "b"]);
        assert_eq!(gone(&age, &files, 1000), ["a", "b", "c"], "the newest stays");
        let space = Retention { max_bytes: Some(25), ..nothing.clone() };
        assert_eq!(gone(&space, &files, 5), ["a", "b"]);
        let minimum = Retention { max_bytes: Some(1), max_count: Some(0), keep_at_least: Some(3), ..nothing };
        assert_eq!(gone(&minimum, &files, 1000), ["a"]);
    }

    #[test]
    fn a_file_and_its_manifest_are_one() {
        let files = [
            file("x/a.zip", 10, 1),
            file("x/a.zip.manifest.json", 1, 9),
            file("b.zip", 10, 2),
            file("b.zip.manifest.json", 1, 2),
            file("lonely.manifest.json", 1, 3),
        ];
        let one = Retention { max_count: Some(1), ..Retention::default() };
        assert_eq!(gone(&one, &files, 10), ["b.zip", "b.zip.manifest.json", "lonely.manifest.json"]);
    }

    #[test]
    fn absurd_numbers_remove_nothing_by_themselves() {
        let rules =
            Retention { max_age_days: Some(u64::MAX), max_count: Some(u64::MAX), ..Retention::default() };
        assert!(gone(&rules, &[file("a", u64::MAX, 0), file("b", u64::MAX, 0)], 100).is_empty());
    }
}
