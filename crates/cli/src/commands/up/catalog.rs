//! The catalog of a server, and the runtime that it is reached through.

use backstay_catalog::{CatalogError, ServerStore};

use super::DataFolder;
use crate::args;
use crate::environment::variable;
use crate::failure::{Explain, Failure, Outcome};

/// A runtime for what waits for many things at once.
pub(crate) fn runtime() -> Outcome<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().explain("cannot start threads")
}

/// Opens the catalog: the database that is named, or a file in the data folder.
pub(crate) async fn open(args: &args::DataFolder, folder: &DataFolder) -> Outcome<ServerStore> {
    let named = args.database.clone().or_else(|| variable("DATABASE"));
    let address = named.unwrap_or_else(|| format!("sqlite:{}", folder.path().join("server.db").display()));
    ServerStore::open(&address).await.map_err(|error: CatalogError| {
        let failure = Failure::fatal("the catalog cannot be opened").because(&error);
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })
}
