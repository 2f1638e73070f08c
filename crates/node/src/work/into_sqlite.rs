//! Putting databases of SQLite back in their place: beside it first, checked there, and only then instead of what is in use, which is kept.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use backstay_model::run::{IntoSqlite, RestoreRequest};
use backstay_model::{Level, RunId};
use backstay_sources::sqlite::{self, Aside, SqliteError, Trouble};

use super::origin::Origin;
use super::restore::{guarded, relative};
use super::sqlite::{DatabaseFact, SqliteFacts, check_room, failed};
use super::{Class, Job, Result, WorkError, Workshop, excludes, note, remove_folder_if_there, swap};

/// Space that a restore leaves free.
const RESERVE: u64 = 64 << 20;

/// What was put back; on a dry run, what would be.
#[derive(Debug, Default)]
pub struct DatabasesBack {
    /// The snapshot's id.
    pub snapshot: String,
    /// How many databases.
    pub databases: u64,
    /// Rows of their tables, all of which were counted and compared.
    pub rows: u64,
    /// Bytes of the databases.
    pub bytes: u64,
    /// Where what was there is kept.
    pub kept: Vec<PathBuf>,
}

/// A database of the backup, and where it goes.
struct Goal<'a> {
    fact: &'a DatabaseFact,
    place: PathBuf,
    /// Where it waits.
    staging: PathBuf,
}

impl Goal<'_> {
    fn wanted(&self) -> Vec<u8> {
        relative(self.fact.path.as_bytes())
    }

    /// The file that waits.
    fn staged(&self) -> PathBuf {
        self.staging.join(self.fact.path.trim_start_matches('/'))
    }
}

impl Workshop {
    /// Puts databases of a backup back in their place, and keeps what was there beside them.
    ///
    /// # Errors
    /// When the backup has none of them or they are not whole, when a program has one open, or there is no room. Then all is as it was.
    pub fn restore_databases(
        &self,
        job: &Job<'_>,
        request: &RestoreRequest,
        into: &IntoSqlite,
        run: RunId,
        others: &[PathBuf],
    ) -> Result<DatabasesBack> {
        let wanted: Vec<_> = into.databases.iter().map(|path| relative(path.as_bytes())).collect();
        let dry_run = request.dry_run;
        let is_read = move |path: &[u8]| {
            let chosen = wanted.is_empty() || wanted.iter().any(|wanted| excludes::lies_in(wanted, path));
            note::is_of_notes(path) || (!dry_run && chosen)
        };
        let from = self.origin(job, &request.snapshot, &is_read)?;
        let facts: Option<SqliteFacts> =
            from.note(note::SQLITE).map_err(|error| from.offer_older(job, error))?;
        let facts = facts.ok_or_else(|| {
            WorkError::new(Class::NotFound, "the backup holds no databases of SQLite")
                .hint("choose a backup of a source of the type sqlite, or restore it to a folder")
        })?;
        let goals = self.goals(&facts, into, run)?;
        let own = self.guarded_folders(job, others);
        let is_own = |goal: &&Goal<'_>| {
            own.iter().any(|own| excludes::lies_in(goal.place.as_os_str().as_bytes(), own))
        };
        if let Some(goal) = goals.iter().find(is_own) {
            return Err(guarded(&goal.place));
        }
        let extent = from.extent(job.control, goals.iter().map(Goal::wanted).collect());
        let (found, size) = extent.map_err(|error| from.offer_older(job, error))?;
        if found < goals.len() as u64 {
            let text = format!("the backup has {found} of {} databases that it names", goals.len());
            return Err(from.offer_older(job, WorkError::new(Class::Damaged, text)));
        }
        for goal in &goals {
            refuse_damaged(goal.fact).map_err(|error| from.offer_older(job, error))?;
            sqlite::refuse_open(&goal.place).map_err(held)?;
            let folder = goal.place.parent().unwrap_or(&goal.place);
            let doing = "bringing it back beside the database in use";
            check_room(folder, (size, RESERVE), doing, "free space there, or restore to another place")?;
        }
        let mut back = DatabasesBack { snapshot: from.id(), bytes: size, ..DatabasesBack::default() };
        for goal in &goals {
            let DatabaseFact { path, tables, .. } = goal.fact;
            back.databases += 1;
            back.rows += tables.iter().map(|table| table.rows).sum::<u64>();
            let there = if goal.place.exists() { "replaces" } else { "becomes" };
            let text = format!("{path} as it was at {:.0} {there} {}", facts.taken, goal.place.display());
            job.report.log(Level::Info, if dry_run { "dry-run" } else { "write" }, &text);
        }
        if dry_run {
            return Ok(back);
        }
        let staging: BTreeSet<_> = goals.iter().map(|goal| goal.staging.clone()).collect();
        let done = stage(job, &from, &goals).and_then(|()| exchange(job, &goals, run));
        for folder in staging {
            let _ = remove_folder_if_there(&folder);
        }
        back.kept = done?;
        Ok(back)
    }

    fn goals<'a>(&self, facts: &'a SqliteFacts, into: &IntoSqlite, run: RunId) -> Result<Vec<Goal<'a>>> {
        let absent = |path: &str| {
            let there: Vec<_> = facts.databases.iter().map(|database| database.path.as_str()).collect();
            WorkError::new(Class::NotFound, format!("the backup has no database {path}"))
                .hint(format!("it has {}", there.join(", ")))
        };
        for path in &into.databases {
            if !facts.databases.iter().any(|database| database.path == *path) {
                return Err(absent(path));
            }
        }
        let is_chosen = |path: &String| into.databases.is_empty() || into.databases.contains(path);
        let chosen: Vec<_> = facts.databases.iter().filter(|database| is_chosen(&database.path)).collect();
        if into.to.is_some() && chosen.len() != 1 {
            let text = format!("{} databases of the backup cannot all become one file", chosen.len());
            return Err(WorkError::new(Class::Other, text).hint("name the one that is meant in `databases`"));
        }
        let goal = |fact: &'a DatabaseFact| {
            let named = Path::new(into.to.as_deref().unwrap_or(&fact.path));
            if !named.is_absolute() || named.components().any(|step| step == std::path::Component::ParentDir)
            {
                let text = format!("the backup names {}, which is no absolute path", named.display());
                return Err(WorkError::new(Class::Damaged, text));
            }
            // A link stays one: what it leads to is what programs have.
            let named = fs::canonicalize(named).unwrap_or_else(|_| named.to_owned());
            let place = self.policy.check_write(&named)?;
            let folder = place.parent().filter(|folder| folder.is_dir()).ok_or_else(|| {
                WorkError::new(Class::NotFound, format!("there is no folder for {}", place.display())).hint(
                    "make the folder, with the owner that its program needs, or restore to another place",
                )
            })?;
            let staging = swap::staging(&folder.join("database"), &run.to_string());
            Ok(Goal { fact, place, staging })
        };
        chosen.into_iter().map(goal).collect()
    }
}

