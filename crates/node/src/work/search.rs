//! Finds things in all snapshots of a repository: items by name, and the versions of one item.

use std::collections::{HashMap, HashSet};

use backstay_core::FileId;
use backstay_engine::format::Node;
use backstay_engine::repository::{Next, PathVisitor, SnapshotEntry, walk_paths};
use backstay_model::Time;
use backstay_model::command::{Hit, SnapshotMoment, Version};
use backstay_model::link::SealedRepository;
use backstay_sources::files::filter::{Case, List};

use super::items::{item, time};
use super::repository::Open;
use super::restore::find;
use super::shipping::backups;
use super::{Class, Result, WorkError, Workshop};
use crate::seals::Opened;

impl Workshop {
    /// Items with such a name, snapshot by snapshot, the newest first, and whether there are more than `limit`. A name
    /// without `*`, `?` or `[` is a part of names; upper and lower case are the same.
    ///
    /// # Errors
    /// When the name makes no pattern, or the repository cannot be opened or read.
    pub fn find_items(
        &self,
        repository: &SealedRepository,
        secrets: &Opened,
        name: &str,
        limit: usize,
    ) -> Result<(Vec<Hit>, bool)> {
        let pattern = if name.contains(['*', '?', '[']) {
            name.to_owned()
        } else {
            format!("*{}*", name.replace('\\', "\\\\"))
        };
        let patterns = List::parse(&[pattern], Case::Insensitive)
            .map_err(|error| WorkError::new(Class::Other, format!("{name:?} is no pattern: {error}")))?;
        if repository.holds.is_archives() {
            return self.with_look(repository, secrets, |job| self.find_in_archives(job, &patterns, limit));
        }
        let open = self.look(repository, secrets)?;
        let trees = open.trees()?;
        let mut search =
            Search { patterns, limit, hits: Vec::new(), barren: HashSet::new(), way: Vec::new(), at: None };
        for entry in newest_first(&open)? {
            search.at = Some((entry.id.to_hex(), moment(&entry)));
            search.way.clear();
            match walk_paths(&trees, &entry.snapshot.tree, &mut search) {
                Err(Enough::Found) => {
                    search.hits.truncate(limit);
                    return Ok((search.hits, true));
                }
                Err(Enough::Failed(error)) => return Err(open.explain(error)),
                Ok(()) => {}
            }
        }
        Ok((search.hits, false))
    }

    /// The versions of an item, the newest first; snapshots that have it as it was in others share one.
    ///
    /// # Errors
    /// When no snapshot has it, or the repository cannot be opened or read.
    pub fn versions(
        &self,
        repository: &SealedRepository,
        secrets: &Opened,
        path: &str,
    ) -> Result<Vec<Version>> {
        if repository.holds.is_archives() {
            return self.with_look(repository, secrets, |job| self.versions_in_archives(job, path));
        }
        let open = self.look(repository, secrets)?;
        let trees = open.trees()?;
        let mut versions: Vec<Version> = Vec::new();
        let mut known: HashMap<Content, usize> = HashMap::new();
        for entry in newest_first(&open)? {
            let found = match find(&trees, &entry.snapshot.tree, path.as_bytes()) {
                Ok(Some(node)) => node,
                Err(error) if error.class() == Class::Interrupted => return Err(error),
                // It is not in this one.
                Ok(None) | Err(_) => continue,
            };
            let snapshot = SnapshotMoment { id: entry.id.to_hex(), time: moment(&entry) };
            let place = *known.entry(Content::of(&found)).or_insert_with(|| {
                versions.push(Version { snapshots: Vec::new(), item: item(&found) });
                versions.len() - 1
            });
            if let Some(version) = versions.get_mut(place) {
                version.snapshots.push(snapshot);
            }
        }
        if versions.is_empty() {
            return Err(WorkError::new(Class::Other, format!("{path} is in no snapshot of the repository"))
                .hint("search for it by its name"));
        }
        Ok(versions)
    }
}

/// What makes two items the same version.
#[derive(PartialEq, Eq, Hash)]
struct Content {
    kind: u8,
    blobs: Vec<FileId>,
    subtree: Option<FileId>,
    target: Option<Vec<u8>>,
    modified: (i64, u32),
}

impl Content {
    fn of(node: &Node) -> Self {
        let modified = &node.meta.modified;
        Self {
            kind: node.meta.kind as u8,
            blobs: node.blobs().to_vec(),
            subtree: node.subtree,
            target: node.meta.link_target.as_ref().map(|target| target.to_vec()),
            modified: (modified.seconds, modified.nanos),
        }
    }
}

fn newest_first(open: &Open) -> Result<impl Iterator<Item = SnapshotEntry>> {
    let (snapshots, _) = backups(open)?;
    Ok(snapshots.into_iter().rev())
}

fn moment(entry: &SnapshotEntry) -> Time {
    time(&entry.snapshot.time).unwrap_or(Time::UNIX_EPOCH)
}

/// Goes through snapshot after snapshot.
struct Search {
    patterns: List,
    limit: usize,
    hits: Vec<Hit>,
    /// Folders with nothing in them that is looked for: most of a snapshot is as in the one before.
    barren: HashSet<FileId>,
    /// The folders on the way to where the search is, each with how much had been found before it.
    way: Vec<(FileId, usize)>,
    /// The snapshot that is gone through.
    at: Option<(String, Time)>,
}

/// Why a search ends before it is through.
enum Enough {
    Found,
    Failed(backstay_engine::Error),
}

impl From<backstay_engine::Error> for Enough {
    fn from(error: backstay_engine::Error) -> Self {
        Self::Failed(error)
    }
}

impl PathVisitor for Search {
    type Error = Enough;

    fn node(&mut self, path: &[u8], node: &Node, _parent: &FileId) -> Result<Next, Enough> {
        if self.patterns.matches(path).matched
            && let Some((snapshot, time)) = &self.at
        {
            if self.hits.len() >= self.limit {
                return Err(Enough::Found);
            }
            let name = path.len().saturating_sub(node.name.len());
            let folder = path.get(..name).unwrap_or_default();
            let folder = if folder == b"/" { folder } else { folder.strip_suffix(b"/").unwrap_or(folder) };
            self.hits.push(Hit {
                snapshot: snapshot.clone(),
                time: *time,
                folder: String::from_utf8_lossy(folder).into_owned(),
                item: item(node),
            });
        }
        match node.subtree {
            Some(tree) if self.barren.contains(&tree) => Ok(Next::Over),
            Some(tree) => {
                self.way.push((tree, self.hits.len()));
                Ok(Next::Into)
            }
            None => Ok(Next::Over),
        }
    }

    fn leave(&mut self, _path: &[u8]) -> Result<(), Enough> {
        if let Some((tree, before)) = self.way.pop()
            && before == self.hits.len()
        {
            self.barren.insert(tree);
        }
        Ok(())
    }
}
