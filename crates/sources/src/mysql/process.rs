//! The process that works on a data directory, found by what the system knows rather than by what files say.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A process that works on a data directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub id: u32,
    /// What it was started with.
    pub arguments: Vec<String>,
}

/// The server that works on a data directory, if one does. Both servers make the data directory their working folder, which shows from
/// outside a container too.
///
/// # Errors
/// When the system does not say, or the folder cannot be looked at.
pub fn process_of(data_dir: &Path) -> std::io::Result<Option<Process>> {
    let folder = fs::metadata(data_dir)?;
    let own = std::process::id();
    for entry in fs::read_dir("/proc")? {
        let path = entry?.path();
        let Some(id) = path.file_name().and_then(|name| name.to_str()?.parse().ok()) else { continue };
        // A process may end while it is looked at, and those of others may not be looked at.
        let Ok(working) = fs::metadata(path.join("cwd")) else { continue };
        let is_there = (working.dev(), working.ino()) == (folder.dev(), folder.ino());
        if is_there && id != own && is_server(&path) && !has_ended(&path) {
            return Ok(Some(Process { id, arguments: arguments(&path) }));
        }
    }
    Ok(None)
}

/// A shell that somebody left in the folder is no server. The names: `mariadbd`, `mysqld`, and what distributions call them.
fn is_server(process: &Path) -> bool {
    let name = fs::read_link(process.join("exe"))
        .ok()
        .and_then(|program| Some(program.file_name()?.to_string_lossy().into_owned()));
    let name = name.or_else(|| Some(fs::read_to_string(process.join("comm")).ok()?.trim().to_owned()));
    name.is_none_or(|name| name.contains("mysqld") || name.contains("mariadbd"))
}

/// Whether a process waits for its parent to hear of its end, or is on the way there: its program is taken from it before it is a zombie.
fn has_ended(process: &Path) -> bool {
    let is_a_zombie = |stat: String| stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z'));
    let has_no_program = |error: std::io::Error| error.kind() == std::io::ErrorKind::NotFound;
    fs::read_to_string(process.join("stat")).is_ok_and(is_a_zombie)
        || fs::read_link(process.join("exe")).is_err_and(has_no_program)
}

fn arguments(process: &Path) -> Vec<String> {
    let text = fs::read(process.join("cmdline")).unwrap_or_default();
    text.split(|byte| *byte == 0)
        .filter(|argument| !argument.is_empty())
        .map(|argument| String::from_utf8_lossy(argument).into_owned())
        .collect()
}

impl Process {
    /// The value of an option it was started with, as `--defaults-file=/etc/my.cnf`.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<PathBuf> {
        let mut values = self
            .arguments
            .iter()
            .filter_map(|argument| argument.strip_prefix("--")?.strip_prefix(name)?.strip_prefix('='));
        values.next().map(PathBuf::from)
    }
}
