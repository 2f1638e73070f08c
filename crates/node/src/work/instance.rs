//! Bringing the files of an instance back: beside those in use first, all of them checked, and only then in their place.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use backstay_core::{Control, EntryKind, FileId};
use backstay_engine::format::Node;
use backstay_engine::repository::{Next, PathVisitor, SnapshotEntry, TreeCache, walk_paths};
use backstay_engine::restore::{Overwrite, RestoreOptions, Selected, restore};
use backstay_model::run::RestoreRequest;
use backstay_model::{Level, RunId};
use backstay_sources::files::restore as target;
use backstay_sources::mysql::{TableProblem, check_tables};

use super::archives::Source;
use super::cold::{Inspection, Instance, InstanceFacts, failed};
use super::discard::{Older, older};
use super::meter::Meter;
use super::note;
use super::repository::{Access, Open, make_folder};
use super::restore::{bring_back, cannot_restore, find_snapshot, relative};
use super::swap::{self, Swap};
use super::{Class, Job, Result, WorkError, Workshop, excludes};
use crate::host::{self, bytes};

/// Space that a restore leaves free.
const RESERVE: u64 = 256 << 20;
/// Parts that are not put back: how the instance is configured today stays.
const CONFIGURATION: &str = "configuration";
const LINK: &str = "link to the data directory";

/// Files of an instance in a snapshot, and where they go.
pub struct Return {
    from: From,
    /// The id of the snapshot.
    pub snapshot: String,
    /// What was known of the instance when it was backed up.
    pub facts: InstanceFacts,
    /// Parts by their paths in the snapshot, with the places they go to.
    parts: Vec<(PathBuf, PathBuf)>,
    /// All places that change: those, and parts of the instance that the snapshot does not have.
    places: BTreeSet<PathBuf>,
    /// Files of the parts, and their bytes.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What files are brought back from.
enum From {
    Snapshot(Box<FromSnapshot>),
    Archive(Box<Source>),
}

struct FromSnapshot {
    open: Open,
    entry: SnapshotEntry,
}

impl Workshop {
    /// Finds out what a snapshot holds of an instance, where that goes, and whether there is room for it.
    ///
    /// # Errors
    /// When the snapshot holds no instance, what it holds does not fit this one, or there is no room.
    pub fn find_instance(
        &self,
        job: &Job<'_>,
        request: &RestoreRequest,
        inspection: &Inspection,
    ) -> Result<Return> {
        let from = if job.repository.holds.is_archives() {
            From::Archive(Box::new(self.archive_source(job, &request.snapshot)?))
        } else {
            let open = self.open(job, Access::Shared, true)?;
            let entry = find_snapshot(&open, &request.snapshot)?;
            let is_read = |path: &[u8]| !request.dry_run || note::is_of_notes(path);
            bring_back(&open, &[entry.snapshot.tree], &is_read)?;
            From::Snapshot(Box::new(FromSnapshot { open, entry }))
        };
        let facts = from.facts().map_err(|error| from.offer_older(job, error))?;
        let data_dir = real(inspection.data_dir())?;
        let parts = placed(&facts, &data_dir)?;
        let places = self.places(&parts, inspection)?;
        let wanted = parts.iter().map(|(path, _)| relative(path.as_os_str().as_bytes())).collect();
        let (files, bytes_in_all) =
            from.extent(job.control, wanted).map_err(|error| from.offer_older(job, error))?;
        let (_, free) = host::disk(&data_dir);
        let needed = bytes_in_all.saturating_add(RESERVE);
        if free < needed {
            let text = format!(
                "bringing it back beside the data in use takes {}, and {} are free",
                bytes(needed),
                bytes(free)
            );
            return Err(WorkError::new(Class::NoSpace, text)
                .hint("free space on the disk of the data directory, or restore to another folder and put the files in place by hand"));
        }
        let snapshot = from.id();
        Ok(Return { from, snapshot, facts, parts, places, files, bytes: bytes_in_all })
    }

