//! Packs back to content: read whole, checked, decrypted, decompressed; for a restore also written.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::catalog::{self, Catalog, Pack};
use crate::codec::{self, Decoder, Hash, PIECE};
use crate::crew::Crew;

/// Reads every pack and every piece, and checks both against their hashes.
pub(crate) fn check(folder: &Path) -> Result<()> {
    each_pack(folder, &Catalog::read(folder)?, true, |_| true, |_, _| Ok(()))
}

/// Writes the files of the last backup below `target`.
pub(crate) fn restore(folder: &Path, target: &Path) -> Result<()> {
    let catalog = Catalog::read(folder)?;
    let mut places: HashMap<Hash, Vec<(PathBuf, u64)>> = HashMap::new();
    for file in &catalog.files {
        let path = target.join(&file.path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        }
        if file.pieces.is_empty() {
            fs::write(&path, b"")?;
        }
        for (number, piece) in (0..).zip(&file.pieces) {
            places.entry(*piece).or_default().push((path.clone(), number * PIECE as u64));
        }
    }
    let wanted = |hash: &Hash| places.contains_key(hash);
    each_pack(folder, &catalog, false, wanted, |hash, content| {
        for (path, offset) in places.get(hash).into_iter().flatten() {
            let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
            file.write_all_at(content, *offset)?;
        }
        Ok(())
    })
}

/// Gives the wanted pieces of every pack to `use_piece`, on all threads; checks the packs' own hashes where asked to.
fn each_pack(
    folder: &Path,
    catalog: &Catalog,
    check: bool,
    wanted: impl Fn(&Hash) -> bool + Sync,
    use_piece: impl Fn(&Hash, &[u8]) -> Result<()> + Sync,
) -> Result<()> {
    let packs: Vec<&Pack> = catalog.packs.iter().collect();
    Crew::run(packs, |crew| {
        let mut decoder = Decoder::new()?;
        while let Some(pack) = crew.take() {
            let mut bytes = fs::read(catalog::pack_path(folder, &pack.name)).context("cannot read a pack")?;
            ensure!(!check || codec::hash(&bytes) == pack.name, "a pack does not have its hash");
            let mut rest = bytes.as_mut_slice();
            for blob in &pack.blobs {
                let (stored, after) = rest.split_at_mut_checked(blob.stored).context("a pack is short")?;
                if wanted(&blob.hash) {
                    use_piece(&blob.hash, decoder.decode(stored, blob.length, &blob.hash)?)?;
                }
                rest = after;
            }
            crew.done();
        }
        Ok(())
    })?;
    Ok(())
}
