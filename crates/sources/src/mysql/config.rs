//! The files that an instance is configured by.
//!
//! Which they are, and how they name one another: <https://mariadb.com/kb/en/configuring-mariadb-with-option-files/>.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::Process;

/// Where both servers look without being told.
const DEFAULTS: [&str; 4] = ["/etc/my.cnf", "/etc/mysql/my.cnf", "/usr/etc/my.cnf", "/usr/local/etc/my.cnf"];
/// Files that include one another go no deeper than this.
const DEEPEST: usize = 8;
/// More files than this no configuration has.
const MOST: usize = 200;
/// A longer file is none.
const LONGEST: u64 = 1 << 20;

/// The files that an instance is configured by, as far as they are there: those that its process was started with, or else those at
/// their usual places, with all that they include.
#[must_use]
pub fn config_files(process: Option<&Process>) -> Vec<PathBuf> {
    let option = |name| process.and_then(|process| process.option(name));
    let is_bare = process.is_some_and(|process| process.arguments.iter().any(|it| it == "--no-defaults"));
    let first = match option("defaults-file") {
        Some(file) => vec![file],
        None if is_bare => Vec::new(),
        None => DEFAULTS.iter().map(PathBuf::from).chain(option("defaults-extra-file")).collect(),
    };
    let mut files = Vec::new();
    for file in first {
        collect(&file, 0, &mut files);
    }
    files
}

fn collect(file: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    if depth > DEEPEST || files.len() >= MOST || files.iter().any(|known| known == file) {
        return;
    }
    let Ok(text) = read(file) else { return };
    files.push(file.to_owned());
    for line in text.lines() {
        if let Some(folder) = line.trim().strip_prefix("!includedir") {
            let entries = fs::read_dir(folder.trim()).into_iter().flatten().flatten();
            let mut found: Vec<_> =
                entries.map(|entry| entry.path()).filter(|path| is_option_file(path)).collect();
            found.sort();
            found.iter().for_each(|file| collect(file, depth + 1, files));
        } else if let Some(other) = line.trim().strip_prefix("!include") {
            collect(Path::new(other.trim()), depth + 1, files);
        }
    }
}

fn is_option_file(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "cnf")
}

fn read(file: &Path) -> std::io::Result<String> {
    if !fs::metadata(file)?.is_file() {
        return Err(std::io::ErrorKind::InvalidInput.into());
    }
    let mut bytes = Vec::new();
    fs::File::open(file)?.take(LONGEST).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
