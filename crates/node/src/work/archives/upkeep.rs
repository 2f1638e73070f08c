//! Checking archives, and thinning them out by a plan's rules.

use std::collections::BTreeMap;
use std::sync::Arc;

use backstay_archive::Manifest;
use backstay_archive::manifest::beside_name;
use backstay_archive::read::{StoreInput, verify, verify_file};
use backstay_core::ErrorKind;
use backstay_engine::forget::moment;
use backstay_model::run::Outcome;
use backstay_model::{Level, PlanId};
use backstay_policy::archive_retention::{ArchiveFacts, apply, needed_by};
use backstay_policy::{Moment, PlanRetention, SnapshotFacts};

use super::Place;
use super::known::{Chain, Inventory, Known};
use crate::host::bytes;
use crate::work::meter::Meter;
use crate::work::prune::HOLD;
use crate::work::{Class, Job, Result, Stored, WorkError, Workshop};

/// Problems of one archive that are told one by one.
const TOLD: usize = 100;

impl Workshop {
    /// Checks the archives of a place: of all, that they and what they need are there, in full length; of the newest one, every content;
    /// and of a random choice of the others, as many percent of their bytes as are asked for, that the file is as it was written.
    ///
    /// # Errors
    /// When something is missing or damaged, or the work cannot be done.
    pub fn verify_archives(&self, job: &Job<'_>, read_percent: f64) -> Result<Stored> {
        let (place, inventory) = self.stock(job)?;
        let mut errors: Vec<String> = inventory.odd.clone();
        for known in &inventory.archives {
            let is_there = |id| inventory.archives.iter().any(|other| other.manifest.id == id);
            let gone = known.manifest.chain.iter().filter(|link| !is_there(link.id));
            errors.extend(
                gone.map(|link| format!("{}: it needs {}, which is not there", known.file.name, link.name)),
            );
        }
        let total = stored(&inventory);
        let chosen = self.choose(&inventory, read_percent);
        let text = format!(
            "checking {} archives, and reading {} of their {}",
            inventory.archives.len(),
            bytes(chosen.iter().map(|known| known.file.size).sum()),
            bytes(total)
        );
        job.report.log(Level::Info, "verify", &text);
        let meter = Meter::new(&job.report, "verifying");
        for (place_in_list, known) in chosen.into_iter().enumerate() {
            let found = if place_in_list == 0 {
                verify_contents(&place, &inventory, known, Some(&known.manifest), &meter)
            } else {
                let input = StoreInput::new(Arc::clone(&place.store), &known.file, place.control.clone());
                let input: Arc<dyn backstay_archive::read::ReadAt> = Arc::new(input);
                verify_file(&input, &known.file.name, &known.manifest, job.control, &meter)
                    .map_err(WorkError::from)
            };
            let is_damaged = found.as_ref().is_err_and(|error| error.class() == Class::Damaged);
            if (found.is_ok() || is_damaged)
                && let Err(error) = self.note_check(job.repository.id, &known.id(), !is_damaged)
            {
                let text = format!("what was found cannot be noted for the next archive: {error}");
                job.report.log(Level::Warning, "verify", &text);
            }
            match found {
                Ok(()) => {
                    job.report.log(Level::Info, "verify", &format!("{}: as it was written", known.file.name));
                }
                Err(error) if error.class() == Class::Damaged => errors.push(error.message().to_owned()),
                Err(error) => return Err(error),
            }
        }
        meter.finish();
        for error in errors.iter().take(TOLD) {
            job.report.log(Level::Error, "verify", error);
        }
        match errors.first() {
            None => {
                job.report.log(Level::Info, "verify", "no errors were found");
                Ok(Stored(total))
            }
            Some(first) => {
                let text = format!("the check found {} errors; the first: {first}", errors.len());
                Err(WorkError::new(Class::Damaged, text)
                    .hint("back up now: the next archive is a full one where the last was found damaged; bring the archives that are named back from a copy, or remove them"))
            }
        }
    }

