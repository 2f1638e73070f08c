//! The files of an instance of MySQL or MariaDB that is stopped for its backup: what belongs to it, a copy of it, and proof that it is
//! stopped and that it runs.

use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use backstay_core::Control;
use backstay_model::connection::MysqlSettings;
use backstay_model::mysql::{ColdSpec, MysqlSpec, Sequence};
use backstay_model::{ConnectionSettings, Level, RunId, Time};
use backstay_sources::files::copy::{self, CopyError};
use backstay_sources::mysql::{
    Access, Address, BinlogPosition, Facts, MysqlError, Part, Places, Process, Product, Trouble, process_of,
    wait_until_it_answers,
};
use serde::{Deserialize, Serialize};

use super::meter::Meter;
use super::repository::make_folder;
use super::{Class, Report, Result, WorkError, Workshop, remove_folder_if_there};
use crate::host::{self, bytes};
use crate::seals::Opened;

/// The form of [`InstanceFacts`].
const FORMAT: u32 = 1;
/// Between two looks at whether a process has ended.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Space that a copy leaves free on its disk.
const RESERVE: u64 = 256 << 20;
/// How much of an error log is shown, in bytes and in lines.
const TAIL: u64 = 16 << 10;
const TAIL_LINES: usize = 20;

/// An instance, and how it is managed.
pub struct Instance<'a> {
    /// How it is stopped, copied and started.
    pub spec: &'a ColdSpec,
    access: Access,
}

/// What was found out of an instance before it is stopped.
pub struct Inspection {
    places: Places,
    facts: Option<Facts>,
    /// Where it writes its errors.
    pub error_log: Option<PathBuf>,
    /// Whether it runs.
    pub is_running: bool,
}

/// Files of an instance to be backed up, and what is known of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceCopy {
    /// Where the copy lies, each file at its own path below; `None` where the instance's own files are read.
    pub root: Option<PathBuf>,
    /// What is known of it.
    pub facts: InstanceFacts,
}

/// What is kept in a backup beside the files of an instance, as `/.backstay/instance.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceFacts {
    /// The form of this record: 1.
    pub format: u32,
    /// `mariadb` or `mysql`; `null` where the instance did not run.
    pub product: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// The host.
    pub host: String,
    /// When the instance was stopped for it.
    pub taken: Time,
    /// The data directory, without links on the way.
    pub data_dir: String,
    /// All that belongs to it, the data directory first.
    pub parts: Vec<PartFact>,
    /// Where the binary log ended.
    pub binlog: Option<BinlogFact>,
}

/// A file or folder of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartFact {
    /// Where it is.
    pub path: String,
    /// What it is, in a few words.
    pub what: String,
}

/// A place in the binary log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BinlogFact {
    /// The log file's name.
    pub file: String,
    /// The place in it, in bytes.
    pub position: u64,
    /// The transactions up to there by their global ids, where the instance counts them.
    pub gtid: Option<String>,
}

impl Inspection {
    /// The data directory.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.places.data_dir
    }
}

impl Inspection {
    /// All files and folders that belong to the instance as they are now.
    pub(super) fn parts(&self) -> Result<Vec<Part>> {
        self.places.parts().map_err(failed)
    }
}

impl Instance<'_> {
    pub(super) const fn access(&self) -> &Access {
        &self.access
    }
}

impl InstanceCopy {
    /// Whether it is a copy, and still there.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.root.as_ref().is_some_and(|root| root.is_dir())
    }

    /// All paths that belong to it.
    #[must_use]
    pub fn paths(&self) -> Vec<PathBuf> {
        self.facts.parts.iter().map(|part| PathBuf::from(&part.path)).collect()
    }
}