    /// Brings the files back beside those in use, and reads them again.
    ///
    /// # Errors
    /// When any file is not as it was backed up; then nothing of it is left.
    pub fn stage(&self, job: &Job<'_>, found: &Return, run: RunId) -> Result<()> {
        let staged = found.staging(run).iter().try_for_each(|folder| stage_in(job, found, folder, run));
        if staged.is_err() {
            self.unstage(found, run);
            return staged;
        }
        let (files, all) = (found.files, bytes(found.bytes));
        let text = format!("{all} in {files} files are back beside those in use, and as they were backed up");
        job.report.log(Level::Info, "verify", &text);
        Ok(())
    }

    /// Removes what was brought back beside the files in use and is not in their place. Nothing to remove is fine.
    pub fn unstage(&self, found: &Return, run: RunId) {
        for folder in found.staging(run) {
            let _ = fs::remove_dir_all(folder);
        }
    }

    /// The renames that put the files in place. Ask when the instance is stopped: it writes files as it stops.
    ///
    /// # Errors
    /// When the files in use cannot be looked at, or may not be written.
    pub fn exchange(&self, found: &Return, inspection: &Inspection, run: RunId) -> Result<Vec<Swap>> {
        let places = self.places(&found.parts, inspection)?;
        let mark = run.to_string();
        let staged = |place: &Path| {
            let path = found.parts.iter().find(|(_, it)| it == place).map_or(place, |(path, _)| path);
            swap::staging(place, &mark).join(path.strip_prefix("/").unwrap_or(path))
        };
        let short = mark.rsplit('-').next().unwrap_or(&mark);
        swap::plan(&places, &staged, short).map_err(|error| {
            WorkError::new(Class::Other, "the files in use cannot be looked at").because(&error)
        })
    }

    /// All places that change: those that something comes to, and parts of the instance that the backup does not have.
    fn places(&self, parts: &[(PathBuf, PathBuf)], inspection: &Inspection) -> Result<BTreeSet<PathBuf>> {
        let mut places: BTreeSet<_> = parts.iter().map(|(_, place)| place.clone()).collect();
        let now = inspection.parts()?.into_iter().filter(|part| is_put_back(part.what));
        places.extend(now.map(|part| part.path));
        places.iter().try_for_each(|place| self.policy.check_write(place).map(drop))?;
        Ok(places)
    }

    /// Lets the instance check all its tables.
    ///
    /// # Errors
    /// When one is not whole, or the instance does not answer.
    pub fn prove_tables(&self, instance: &Instance<'_>, control: &Control) -> Result<u64> {
        let (tables, problems) = check_tables(instance.access(), control).map_err(failed)?;
        if problems.is_empty() {
            return Ok(tables);
        }
        let shown = |problem: &TableProblem| format!("{}: {}", problem.table, problem.text);
        let shown: Vec<_> = problems.iter().take(5).map(shown).collect();
        let text = format!("{} of {tables} tables are not whole: {}", problems.len(), shown.join("; "));
        Err(WorkError::new(Class::Damaged, text).hint("an older snapshot may have them whole"))
    }
}

impl Return {
    /// The folders that files wait in.
    fn staging(&self, run: RunId) -> BTreeSet<PathBuf> {
        self.parts.iter().map(|(_, place)| swap::staging(place, &run.to_string())).collect()
    }

    /// The parts that wait in a folder.
    fn waiting_in(&self, folder: &Path, run: RunId) -> impl Iterator<Item = &Path> {
        let mark = run.to_string();
        let waits_there = move |(_, place): &&(PathBuf, PathBuf)| swap::staging(place, &mark) == folder;
        self.parts.iter().filter(waits_there).map(|(path, _)| path.as_path())
    }

