//! The engine as a whole: beside restic, in the entry stream, on bad input, under way and by its formats' properties.

// A test fails by panicking, in its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod control;
mod corpora;
mod damage;
mod forget;
mod frozen;
mod hostile;
mod interop;
mod journal;
mod leniency;
mod locks;
mod losses;
mod opening;
mod places;
mod properties;
mod sharing;
mod stream;
mod support;
mod together;
