//! A backup to several repositories and other sinks at once.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use backstay_core::{Clock, Control, Events, Sink, SinkError};
use backstay_engine::backup::{BackupOptions, BackupOutcome, BackupSink, Destination, Party, Together};
use backstay_engine::testing::TestClock;
use parking_lot::Mutex;

use super::recorder::Recorder;
use super::vault::Vault;

/// What came of each.
pub(crate) type Ended = HashMap<Party, Result<Option<BackupOutcome>, SinkError>>;

/// A backup to several that is about to begin.
pub(crate) struct Several {
    destinations: Vec<Destination>,
    sinks: Vec<Arc<dyn Sink>>,
    pub(crate) control: Control,
    pub(crate) events: Arc<Recorder>,
    pub(crate) threads: usize,
    pub(crate) patience: Duration,
}

impl Several {
    pub(crate) fn of(vaults: &[Vault]) -> Self {
        let mut several = Self {
            destinations: Vec::new(),
            sinks: Vec::new(),
            control: Control::new(),
            events: Recorder::new(),
            threads: 4,
            patience: Duration::from_secs(60),
        };
        for vault in vaults {
            several.add(vault, BackupOptions::default());
        }
        several
    }

    /// Adds a repository; returns what steers it.
    pub(crate) fn add(&mut self, vault: &Vault, options: BackupOptions) -> Control {
        let control = self.control.part();
        let repository = vault.repository.with_control(control.clone());
        let index = repository.load_index().unwrap();
        self.destinations.push(Destination { repository, index, lock: None, options });
        control
    }

    pub(crate) fn and(mut self, sink: Arc<dyn Sink>) -> Self {
        self.sinks.push(sink);
        self
    }

    pub(crate) fn start(self) -> BackupSink {
        let Self { destinations, sinks, control, events, threads, patience } = self;
        let clock: Arc<dyn Clock> = Arc::new(TestClock::default());
        let together = Together { control, clock, threads, patience };
        BackupSink::start_together(destinations, sinks, together, events as Arc<dyn Events>).unwrap()
    }

    /// Ends it; what came of each.
    pub(crate) fn ended(sink: BackupSink) -> Ended {
        let ended = Mutex::new(HashMap::new());
        sink.finish_each(&|party, outcome| {
            assert!(ended.lock().insert(party, outcome).is_none(), "{party:?} is told twice");
        });
        ended.into_inner()
    }
}