    /// The newest archive and, by chance, others until so many percent of all bytes are read.
    fn choose<'a>(&self, inventory: &'a Inventory, percent: f64) -> Vec<&'a Known> {
        if percent <= 0.0 {
            return Vec::new();
        }
        let wanted = stored(inventory) as f64 * (percent / 100.0).min(1.0);
        let mut rest: Vec<_> = inventory.archives.iter().collect();
        let mut chosen = Vec::new();
        let mut read = 0.0;
        while !rest.is_empty() && (chosen.is_empty() || read < wanted) {
            let place = if chosen.is_empty() { 0 } else { self.random_below(rest.len()) };
            let known = rest.swap_remove(place);
            read += known.file.size as f64;
            chosen.push(known);
        }
        chosen
    }

    fn random_below(&self, count: usize) -> usize {
        let mut random = [0; 8];
        self.environment.random.fill(&mut random);
        usize::try_from(u64::from_le_bytes(random) % count.max(1) as u64).unwrap_or(0)
    }

    /// Applies a plan's retention to its archives, each source by itself. What a kept archive needs stays. Gives the bytes that stay.
    ///
    /// # Errors
    /// When archives cannot be told or removed.
    pub fn thin_archives(
        &self,
        job: &Job<'_>,
        plan: PlanId,
        retention: &PlanRetention,
        done: &dyn Fn(&Outcome),
    ) -> Result<Stored> {
        let (place, inventory) = self.stock(job)?;
        if let Some(odd) = inventory.odd.first() {
            return Err(WorkError::new(
                Class::Damaged,
                format!("{odd}: so it is not known what needs what, and nothing is removed"),
            )
            .hint("bring that file back from a copy, or remove it with its archive"));
        }
        let tag = plan.tag();
        let mut groups = BTreeMap::<String, Vec<ArchiveFacts>>::new();
        for known in inventory.archives.iter().filter(|known| known.manifest.source.tags.contains(&tag)) {
            let source = &known.manifest.source;
            let key = format!("{} of {}", source.name.as_deref().unwrap_or_default(), source.host);
            groups.entry(key).or_default().push(facts(known));
        }
        let now = moment(&self.environment.clock.now());
        let mut gone = Vec::new();
        for (key, archives) in groups {
            let verdict = apply(retention, archives, now);
            let text = format!("{key}: {} archives stay, {} go", verdict.keep.len(), verdict.remove.len());
            job.report.log(Level::Info, "forget", &text);
            gone.extend(verdict.remove.into_iter().map(|facts| facts.id));
        }
        let mut freed = 0;
        // Whatever needs others goes before them.
        let mut gone: Vec<_> = inventory.archives.iter().filter(|known| gone.contains(&known.id())).collect();
        gone.sort_by_key(|known| std::cmp::Reverse(known.manifest.chain.len()));
        for known in &gone {
            job.control.checkpoint()?;
            remove(&place, known)?;
            freed += known.file.size;
            job.report.log(Level::Info, "prune", &format!("removed {}", known.file.name));
            done(&Outcome { snapshots_forgotten: 1, bytes_freed: known.file.size, ..Outcome::default() });
        }
        let text = format!("{} archives removed, {} freed", gone.len(), bytes(freed));
        job.report.log(Level::Info, "prune", &text);
        Ok(Stored(stored(&inventory).saturating_sub(freed)))
    }

    /// Removes an archive that no other one needs.
    ///
    /// # Errors
    /// When there is no such archive, others need it, or it cannot be removed.
    pub(in crate::work) fn forget_archive(&self, job: &Job<'_>, name: &str) -> Result<()> {
        let (place, inventory) = self.stock(job)?;
        let known = inventory.named(name)?;
        let all: Vec<_> = inventory.all().map(facts).collect();
        let id = known.id();
        if let Some(other) = needed_by(&id, &all).first() {
            let other = inventory.all().find(|known| known.id() == *other);
            let other = other.map_or("another one", |known| known.manifest.name.as_str());
            let text = format!("{} is needed by {other}, so it is not removed", known.manifest.name);
            return Err(WorkError::new(Class::Locked, text).hint("remove those that need it first"));
        }
        remove(&place, known)
    }
}

/// Reads all contents of an archive and of those that it needs, and compares its file with the manifest beside it where that is given.
pub(super) fn verify_contents(
    place: &Place,
    inventory: &Inventory,
    known: &Known,
    beside: Option<&Manifest>,
    meter: &Meter,
) -> Result<()> {
    let archive = known.open(place)?;
    let chain = Chain { place, inventory };
    let report = verify(&archive, beside, &chain, &place.control, meter)?;
    let Some(first) = report.problems.first() else { return Ok(()) };
    let path = String::from_utf8_lossy(&first.path);
    let at = if path.is_empty() { String::new() } else { format!(": {path}") };
    let more = match report.problem_count {
        0 | 1 => String::new(),
        count => format!(" (and {} more problems)", count - 1),
    };
    Err(WorkError::new(Class::Damaged, format!("{}{at}: {}{more}", first.archive, first.what)))
}

/// Removes an archive: its manifest first, so that what is left of it after an interruption counts as no archive.
fn remove(place: &Place, known: &Known) -> Result<()> {
    for name in [&beside_name(&known.file.name), &known.file.name] {
        match place.store.remove(name, place.context()) {
            Err(error) if error.kind != ErrorKind::NotFound => {
                return Err(WorkError::of_archive_store(&error).context(format!("{name} cannot be removed")));
            }
            _ => {}
        }
    }
    Ok(())
}

fn facts(known: &Known) -> ArchiveFacts {
    let source = &known.manifest.source;
    ArchiveFacts {
        id: known.id(),
        facts: SnapshotFacts {
            id: (),
            time: time(known),
            host: source.host.clone(),
            paths: known.paths(),
            tags: source.tags.clone(),
        },
        bytes: known.file.size,
        is_held: source.tags.iter().any(|tag| tag == HOLD),
        needs: known.manifest.chain.iter().map(|link| link.id.to_string()).collect(),
    }
}

fn time(known: &Known) -> Moment {
    moment(&known.manifest.created)
}

fn stored(inventory: &Inventory) -> u64 {
    inventory.archives.iter().map(|known| known.file.size).sum()
}
