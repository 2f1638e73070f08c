//! The journal, by which an interrupted backup is taken up where it was.

use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::Arc;

use backstay_engine::crypto::Hasher;
use backstay_engine::index::Index;
use backstay_engine::journal::Journal;

use crate::app::App;
use crate::failure::Outcome;
use crate::repository::Opened;

/// Opens the journal of backups of these paths to this repository, and makes use of what an interrupted one had stored.
/// `None` where there can be no journal: the backup goes well without.
pub(super) fn journal(
    app: &App,
    repository: &Opened,
    index: &Index,
    host: &str,
    paths: &[String],
) -> Outcome<Option<Arc<Journal>>> {
    let Some(lock) = repository.lock() else { return Ok(None) };
    let Some(path) = path(repository, host, paths) else { return Ok(None) };
    let opened = path
        .parent()
        .map_or(Ok(()), |folder| std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder))
        .and_then(|()| Journal::open(repository.engine(), &path));
    let journal = match opened {
        Ok(Some(journal)) => journal,
        Ok(None) => {
            app.console.detail("another backup of the same paths is running, so this one keeps no journal");
            return Ok(None);
        }
        Err(error) => {
            app.console.detail(format!("no journal at {}: {error}", path.display()));
            return Ok(None);
        }
    };
    if journal.is_resumed() {
        let packs = journal
            .adopt_packs(repository.engine(), index, lock)
            .map_err(|error| repository.explain(error.into()))?;
        app.console.say("resuming an interrupted backup");
        app.console.detail(format!("{packs} packs that it stored were added to the index"));
    }
    Ok(Some(Arc::new(journal)))
}

/// One file for each repository, host and set of paths.
fn path(repository: &Opened, host: &str, paths: &[String]) -> Option<PathBuf> {
    let mut hasher = Hasher::default();
    hasher.update(&repository.engine().config().id.0);
    for text in std::iter::once(host).chain(paths.iter().map(String::as_str)) {
        hasher.update(text.as_bytes());
        hasher.update(&[0]);
    }
    let folder = crate::environment::state_folder()?;
    Some(folder.join("journals").join(hasher.finish().to_hex()))
}