/// Brings all of them back beside their places, and checks them there.
fn stage(job: &Job<'_>, from: &Origin, goals: &[Goal<'_>]) -> Result<()> {
    for goal in goals {
        from.stage(job, &goal.staging, &[goal.wanted()])?;
        let staged = goal.staged();
        let is_as_it_was = || -> Result<(), SqliteError> {
            sqlite::check(&staged, job.control)?;
            let now = sqlite::facts(&staged, job.control)?;
            let rows =
                |name: &str| now.tables.iter().find(|table| table.name == name).map(|table| table.rows);
            for table in &goal.fact.tables {
                let found = rows(&table.name);
                if found != Some(table.rows) {
                    let found =
                        found.map_or_else(|| "it is missing".to_owned(), |rows| format!("it has {rows}"));
                    let cause = format!("table {} had {} rows, and {found}", table.name, table.rows);
                    return Err(SqliteError::damaged(&goal.fact.path, cause));
                }
            }
            Ok(())
        };
        is_as_it_was().map_err(|error| from.offer_older(job, failed(error)))?;
        let text = format!(
            "{} is back beside its place and whole; the rows of its {} tables are as many as when it was backed up",
            goal.fact.path,
            goal.fact.tables.len()
        );
        job.report.log(Level::Info, "verify", &text);
    }
    Ok(())
}

/// Puts them in their places. Where one cannot be, those before get out of theirs again.
fn exchange(job: &Job<'_>, goals: &[Goal<'_>], run: RunId) -> Result<Vec<PathBuf>> {
    let mut done: Vec<(&Goal<'_>, Aside)> = Vec::new();
    for goal in goals {
        job.control.checkpoint()?;
        match sqlite::swap_in(&goal.staged(), &goal.place, &free_beside(&goal.place, run)) {
            Ok(aside) => done.push((goal, aside)),
            Err(error) => {
                for (goal, aside) in done.into_iter().rev() {
                    if let Err(error) = sqlite::swap_back(&goal.place, &aside) {
                        let text = format!("{} is not as it was: {error}", goal.place.display());
                        job.report.log(Level::Error, "write", &text);
                    }
                }
                return Err(held(error));
            }
        }
    }
    let mut kept = Vec::new();
    for (goal, Aside(aside)) in done {
        let text = match &aside {
            Some(aside) => format!(
                "{} is in its place; what was there is kept as {}",
                goal.place.display(),
                aside.display()
            ),
            None => format!("{} is in its place, where there was none", goal.place.display()),
        };
        job.report.log(Level::Info, "write", &text);
        kept.extend(aside);
    }
    Ok(kept)
}

/// A name beside a database that nothing has.
fn free_beside(place: &Path, run: RunId) -> PathBuf {
    let mark = run.to_string();
    let short = mark.rsplit('-').next().unwrap_or(&mark);
    let named = |number: u32| {
        let mut name = place.as_os_str().to_owned();
        name.push(format!(".before-{short}"));
        if number > 1 {
            name.push(format!("-{number}"));
        }
        PathBuf::from(name)
    };
    // A try that was killed may have kept what was there already.
    (1..).map(named).find(|path| fs::symlink_metadata(path).is_err()).unwrap_or_else(|| named(1))
}

/// A database that was damaged when it was backed up takes no place.
fn refuse_damaged(fact: &DatabaseFact) -> Result<()> {
    let Some(damage) = &fact.damage else { return Ok(()) };
    let text = format!("{} was damaged already when it was backed up: {damage}", fact.path);
    Err(WorkError::new(Class::Damaged, text)
        .hint("restore it to a folder, and see what `sqlite3 FILE .recover` brings out of it"))
}

fn held(error: SqliteError) -> WorkError {
    if error.trouble == Trouble::Locked {
        let hint = "stop that program, and restore again; what was brought back is checked before it takes the place";
        return failed(error).hint(hint);
    }
    failed(error)
}
