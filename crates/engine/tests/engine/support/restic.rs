//! restic itself, beside which ours has to live.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::vault::PASSWORD;

/// A restic program.
#[derive(Debug, Clone)]
pub(crate) struct Restic {
    program: PathBuf,
    /// Whether it is the old one that Debian has.
    pub(crate) is_old: bool,
}

/// The restics that are there. On a CI machine both have to be.
pub(crate) fn restics() -> Vec<Restic> {
    newest().into_iter().chain(named("BACKSTAY_PEER_RESTIC_DEBIAN", true)).collect()
}

/// The newest restic.
pub(crate) fn newest() -> Option<Restic> {
    named("BACKSTAY_PEER_RESTIC", false)
}

fn named(variable: &str, is_old: bool) -> Option<Restic> {
    let program = std::env::var_os(variable).map(PathBuf::from);
    if program.is_none() {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{variable} must name a restic");
        eprintln!("passed over: {variable} names no restic");
    }
    Some(Restic { program: program?, is_old })
}

impl Restic {
    /// A command of this restic on a repository.
    pub(crate) fn command<A: AsRef<OsStr>>(
        &self,
        repository: &Path,
        arguments: impl IntoIterator<Item = A>,
    ) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--no-cache").args(arguments);
        command.env("RESTIC_REPOSITORY", repository).env("RESTIC_PASSWORD", PASSWORD);
        command
    }

    fn output<A: AsRef<OsStr>>(&self, repository: &Path, arguments: impl IntoIterator<Item = A>) -> Output {
        self.command(repository, arguments).output().unwrap()
    }

    /// Runs a command that has to succeed; returns what it printed.
    #[track_caller]
    pub(crate) fn run<A: AsRef<OsStr>>(
        &self,
        repository: &Path,
        arguments: impl IntoIterator<Item = A>,
    ) -> String {
        let arguments: Vec<OsString> = arguments.into_iter().map(|text| text.as_ref().to_owned()).collect();
        let output = self.output(repository, &arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{arguments:?}: {error}\n{said}");
        said
    }

    /// Runs a command that has to fail; returns what it complained of.
    #[track_caller]
    pub(crate) fn fails<A: AsRef<OsStr>>(
        &self,
        repository: &Path,
        arguments: impl IntoIterator<Item = A>,
    ) -> String {
        let output = self.output(repository, arguments);
        assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// Makes a repository of a format version.
    #[track_caller]
    pub(crate) fn init(&self, repository: &Path, version: &str) {
        self.run(repository, ["init", "--repository-version", version]);
    }

    /// Nothing is wrong with the repository.
    #[track_caller]
    pub(crate) fn finds_it_sound(&self, repository: &Path) {
        self.run(repository, ["check", "--read-data"]);
    }

    #[track_caller]
    pub(crate) fn back_up(&self, repository: &Path, folder: &Path) {
        self.run(repository, [OsStr::new("backup"), folder.as_os_str()]);
    }

    /// Restores a snapshot of `folder` and returns where that folder is now.
    #[track_caller]
    pub(crate) fn restore(&self, repository: &Path, snapshot: &str, folder: &Path, target: &Path) -> PathBuf {
        let arguments = ["restore".as_ref(), snapshot.as_ref(), "--target".as_ref(), target.as_os_str()];
        self.run(repository, arguments);
        target.join(folder.strip_prefix("/").unwrap())
    }
}
