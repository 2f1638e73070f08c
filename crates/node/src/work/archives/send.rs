//! Sending archives that wait on this host.

use std::sync::Arc;
use std::time::{Duration, Instant};

use backstay_archive::Manifest;
use backstay_archive::local::remove;
use backstay_archive::manifest::{BESIDE, Format};
use backstay_archive::read::FileInput;
use backstay_archive::transfer::{Chunking, Patience, Progress, Sender, Tokens, TransferError};
use backstay_core::StoredFile;
use backstay_model::{ArchiveSettings, Level};
use parking_lot::Mutex;

use super::Place;
use super::outbox::Waiting;
use crate::host::bytes;
use crate::work::meter::Meter;
use crate::work::{Job, Report, Result, Workshop};

/// Names that are tried for one archive.
const MOST_NAMES: u32 = 100;
/// For how long nothing may come through before the run waits and is tried again.
const GIVE_UP_AFTER: Duration = Duration::from_secs(60);

impl Workshop {
    /// Sends an archive that waits, or what is missing of it at the destination.
    ///
    /// # Errors
    /// When it could not be sent. It stays, and can be gone on with.
    pub fn send(
        &self,
        job: &Job<'_>,
        settings: &ArchiveSettings,
        waiting: &Waiting,
        tokens: Arc<dyn Tokens>,
    ) -> Result<()> {
        if waiting.is_sent() {
            return Ok(());
        }
        let place = self.place(job, true)?;
        let (manifest, input) = waiting.open()?;
        let sender = self.sender(job, settings, &place, tokens);
        let size = manifest.file.map_or(0, |facts| facts.size);
        let text = format!("sending {} ({}) to {}", waiting.name(), bytes(size), place.store.location());
        job.report.log(Level::Info, "send", &text);
        let begun = Instant::now();
        match send_under_a_free_name(&sender, &input, waiting, &manifest) {
            Ok(stored) => {
                waiting.mark_sent()?;
                let text = format!(
                    "{} arrived whole as {}: its SHA-256 was compared; {:.1} s",
                    waiting.name(),
                    stored.name,
                    begun.elapsed().as_secs_f64()
                );
                job.report.log(Level::Info, "send", &text);
                Ok(())
            }
            // What is not what was made is of no use to anybody.
            Err(error @ TransferError::Changed { .. }) => {
                let _ = remove(&waiting.path());
                Err(error.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Gives up what was begun of an archive at its destination.
    ///
    /// # Errors
    /// When the destination cannot be reached, or does not let go of it.
    pub fn give_up(
        &self,
        job: &Job<'_>,
        settings: &ArchiveSettings,
        waiting: &Waiting,
        tokens: Arc<dyn Tokens>,
    ) -> Result<()> {
        let (manifest, input) = waiting.open()?;
        let Some(facts) = manifest.file else { return Ok(()) };
        let place = self.place(job, false)?;
        let name = named(waiting, &manifest, 1);
        Ok(self.sender(job, settings, &place, tokens).abandon(&input, &name, facts.sha256.0)?)
    }

    fn sender(
        &self,
        job: &Job<'_>,
        settings: &ArchiveSettings,
        place: &Place,
        tokens: Arc<dyn Tokens>,
    ) -> Sender {
        let mut seed = [0; 8];
        self.environment.random.fill(&mut seed);
        let mut chunking = Chunking::default();
        if let Some(threshold) = settings.split_over {
            chunking = chunking.beyond(threshold);
        }
        Sender {
            store: Arc::clone(&place.store),
            tokens,
            chunking,
            patience: Patience {
                seed: u64::from_le_bytes(seed),
                give_up_after: Some(GIVE_UP_AFTER),
                ..Patience::default()
            },
            clock: Arc::clone(&self.environment.clock),
            control: job.control.clone(),
            progress: Arc::new(Told::new(job)),
        }
    }
}

/// Sends an archive under its name; somebody may have taken that since it was made, and then it gets `-2`, `-3` and so on behind it.
fn send_under_a_free_name(
    sender: &Sender,
    input: &FileInput,
    waiting: &Waiting,
    manifest: &Manifest,
) -> Result<StoredFile, TransferError> {
    let mut number = 1;
    loop {
        match sender.send_archive_as(input, &named(waiting, manifest, number), manifest) {
            Err(TransferError::NameTaken { .. }) if number < MOST_NAMES => number += 1,
            sent => return sent,
        }
    }
}

/// The name in the store, with this number behind it.
fn named(waiting: &Waiting, manifest: &Manifest, number: u32) -> String {
    let name = numbered(&manifest.name, number);
    if waiting.to().is_empty() { name } else { format!("{}/{name}", waiting.to()) }
}

/// A name with a number before what tells its format.
fn numbered(name: &str, number: u32) -> String {
    let ends =
        [Format::Zip, Format::TarZst, Format::Mongodump].map(|of| [of.extension(true), of.extension(false)]);
    let format = ends.into_iter().flatten().find(|end| name.ends_with(end));
    let stem = format.map_or(name, |end| name.strip_suffix(end).unwrap_or(name));
    match number {
        1 => name.to_owned(),
        number => format!("{stem}-{number}{}", format.unwrap_or_default()),
    }
}

/// Tells of a transfer, and keeps to its rate.
struct Told {
    meter: Meter,
    report: Arc<dyn Report>,
    rate: Option<u64>,
    /// When what was sent so far may have been sent.
    earned: Mutex<Option<Instant>>,
}

impl Told {
    fn new(job: &Job<'_>) -> Self {
        Self {
            meter: Meter::new(&job.report, "sending"),
            report: Arc::clone(&job.report),
            rate: job.limits.upload.filter(|rate| *rate > 0),
            earned: Mutex::default(),
        }
    }
}

impl Progress for Told {
    fn begun(&self, name: &str, size: u64, already: u64) {
        use backstay_core::Events;
        // The manifest that follows its archive is too small to be told of.
        if name.ends_with(BESIDE) {
            return;
        }
        self.meter.totals(1, size, true);
        self.meter.bytes_done(already);
        if already > 0 {
            let text =
                format!("going on: {} of {} are there already, and right", bytes(already), bytes(size));
            self.report.log(Level::Info, "send", &text);
        }
    }

    fn sent(&self, count: u64) {
        use backstay_core::Events;
        self.meter.bytes_done(count);
        let Some(rate) = self.rate else { return };
        let now = Instant::now();
        let cost = Duration::from_secs_f64(count as f64 / rate as f64);
        let mut earned = self.earned.lock();
        let end = earned.map_or(now, |earned| earned.max(now)) + cost;
        *earned = Some(end);
        drop(earned);
        std::thread::sleep(end.saturating_duration_since(now).min(Duration::from_secs(1)));
    }

    fn lost(&self, count: u64) {
        self.meter.lost(count);
    }

    fn waiting(&self, why: &str, wait: Duration) {
        let text = format!("{why}; it is tried again in {:.1} s", wait.as_secs_f64());
        self.report.log(Level::Warning, "send", &text);
        // Waiting for a network is getting on.
        self.report.moved();
    }

    fn finishing(&self, _: &str) {
        self.report.moved();
    }
}
