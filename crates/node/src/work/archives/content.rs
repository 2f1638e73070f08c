//! Taking content out of an archive as a stream of bytes: a file, its beginning, or any items as a zip archive.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{self, Read, Write};

use backstay_archive::manifest::{ArchiveId, Item, ItemKind};
use backstay_archive::read::Stored;
use backstay_archive::zip::Zip;
use backstay_archive::{Archive, ArchiveError};
use backstay_core::{Control, Interrupted};
use backstay_model::command::ContentForm;

use super::Place;
use super::browse::{each_item, find_item};
use super::known::{Inventory, Known};
use crate::work::excludes::lies_in;
use crate::work::extract::{arranged, untaken};
use crate::work::restore::relative;
use crate::work::{Class, Job, Result, WorkError, Workshop};

/// Content of an archive that can be taken out.
pub(in crate::work) struct Taking {
    place: Place,
    inventory: Inventory,
    known: Known,
    what: What,
    pub(in crate::work) name: String,
}

enum What {
    /// A file, or so many bytes of its beginning.
    Content(Box<Item>, u64),
    /// Paths with all that is below them, each with the folder of the zip archive that it lies in.
    Zip(Vec<(Vec<u8>, Vec<u8>)>),
}

impl Workshop {
    /// Finds content in an archive, and makes ready to take it out.
    pub(in crate::work) fn take_from_archive(
        &self,
        job: &Job<'_>,
        archive: &str,
        paths: &[String],
        form: ContentForm,
    ) -> Result<Taking> {
        let (place, inventory) = self.stock(job)?;
        let known = inventory.find(archive)?.clone();
        let content = |most| {
            let [path] = paths else {
                return Err(WorkError::new(Class::Other, "one file is taken out at a time")
                    .hint("several can be had as a zip archive"));
            };
            let mut item = find_item(&place, &known, &relative(path.as_bytes()))?;
            let name = last(&item.path.0);
            if item.kind != ItemKind::File {
                return Err(WorkError::new(Class::Other, format!("{path} is no file"))
                    .hint("a folder can be had as a zip archive"));
            }
            if let Some(original) = item.hard_link.clone() {
                item = find_item(&place, &known, &original.0)?;
            }
            Ok((What::Content(Box::new(item), most), name))
        };
        let (what, name) = match form {
            ContentForm::File => content(u64::MAX)?,
            ContentForm::Beginning(most) => content(most)?,
            ContentForm::Zip => {
                let mut items = Vec::new();
                for (path, below) in arranged(paths) {
                    let path = relative(path.as_bytes());
                    if !path.is_empty() {
                        find_item(&place, &known, &path)?;
                    }
                    items.push((path, below));
                }
                let name = match items.as_slice() {
                    [(path, _)] if !path.is_empty() => last(path),
                    _ => known.manifest.name.clone(),
                };
                (What::Zip(items), format!("{name}.zip"))
            }
        };
        Ok(Taking { place, inventory, known, what, name })
    }
}

impl Taking {
    pub(in crate::work) fn length(&self) -> Option<u64> {
        match &self.what {
            What::Content(item, most) => Some(item.size.min(*most)),
            What::Zip(_) => None,
        }
    }

    pub(in crate::work) fn control(&self) -> Control {
        self.place.control.clone()
    }

    pub(in crate::work) fn write(&self, out: &mut dyn Write) -> Result<()> {
        match &self.what {
            What::Content(item, most) => {
                copy_content(&self.place, &self.inventory, &self.known, item, *most, out)
            }
            What::Zip(items) => self.zip(items, out),
        }
    }

