//! Putting a database in the place of another one, which is kept aside.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use backstay_core::Control;
use rusqlite::{Connection, OpenFlags};

use super::database::open_still;
use super::error::{Result, SqliteError, Trouble, of, of_file};

/// What SQLite keeps beside a database: what is not in it yet, or what undoes a transaction that was cut short.
const BESIDE: [&str; 3] = ["-wal", "-journal", "-shm"];

/// Where the database is that was in the place before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aside(pub Option<PathBuf>);

/// Puts the database in the file `new` in the place of the one at `at`, in the same folder. What was there gets `aside` as its name, and can be
/// opened under it.
///
/// At no time is there no whole database at `at`, unless the one that was there cannot be opened any more: then its files are moved one
/// after the other.
///
/// # Errors
/// When another program has the one that is there open, or files cannot be moved. Then all is as it was.
pub fn swap_in(new: &Path, at: &Path, aside: &Path) -> Result<Aside> {
    let found = match fs::symlink_metadata(at) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            // What a database that is gone left beside it would be taken for that of the new one.
            let old = move_all(at, aside, &BESIDE)?;
            return place(new, at).map(|()| Aside(old)).inspect_err(|_| drop(put_back(at, aside)));
        }
        Err(error) => return Err(of_file("reading", at)(error)),
    };
    if !found.is_file() {
        return Err(SqliteError::new(Trouble::Files, format!("replacing {}", at.display()), "it is no file"));
    }
    refuse_open(at)?;
    // SQLite throws away what lies beside what it takes for no database of its own.
    let settled =
        if is_database(at) { settle(at) } else { Err(SqliteError::damaged(&at.display().to_string(), "")) };
    match settled {
        Ok(()) => {
            fs::hard_link(at, aside).map_err(of_file("keeping what was there as", aside))?;
            return place(new, at).map(|()| Aside(Some(aside.to_owned()))).inspect_err(|_| {
                let _ = fs::remove_file(aside);
            });
        }
        // Whoever has it locked may be a program that this process may not see.
        Err(error) if error.trouble == Trouble::Locked => return Err(error),
        Err(_) => {}
    }
    let names: Vec<_> = BESIDE.into_iter().chain([""]).collect();
    let old = move_all(at, aside, &names)?;
    place(new, at).map(|()| Aside(old)).inspect_err(|_| drop(put_back(at, aside)))
}

/// Takes back that a database was put in the place of another.
///
/// # Errors
/// When files cannot be moved.
pub fn swap_back(at: &Path, aside: &Aside) -> Result<()> {
    let undone = |error| of_file("taking back", at)(error);
    match &aside.0 {
        None => fs::remove_file(at).map_err(undone),
        Some(aside) => put_back(at, aside).map_err(undone),
    }
}

/// Refuses a database that another program has open, as far as this process may see. One that is not there is fine.
///
/// # Errors
/// When one has; it is named.
pub fn refuse_open(at: &Path) -> Result<()> {
    let Ok(found) = fs::metadata(at) else { return Ok(()) };
    let Some(holder) = holder(&found) else { return Ok(()) };
    Err(SqliteError::new(
        Trouble::Locked,
        format!("replacing {}", at.display()),
        format!("it is open in {holder}"),
    ))
}

/// Refuses a database that is open, or that is not all in its file.
///
/// # Errors
/// When it is that; one that is not there, and has nothing where it would be, is fine.
pub fn refuse_in_use(at: &Path) -> Result<()> {
    refuse_open(at)?;
    let beside = ["-wal", "-journal"].into_iter().map(|end| with(at, end));
    let Some(found) = beside.into_iter().find(|path| fs::metadata(path).is_ok_and(|meta| meta.len() > 0))
    else {
        return Ok(());
    };
    let cause = format!("it is not all in its file: {} belongs to it", found.display());
    Err(SqliteError::new(Trouble::Locked, format!("writing over {}", at.display()), cause))
}

/// Whether the file alone can be read as a database.
fn is_database(at: &Path) -> bool {
    let look = |opened: Connection| {
        opened.pragma_query_value(None, "schema_version", |row| row.get::<_, i64>(0)).is_ok()
    };
    open_still(at, &Control::new()).is_ok_and(look)
}

/// Has SQLite take into the file what lies beside it, so that the file is all of it.
fn settle(at: &Path) -> Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(at, flags).map_err(of("opening", at))?;
    opened
        .execute_batch(
            "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT; PRAGMA wal_checkpoint(TRUNCATE)",
        )
        .map_err(of("opening", at))?;
    opened.close().map_err(|(_, error)| of("closing", at)(error))?;
    let is_empty = |end: &str| fs::metadata(with(at, end)).map_or(true, |meta| meta.len() == 0);
    // A `-shm` that a killed program left says nothing.
    if ["-wal", "-journal"].into_iter().all(is_empty) {
        return Ok(());
    }
    Err(SqliteError::new(Trouble::Locked, format!("closing {}", at.display()), "files beside it stay"))
}

fn place(new: &Path, at: &Path) -> Result<()> {
    for end in BESIDE {
        match fs::remove_file(with(at, end)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(of_file("removing what lies beside", at)(error));
            }
            _ => {}
        }
    }
    let sync = |path: &Path| fs::File::open(path).and_then(|file| file.sync_all());
    sync(new).map_err(of_file("writing", new))?;
    fs::rename(new, at).map_err(of_file("replacing", at))?;
    at.parent().map_or(Ok(()), sync).map_err(of_file("replacing", at))
}

/// Gives files new names; those that are moved already get their own back when one cannot be.
fn move_all(at: &Path, aside: &Path, ends: &[&str]) -> Result<Option<PathBuf>> {
    let mut is_any = false;
    for end in ends {
        match fs::rename(with(at, end), with(aside, end)) {
            Ok(()) => is_any = true,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => {
                let _ = put_back(at, aside);
                return Err(of_file("moving aside", &with(at, end))(error));
            }
        }
    }
    Ok(is_any.then(|| aside.to_owned()))
}

/// Gives files their names back, as many as can be; tells of the first that could not. What was not moved is where it was.
fn put_back(at: &Path, aside: &Path) -> std::io::Result<()> {
    let back = BESIDE.into_iter().chain([""]).map(|end| match fs::rename(with(aside, end), with(at, end)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    });
    back.fold(Ok(()), std::io::Result::and)
}

fn with(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// A program that has a file open, as far as this process may see.
fn holder(file: &fs::Metadata) -> Option<String> {
    let own = std::process::id().to_string();
    for process in fs::read_dir("/proc").ok()?.flatten() {
        let pid = process.file_name().into_string().unwrap_or_default();
        if pid == own || !pid.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let open = fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten();
        let is_it = |entry: fs::DirEntry| {
            fs::metadata(entry.path()).is_ok_and(|meta| (meta.dev(), meta.ino()) == (file.dev(), file.ino()))
        };
        if open.into_iter().any(is_it) {
            let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            return Some(format!("{} (process {pid})", name.trim()));
        }
    }
    None
}
