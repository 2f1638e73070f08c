//! Crashes the engine at every write and looks whether anything is lost.
//!
//! A seed decides a scenario: backups, forgetting, pruning, copies, damage and repairs on small repositories in memory. Each
//! operation runs once in peace, which counts its calls to the storage. Then, for each call and each [`Fault`], it runs again from
//! the same beginning with this fault at this call, and what survives is judged: `check` reads all data, every snapshot
//! that had been reported complete and not been asked to be forgotten is restored and compared byte by byte, and then the next
//! backup and the next prune have to work too.
//!
//! The engine is the real one, with a cheap key, small chunks and packs, one thread for each of its tasks and a clock of its
//! own. `docs/reliability.md` tells the model and what was found.

#![forbid(unsafe_code)]

mod dice;
mod fault;
mod narrow;
mod operation;
mod oracle;
mod process;
mod promise;
mod run;
mod scenario;
mod target;
mod tree;
mod trial;
mod world;

pub use fault::Fault;
pub use run::{Counts, Report, Selection, Violation, simulate};
