//! Looking into archives: their lists of items, by their manifests.

use std::collections::HashMap;

use backstay_archive::manifest::{Item, ItemKind as Kind};
use backstay_model::Time;
use backstay_model::command::{
    Answer, ChangeKind, ChangeSum, Comparison, FolderChange, FolderItem, FolderPage, Hit, ItemChange,
    ItemKind, SnapshotInfo, SnapshotMoment, Version,
};
use backstay_sources::files::filter::List;

use super::Place;
use super::known::Known;
use crate::work::listings::Listed;
use crate::work::restore::relative;
use crate::work::{Class, Job, Result, WorkError, Workshop, compare, items};

impl Workshop {
    /// The archives of a place, the newest first; those that cannot be whole too, with what is wrong with them.
    pub(in crate::work) fn archives(&self, job: &Job<'_>) -> Result<Vec<SnapshotInfo>> {
        let (place, inventory) = self.stock(job)?;
        let info = |known: &Known| {
            let (source, totals) = (&known.manifest.source, &known.manifest.totals);
            SnapshotInfo {
                id: known.id(),
                repository: job.repository.id,
                name: Some(
                    known.file.name.strip_prefix(&place.prefix).unwrap_or(&known.file.name).to_owned(),
                ),
                time: known.time(),
                host: source.host.clone(),
                paths: known.paths(),
                tags: source.tags.clone(),
                files: Some(totals.files),
                bytes: Some(totals.bytes),
                bytes_added: Some(known.file.size),
                damaged: inventory.trouble(known).map(|what| format!("{} {what}", known.file.name)),
            }
        };
        let mut all: Vec<&Known> = inventory.all().collect();
        all.sort_by(|one, other| one.newest_first(other));
        Ok(all.into_iter().map(info).collect())
    }

    /// Looks whether a place of archives can be reached, and how many there are.
    pub(in crate::work) fn open_archives(&self, job: &Job<'_>, create: bool) -> Result<Answer> {
        let is_new = !self.known_path(job.repository).exists();
        let place = self.place(job, create)?;
        let snapshots = self.manifests.inventory(&place)?.archives.len() as u64;
        Ok(Answer::Opened {
            repository_id: job.repository.id.to_string(),
            created: create && is_new,
            snapshots,
        })
    }

    /// Items of a folder in an archive.
    pub(in crate::work) fn archive_folder(
        &self,
        job: &Job<'_>,
        archive: &str,
        path: &str,
        page: &FolderPage,
    ) -> Result<(Vec<FolderItem>, u64)> {
        let (place, inventory) = self.stock(job)?;
        let known = inventory.find(archive)?;
        let folder = relative(path.as_bytes());
        let listed = Listed::Archive(job.repository.id, known.id(), folder.clone());
        if let Some(items) = self.listings.of(&listed) {
            return Ok(items::page(&items, page));
        }
        let mut is_there = folder.is_empty();
        let mut found = Vec::new();
        each_item(&place, known, &mut |item| {
            let (above, name) = split(&item.path.0);
            is_there |= item.path.0 == folder && item.kind == Kind::Folder;
            if above == folder {
                found.push(shown(name, item));
            }
            Ok(())
        })?;
        if !is_there {
            return Err(WorkError::new(Class::NotFound, format!("{path} is no folder of the archive")));
        }
        Ok(items::page(&self.listings.keep(listed, found), page))
    }

    /// Items with such names, archive by archive, the newest first.
    pub(in crate::work) fn find_in_archives(
        &self,
        job: &Job<'_>,
        patterns: &List,
        limit: usize,
    ) -> Result<(Vec<Hit>, bool)> {
        let (place, inventory) = self.stock(job)?;
        let mut hits = Vec::new();
        for known in &inventory.archives {
            let (id, time) = (known.id(), known.time());
            each_item(&place, known, &mut |item| {
                let path = [b"/", item.path.0.as_slice()].concat();
                if hits.len() <= limit && patterns.matches(&path).matched {
                    let (above, name) = split(&item.path.0);
                    let folder = format!("/{}", String::from_utf8_lossy(above));
                    hits.push(Hit { snapshot: id.clone(), time, folder, item: shown(name, item) });
                }
                Ok(())
            })?;
            if hits.len() > limit {
                hits.truncate(limit);
                return Ok((hits, true));
            }
        }
        Ok((hits, false))
    }

    /// The versions of an item, the newest first.
    pub(in crate::work) fn versions_in_archives(&self, job: &Job<'_>, path: &str) -> Result<Vec<Version>> {
        let (place, inventory) = self.stock(job)?;
        let wanted = relative(path.as_bytes());
        let mut versions: Vec<(Version, Signs)> = Vec::new();
        for known in &inventory.archives {
            let snapshot = SnapshotMoment { id: known.id(), time: known.time() };
            let mut found = None;
            each_item(&place, known, &mut |item| {
                if item.path.0 == wanted {
                    found = Some((shown(split(&item.path.0).1, item), Signs::of(item)));
                }
                Ok(())
            })?;
            let Some((item, signs)) = found else { continue };
            match versions.iter_mut().find(|(_, known)| *known == signs) {
                Some((version, _)) => version.snapshots.push(snapshot),
                None => versions.push((Version { snapshots: vec![snapshot], item }, signs)),
            }
        }
        if versions.is_empty() {
            return Err(WorkError::new(
                Class::NotFound,
                format!("{path} is in no archive of the destination"),
            )
            .hint("search for it by its name"));
        }
        Ok(versions.into_iter().map(|(version, _)| version).collect())
    }

