//! What tests of this and other crates use: the suite that every back end passes, and a storage that
//! crashes, tears, loses and garbles on demand.
//!
//! Test code: here a broken expectation panics, as an assertion does.

#[allow(clippy::unwrap_used, clippy::panic)]
mod archives;
#[allow(clippy::unwrap_used, clippy::panic)]
mod conformance;
mod faulty;
mod plan;

pub use archives::archive_conformance;
pub use conformance::conformance;
pub use faulty::{Crash, Faulty, is_crash};
pub use plan::{Damage, Plan, ReadFault, Survivors, WriteFault};