    /// What would be done, in words.
    #[must_use]
    pub fn describe(&self) -> String {
        let version = self.facts.version.as_deref().unwrap_or("unknown version");
        let places: Vec<_> = self.places.iter().map(|place| place.display().to_string()).collect();
        format!(
            "{} in {} files of the instance as it was at {:.0} ({version}) replace {}",
            bytes(self.bytes),
            self.files,
            self.facts.taken,
            places.join(", ")
        )
    }
}

/// Brings the files that wait in one folder back there.
fn stage_in(job: &Job<'_>, found: &Return, folder: &Path, run: RunId) -> Result<()> {
    make_folder(folder).map_err(|error| cannot_restore(folder, &error))?;
    let wanted: Vec<_> =
        found.waiting_in(folder, run).map(|path| relative(path.as_os_str().as_bytes())).collect();
    let failures = match &found.from {
        From::Snapshot(from) => from.restore(job, folder, &wanted)?,
        From::Archive(source) => {
            let select = |path: &[u8]| wanted.iter().any(|wanted| leads_or_lies(path, wanted));
            source.restore(job, folder, folder, &select, false)?.failures
        }
    };
    refuse_damage(failures)
}

/// Whether a path lies in a folder, or on the way to it.
fn leads_or_lies(path: &[u8], folder: &[u8]) -> bool {
    excludes::lies_in(path, folder) || excludes::lies_in(folder, path)
}

impl From {
    fn id(&self) -> String {
        match self {
            Self::Snapshot(from) => from.entry.id.to_hex(),
            Self::Archive(source) => source.id(),
        }
    }

    /// Says with what is damaged which older backup is whole.
    fn offer_older(&self, job: &Job<'_>, error: WorkError) -> WorkError {
        match self {
            Self::Snapshot(from) => from.offer_older(job, error),
            Self::Archive(source) => source.offer_older(job, error),
        }
    }

    /// What was noted of the instance.
    fn facts(&self) -> Result<InstanceFacts> {
        match self {
            Self::Snapshot(from) => {
                let trees = TreeCache::new(&from.open.engine, from.open.index()?);
                facts(&from.open, &trees, &from.entry)
            }
            Self::Archive(source) => source.instance_facts(),
        }
    }

    /// How many files lie in these folders, and their bytes.
    fn extent(&self, control: &Control, wanted: Vec<Vec<u8>>) -> Result<(u64, u64)> {
        match self {
            Self::Snapshot(from) => {
                let trees = TreeCache::new(&from.open.engine, from.open.index()?);
                let mut size = Size { control, wanted, files: 0, bytes: 0 };
                let walked = walk_paths(&trees, &from.entry.snapshot.tree, &mut size);
                walked.map_err(|error| from.open.explain(error))?;
                Ok((size.files, size.bytes))
            }
            Self::Archive(source) => source.extent(&wanted),
        }
    }
}

impl FromSnapshot {
    /// Brings what is wanted back into a folder, and reads it again. Says how much of it failed.
    fn restore(&self, job: &Job<'_>, folder: &Path, wanted: &[Vec<u8>]) -> Result<u64> {
        let cannot = |error: std::io::Error| cannot_restore(folder, &error);
        let into = target::FolderTarget::open(folder, target::RestoreOptions::default()).map_err(cannot)?;
        let select = |path: &[u8], _: bool| {
            let chosen = wanted.iter().any(|wanted| excludes::lies_in(path, wanted));
            Selected { item: chosen, below: wanted.iter().any(|wanted| leads_or_lies(path, wanted)) }
        };
        let meter = Meter::new(&job.report, "restoring");
        let options =
            RestoreOptions { overwrite: Overwrite::Always, verify: true, ..RestoreOptions::default() };
        let Self { open, entry } = self;
        let report =
            restore(&open.engine, &open.index()?, entry.snapshot.tree, &into, &select, options, &meter)
                .map_err(|error| open.explain(error))?;
        meter.finish();
        if report.damaged == 0 {
            return Ok(report.failures);
        }
        let text = format!("{} items of the backup cannot be read from the repository", report.failures);
        Err(self.offer_older(job, WorkError::new(Class::Damaged, text)))
    }

