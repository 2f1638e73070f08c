//! How the paths somebody names become the folders of a snapshot.
//!
//! As in restic: an absolute target keeps its whole path, with the metadata of each folder on the way;
//! a relative one keeps what it says without its leading `..`; `.` and `..` alone stand for what is in
//! them. Two targets that would come to the same name at the top but lie in different places are told
//! apart by a suffix, `-1` and so on. A target that lies in another one is found there, once.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use rustix::fs::{AtFlags, CWD, Mode, OFlags};

use super::listing;
use super::path;

/// Why targets cannot be laid out as one tree.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// A folder whose entries are needed to merge targets cannot be read.
    #[error("cannot list {}: {cause}", String::from_utf8_lossy(path))]
    List {
        /// The folder.
        path: Vec<u8>,
        /// Why.
        cause: std::io::Error,
    },
    /// The same place in the snapshot would hold two things.
    #[error("two targets claim the same place: {}", String::from_utf8_lossy(.0))]
    Collision(Vec<u8>),
}

/// A place in the snapshot: either something to back up, or a folder on the way to it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) children: BTreeMap<Vec<u8>, Place>,
    /// What is backed up here, with everything in it.
    pub(super) source: Option<Vec<u8>>,
    /// The folder that gives a folder on the way its metadata.
    pub(super) metadata_from: Vec<u8>,
    /// Somebody named this path, so excludes do not apply to it.
    pub(super) explicit: bool,
    /// The folder that the first component of a top place lies in.
    root: Vec<u8>,
}

/// Lays out the targets; the result is the root folder. With a `root` they are read below it.
pub(super) fn lay_out(targets: &[Vec<u8>], below_root: Option<&[u8]>) -> Result<Place, LayoutError> {
    let mut root = Place::default();
    let mut seen = HashSet::new();
    for target in targets {
        let target = path::clean(target);
        if !path::components(&target).is_empty() {
            if seen.insert(target.clone()) {
                root.plant(&target, true)?;
            }
            continue;
        }
        for name in names_in(&below(below_root, &target))? {
            let inner = path::join(&target, &name);
            if seen.insert(inner.clone()) {
                root.plant(&inner, false)?;
            }
        }
    }
    root.unroll(below_root)?;
    if below_root.is_some() {
        root.read_below(below_root);
    }
    Ok(root)
}

/// Where a target is read.
pub(super) fn below<'a>(root: Option<&[u8]>, target: &'a [u8]) -> Cow<'a, [u8]> {
    match root {
        None => Cow::Borrowed(target),
        Some(root) => Cow::Owned([root, target].concat()),
    }
}

impl Place {
    /// Puts a target in its place beneath the root.
    fn plant(&mut self, target: &[u8], explicit: bool) -> Result<(), LayoutError> {
        let components = path::components(target);
        let Some((&first, below)) = components.split_first() else {
            return Ok(());
        };
        let root = root_of(target);
        let name = self.free_name(first, &root);
        let top =
            self.children.entry(name).or_insert_with(|| Place { root: root.clone(), ..Place::default() });

        let mut place = top;
        let mut folder = path::join(&root, first);
        for component in below {
            place.metadata_from = folder.clone();
            folder = path::join(&folder, component);
            place = place.children.entry(component.to_vec()).or_default();
        }
        if place.source.is_some() && !below.is_empty() {
            return Err(LayoutError::Collision(target.to_vec()));
        }
        place.source = Some(target.to_vec());
        place.explicit = explicit;
        Ok(())
    }

    /// The name itself, or with a number where the name belongs to another root already.
    fn free_name(&self, name: &[u8], root: &[u8]) -> Vec<u8> {
        let mut candidate = name.to_vec();
        let mut number = 0;
        while self.children.get(&candidate).is_some_and(|other| other.root != root) {
            number += 1;
            candidate = [name, format!("-{number}").as_bytes()].concat();
        }
        candidate
    }

    /// Turns each target with further targets in it into a folder of all its entries.
    fn unroll(&mut self, root: Option<&[u8]>) -> Result<(), LayoutError> {
        if !self.children.is_empty()
            && let Some(source) = self.source.take()
        {
            self.explicit = false;
            for name in names_in(&below(root, &source))? {
                let inner = path::join(&source, &name);
                let place = self.children.entry(name).or_default();
                match &place.source {
                    None => place.source = Some(inner),
                    Some(same) if *same == inner => {}
                    Some(_) => return Err(LayoutError::Collision(inner)),
                }
            }
        }
        self.children.values_mut().try_for_each(|child| child.unroll(root))
    }

    /// Has everything read below a root. Folders on the way are as they are where the targets belong, unless they are gone there.
    fn read_below(&mut self, root: Option<&[u8]>) {
        if let Some(source) = &mut self.source {
            *source = below(root, source).into_owned();
        }
        if rustix::fs::statat(CWD, &*self.metadata_from, AtFlags::empty()).is_err() {
            self.metadata_from = below(root, &self.metadata_from).into_owned();
        }
        self.children.values_mut().for_each(|child| child.read_below(root));
    }
}

/// Where the first component of a cleaned target lies: `/`, `.`, or as many `..` as it begins with.
fn root_of(target: &[u8]) -> Vec<u8> {
    if target.starts_with(b"/") {
        return b"/".to_vec();
    }
    let up = target.split(|&byte| byte == b'/').take_while(|part| *part == b"..").count();
    if up == 0 { b".".to_vec() } else { vec![&b".."[..]; up].join(&b'/') }
}

fn names_in(folder: &[u8]) -> Result<Vec<Vec<u8>>, LayoutError> {
    let failed = |error: rustix::io::Errno| LayoutError::List { path: folder.to_vec(), cause: error.into() };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(CWD, folder, flags, Mode::empty()).map_err(failed)?;
    let names = listing::sorted(&fd, &mut Vec::new()).map_err(failed)?;
    Ok(names.into_iter().map(|(name, _)| name).collect())
}

#[cfg(test)]
#[path = "targets_tests.rs"]
mod tests;
