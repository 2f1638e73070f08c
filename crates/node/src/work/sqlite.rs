//! Databases of SQLite as sources: each is copied within one transaction, checked, and then backed up from the copy.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use backstay_core::{Control, Events};
use backstay_model::run::OverwriteMode;
use backstay_model::sqlite::SqliteSpec;
use backstay_model::{Level, RunId, Time};
use backstay_sources::files::copy;
use backstay_sources::sqlite::{self, Facts, SqliteError, Trouble};
use serde::{Deserialize, Serialize};

use super::meter::Meter;
use super::repository::make_folder;
use super::restore::relative;
use super::{Class, Report, Result, WorkError, Workshop, excludes, remove_folder_if_there};
use crate::host::{self, bytes};

/// The form of [`SqliteFacts`].
const FORMAT: u32 = 1;
/// Space that copies leave free on their disk.
const RESERVE: u64 = 256 << 20;
/// Pieces that copies are cut into. A multiple of all sizes of pages, so that pages that did not change are the same pieces again.
pub(super) const CUT: u32 = 64 << 10;

/// Copies of databases, each below a folder at the path of the original. They are gone when nobody has them any more.
#[derive(Debug, Clone)]
pub struct SqliteCopy {
    root: Arc<Root>,
    /// What is known of them.
    pub facts: SqliteFacts,
    /// Databases of the source that could not be copied, and why.
    pub(super) failed: Vec<(String, String)>,
}

#[derive(Debug)]
struct Root(PathBuf);

impl Drop for Root {
    fn drop(&mut self) {
        // What cannot be removed now is when the node starts again.
        let _ = remove_folder_if_there(&self.0);
    }
}

/// What is kept in a backup beside copies of databases, as `/.backstay/sqlite.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqliteFacts {
    /// The form of this record: 1.
    pub format: u32,
    /// The host.
    pub host: String,
    /// When the first copy was begun.
    pub taken: Time,
    /// The databases.
    pub databases: Vec<DatabaseFact>,
}

/// A database as it was copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseFact {
    /// Where it was, and where its copy is in the backup.
    pub path: String,
    /// Bytes of a page.
    pub page_size: u32,
    /// How many pages it has.
    pub pages: u64,
    /// Its tables, by name.
    pub tables: Vec<TableFact>,
    /// What is damaged in it, if anything is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damage: Option<String>,
}

/// A table of a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableFact {
    /// Its name.
    pub name: String,
    /// How many rows it has.
    pub rows: u64,
}

impl SqliteCopy {
    pub(super) fn root(&self) -> &Path {
        &self.root.0
    }

    /// The paths of the databases, as the source names them.
    pub(super) fn paths(&self) -> Vec<String> {
        self.facts.databases.iter().map(|database| database.path.clone()).collect()
    }
}

/// For the log.
impl std::fmt::Display for SqliteCopy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let size = |database: &DatabaseFact| database.pages.saturating_mul(database.page_size.into());
        let all = self.facts.databases.iter().map(size).sum();
        write!(f, "{} of databases: {}", self.facts.databases.len(), bytes(all))
    }
}

impl Workshop {
    /// Copies the databases of a source, each as it is at one moment, and checks the copies.
    ///
    /// # Errors
    /// When none can be copied, there is no room for the copies, or the policy of the host forbids it.
    pub fn copy_databases(
        &self,
        spec: &SqliteSpec,
        run: RunId,
        control: &Control,
        report: &Arc<dyn Report>,
    ) -> Result<SqliteCopy> {
        let root = match &spec.spool {
            Some(folder) => {
                self.policy.check_repository(Path::new(folder))?;
                Path::new(folder).join(format!("backstay-{run}"))
            }
            None => self.data_dir.join("spool").join(run.to_string()),
        };
        let cannot = |error: std::io::Error| {
            WorkError::from_io(&error, format_args!("no copy can be made in {}", root.display())).hint(
                "name a folder on a disk with room, that Backstay may write to, as the spool of the source",
            )
        };
        remove_folder_if_there(&root).and_then(|()| make_folder(&root)).map_err(cannot)?;
        let root = Arc::new(Root(root));
        // What cannot be looked at is told when it is copied.
        let there: Vec<_> = spec.databases.iter().map(PathBuf::from).filter(|path| path.is_file()).collect();
        let size = copy::extent(&there).map_or(0, |extent| extent.bytes);
        let hint = "free space there, or name a folder on another disk as the spool of the source";
        check_room(&root.0, (size, RESERVE), "copying the databases", hint)?;
        let facts = SqliteFacts {
            format: FORMAT,
            host: self.environment.identity.host.clone(),
            taken: Time::from_second(self.environment.clock.now().seconds).unwrap_or(Time::UNIX_EPOCH),
            databases: Vec::new(),
        };
        let mut all = SqliteCopy { root, facts, failed: Vec::new() };
        let mut first = None;
        for path in &spec.databases {
            control.checkpoint()?;
            match self.copy_database(path, &all.root.0, control, report) {
                Ok(fact) => all.facts.databases.push(fact),
                Err(error) if error.class() == Class::Interrupted => return Err(error),
                Err(error) => {
                    all.failed.push((path.clone(), error.to_string()));
                    first = first.or(Some(error));
                }
            }
        }
        match first {
            Some(error) if all.facts.databases.is_empty() => Err(error),
            _ => Ok(all),
        }
    }

