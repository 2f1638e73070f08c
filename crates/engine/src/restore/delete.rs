//! What the target has and the snapshot does not: removed with `delete`, on a dry run only told.

use std::collections::HashSet;

use backstay_core::EntryKind;

use super::run::{Counts, Run, join};

impl Run<'_> {
    /// Removes from a folder what is not among these names, as far as it is chosen.
    pub(super) fn delete_unknown(&self, folder: &[u8], known: &HashSet<Vec<u8>>) {
        let Ok(names) = self.target.names(folder) else { return };
        for name in names.into_iter().filter(|name| !known.contains(name)) {
            let path = join(folder, &name);
            if !(self.select)(&path, false).item {
                continue;
            }
            let gone = self.with_all_below(path.clone());
            if !self.options.dry_run
                && let Err(error) = self.target.remove(&path)
            {
                self.fail(&path, &error);
                continue;
            }
            Counts::add(&self.counts.deleted, gone.len() as u64);
            gone.iter().rev().for_each(|path| self.events.item_deleted(path));
        }
    }

    /// An item of the target and all that is in it, each folder before its content.
    fn with_all_below(&self, path: Vec<u8>) -> Vec<Vec<u8>> {
        let (mut found, mut open) = (Vec::new(), vec![path]);
        while let Some(path) = open.pop() {
            let existing = self.target.existing(&path);
            if existing.is_ok_and(|meta| meta.is_some_and(|meta| meta.kind == EntryKind::Folder)) {
                let names = self.target.names(&path).unwrap_or_default();
                open.extend(names.iter().map(|name| join(&path, name)));
            }
            found.push(path);
        }
        found
    }
}
