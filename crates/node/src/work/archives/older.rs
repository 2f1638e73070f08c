//! Which older archive to restore instead of one that is damaged.

use std::cmp::Ordering;

use backstay_model::Level;

use super::known::Known;
use super::restore::Source;
use super::upkeep::verify_contents;
use crate::work::meter::Meter;
use crate::work::{Class, Job, Result, WorkError};

/// Older archives that are read where the one that was asked for is damaged.
const OLDER: usize = 10;

impl Source {
    /// Says with what is damaged which older archive of the same source is whole. Any other error stays as it is.
    pub(in crate::work) fn offer_older(&self, job: &Job<'_>, error: WorkError) -> WorkError {
        if error.class() != Class::Damaged {
            return error;
        }
        match self.newest_whole(job) {
            Ok(Some(whole)) => {
                let name = self.shown(whole);
                let said = format!("nothing was written; {name} of {} is whole: restore that one", whole.time());
                error.hint(said).offering(Some(whole.id()))
            }
            Ok(None) => error.hint(
                "nothing was written, and no older archive of the same source is whole; a copy at another destination may be",
            ),
            // Damage is what matters, also where it cannot be looked any further.
            Err(_) => error,
        }
    }

    /// What lists call an archive.
    fn shown<'a>(&self, known: &'a Known) -> &'a str {
        known.file.name.strip_prefix(&self.place.prefix).unwrap_or(&known.file.name)
    }

    /// The newest older archive of the same source of which all can be read.
    fn newest_whole(&self, job: &Job<'_>) -> Result<Option<&Known>> {
        let of = |known: &Known| {
            let source = &known.manifest.source;
            (source.kind.clone(), source.host.clone(), source.name.clone(), source.paths.clone())
        };
        let same = of(&self.known);
        let is_older = |known: &&Known| self.known.newest_first(known) == Ordering::Less;
        let older = self.inventory.archives.iter().filter(is_older).filter(|known| of(known) == same);
        for known in older.take(OLDER) {
            let name = self.shown(known);
            job.report.log(Level::Info, "verify", &format!("looking whether {name} is whole"));
            let meter = Meter::new(&job.report, "verifying");
            match verify_contents(&self.place, &self.inventory, known, Some(&known.manifest), &meter) {
                Ok(()) => return Ok(Some(known)),
                Err(error) if error.class() == Class::Damaged => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}
