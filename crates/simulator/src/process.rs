//! A process that opens a repository: each has a clock, random numbers and an identity of its own.

use std::sync::Arc;

use backstay_core::Storage;
use backstay_engine::chunker::ChunkSizes;
use backstay_engine::crypto::KdfParams;
use backstay_engine::pack::Compression;
use backstay_engine::repository::{InitOptions, init, unlock};
use backstay_engine::testing::{CountingRandom, TestClock};
use backstay_engine::{Environment, Identity, Repository, Result, Settings};

const PASSWORD: &str = "simulated";

/// How a process works. The number tells processes apart: two with the same number draw the same nonces.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process {
    pub(crate) number: u64,
    pub(crate) pack_size: usize,
}

impl Process {
    pub(crate) fn numbered(self, number: u64) -> Self {
        Self { number, ..self }
    }

    fn environment(self) -> Environment {
        let clock = TestClock::default();
        clock.advance(self.number as i64 & 0xffff);
        Environment {
            clock: Arc::new(clock),
            random: Arc::new(CountingRandom::seeded(self.number)),
            identity: Identity {
                host: "simulated".into(),
                user: "user".into(),
                pid: 7,
                ..Identity::default()
            },
        }
    }

    fn settings(self) -> Settings {
        Settings {
            compression: Compression::Fastest,
            pack_size: self.pack_size,
            chunk_sizes: ChunkSizes::TINY,
            threads: 1,
            kdf: KdfParams::CHEAP,
        }
    }

    pub(crate) fn init(self, storage: Arc<dyn Storage>) -> Result<Repository> {
        init(storage, PASSWORD, InitOptions::default(), self.environment(), self.settings())
    }

    pub(crate) fn open(self, storage: Arc<dyn Storage>) -> Result<Repository> {
        let key = unlock(&storage, PASSWORD, None)?;
        Ok(Repository::new(storage, key, self.environment(), self.settings()))
    }
}
