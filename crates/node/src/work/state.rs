//! The state of the system in a few lines, for the log of something that failed: the host, the disks that the run uses, and the
//! services and containers that its hooks manage.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use backstay_core::Control;
use backstay_model::hook::{Action, Hook, Hooks};
use backstay_model::link::{NodeSource, SealedRepository};
use backstay_model::run::Progress;
use backstay_model::{ConnectionSettings, Level, SourceSpec};
use parking_lot::Mutex;

use super::storage::local_folder;
use super::{Report, Result, Workshop, command};
use crate::host;

/// How long all of it may take: a disk that does not answer may be what failed.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long a service manager may take to say how one service is.
const PATIENCE_EACH: Duration = Duration::from_secs(3);
/// Folders of a source whose disks are looked at, at most.
const FOLDERS: usize = 8;

/// What a run has to do with.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Folders, each with what it is to the run.
    folders: Vec<(String, PathBuf)>,
    services: Vec<String>,
    containers: Vec<String>,
}

impl Surroundings {
    /// The surroundings of a run with these hooks, source and repositories.
    #[must_use]
    pub fn of(hooks: Option<&Hooks>, source: Option<&NodeSource>, repositories: &[SealedRepository]) -> Self {
        let mut all = Self::default();
        if let Some(source) = source {
            match &source.spec {
                SourceSpec::Files(files) => {
                    let of_source = files.paths.iter().take(FOLDERS);
                    all.folders.extend(of_source.map(|path| ("the source".to_owned(), PathBuf::from(path))));
                }
                SourceSpec::S3(_) | SourceSpec::Mongodb(_) => {}
                SourceSpec::Sqlite(sqlite) => {
                    let databases = sqlite.databases.iter().take(FOLDERS).map(|path| ("a database", path));
                    let all_paths = databases.chain(sqlite.spool.iter().map(|path| ("copies", path)));
                    all.folders.extend(all_paths.map(|(what, path)| (what.to_owned(), PathBuf::from(path))));
                }
                SourceSpec::Mysql(mysql) => {
                    let cold = mysql.cold();
                    let folders = [("the instance", &cold.data_dir), ("copies", &cold.spool)];
                    let named = folders.into_iter().filter_map(|(what, path)| Some((what, path.as_ref()?)));
                    all.folders.extend(named.map(|(what, path)| (what.to_owned(), PathBuf::from(path))));
                    all.note(&cold.stop());
                }
            }
        }
        for repository in repositories {
            if let ConnectionSettings::Local(local) = &repository.settings {
                let folder = local_folder(&local.path, &repository.path);
                all.folders.push((format!("destination {}", repository.destination.name), folder));
            }
        }
        hooks.into_iter().flat_map(Hooks::all).for_each(|hook| all.note(hook));
        all
    }

    /// Takes note of what a hook stops or starts.
    fn note(&mut self, hook: &Hook) {
        let (list, name) = match &hook.action {
            Action::StopService(name) | Action::StartService(name) => (&mut self.services, name),
            Action::StopContainer(name) | Action::StartContainer(name) => (&mut self.containers, name),
            Action::Command(_) | Action::Http(_) => return,
        };
        if !list.contains(name) {
            list.push(name.clone());
        }
    }
}

impl Workshop {
    /// Writes the state of the system into a log, as far as it can be found out in time.
    pub fn describe_system(self: &Arc<Self>, around: Surroundings, report: &Arc<dyn Report>) {
        let (tell, told) = channel();
        let workshop = Arc::clone(self);
        let asked = std::thread::Builder::new().name("state".to_owned()).spawn(move || {
            let mut say = |line: String| drop(tell.send(line));
            host::describe_system(&workshop.data_dir).into_iter().for_each(&mut say);
            for name in &around.services {
                say(format!("service {name}: {}", workshop.state_of_service(name)));
            }
            for name in &around.containers {
                say(format!("container {name}: {}", workshop.state_of_container(name)));
            }
            // Last, since a disk that does not answer ends it here.
            for (what, folder) in &around.folders {
                let (total, free) = host::disk(folder);
                let (free, total) = (host::bytes(free), host::bytes(total));
                say(format!("disk of {what}, {}: {free} free of {total}", folder.display()));
            }
        });
        if asked.is_err() {
            return;
        }
        let end = Instant::now() + PATIENCE;
        loop {
            match told.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => report.log(Level::Info, "system", &line),
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    let text = format!("the rest cannot be found out within {} s", PATIENCE.as_secs());
                    return report.log(Level::Warning, "system", &text);
                }
            }
        }
    }

    fn state_of_service(&self, name: &str) -> String {
        said(self.policy.check_service(name).map_err(Into::into).and_then(|()| {
            let mut command = Command::new(self.found("systemctl")?);
            command.args(["is-active", "--", name]);
            Ok(command)
        }))
    }

    fn state_of_container(&self, name: &str) -> String {
        said(self.policy.check_container(name).map_err(Into::into).and_then(|()| {
            let mut command = Command::new(self.found("docker").or_else(|_| self.found("podman"))?);
            command.args(["inspect", "--format", "{{.State.Status}}", "--", name]);
            Ok(command)
        }))
    }
}

/// The first line that a program says; it may well fail, as for a service that is stopped.
fn said(command: Result<Command>) -> String {
    let heard = Arc::new(Heard::default());
    let report: Arc<dyn Report> = heard.clone();
    let done = command
        .and_then(|command| command::run(command, "its state", PATIENCE_EACH, &Control::new(), &report));
    let line = heard.0.lock().take();
    match (line, done) {
        (Some(line), _) => line,
        (None, Ok(())) => "nothing is said of it".to_owned(),
        (None, Err(error)) => format!("unknown ({})", error.message()),
    }
}

/// Keeps the first line.
#[derive(Default)]
struct Heard(Mutex<Option<String>>);

impl Report for Heard {
    fn log(&self, _: Level, _: &str, text: &str) {
        if !text.is_empty() {
            self.0.lock().get_or_insert_with(|| text.to_owned());
        }
    }

    fn progress(&self, _: Progress) {}
}
