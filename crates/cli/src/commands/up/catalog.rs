//! The catalog of a server, and the runtime that it is reached through.

use std::path::PathBuf;

use backstay_catalog::{CatalogError, ServerStore};

use super::DataFolder;
use crate::args;
use crate::environment::variable;
use crate::failure::{Explain, Failure, Outcome};

/// A runtime for what waits for many things at once.
pub(crate) fn runtime() -> Outcome<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().explain("cannot start threads")
}

/// The database that is named.
fn named(args: &args::DataFolder) -> Option<String> {
    args.database.clone().or_else(|| variable("DATABASE"))
}

/// The file of a catalog that lies in the data folder.
fn file(folder: &DataFolder) -> PathBuf {
    folder.path().join("server.db")
}

/// Whether there is a catalog to open, as far as can be seen from here: opening one makes it.
pub(crate) fn has_catalog(args: &args::DataFolder, folder: &DataFolder) -> bool {
    named(args).is_some() || file(folder).exists()
}

/// Opens the catalog: the database that is named, or a file in the data folder.
pub(crate) async fn open(args: &args::DataFolder, folder: &DataFolder) -> Outcome<ServerStore> {
    let address = named(args).unwrap_or_else(|| format!("sqlite:{}", file(folder).display()));
    ServerStore::open(&address).await.map_err(|error: CatalogError| {
        let failure = Failure::fatal("the catalog cannot be opened").because(&error);
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })
}