    fn zip(&self, items: &[(Vec<u8>, Vec<u8>)], out: &mut dyn Write) -> Result<()> {
        let mut zip = Zip::new(out);
        let mut wanted = BTreeMap::<Option<ArchiveId>, HashMap<Vec<u8>, (Vec<u8>, Item)>>::new();
        each_item(&self.place, &self.known, &mut |item| {
            let Some(inside) = inside(&item.path.0, items) else { return Ok(()) };
            let failed = |error: io::Error| untaken(&error);
            match (item.kind, &item.target) {
                (ItemKind::Folder, _) => zip.folder(&inside, &item.meta()).map_err(failed),
                (ItemKind::Symlink, Some(target)) => {
                    zip.symlink(&inside, &target.0, &item.meta()).map_err(failed)
                }
                (ItemKind::File, _) => {
                    let path = item.hard_link.as_ref().map_or(&item.path.0, |original| &original.0).clone();
                    wanted.entry(item.archive).or_default().insert(path, (inside, item.clone()));
                    Ok(())
                }
                _ => Ok(()),
            }
        })?;
        for (id, mut files) in wanted {
            let from = holder(&self.place, &self.inventory, &self.known, id)?;
            let mut failed = None;
            let paths: HashSet<Vec<u8>> = files.keys().cloned().collect();
            let wants = |path: &[u8]| paths.contains(path);
            let visited = from.visit(&wants, &self.place.control, &mut |found, stored| {
                self.place.control.checkpoint()?;
                let Some((inside, item)) = files.remove(&found.path.0) else { return Ok(()) };
                let copy = |out: &mut dyn Write| match stored {
                    Stored::Content(content) => io::copy(content, out).map(drop),
                    Stored::Passed | Stored::Here | Stored::Elsewhere => Ok(()),
                };
                let packed = zip.file(&inside, &item.meta(), |out| copy(out));
                packed.and_then(|copied| copied).map_err(|error| {
                    failed = Some(untaken(&error));
                    ArchiveError::Interrupted(Interrupted)
                })
            });
            match failed {
                Some(error) => return Err(error),
                None => visited.map(drop)?,
            }
        }
        zip.finish().map_err(|error| untaken(&error))
    }
}

/// Writes out so many bytes of a file's content.
pub(super) fn copy_content(
    place: &Place,
    inventory: &Inventory,
    known: &Known,
    item: &Item,
    most: u64,
    out: &mut dyn Write,
) -> Result<()> {
    if item.size == 0 {
        return Ok(());
    }
    let mut outcome = None;
    let holder = holder(place, inventory, known, item.archive)?;
    let wants = |path: &[u8]| path == item.path.0;
    let visited = holder.visit(&wants, &place.control, &mut |found, stored| {
        place.control.checkpoint()?;
        let Stored::Content(content) = stored else { return Ok(()) };
        if found.path.0 != item.path.0 {
            return Ok(());
        }
        outcome = Some(io::copy(&mut content.take(most), out));
        // All that was asked for is out.
        Err(ArchiveError::Interrupted(Interrupted))
    });
    match (outcome, visited) {
        (Some(Ok(_)), _) => Ok(()),
        (Some(Err(error)), _) => Err(untaken(&error)),
        (None, visited) => {
            visited?;
            let path = String::from_utf8_lossy(&item.path.0);
            Err(WorkError::new(Class::Damaged, format!("the content of /{path} is not in the archive")))
        }
    }
}

/// The archive that contents lie in.
fn holder(place: &Place, inventory: &Inventory, known: &Known, id: Option<ArchiveId>) -> Result<Archive> {
    let known = match id {
        None => known,
        Some(id) => inventory.archives.iter().find(|known| known.manifest.id == id).ok_or_else(|| {
            WorkError::new(Class::Damaged, format!("the archive {id} that this one needs is not there"))
                .hint("bring it back from a copy")
        })?,
    };
    Ok(known.open(place)?)
}

/// Where a path lies in a zip archive of these items; nothing where it is in none of them.
fn inside(path: &[u8], items: &[(Vec<u8>, Vec<u8>)]) -> Option<Vec<u8>> {
    let (top, below) = items.iter().find(|(top, _)| top.is_empty() || lies_in(path, top))?;
    let skip = top.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    let rest = path.get(skip..)?;
    Some(if below.is_empty() { rest.to_vec() } else { [below.as_slice(), b"/", rest].concat() })
}

fn last(path: &[u8]) -> String {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
    String::from_utf8_lossy(name).into_owned()
}
