//! Bringing the files of an instance back: beside those in use first, all of them checked, and only then in their place.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use backstay_core::Control;
use backstay_model::run::RestoreRequest;
use backstay_model::{Level, RunId};
use backstay_sources::mysql::{TableProblem, check_tables};

use super::cold::{Inspection, Instance, InstanceFacts, failed};
use super::note;
use super::origin::Origin;
use super::restore::relative;
use super::swap::{self, Swap};
use super::{Class, Job, Result, WorkError, Workshop};
use crate::host::{self, bytes};

/// Space that a restore leaves free.
const RESERVE: u64 = 256 << 20;
/// Parts that are not put back: how the instance is configured today stays.
const CONFIGURATION: &str = "configuration";
const LINK: &str = "link to the data directory";

/// Files of an instance in a snapshot, and where they go.
pub struct Return {
    from: Origin,
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
        let dry_run = request.dry_run;
        let is_read = move |path: &[u8]| !dry_run || note::is_of_notes(path);
        let from = self.origin(job, &request.snapshot, &is_read)?;
        let facts = facts(&from).map_err(|error| from.offer_older(job, error))?;
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
    let wanted: Vec<_> =
        found.waiting_in(folder, run).map(|path| relative(path.as_os_str().as_bytes())).collect();
    found.from.stage(job, folder, &wanted)
}

/// What was noted of the instance.
fn facts(from: &Origin) -> Result<InstanceFacts> {
    from.note(note::INSTANCE)?.ok_or_else(|| {
        WorkError::new(Class::NotFound, "the backup holds no instance of MySQL or MariaDB")
            .hint("choose a backup of a source of the type mysql, or restore it to a folder")
    })
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

fn real(path: &Path) -> Result<PathBuf> {
    fs::canonicalize(path).map_err(|error| {
        WorkError::new(Class::Other, format!("{} cannot be looked at", path.display())).because(&error)
    })
}
