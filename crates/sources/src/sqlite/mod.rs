//! Databases of SQLite: copies of one moment while others write, what is known of them, and bringing them back.
//!
//! A copy is made by SQLite's online backup within one read transaction ([`copy`]), so it is what the database was at that moment, with
//! the pages where they were: what did not change is the same bytes in the same place in the next copy.
//! <https://www.sqlite.org/backup.html>

mod check;
mod copy;
mod database;
mod error;
mod facts;
mod swap;

pub use check::check;
pub use copy::copy;
pub use error::{SqliteError, Trouble};
pub use facts::{Facts, Table, facts};
pub use swap::{Aside, refuse_in_use, refuse_open, swap_back, swap_in};
