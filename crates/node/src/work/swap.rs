//! Puts restored files in the place of others, which are kept aside, and takes that back.
//!
//! Each step is one rename, so that whatever interrupts them, what was done can be told from what is there.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// How the names of folders begin in which files wait for their places.
const STAGING: &str = ".backstay-restore-";

/// One file or folder that changes places.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swap {
    /// Where it is used.
    pub place: PathBuf,
    /// Where the new one waits; `None` when nothing comes in its place.
    pub new: Option<PathBuf>,
    /// Where the old one is kept; `None` when there was none.
    pub old: Option<PathBuf>,
}

/// The renames that put what waits in `staged`, by its place, into these places. `mark` is part of the names of what is kept aside.
///
/// A folder that is a mount point cannot be renamed; what is in it is.
///
/// # Errors
/// When a folder cannot be listed.
pub fn plan(
    places: &BTreeSet<PathBuf>,
    staged: &impl Fn(&Path) -> PathBuf,
    mark: &str,
) -> io::Result<Vec<Swap>> {
    let mut swaps = Vec::new();
    for place in places {
        let new = Some(staged(place)).filter(|new| fs::symlink_metadata(new).is_ok());
        if is_mount_point(place) {
            let aside = place.join(format!(".backstay-before-{mark}"));
            let mut names = names_in(place)?;
            names.extend(new.as_deref().map(names_in).transpose()?.unwrap_or_default());
            names.retain(|name| !name.to_string_lossy().starts_with(".backstay-") && name != "lost+found");
            swaps.extend(names.into_iter().map(|name| {
                let new =
                    new.as_ref().map(|new| new.join(&name)).filter(|new| fs::symlink_metadata(new).is_ok());
                let place = place.join(&name);
                let old = fs::symlink_metadata(&place).is_ok().then(|| aside.join(&name));
                Swap { place, new, old }
            }));
        } else {
            let old = fs::symlink_metadata(place).is_ok().then(|| beside(place, mark));
            swaps.push(Swap { place: place.clone(), new, old });
        }
    }
    Ok(swaps)
}

/// Where restored files wait for a place: in the same file system, so that a rename moves them.
#[must_use]
pub fn staging(place: &Path, mark: &str) -> PathBuf {
    let folder = if is_mount_point(place) { Some(place) } else { place.parent() };
    folder.unwrap_or(place).join(format!("{STAGING}{mark}"))
}

/// Puts the new ones in their places.
///
/// # Errors
/// When a rename fails; what was done until then can be [taken back](undo).
pub fn apply(swaps: &[Swap]) -> io::Result<()> {
    for swap in swaps {
        if let Some(old) = &swap.old {
            make_parent(old)?;
            rename_to_free(&swap.place, old)?;
        }
        if let Some(new) = &swap.new {
            make_parent(&swap.place)?;
            rename_to_free(new, &swap.place)?;
        }
    }
    sync_places(swaps)
}

/// Takes back what was done, all or in part, the last first. What was made meanwhile in the place of something that is kept aside is
/// removed.
///
/// # Errors
/// When a rename fails.
pub fn undo(swaps: &[Swap]) -> io::Result<()> {
    let is_there = |path: &Path| fs::symlink_metadata(path).is_ok();
    for swap in swaps.iter().rev() {
        let new_is_in = swap.new.as_ref().is_some_and(|new| !is_there(new)) && is_there(&swap.place);
        let old_is_aside = swap.old.as_ref().is_some_and(|old| is_there(old));
        if let Some(new) = swap.new.as_ref().filter(|_| new_is_in && (old_is_aside || swap.old.is_none())) {
            make_parent(new)?;
            rename_to_free(&swap.place, new)?;
        }
        if old_is_aside && is_there(&swap.place) {
            remove(&swap.place)?;
        }
        if let Some(old) = swap.old.as_ref().filter(|_| old_is_aside) {
            rename_to_free(old, &swap.place)?;
        }
    }
    sync_places(swaps)
}

/// Removes what was kept aside, and folders that were made for it.
///
/// # Errors
/// When something cannot be removed.
pub fn discard_old(swaps: &[Swap]) -> io::Result<()> {
    for old in swaps.iter().filter_map(|swap| swap.old.as_deref()) {
        if fs::symlink_metadata(old).is_ok() {
            remove(old)?;
        }
        if let Some(folder) = old.parent().filter(|folder| is_aside(folder)) {
            let _ = fs::remove_dir(folder);
        }
    }
    Ok(())
}

/// Removes what waits for its place, with the folders it waits in.
///
/// # Errors
/// When something cannot be removed.
pub fn discard_new(swaps: &[Swap]) -> io::Result<()> {
    let is_staging =
        |folder: &&Path| folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with(STAGING));
    let news = swaps.iter().filter_map(|swap| swap.new.as_deref());
    let folders: BTreeSet<_> = news.filter_map(|new| new.ancestors().find(is_staging)).collect();
    folders.into_iter().try_for_each(super::remove_folder_if_there)
}

