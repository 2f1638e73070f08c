//! A restore counts only when what came back is what was there.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

/// Compares the files of `source` with what was restored below `target`, which some engines put below the source's own
/// path. Only the content of regular files is compared: metadata is a matter for tests.
pub(crate) fn restored(source: &Path, target: &Path) -> Result<()> {
    let whole = target.join(source.strip_prefix("/").unwrap_or(source));
    let target = if whole.is_dir() { whole } else { target.to_owned() };
    let mut compared = 0;
    folder(source, &target, &mut compared)?;
    ensure!(compared > 0, "nothing was restored");
    Ok(())
}

fn folder(source: &Path, target: &Path, compared: &mut u64) -> Result<()> {
    for entry in fs::read_dir(source).with_context(|| format!("cannot list {}", source.display()))? {
        let entry = entry?;
        let restored: PathBuf = target.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            folder(&entry.path(), &restored, compared)?;
        } else if kind.is_file() {
            if !same(&entry.path(), &restored)
                .with_context(|| format!("cannot compare {}", restored.display()))?
            {
                bail!("{} was restored with other content", entry.path().display());
            }
            *compared += 1;
        }
    }
    Ok(())
}

/// Whether two files hold the same bytes. Read in small blocks: the memory of this process is counted as its children's.
fn same(one: &Path, other: &Path) -> Result<bool> {
    let (mut one, mut other) = (File::open(one)?, File::open(other)?);
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let (mut left, mut right) = ([0; 16 << 10], [0; 16 << 10]);
    loop {
        let count = one.read(&mut left)?;
        if count == 0 {
            return Ok(true);
        }
        let (left, right) = (&left[..count], &mut right[..count]);
        other.read_exact(right)?;
        if left != right {
            return Ok(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::restored;
    use std::fs;

    #[test]
    fn sees_what_is_missing_and_what_differs() {
        let place = tempfile::tempdir().unwrap();
        let (source, target) = (place.path().join("source"), place.path().join("target"));
        for folder in [&source, &target] {
            fs::create_dir_all(folder.join("inner")).unwrap();
            fs::write(folder.join("inner/file"), vec![7; 40_000]).unwrap();
        }
        restored(&source, &target).unwrap();

        let mut other = vec![7; 40_000];
        other[39_999] = 8;
        fs::write(target.join("inner/file"), other).unwrap();
        assert!(restored(&source, &target).is_err());

        fs::remove_file(target.join("inner/file")).unwrap();
        assert!(restored(&source, &target).is_err());
    }
}
