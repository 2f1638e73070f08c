//! Archives that a check found damaged: nothing new leans on them.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use backstay_model::RepositoryId;

use super::known::{Inventory, Known};
use crate::work::repository::make_folder;
use crate::work::{Workshop, remove_if_there};

impl Workshop {
    /// Notes what a check found out of an archive, by its id.
    pub(super) fn note_check(
        &self,
        repository: RepositoryId,
        id: &str,
        is_whole: bool,
    ) -> std::io::Result<()> {
        let mut ids = self.distrusted(repository);
        let is_news = if is_whole { ids.remove(id) } else { ids.insert(id.to_owned()) };
        if !is_news {
            return Ok(());
        }
        let path = self.distrusted_path(repository);
        if ids.is_empty() {
            return remove_if_there(&path);
        }
        path.parent().map_or(Ok(()), make_folder)?;
        let new = path.with_extension("new");
        fs::write(&new, ids.into_iter().collect::<Vec<_>>().join("\n"))?;
        fs::rename(new, path)
    }

    /// Why the next archive should not lean on this one, if it should not.
    pub(super) fn distrust(
        &self,
        repository: RepositoryId,
        inventory: &Inventory,
        known: &Known,
    ) -> Option<String> {
        let name = &known.file.name;
        if let Some(trouble) = inventory.trouble(known) {
            return Some(format!("{name} {trouble}"));
        }
        let distrusted = self.distrusted(repository);
        if distrusted.contains(&known.id()) {
            return Some(format!("{name} was found damaged"));
        }
        let link = known.manifest.chain.iter().find(|link| distrusted.contains(&link.id.to_string()));
        link.map(|link| format!("{name} leans on {}, which was found damaged", link.name))
    }

    fn distrusted(&self, repository: RepositoryId) -> BTreeSet<String> {
        // Where it cannot be read, archives lean on one another as if nothing had been checked.
        let text = fs::read_to_string(self.distrusted_path(repository)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn distrusted_path(&self, repository: RepositoryId) -> PathBuf {
        self.data_dir.join("damaged-archives").join(repository.to_string())
    }
}