impl Workshop {
    /// The instance of a source, if the host's owner lets it be connected to.
    ///
    /// # Errors
    /// When the connection is none to an instance, or the policy forbids it.
    pub fn instance<'a>(
        &self,
        spec: &'a MysqlSpec,
        settings: &ConnectionSettings,
        secrets: &Opened,
    ) -> Result<Instance<'a>> {
        let ConnectionSettings::Mysql(mysql) = settings else {
            return Err(WorkError::new(
                Class::Other,
                "the connection of the source is none to MySQL or MariaDB",
            )
            .hint("save the source again, with a connection of type mysql"));
        };
        Ok(Instance { spec: spec.cold(), access: self.access(mysql, secrets)? })
    }

    /// The way to an instance on this host.
    pub(super) fn access(&self, mysql: &MysqlSettings, secrets: &Opened) -> Result<Access> {
        if !self.policy.allows_private_addresses() {
            return Err(WorkError::new(
                Class::Forbidden,
                "the policy of this host does not allow connections to it",
            )
            .hint(format!(
                "the owner of the host can allow it: set `private_addresses = true` in {}",
                self.policy.file().display()
            )));
        }
        let password = secrets.get("password").or_else(|| mysql.password.expose()).unwrap_or_default();
        let address = match &mysql.socket {
            Some(socket) => Address::Socket(PathBuf::from(socket)),
            None => Address::Tcp(mysql.host.clone(), mysql.port),
        };
        Ok(Access { address, user: mysql.user.clone(), password: password.to_owned() })
    }

    /// Asks an instance about itself, for people who have just entered how to reach it.
    pub(super) fn probe_instance(&self, mysql: &MysqlSettings, secrets: &Opened) -> Result<String> {
        let access = self.access(mysql, secrets)?;
        let facts = Facts::ask(&access).map_err(failed)?;
        Ok(format!(
            "{} {}, with its data in {}",
            product(facts.product),
            facts.version,
            facts.data_dir.display()
        ))
    }

    /// Finds out what belongs to an instance, before anything is stopped, and that all of it may be read.
    ///
    /// # Errors
    /// When it is neither running nor known where its data is, some of it may not be read, or it does not let the user in.
    pub fn inspect(&self, instance: &Instance<'_>, report: &Arc<dyn Report>) -> Result<Inspection> {
        let named = instance.spec.data_dir.as_ref().map(PathBuf::from);
        let (facts, process) = match Facts::ask(&instance.access) {
            Ok(facts) => {
                let data_dir = named.clone().unwrap_or_else(|| facts.data_dir.clone());
                (Some(facts), running(&data_dir)?)
            }
            Err(error) if error.trouble == Trouble::NoAnswer => {
                let Some(data_dir) = &named else {
                    return Err(failed(error)
                        .hint("start the instance, or name its data directory in the source if it is to stay stopped"));
                };
                if let Some(process) = running(data_dir)? {
                    let text = format!("the instance runs as process {} and does not answer", process.id);
                    return Err(WorkError::new(Class::Unreachable, text).because(&error).hint(error.hint));
                }
                (None, None)
            }
            Err(error) => return Err(failed(error)),
        };
        let mut places = match (&facts, &named) {
            (Some(facts), _) => Places::of(facts, process.as_ref()),
            (None, Some(data_dir)) => Places::at(data_dir),
            (None, None) => return Err(WorkError::new(Class::Other, "the data directory is not known")),
        };
        if let Some(named) = named {
            places.data_dir = named;
        }
        places.configuration.extend(instance.spec.include.iter().map(PathBuf::from));
        for part in places.parts().map_err(failed)? {
            self.policy.check_read(&part.path)?;
        }
        let is_running = process.is_some() || facts.is_some();
        let error_log = facts.as_ref().and_then(|facts| facts.error_log.clone());
        report.log(Level::Info, "inspect", &described(facts.as_ref(), &places, is_running));
        Ok(Inspection { places, facts, error_log, is_running })
    }

    /// Waits until nothing works on the data directory any more.
    ///
    /// # Errors
    /// When something still does after `patience`.
    pub fn prove_stopped(&self, data_dir: &Path, patience: Duration, control: &Control) -> Result<()> {
        let end = Instant::now() + patience;
        loop {
            let Some(process) = running(data_dir)? else { return Ok(()) };
            control.checkpoint().map_err(|_| WorkError::interrupted())?;
            if Instant::now() >= end {
                let text =
                    format!("the instance does not stop: process {} still works on its data", process.id);
                return Err(WorkError::new(Class::Other, text).hint(
                    "see that the source names the right service, and raise its stop timeout if the instance takes long",
                ));
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Waits until the instance answers; gives its version.
    ///
    /// # Errors
    /// When it does not within its time.
    pub fn prove_running(&self, instance: &Instance<'_>, control: &Control) -> Result<String> {
        wait_until_it_answers(&instance.access, instance.spec.start_timeout, control).map_err(failed)
    }

    /// What is to be done while the instance is stopped: a copy, where there is room for one, or all of it.
    ///
    /// # Errors
    /// When a copy is asked for and there is no room, or the instance's files cannot be looked at.
    pub fn choose_sequence(
        &self,
        instance: &Instance<'_>,
        inspection: &Inspection,
        run: RunId,
        report: &Arc<dyn Report>,
    ) -> Result<Sequence> {
        if instance.spec.sequence == Sequence::SendFirst {
            return Ok(Sequence::SendFirst);
        }
        let spool = self.spool(instance.spec, run);
        let base = spool.parent().unwrap_or(&spool);
        self.policy.check_repository(base)?;
        make_folder(base).map_err(|error| no_spool(base, &error))?;
        let parts: Vec<_> =
            inspection.places.parts().map_err(failed)?.into_iter().map(|part| part.path).collect();
        let extent = copy::extent(&parts).map_err(not_copied)?;
        let (_, free) = host::disk(base);
        let needed = extent.allocated.saturating_add(RESERVE);
        if free >= needed || copy::shares_blocks(&inspection.places.data_dir, base) {
            let text = format!(
                "{} in {} files are copied to {} first, where {} are free; then the instance is started",
                bytes(extent.bytes),
                extent.files,
                base.display(),
                bytes(free)
            );
            report.log(Level::Info, "inspect", &text);
            return Ok(Sequence::CopyFirst);
        }
        let text =
            format!("a copy takes {} in {}, where {} are free", bytes(needed), base.display(), bytes(free));
        if instance.spec.sequence == Sequence::CopyFirst {
            return Err(WorkError::new(Class::NoSpace, text)
                .hint("free space there, name another spool folder in the source, or let it store the files while the instance is stopped"));
        }
        let text = format!("{text}: the files are stored while the instance is stopped");
        report.log(Level::Warning, "inspect", &text);
        Ok(Sequence::SendFirst)
    }

    /// The files of a stopped instance, as they are to be backed up from where they are.
    ///
    /// # Errors
    /// When they cannot be looked at, or some may not be read.
    pub fn originals(&self, inspection: &Inspection, taken: Time) -> Result<InstanceCopy> {
        let parts = inspection.places.parts().map_err(failed)?;
        for part in &parts {
            self.policy.check_read(&part.path)?;
        }
        let facts = facts_of(inspection, parts, taken, &self.environment.identity.host)?;
        Ok(InstanceCopy { root: None, facts })
    }

    /// Copies the files of a stopped instance to a folder of this host.
    ///
    /// # Errors
    /// When they cannot be copied, or the control is cancelled. What was copied until then is removed.
    pub fn copy_instance(
        &self,
        spec: &ColdSpec,
        originals: InstanceCopy,
        run: RunId,
        control: &Control,
        report: &Arc<dyn Report>,
    ) -> Result<InstanceCopy> {
        let root = self.spool(spec, run);
        remove_folder_if_there(&root)
            .and_then(|()| make_folder(&root))
            .map_err(|error| no_spool(&root, &error))?;
        let meter = Meter::new(report, "copying");
        let begun = Instant::now();
        let copied = copy::copy(&originals.paths(), &root, control, &meter);
        let copied = match copied {
            Ok(copied) => copied,
            Err(error) => {
                let _ = remove_folder_if_there(&root);
                return Err(not_copied(error));
            }
        };
        meter.finish();
        let shared = if copied.shared == copied.files { ", sharing their blocks" } else { "" };
        let text = format!(
            "{} in {} files were copied in {:.1} s{shared}",
            bytes(copied.bytes),
            copied.files,
            begun.elapsed().as_secs_f64()
        );
        report.log(Level::Info, "copy", &text);
        Ok(InstanceCopy { root: Some(root), ..originals })
    }

    /// Removes the copy that a run made of an instance. Nothing to remove is fine.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn discard_copy(&self, copy: &InstanceCopy) -> std::io::Result<()> {
        copy.root.as_deref().map_or(Ok(()), remove_folder_if_there)
    }

    /// Removes copies that no run needs any more from the node's own folder of them.
    pub fn tidy_copies(&self, needed: &[RunId]) {
        for entry in fs::read_dir(self.data_dir.join("spool")).into_iter().flatten().flatten() {
            let name = entry.file_name();
            if !needed.iter().any(|run| name.to_str() == Some(&run.to_string())) {
                let _ = remove_folder_if_there(&entry.path());
            }
        }
    }

    fn spool(&self, spec: &ColdSpec, run: RunId) -> PathBuf {
        match &spec.spool {
            Some(folder) => Path::new(folder).join(format!("backstay-{run}")),
            None => self.data_dir.join("spool").join(run.to_string()),
        }
    }
}

/// What to do by hand where an instance cannot be started again, written for its host.
pub fn instructions(
    spec: &ColdSpec,
    data_dir: Option<&Path>,
    error_log: Option<&Path>,
    copy: Option<&Path>,
) -> String {
    use backstay_model::hook::Action;
    let start = match spec.start().action {
        Action::StartService(name) => {
            format!("systemctl start {name}  (then: systemctl status {name}; journalctl -u {name} -n 50)")
        }
        Action::StartContainer(name) => {
            format!("docker start {name}  (or podman; then: docker logs --tail 50 {name})")
        }
        Action::Command(command) => {
            std::iter::once(command.program).chain(command.arguments).collect::<Vec<_>>().join(" ")
        }
        other => format!("{other:?}"),
    };
    let mut steps = vec![format!("1. Start it: {start}")];
    if let Some(data_dir) = data_dir {
        steps.push(format!(
            "2. Its data is where it was, in {dir}, and Backstay has changed nothing there. See that no other process works on it \
             (fuser -v {dir}), that its disk is not full (df -h {dir}), and that its owner is the user of the service (ls -ld {dir}).",
            dir = data_dir.display()
        ));
    }
    if let Some(copy) = copy {
        steps.push(format!(
            "3. A whole copy of its files, as they were when it was stopped, lies in {}.",
            copy.display()
        ));
    }
    if let Some(log) = error_log {
        let tail = tail(log);
        if !tail.is_empty() {
            steps.push(format!("The last lines of {}:\n{tail}", log.display()));
        }
    }
    steps.join("\n")
}

/// The last lines of a log, or nothing where it cannot be read.
fn tail(log: &Path) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = fs::File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        let mut bytes = Vec::new();
        file.take(TAIL).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let text = read().unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().collect();
    lines.get(lines.len().saturating_sub(TAIL_LINES)..).unwrap_or_default().join("\n")
}