    /// Says with what is damaged which older snapshot of the instance is whole. Any other error stays as it is.
    fn offer_older(&self, job: &Job<'_>, error: WorkError) -> WorkError {
        if error.class() != Class::Damaged {
            return error;
        }
        match older(job, &self.open, &self.entry, &|_, _| Selected::ALL) {
            Ok(Older { said, whole }) => {
                error.hint(format!("nothing of the instance was touched; {said}")).offering(whole)
            }
            // Damage is what matters, also where it cannot be looked any further.
            Err(_) => error,
        }
    }
}

/// What was noted of the instance.
fn facts(open: &Open, trees: &TreeCache, entry: &SnapshotEntry) -> Result<InstanceFacts> {
    let none = || {
        let text = format!("snapshot {} holds no instance of MySQL or MariaDB", entry.id.short());
        WorkError::new(Class::NotFound, text)
            .hint("choose a snapshot of a source of the type mysql, or restore it to a folder")
    };
    note::read(&open.engine, trees, &entry.snapshot.tree, note::INSTANCE)?.ok_or_else(none)
}

/// The parts of a backup, with the places they go to.
fn placed(facts: &InstanceFacts, data_dir: &Path) -> Result<Vec<(PathBuf, PathBuf)>> {
    let of = Path::new(&facts.data_dir);
    let mut parts = Vec::new();
    for part in facts.parts.iter().filter(|part| is_put_back(&part.what)) {
        let path = PathBuf::from(&part.path);
        if !path.is_absolute() || path.components().any(|step| step == std::path::Component::ParentDir) {
            let text = format!("the backup names {}, which is no absolute path", path.display());
            return Err(WorkError::new(Class::Damaged, text));
        }
        if path == of {
            parts.push((path, data_dir.to_owned()));
        } else if of == data_dir {
            parts.push((path.clone(), path));
        } else {
            let text = format!(
                "the backup has {} ({}) outside of its data directory {}, and the data of this instance is in {}",
                path.display(),
                part.what,
                of.display(),
                data_dir.display()
            );
            return Err(WorkError::new(Class::Other, text)
                .hint("restore it to a folder, and put its files where this instance has them"));
        }
    }
    if parts.is_empty() {
        return Err(WorkError::new(Class::Damaged, "the backup names no files of an instance"));
    }
    Ok(parts)
}

fn is_put_back(what: &str) -> bool {
    what != CONFIGURATION && what != LINK
}

fn refuse_damage(failures: u64) -> Result<()> {
    if failures == 0 {
        return Ok(());
    }
    let text = format!("{failures} items of the backup could not be brought back as they were");
    Err(WorkError::new(Class::Damaged, text)
        .hint("nothing of the instance was touched; an older snapshot may be whole, and the log says what is wrong with this one"))
}

fn real(path: &Path) -> Result<PathBuf> {
    fs::canonicalize(path).map_err(|error| {
        WorkError::new(Class::Other, format!("{} cannot be looked at", path.display())).because(&error)
    })
}

/// Counts the files of the parts that are put back.
struct Size<'a> {
    control: &'a Control,
    wanted: Vec<Vec<u8>>,
    files: u64,
    bytes: u64,
}

impl PathVisitor for Size<'_> {
    type Error = WorkError;

    fn node(&mut self, path: &[u8], node: &Node, _parent: &FileId) -> Result<Next> {
        self.control.checkpoint()?;
        let path = path.strip_prefix(b"/").unwrap_or(path);
        let lies_in = |wanted: &Vec<u8>| excludes::lies_in(path, wanted);
        if node.meta.kind == EntryKind::File && self.wanted.iter().any(lies_in) {
            self.files += 1;
            self.bytes += node.meta.size;
        }
        Ok(Next::Into)
    }
}
