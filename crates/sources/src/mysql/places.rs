//! Where the files of an instance are: the data directory, and what was put elsewhere.
//!
//! What lies outside is found twice over: by the settings that name folders, and by the links in the data directory. InnoDB keeps a text
//! file `NAME.isl` where a table's space is elsewhere (<https://mariadb.com/kb/en/innodb-file-per-table-tablespaces/>, `DATA DIRECTORY`);
//! MyISAM and Aria keep a symbolic link. What is named by a file of the data directory is taken only if it looks like a table's file: who
//! can write there may not choose what is read.

use std::collections::BTreeSet;
use std::fs::{self, DirEntry};
use std::path::{Path, PathBuf};

use super::{Facts, MysqlError, Process, Trouble, config_files};

/// Files of tables: InnoDB's, MyISAM's, Aria's, and the descriptions of all.
const TABLE_FILES: [&str; 9] = ["ibd", "ibu", "frm", "MYD", "MYI", "MAD", "MAI", "ARZ", "ARM"];
/// A path has no more bytes than this; a longer `.isl` file is none.
const LONGEST: u64 = 4096;

/// A file or folder that belongs to an instance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    /// Where it is. No link is on the way.
    pub path: PathBuf,
    /// What it is, in a few words.
    pub what: &'static str,
}

/// Where the files of an instance are.
#[derive(Debug, Clone)]
pub struct Places {
    /// The data directory, by the name that the instance has for it.
    pub data_dir: PathBuf,
    /// Files that configure it.
    pub configuration: Vec<PathBuf>,
    groups: Vec<Group>,
    tables: Vec<PathBuf>,
}

/// Files of one purpose in one folder, known by their names.
#[derive(Debug, Clone)]
struct Group {
    folder: PathBuf,
    what: &'static str,
    names: Names,
}

#[derive(Debug, Clone)]
enum Names {
    /// These.
    Exactly(BTreeSet<String>),
    /// Those that begin so.
    Beginning(Vec<String>),
}

impl Names {
    fn beginning(names: &[&str]) -> Self {
        Self::Beginning(names.iter().map(|&name| name.to_owned()).collect())
    }

    fn has(&self, name: &str) -> bool {
        match self {
            Self::Exactly(names) => names.contains(name),
            Self::Beginning(beginnings) => beginnings.iter().any(|beginning| name.starts_with(beginning)),
        }
    }
}

impl Places {
    /// Where an instance keeps its files, by what it said, and by how its process was started.
    #[must_use]
    pub fn of(facts: &Facts, process: Option<&Process>) -> Self {
        Self {
            data_dir: facts.data_dir.clone(),
            configuration: config_files(process),
            groups: groups(facts),
            tables: facts.table_files.clone(),
        }
    }

    /// Where an instance that cannot be asked keeps its files, as far as its data directory tells.
    #[must_use]
    pub fn at(data_dir: &Path) -> Self {
        let configuration = config_files(None);
        Self { data_dir: data_dir.to_owned(), configuration, groups: Vec::new(), tables: Vec::new() }
    }

    /// All files and folders that belong to the instance as they are now, each once: the data directory first, then what is outside of
    /// it. Ask when the instance is stopped: until then there may be more.
    ///
    /// # Errors
    /// When the data directory, or a folder that is known to hold some of its files, cannot be read.
    pub fn parts(&self) -> Result<Vec<Part>, MysqlError> {
        let real = real(&self.data_dir)?;
        let mut parts = BTreeSet::new();
        if real != self.data_dir && self.data_dir.is_symlink() {
            parts.insert(Part { path: self.data_dir.clone(), what: "link to the data directory" });
        }
        for group in &self.groups {
            group.collect(&mut parts)?;
        }
        let of_tables = self.tables.iter().map(|file| self.data_dir.join(file));
        parts.extend(of_tables.filter(|file| file.is_file()).map(|path| Part { path, what: "table space" }));
        linked(&real, &mut parts)?;
        for file in &self.configuration {
            parts.insert(Part { path: file.clone(), what: "configuration" });
        }
        let outside = parts.into_iter().filter_map(|part| {
            let path =
                if part.what.starts_with("link") { part.path } else { fs::canonicalize(&part.path).ok()? };
            (!path.starts_with(&real)).then_some(Part { path, ..part })
        });
        let outside: BTreeSet<_> = outside.collect();
        let is_within_another = |part: &Part| {
            outside.iter().any(|other| other.path != part.path && part.path.starts_with(&other.path))
        };
        let outside = outside.iter().filter(|part| !is_within_another(part)).cloned();
        Ok(std::iter::once(Part { path: real, what: "data directory" }).chain(outside).collect())
    }
}