fn running(data_dir: &Path) -> Result<Option<Process>> {
    process_of(data_dir).map_err(|error| {
        WorkError::new(
            Class::Other,
            format!("cannot tell whether an instance works on {}", data_dir.display()),
        )
        .because(&error)
        .hint("see that the data directory is named rightly, and that Backstay may look at it")
    })
}

fn described(facts: Option<&Facts>, places: &Places, is_running: bool) -> String {
    let data_dir = places.data_dir.display();
    match facts {
        Some(facts) => {
            let binlog =
                facts.binlog.as_ref().map(|at| format!("; binary log at {}:{}", at.file, at.position));
            let (product, version) = (product(facts.product), &facts.version);
            format!("{product} {version}, with its data in {data_dir}{}", binlog.unwrap_or_default())
        }
        None if is_running => format!("an instance runs on {data_dir}"),
        None => format!("no instance runs on {data_dir}: it is backed up as it is and stays stopped"),
    }
}

fn facts_of(inspection: &Inspection, parts: Vec<Part>, taken: Time, host: &str) -> Result<InstanceFacts> {
    let told = inspection.facts.as_ref();
    let text = |path: &Path| {
        path.to_str().map(ToOwned::to_owned).ok_or_else(|| {
            let text = format!("{} cannot be backed up: its name is no UTF-8", path.display());
            WorkError::new(Class::Other, text).hint("give it another name")
        })
    };
    let parts = parts.iter().map(|part| Ok(PartFact { path: text(&part.path)?, what: part.what.to_owned() }));
    let parts = parts.collect::<Result<Vec<_>>>()?;
    let binlog = |at: &BinlogPosition| BinlogFact {
        file: at.file.clone(),
        position: at.position,
        gtid: at.gtid.clone(),
    };
    Ok(InstanceFacts {
        format: FORMAT,
        product: told.map(|facts| product(facts.product).to_lowercase()),
        version: told.map(|facts| facts.version.clone()),
        host: host.to_owned(),
        taken,
        data_dir: parts.first().map(|part| part.path.clone()).unwrap_or_default(),
        binlog: told.and_then(|facts| facts.binlog.as_ref()).map(binlog),
        parts,
    })
}