fn remove(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

fn is_aside(folder: &Path) -> bool {
    folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".backstay-before-"))
}

fn beside(place: &Path, mark: &str) -> PathBuf {
    let mut name = place.file_name().map(OsString::from).unwrap_or_default();
    name.push(format!(".before-{mark}"));
    place.with_file_name(name)
}

/// Whether a folder is the top of a file system.
fn is_mount_point(path: &Path) -> bool {
    let device = |path: &Path| fs::metadata(path).map(|meta| meta.dev()).ok();
    path.is_dir() && path.parent().is_some_and(|parent| device(parent) != device(path))
}

fn names_in(folder: &Path) -> io::Result<BTreeSet<OsString>> {
    if !folder.is_dir() {
        return Ok(BTreeSet::new());
    }
    fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name())).collect()
}

fn make_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

fn rename_to_free(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE).map_err(|error| {
        let error = io::Error::from(error);
        io::Error::new(error.kind(), format!("{} cannot become {}: {error}", from.display(), to.display()))
    })
}

/// Brings the names in the folders of all places to the disk.
fn sync_places(swaps: &[Swap]) -> io::Result<()> {
    let folders: BTreeSet<_> = swaps.iter().filter_map(|swap| swap.place.parent()).collect();
    folders.into_iter().try_for_each(|folder| fs::File::open(folder)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixture {
        folder: tempfile::TempDir,
    }

    impl Fixture {
        /// A folder and a file in use, a file that is only new, one that has to go.
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            for (path, text) in [
                ("used/data/table", "old"),
                ("used/log", "old"),
                ("used/gone", "old"),
                ("staged/data/table", "new"),
                ("staged/log", "new"),
                ("staged/added", "new"),
            ] {
                let path = folder.path().join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            Self { folder }
        }

        fn plan(&self) -> Vec<Swap> {
            let used = self.folder.path().join("used");
            let places = ["data", "log", "gone", "added"].map(|name| used.join(name)).into();
            let staged = |place: &Path| self.folder.path().join("staged").join(place.file_name().unwrap());
            plan(&places, &staged, "run").unwrap()
        }

        fn used(&self) -> Vec<(String, String)> {
            let used = self.folder.path().join("used");
            let read = |name: &str| fs::read_to_string(used.join(name)).unwrap_or_default();
            ["data/table", "log", "gone", "added"].map(|name| (name.to_owned(), read(name))).into()
        }
    }

    #[test]
    fn what_was_swapped_in_is_taken_back_wherever_it_was_interrupted() {
        let before = Fixture::new().used();
        let whole = Fixture::new();
        let swaps = whole.plan();
        apply(&swaps).unwrap();
        let texts: Vec<_> = whole.used().into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts, ["new", "new", "", "new"]);
        undo(&swaps).unwrap();
        assert_eq!(whole.used(), before);
        apply(&swaps).unwrap();
        discard_old(&swaps).unwrap();
        let left = fs::read_dir(whole.folder.path().join("used")).unwrap().count();
        assert_eq!(left, 3, "nothing is kept aside any more");

        // Each rename may have been the last.
        for steps in 0..8 {
            let fixture = Fixture::new();
            let swaps = fixture.plan();
            let mut left = steps;
            for swap in &swaps {
                let renames = [
                    swap.old.as_ref().map(|old| (swap.place.clone(), old.clone())),
                    swap.new.as_ref().map(|new| (new.clone(), swap.place.clone())),
                ];
                for (from, to) in renames.into_iter().flatten() {
                    if left > 0 {
                        rename_to_free(&from, &to).unwrap();
                        left -= 1;
                    }
                }
            }
            undo(&swaps).unwrap();
            undo(&swaps).unwrap();
            assert_eq!(fixture.used(), before, "after {steps} steps");
        }
    }

    #[test]
    fn what_was_made_in_the_place_of_what_is_kept_goes_when_that_comes_back() {
        let fixture = Fixture::new();
        let (before, swaps) = (fixture.used(), fixture.plan());
        apply(&swaps).unwrap();
        let used = fixture.folder.path().join("used");
        fs::create_dir(used.join("gone")).unwrap();
        fs::remove_file(used.join("log")).unwrap();
        undo(&swaps).unwrap();
        assert_eq!(fixture.used(), before);
    }

    #[test]
    fn nothing_is_put_over_what_somebody_else_made_meanwhile() {
        let fixture = Fixture::new();
        let swaps = fixture.plan();
        fs::write(fixture.folder.path().join("used/added"), "somebody's").unwrap();
        assert_eq!(apply(&swaps).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    }
}
