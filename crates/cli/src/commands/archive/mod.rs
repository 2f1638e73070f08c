//! `archive`: backups as plain archives, in folders of this machine, on receivers and in buckets.

mod create;
mod delete;
mod extract;
mod folder;
mod keys;
mod list;
mod place;
mod send;
mod store;
mod verify;

use backstay_archive::ArchiveError;

use crate::app::App;
use crate::args::Archive;
use crate::failure::{Failure, Outcome};

pub(super) fn run(app: &App, args: &Archive) -> Outcome {
    match args {
        Archive::Create(args) => create::run(app, args),
        Archive::List(args) => list::run(app, args),
        Archive::Verify(args) => verify::run(app, args),
        Archive::Extract(args) => extract::run(app, args),
        Archive::Send(args) => send::run(app, args),
        Archive::Delete(args) => delete::run(app, args),
        Archive::Keygen(args) => keys::generate(app, args),
    }
}

impl From<ArchiveError> for Failure {
    fn from(error: ArchiveError) -> Self {
        if matches!(error, ArchiveError::Interrupted(_)) {
            return Self::interrupted();
        }
        let failure = Self::fatal(&error);
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
