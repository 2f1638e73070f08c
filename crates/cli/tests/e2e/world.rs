//! A world of its own for each test: home, files to back up, a repository.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A folder with a home in it. Gone with the test.
pub(crate) struct World {
    root: tempfile::TempDir,
    program: PathBuf,
    repository: Option<String>,
    password: Option<String>,
}

/// How a run of the program ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) command: String,
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl World {
    /// An empty world with a repository named `repo`, not yet made, and a password.
    pub(crate) fn new() -> Self {
        Self::with(env!("CARGO_BIN_EXE_backstay"))
    }

    /// The same for another program of the same grammar.
    pub(crate) fn with(program: impl Into<PathBuf>) -> Self {
        let root = tempfile::tempdir().unwrap();
        let repository = root.path().join("repo").display().to_string();
        let password = Some("correct horse".to_owned());
        Self { root, program: program.into(), repository: Some(repository), password }
    }

    /// A world in which nobody said where to back up to, nor gave a password.
    pub(crate) fn without_settings() -> Self {
        Self { repository: None, password: None, ..Self::new() }
    }

    /// A world with a repository that was made.
    pub(crate) fn initialised() -> Self {
        let world = Self::new();
        world.run(["init"]).succeeds();
        world
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.root.path().join(below)
    }

    /// The path as an argument.
    pub(crate) fn at(&self, below: &str) -> String {
        self.path(below).display().to_string()
    }

    /// Writes a file, with the folders above it.
    pub(crate) fn file(&self, below: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.path(below);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    /// A few files and folders in `src`.
    pub(crate) fn some_files(&self) -> &Self {
        self.file("src/one.txt", "one")
            .file("src/two.txt", "two".repeat(10_000))
            .file("src/deep/er/three.bin", noise(700_000))
    }

    pub(crate) fn set_password(&mut self, password: &str) {
        self.password = Some(password.to_owned());
    }

    pub(crate) fn forget_password(&mut self) {
        self.password = None;
    }

    pub(crate) fn set_repository(&mut self, repository: &str) {
        self.repository = Some(repository.to_owned());
    }

    /// The program with these arguments, not yet started.
    pub(crate) fn command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(self.root.path()).env_clear().stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.path("home")).env("TZ", "UTC");
        if let Some(repository) = &self.repository {
            command.env("RESTIC_REPOSITORY", repository);
        }
        if let Some(password) = &self.password {
            command.env("RESTIC_PASSWORD", password);
        }
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Run {
        finish(self.command(arguments))
    }

    /// Runs the program with something to read.
    pub(crate) fn run_with_input<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
        input: &[u8],
    ) -> Run {
        let file = self.path("input");
        std::fs::write(&file, input).unwrap();
        let mut command = self.command(arguments);
        command.stdin(std::fs::File::open(file).unwrap());
        finish(command)
    }

    /// Starts the program with its input and output in the test's hands.
    pub(crate) fn start<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Child {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Backs up `src` and returns the snapshot's id.
    pub(crate) fn back_up_src(&self) -> String {
        let run = self.run(["backup", "src", "--json"]).succeeds();
        run.message("summary")["snapshot_id"].as_str().unwrap().to_owned()
    }

    /// The locks in the repository; files that are still being written are none yet.
    pub(crate) fn locks(&self) -> Vec<String> {
        self.contents("repo/locks").into_keys().filter(|name| name.len() == 64).collect()
    }

    /// Waits until somebody holds a lock.
    pub(crate) fn wait_for_lock(&self) {
        while self.locks().is_empty() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    /// What is in a folder: the content of each file by its path.
    pub(crate) fn contents(&self, below: &str) -> BTreeMap<String, Vec<u8>> {
        fn collect(root: &Path, folder: &Path, all: &mut BTreeMap<String, Vec<u8>>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    collect(root, &path, all);
                } else {
                    let name = path.strip_prefix(root).unwrap().display().to_string();
                    all.insert(name, std::fs::read(&path).unwrap());
                }
            }
        }
        let mut all = BTreeMap::new();
        collect(&self.path(below), &self.path(below), &mut all);
        all
    }
}

pub(crate) fn finish(mut command: Command) -> Run {
    let shown = format!("{command:?}");
    let output = command.output().unwrap();
    Run::new(shown, &output)
}

impl Run {
    pub(crate) fn new(command: String, output: &std::process::Output) -> Self {
        Self {
            command,
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    #[track_caller]
    pub(crate) fn succeeds(self) -> Self {
        self.ends_with(0)
    }

    #[track_caller]
    pub(crate) fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}\n{}", self.command, self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.stdout.contains(text), "{}: no {text:?} in\n{}", self.command, self.stdout);
        self
    }

    #[track_caller]
    pub(crate) fn complains(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "{}: no {text:?} in\n{}", self.command, self.stderr);
        self
    }

    /// All JSON values of standard output, whether on one line or several.
    #[track_caller]
    pub(crate) fn json(&self) -> Vec<Value> {
        json_in(&self.stdout)
    }

    /// The one message of this type.
    #[track_caller]
    pub(crate) fn message(&self, kind: &str) -> Value {
        let mut found = self.json();
        found.extend(json_in(&self.stderr));
        found.retain(|value| value["message_type"] == kind);
        assert_eq!(found.len(), 1, "{}: {kind} in\n{}\n{}", self.command, self.stdout, self.stderr);
        found.remove(0)
    }

    /// The names of all keys in the messages of each type, nested ones with a point.
    pub(crate) fn shape(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut shapes = BTreeMap::<String, BTreeSet<String>>::new();
        for value in self.json() {
            let kind = value["message_type"].as_str().unwrap_or("result").to_owned();
            note_keys(&value, "", shapes.entry(kind).or_default());
        }
        shapes
    }
}

fn json_in(text: &str) -> Vec<Value> {
    serde_json::Deserializer::from_str(text).into_iter::<Value>().map_while(Result::ok).collect()
}

fn note_keys(value: &Value, prefix: &str, keys: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let path = format!("{prefix}.{name}");
                keys.insert(path.clone());
                note_keys(field, &path, keys);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| note_keys(item, &format!("{prefix}[]"), keys)),
        _ => {}
    }
}

/// Bytes that neither compress nor repeat, the same at each run.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .collect()
}
