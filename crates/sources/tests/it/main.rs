//! Sources against the real servers that they are of.

mod mysql;
mod s3;
