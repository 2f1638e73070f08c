//! Instances of MySQL and MariaDB: the files that one consists of, and what has to be known to copy them and to bring them back.
//!
//! A *cold* backup is a copy of all files of an instance that is stopped. Nothing here stops or starts anything: that is done by who
//! manages the service. What is asked of a running instance ([`Facts`], [`Places`]) is what MySQL and MariaDB share.

mod access;
mod answer;
mod config;
mod error;
mod facts;
mod places;
mod process;
mod tables;

pub use access::{Access, Address};
pub use answer::wait_until_it_answers;
pub use config::config_files;
pub use error::{MysqlError, Trouble};
pub use facts::{BinlogPosition, Facts, Product};
pub use places::{Part, Places};
pub use process::{Process, process_of};
pub use tables::{TableProblem, check_tables};
