//! Which snapshots a command is about: by host, tags and paths.

use std::fmt;
use std::str::FromStr;

use crate::SnapshotFacts;

/// Tags that belong together, written `one,two`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct TagList(pub Vec<String>);

impl FromStr for TagList {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.split(',').map(|tag| tag.trim().to_owned()).collect()))
    }
}

impl fmt::Display for TagList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]", self.0.join(", "))
    }
}

impl TagList {
    /// Whether a snapshot with these tags has all of the list. An empty tag stands for "no tags at all".
    #[must_use]
    pub fn all_in(&self, tags: &[String]) -> bool {
        for tag in &self.0 {
            if tag.is_empty() && tags.is_empty() {
                return true;
            }
            if !tags.contains(tag) {
                return false;
            }
        }
        true
    }

    /// All tags of several lists but the empty ones.
    #[must_use]
    pub fn flatten(lists: &[Self]) -> Vec<String> {
        lists.iter().flat_map(|list| &list.0).filter(|tag| !tag.is_empty()).cloned().collect()
    }
}

/// Written as `one,two`.
impl serde::Serialize for TagList {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.join(","))
    }
}

impl<'de> serde::Deserialize<'de> for TagList {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::text_form::read(deserializer, "tags such as \"one,two\"")
    }
}

#[cfg(feature = "schema")]
impl utoipa::PartialSchema for TagList {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some("tags that belong together, such as \"one,two\""))
            .into()
    }
}

#[cfg(feature = "schema")]
impl utoipa::ToSchema for TagList {}

/// A choice of snapshots. What is empty does not restrict.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SnapshotFilter {
    /// Any of these hosts.
    pub hosts: Vec<String>,
    /// All tags of any of these lists.
    pub tags: Vec<TagList>,
    /// All of these paths.
    pub paths: Vec<String>,
}

impl SnapshotFilter {
    /// Whether it lets everything through.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hosts.is_empty() && self.tags.is_empty() && self.paths.is_empty()
    }

    /// Whether a snapshot is chosen.
    #[must_use]
    pub fn matches<Id>(&self, snapshot: &SnapshotFacts<Id>) -> bool {
        self.matches_parts(&snapshot.host, &snapshot.tags, &snapshot.paths)
    }

    /// As [`SnapshotFilter::matches`], for those who hold the parts.
    #[must_use]
    pub fn matches_parts(&self, host: &str, tags: &[String], paths: &[String]) -> bool {
        (self.hosts.is_empty() || self.hosts.iter().any(|wanted| wanted == host))
            && (self.tags.is_empty() || self.tags.iter().any(|list| list.all_in(tags)))
            && self.paths.iter().all(|path| paths.contains(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_list_wants_all_its_tags() {
        let list: TagList = "a, b".parse().unwrap();
        assert!(list.all_in(&tags(&["b", "c", "a"])));
        assert!(!list.all_in(&tags(&["a"])));
        assert_eq!(list.to_string(), "[a, b]");
    }

    #[test]
    fn the_empty_tag_finds_the_untagged() {
        let list: TagList = "".parse().unwrap();
        assert!(list.all_in(&[]));
        assert!(!list.all_in(&tags(&["a"])));
    }

    #[test]
    fn filters_join_hosts_by_or_and_paths_by_and() {
        let filter = SnapshotFilter {
            hosts: tags(&["h1", "h2"]),
            tags: vec!["x,y".parse().unwrap(), "z".parse().unwrap()],
            paths: tags(&["/a", "/b"]),
        };
        assert!(filter.matches_parts("h2", &tags(&["z"]), &tags(&["/b", "/a", "/c"])));
        assert!(!filter.matches_parts("h3", &tags(&["z"]), &tags(&["/b", "/a"])));
        assert!(!filter.matches_parts("h1", &tags(&["x"]), &tags(&["/b", "/a"])));
        assert!(!filter.matches_parts("h1", &tags(&["z"]), &tags(&["/b"])));
    }
}