    fn copy_database(
        &self,
        path: &str,
        root: &Path,
        control: &Control,
        report: &Arc<dyn Report>,
    ) -> Result<DatabaseFact> {
        // SQLite follows links, so what they lead to is what has to be allowed.
        let real = fs::canonicalize(path).map_err(|error| {
            WorkError::from_io(&error, format_args!("{path} cannot be read"))
                .hint("see that the database is there, and that Backstay runs as a user who may read it")
        })?;
        self.policy.check_read(&real)?;
        let to = root.join(path.trim_start_matches('/'));
        let cannot = |error: std::io::Error| {
            WorkError::from_io(&error, format_args!("no copy of {path} can be made at {}", to.display()))
        };
        to.parent().map_or(Ok(()), make_folder).map_err(cannot)?;
        let meter = Meter::new(report, "copying");
        let begun = Instant::now();
        if let Err(error) = sqlite::copy(&real, &to, control, &meter) {
            let _ = super::remove_if_there(&to);
            return Err(failed(error));
        }
        meter.finish();
        let size = fs::metadata(&to).map_or(0, |meta| meta.len());
        let text = format!("{path}: {} were copied in {:.1} s", bytes(size), begun.elapsed().as_secs_f64());
        report.log(Level::Info, "copy", &text);
        let damage = damage(sqlite::check(&to, control))?;
        let known = damage_or(sqlite::facts(&to, control))?;
        let text = match &damage {
            None => format!("{path} is whole: {} tables", known.tables.len()),
            Some(what) => format!("{path} is damaged: {what}; it is backed up as it is"),
        };
        report.log(if damage.is_some() { Level::Error } else { Level::Info }, "verify", &text);
        let table = |table: sqlite::Table| TableFact { name: table.name, rows: table.rows };
        Ok(DatabaseFact {
            path: path.to_owned(),
            page_size: known.page_size,
            pages: known.pages,
            tables: known.tables.into_iter().map(table).collect(),
            damage,
        })
    }
}

impl SqliteCopy {
    /// Tells of databases that are not in the backup, and of those that are damaged.
    pub(super) fn tell(&self, events: &dyn Events) {
        for (path, why) in &self.failed {
            events.item_failed(path.as_bytes(), "copy", why);
        }
        for database in &self.facts.databases {
            if let Some(damage) = &database.damage {
                events.item_failed(database.path.as_bytes(), "check", damage);
            }
        }
    }
}

/// Refuses to write files over databases that are in use, or that have something beside them which SQLite would take for that of the
/// new ones.
pub(super) fn refuse_over_databases(
    facts: &SqliteFacts,
    folder: &Path,
    wanted: &[Vec<u8>],
    overwrite: OverwriteMode,
) -> Result<()> {
    if overwrite == OverwriteMode::Never {
        return Ok(());
    }
    for database in &facts.databases {
        let path = relative(database.path.as_bytes());
        if wanted.is_empty() || wanted.iter().any(|wanted| excludes::lies_in(&path, wanted)) {
            let place = folder.join(Path::new(std::ffi::OsStr::from_bytes(&path)));
            sqlite::refuse_in_use(&place).map_err(|error| {
                failed(error).hint("restore it into its place as a database, which keeps what is there, or to another folder")
            })?;
        }
    }
    Ok(())
}

/// Refuses to begin what there is no room for in a folder: so many bytes, and what is left free.
pub(super) fn check_room(folder: &Path, (size, reserve): (u64, u64), doing: &str, hint: &str) -> Result<()> {
    let (_, free) = host::disk(folder);
    let needed = size.saturating_add(reserve);
    if free >= needed {
        return Ok(());
    }
    let text =
        format!("{doing} takes {} in {}, where {} are free", bytes(needed), folder.display(), bytes(free));
    Err(WorkError::new(Class::NoSpace, text).hint(hint))
}

/// What is damaged, if that is what the error says.
fn damage(checked: Result<(), SqliteError>) -> Result<Option<String>> {
    match checked {
        Ok(()) => Ok(None),
        Err(error) if error.trouble == Trouble::Damaged => Ok(Some(error.cause)),
        Err(error) => Err(failed(error)),
    }
}

/// What is known of a database; nothing where it is too damaged to tell.
fn damage_or(facts: Result<Facts, SqliteError>) -> Result<Facts> {
    match facts {
        Err(error) if error.trouble == Trouble::Damaged => Ok(Facts::default()),
        facts => facts.map_err(failed),
    }
}

pub(super) fn failed(error: SqliteError) -> WorkError {
    let class = match error.trouble {
        Trouble::Interrupted => return WorkError::interrupted(),
        Trouble::NoSpace => Class::NoSpace,
        Trouble::Damaged => Class::Damaged,
        Trouble::Files | Trouble::NoDatabase | Trouble::Locked | Trouble::Refused => Class::Other,
    };
    let hint = error.hint();
    WorkError::new(class, error.to_string()).hint(hint)
}