const fn product(product: Product) -> &'static str {
    match product {
        Product::MariaDb => "MariaDB",
        Product::MySql => "MySQL",
    }
}

fn no_spool(folder: &Path, error: &std::io::Error) -> WorkError {
    WorkError::new(Class::Other, format!("no copy can be made in {}", folder.display()))
        .because(error)
        .hint("name a folder on a disk with room, that Backstay may write to, as the spool of the source")
}

fn not_copied(error: CopyError) -> WorkError {
    match &error {
        CopyError::Interrupted => WorkError::interrupted(),
        CopyError::Failed { cause, .. } if cause.kind() == std::io::ErrorKind::StorageFull => {
            WorkError::new(Class::NoSpace, error.to_string())
                .hint("free space there, or name another spool folder in the source")
        }
        CopyError::Failed { .. } => WorkError::new(Class::Other, error.to_string())
            .hint("run Backstay as a user who may read the instance's files"),
    }
}

pub(super) fn failed(error: MysqlError) -> WorkError {
    let class = match error.trouble {
        Trouble::NoAnswer => Class::Unreachable,
        Trouble::Interrupted => return WorkError::interrupted(),
        Trouble::Denied | Trouble::Refused | Trouble::Files => Class::Other,
    };
    let hint = error.hint;
    WorkError::new(class, error.to_string()).hint(hint)
}
