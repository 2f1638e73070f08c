//! A machine that has other things to do: both cores busy, and a backup.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crate::reads::Reader;

/// Bytes that are new for each backup.
const NEW: usize = 768 << 20;

pub(crate) struct Load {
    over: Arc<AtomicBool>,
    burners: Vec<JoinHandle<()>>,
    backups: tokio::task::JoinHandle<u32>,
}

impl Load {
    pub(crate) fn start(folder: &Path, reader: &Reader) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let burner = || {
            let over = Arc::clone(&over);
            std::thread::spawn(move || burn(&over))
        };
        let burners = vec![burner(), burner()];
        let (file, done, reader) = (folder.join("large/new"), Arc::clone(&over), reader.clone());
        let backups = tokio::spawn(async move {
            let mut number = 0;
            while !done.load(Ordering::Relaxed) {
                let (path, seed) = (file.clone(), number);
                tokio::task::spawn_blocking(move || renew(&path, seed)).await.unwrap();
                reader.back_up(reader.large).await;
                number += 1;
            }
            number
        });
        Self { over, burners, backups }
    }

    /// Ends it; says how many backups were made.
    pub(crate) async fn stop(self) -> u32 {
        self.over.store(true, Ordering::Relaxed);
        for burner in self.burners {
            burner.join().unwrap();
        }
        self.backups.await.unwrap()
    }
}

/// Keeps a core busy, and gives way to who is at nice 0.
fn burn(over: &AtomicBool) {
    rustix::process::nice(10).unwrap();
    let mut number = 1_u64;
    while !over.load(Ordering::Relaxed) {
        for _ in 0..100_000 {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        }
        std::hint::black_box(number);
    }
}

/// Puts other bytes into a file, which look like chance.
fn renew(path: &PathBuf, seed: u32) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ (u64::from(seed) + 1);
    let mut file = std::fs::File::create(path).unwrap();
    let mut block = vec![0; 1 << 20];
    for _ in 0..NEW >> 20 {
        for word in block.chunks_exact_mut(8) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            word.copy_from_slice(&state.to_le_bytes());
        }
        file.write_all(&block).unwrap();
    }
}