impl Group {
    fn collect(&self, parts: &mut BTreeSet<Part>) -> Result<(), MysqlError> {
        for entry in list(&self.folder, self.what)? {
            if entry.file_name().to_str().is_some_and(|name| self.names.has(name)) {
                parts.insert(Part { path: entry.path(), what: self.what });
            }
        }
        Ok(())
    }
}

/// The files that settings name, by their purposes. Those in the data directory come along with it.
fn groups(facts: &Facts) -> Vec<Group> {
    let setting = |name: &str| facts.settings.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let folder = |name: &str| setting(name).map(|path| facts.data_dir.join(path));
    let mut groups = Vec::new();
    let mut add = |folder: Option<PathBuf>, what, names| {
        let is_outside = |folder: &PathBuf| folder.canonicalize().ok() != facts.data_dir.canonicalize().ok();
        if let Some(folder) = folder.filter(is_outside) {
            groups.push(Group { folder, what, names });
        }
    };
    add(folder("innodb_log_group_home_dir"), "redo log", Names::beginning(&["ib_logfile", "#innodb_redo"]));
    add(folder("innodb_undo_directory"), "undo log", Names::beginning(&["undo"]));
    add(folder("innodb_doublewrite_dir"), "doublewrite buffer", Names::beginning(&["#ib_"]));
    add(folder("aria_log_dir_path"), "Aria log", Names::beginning(&["aria_log"]));
    for (base, index, what) in [
        ("log_bin_basename", "log_bin_index", "binary log"),
        ("relay_log_basename", "relay_log_index", "relay log"),
    ] {
        for (path, suffix) in [(folder(base), "."), (folder(index), "")] {
            let name =
                path.as_ref().and_then(|path| Some(format!("{}{suffix}", path.file_name()?.to_str()?)));
            let parent = path.as_ref().and_then(|path| path.parent()).map(Path::to_owned);
            add(parent, what, Names::Beginning(name.into_iter().collect()));
        }
    }
    let home = folder("innodb_data_home_dir").unwrap_or_else(|| facts.data_dir.clone());
    for file in data_files(setting("innodb_data_file_path").unwrap_or_default()) {
        let path = home.join(file);
        let name = path.file_name().and_then(|name| name.to_str()).map(ToOwned::to_owned);
        add(
            path.parent().map(Path::to_owned),
            "system table space",
            Names::Exactly(name.into_iter().collect()),
        );
    }
    groups
}

/// The files of `ibdata1:12M;/fast/ibdata2:50M:autoextend`.
fn data_files(setting: &str) -> impl Iterator<Item = &str> {
    setting
        .split(';')
        .filter_map(|file| file.split(':').next())
        .map(str::trim)
        .filter(|file| !file.is_empty())
}

/// What links in the data directory, and in the schemas in it, lead to.
fn linked(data_dir: &Path, parts: &mut BTreeSet<Part>) -> Result<(), MysqlError> {
    for entry in list(data_dir, "data directory")? {
        let path = entry.path();
        if path.is_symlink() {
            follow(&path, parts);
        }
        if path.is_dir() {
            for entry in list(&path, "schema")? {
                let path = entry.path();
                if path.extension().is_some_and(|extension| extension == "isl") {
                    named(&path, parts);
                } else if path.is_symlink() {
                    follow(&path, parts);
                }
            }
        }
    }
    Ok(())
}

fn follow(link: &Path, parts: &mut BTreeSet<Part>) {
    let Ok(path) = link.canonicalize() else { return };
    if path.is_dir() {
        parts.insert(Part { path, what: "schema elsewhere" });
    } else if is_of_table(&path) {
        parts.insert(Part { path, what: "table elsewhere" });
    }
}

fn named(isl: &Path, parts: &mut BTreeSet<Part>) {
    let is_short = fs::symlink_metadata(isl).is_ok_and(|meta| meta.is_file() && meta.len() <= LONGEST);
    let text = if is_short { fs::read_to_string(isl).unwrap_or_default() } else { return };
    let path = PathBuf::from(text.trim_end_matches(['\r', '\n']));
    if path.is_absolute() && is_of_table(&path) && path.is_file() {
        parts.insert(Part { path, what: "table space elsewhere" });
    }
}

fn is_of_table(path: &Path) -> bool {
    path.extension().and_then(|it| it.to_str()).is_some_and(|extension| TABLE_FILES.contains(&extension))
}

fn real(path: &Path) -> Result<PathBuf, MysqlError> {
    fs::canonicalize(path)
        .map_err(|error| MysqlError::new(Trouble::Files, format!("looking at {}", path.display()), error))
}

fn list(folder: &Path, what: &str) -> Result<Vec<DirEntry>, MysqlError> {
    let failed =
        |error| MysqlError::new(Trouble::Files, format!("listing {} ({what})", folder.display()), error);
    fs::read_dir(folder).map_err(failed)?.collect::<Result<_, _>>().map_err(failed)
}
