//! The engine as a whole: beside restic, in the entry stream, on bad input, under way and by its formats' properties.

mod control;
mod corpora;
mod damage;
mod hostile;
mod interop;
mod losses;
mod properties;
mod sharing;
mod stream;
mod support;
