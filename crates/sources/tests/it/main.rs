//! Sources against the real servers that they are of.

mod mongodb;
mod mysql;