    /// What differs between two archives.
    pub(in crate::work) fn compare_archives(
        &self,
        job: &Job<'_>,
        (from, to): (&str, &str),
        limit: usize,
    ) -> Result<Comparison> {
        let (place, inventory) = self.stock(job)?;
        let mut before = HashMap::new();
        each_item(&place, inventory.find(from)?, &mut |item| {
            before.insert(item.path.0.clone(), Signs::of(item));
            Ok(())
        })?;
        let mut difference = Difference { limit, found: Comparison::default(), folders: HashMap::new() };
        each_item(&place, inventory.find(to)?, &mut |item| {
            let after = Signs::of(item);
            let old = before.remove(&item.path.0);
            difference.note(&item.path.0, old.as_ref(), Some(&after));
            Ok(())
        })?;
        for (path, old) in before {
            difference.note(&path, Some(&old), None);
        }
        Ok(difference.finish())
    }
}

/// Goes through the list of items of an archive.
pub(super) fn each_item(
    place: &Place,
    known: &Known,
    each: &mut dyn FnMut(&Item) -> Result<()>,
) -> Result<()> {
    let mut failed = None;
    let listed = known.open(place).and_then(|archive| {
        archive.list_under(&place.control, &mut |item| {
            place.control.checkpoint()?;
            each(item).map_err(|error| {
                failed = Some(error);
                backstay_archive::ArchiveError::Interrupted(backstay_core::Interrupted)
            })
        })
    });
    match (failed, listed) {
        (Some(error), _) => Err(error),
        (None, listed) => Ok(listed.map(drop)?),
    }
}

/// The item at a path of an archive.
pub(super) fn find_item(place: &Place, known: &Known, path: &[u8]) -> Result<Item> {
    let mut found = None;
    each_item(place, known, &mut |item| {
        if item.path.0 == path {
            found = Some(item.clone());
        }
        Ok(())
    })?;
    found.ok_or_else(|| {
        let shown = String::from_utf8_lossy(path);
        WorkError::new(Class::NotFound, format!("/{shown} is not in the archive"))
            .hint("browse the archive for what is in it")
    })
}

/// The folder that a path lies in, and its name.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (path.get(..slash).unwrap_or_default(), path.get(slash + 1..).unwrap_or_default()),
        None => (b"", path),
    }
}

fn shown(name: &[u8], item: &Item) -> FolderItem {
    let kind = of_kind(item.kind);
    FolderItem {
        name: String::from_utf8_lossy(name).into_owned(),
        kind,
        size: (kind == ItemKind::File).then_some(item.size),
        modified: Time::new(item.modified.seconds, i32::try_from(item.modified.nanos).unwrap_or(0)).ok(),
    }
}

const fn of_kind(kind: Kind) -> ItemKind {
    match kind {
        Kind::Folder => ItemKind::Folder,
        Kind::File => ItemKind::File,
        Kind::Symlink => ItemKind::Link,
        _ => ItemKind::Other,
    }
}

/// What tells whether an item is another one than before.
#[derive(PartialEq, Eq)]
struct Signs {
    kind: Kind,
    size: u64,
    hash: Option<backstay_core::FileId>,
    target: Option<Vec<u8>>,
}

impl Signs {
    fn of(item: &Item) -> Self {
        let Item { kind, size, target, .. } = item;
        Self {
            kind: *kind,
            size: *size,
            hash: item.hash(),
            target: target.as_ref().map(|target| target.0.clone()),
        }
    }

    fn bytes(&self) -> Option<u64> {
        (self.kind == Kind::File).then_some(self.size)
    }
}

struct Difference {
    limit: usize,
    found: Comparison,
    folders: HashMap<Vec<u8>, i64>,
}

impl Difference {
    fn note(&mut self, path: &[u8], old: Option<&Signs>, new: Option<&Signs>) {
        let change = match (old, new) {
            (None, _) => ChangeKind::Added,
            (_, None) => ChangeKind::Removed,
            (Some(old), Some(new)) if old == new => return,
            (Some(old), Some(new)) if old.kind != new.kind => ChangeKind::Kind,
            (Some(_), Some(_)) => ChangeKind::Content,
        };
        let Some(kind) = new.or(old).map(|signs| of_kind(signs.kind)) else { return };
        let (before, after) = (old.and_then(Signs::bytes), new.and_then(Signs::bytes));
        let (was, is) = (before.unwrap_or(0), after.unwrap_or(0));
        let (sum, bytes): (&mut ChangeSum, u64) = match change {
            ChangeKind::Added => (&mut self.found.added, is),
            ChangeKind::Removed => (&mut self.found.removed, was),
            ChangeKind::Content | ChangeKind::Kind if is > was => (&mut self.found.grown, is - was),
            ChangeKind::Content | ChangeKind::Kind => (&mut self.found.shrunk, was - is),
        };
        sum.items = sum.items.saturating_add(1);
        sum.bytes = sum.bytes.saturating_add(bytes);
        let grown = compare::signed(is).saturating_sub(compare::signed(was));
        let mut above = path;
        while grown != 0 && !above.is_empty() {
            above = split(above).0;
            let folder = self.folders.entry([b"/", above].concat()).or_default();
            *folder = folder.saturating_add(grown);
        }
        if self.found.changes.len() >= self.limit {
            self.found.truncated = true;
        } else {
            let path = format!("/{}", String::from_utf8_lossy(path));
            self.found.changes.push(ItemChange { path, kind, change, before, after });
        }
    }

    fn finish(mut self) -> Comparison {
        self.found.changes.sort_by(|one, other| one.path.cmp(&other.path));
        let folder = |(path, bytes): (Vec<u8>, i64)| FolderChange {
            path: String::from_utf8_lossy(&path).into_owned(),
            bytes,
        };
        let folders = compare::most_changed(self.folders.into_iter().map(folder).collect());
        Comparison { folders, ..self.found }
    }
}
