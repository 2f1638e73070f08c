//! What the owner of a host lets its node do, whatever a server asks.
//!
//! A server that was taken over must not mean root on each of its agents. So a file on the host, owned by root, says which paths
//! may be read and written and whether anything may be run. A server can neither read nor change it. Where there is no file,
//! an agent may read everything, writes nothing but repositories, and runs nothing. The node in the server's own process is
//! started by the one whose files it works on, and may do what that user may.
//!
//! Paths are judged by where they really lead: symbolic links and `..` are followed first.

mod real_path;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use self::real_path::real_path;

/// Where the file of an agent is, unless told otherwise.
pub const DEFAULT_FILE: &str = "/etc/backstay/agent-policy.toml";
/// More than this no policy has to say.
const LONGEST: u64 = 1 << 20;

/// Whose orders a node takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The server is in the same process.
    Local,
    /// The server is somewhere else.
    Agent,
}

/// What the owner of a host lets its node do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalPolicy {
    rules: Rules,
    file: PathBuf,
}

/// The file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Rules {
    /// What may be read for backups and shown to those who choose what to back up.
    read: Vec<PathBuf>,
    /// Where restores may write.
    write: Vec<PathBuf>,
    /// Where repositories may lie.
    repositories: Vec<PathBuf>,
    /// Programs that hooks may run.
    commands: Vec<PathBuf>,
    /// Variables that hooks may set for them.
    environment: Vec<String>,
    /// Services that hooks may stop and start.
    services: Vec<String>,
    /// Containers that hooks may stop and start.
    containers: Vec<String>,
    /// Folders that programs are looked for in which are named without a path; what hooks run has them as its `PATH`.
    programs: Vec<PathBuf>,
    /// Whether addresses of this host and of private networks may be connected to, by connections that allow it and by hooks.
    private_addresses: bool,
    /// Whether content of snapshots is handed to the server, for people who look at it or download it.
    downloads: bool,
}

/// Where programs are looked for, unless the policy says otherwise.
const PROGRAMS: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// Stands for all in a list.
const ALL: &str = "*";

impl Default for Rules {
    fn default() -> Self {
        Self {
            read: vec!["/".into()],
            write: Vec::new(),
            repositories: vec!["/".into()],
            commands: Vec::new(),
            environment: Vec::new(),
            services: Vec::new(),
            containers: Vec::new(),
            programs: PROGRAMS.map(PathBuf::from).to_vec(),
            private_addresses: false,
            downloads: true,
        }
    }
}

impl Rules {
    fn of(mode: Mode) -> Self {
        match mode {
            Mode::Agent => Self::default(),
            Mode::Local => Self {
                write: vec!["/".into()],
                commands: vec![ALL.into()],
                environment: vec![ALL.into()],
                services: vec![ALL.into()],
                containers: vec![ALL.into()],
                private_addresses: true,
                ..Self::default()
            },
        }
    }
}

/// Why a policy file is not taken.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// It cannot be read.
    #[error("the policy file {} cannot be read: {cause}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why not.
        cause: io::Error,
    },
    /// Others than root could have written it.
    #[error(
        "the policy file is not safe: {} {why}; it has to belong to root, as all folders above it, and nobody else may write to them",
        path.display()
    )]
    Unsafe {
        /// The file, or the folder it is in.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// It says something that has no meaning.
    #[error("the policy file {} is not valid: {why}", file.display())]
    Invalid {
        /// The file.
        file: PathBuf,
        /// Where, and what.
        why: String,
    },
}

/// Something that the policy does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the policy of this host does not allow {what}")]
pub struct Refused {
    what: String,
    hint: String,
}

impl Refused {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &str {
        &self.hint
    }
}

impl LocalPolicy {
    /// The policy where there is no file. `file` is where it would be, for hints.
    #[must_use]
    pub fn without_file(mode: Mode, file: &Path) -> Self {
        Self { rules: Rules::of(mode), file: file.to_owned() }
    }

    /// Reads the policy from a file, or takes the one of the mode where there is no file.
    ///
    /// # Errors
    /// When the file cannot be read, others than root can write to it, or it says something that has no meaning. Then the node must not
    /// start: a policy that was meant and is not in force protects nobody.
    pub fn load(file: &Path, mode: Mode) -> Result<Self, PolicyError> {
        let unreadable = |cause| PolicyError::Read { file: file.to_owned(), cause };
        let opened = match File::open(file) {
            Ok(opened) => opened,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self::without_file(mode, file));
            }
            Err(error) => return Err(unreadable(error)),
        };
        let me = rustix::process::geteuid().as_raw();
        check_owner(file, &opened.metadata().map_err(unreadable)?, me)?;
        // Who can write to a folder above, or owns a link on the way, can put another file in its place.
        let real = file.canonicalize().map_err(unreadable)?;
        for folder in real.ancestors().skip(1) {
            check_owner(folder, &fs::metadata(folder).map_err(unreadable)?, me)?;
        }
        for step in std::path::absolute(file).map_err(unreadable)?.ancestors() {
            check_owner(step, &fs::symlink_metadata(step).map_err(unreadable)?, me)?;
        }
        let mut text = String::new();
        opened.take(LONGEST).read_to_string(&mut text).map_err(unreadable)?;
        Self::parse(&text, file)
    }

    fn parse(text: &str, file: &Path) -> Result<Self, PolicyError> {
        let invalid = |why: String| PolicyError::Invalid { file: file.to_owned(), why };
        let rules: Rules = toml::from_str(text).map_err(|error| invalid(error.to_string()))?;
        let lists = [
            ("read", &rules.read),
            ("write", &rules.write),
            ("repositories", &rules.repositories),
            ("commands", &rules.commands),
            ("programs", &rules.programs),
        ];
        for (name, paths) in lists {
            let plain =
                |path: &&PathBuf| path.is_absolute() || (name == "commands" && path.as_os_str() == ALL);
            if let Some(path) = paths.iter().find(|path| !plain(path)) {
                return Err(invalid(format!("`{name}` holds {}, which is no absolute path", path.display())));
            }
        }
        Ok(Self { rules, file: file.to_owned() })
    }

    /// Whether a path may be read, with all below it. Returns the path as it really is; a link at its end stays one.
    ///
    /// # Errors
    /// When it may not.
    pub fn check_read(&self, path: &Path) -> Result<PathBuf, Refused> {
        let refused =
            |why: &str| self.refused(format!("reading {}{why}", path.display()), "read", &quoted(path));
        if is_everything(&self.rules.read) {
            return Ok(path.to_owned());
        }
        let real = match (path.parent(), path.file_name()) {
            (Some(folder), Some(name)) => real_path(folder).map(|folder| folder.join(name)),
            _ => real_path(path),
        };
        let real = real.map_err(|error| refused(&format!(", which cannot be looked at ({error})")))?;
        if lies_in(&real, &self.rules.read) { Ok(real) } else { Err(refused("")) }
    }

    /// Whether a folder may be shown, or single items of it because they lead to what may be read.
    ///
    /// # Errors
    /// When nothing of it may.
    pub fn check_browse(&self, folder: &Path) -> Result<Shown, Refused> {
        if is_everything(&self.rules.read) {
            return Ok(Shown { folder: folder.to_owned(), names: None });
        }
        let what =
            |why: &str| self.refused(format!("reading {}{why}", folder.display()), "read", &quoted(folder));
        let real =
            real_path(folder).map_err(|error| what(&format!(", which cannot be looked at ({error})")))?;
        if lies_in(&real, &self.rules.read) {
            return Ok(Shown { folder: real, names: None });
        }
        let leads = |allowed: &PathBuf| {
            let allowed = real_path(allowed).ok()?;
            let first = allowed.strip_prefix(&real).ok()?.components().next()?;
            Some(first.as_os_str().to_owned())
        };
        let names: Vec<_> = self.rules.read.iter().filter_map(leads).collect();
        if names.is_empty() { Err(what("")) } else { Ok(Shown { folder: real, names: Some(names) }) }
    }

    /// Whether a restore may write to a folder, and all below it. Returns the folder as it really is, without links on the way;
    /// it need not exist.
    ///
    /// # Errors
    /// When it may not.
    pub fn check_write(&self, folder: &Path) -> Result<PathBuf, Refused> {
        self.check_folder(folder, &self.rules.write, "restoring to", "write")
    }

    /// Whether a repository may lie in a folder. Returns the folder as it really is; it need not exist.
    ///
    /// # Errors
    /// When it may not.
    pub fn check_repository(&self, folder: &Path) -> Result<PathBuf, Refused> {
        self.check_folder(folder, &self.rules.repositories, "a repository in", "repositories")
    }

    fn check_folder(
        &self,
        folder: &Path,
        allowed: &[PathBuf],
        doing: &str,
        list: &str,
    ) -> Result<PathBuf, Refused> {
        let refused =
            |why: &str| self.refused(format!("{doing} {}{why}", folder.display()), list, &quoted(folder));
        let real =
            real_path(folder).map_err(|error| refused(&format!(", which cannot be looked at ({error})")))?;
        if lies_in(&real, allowed) { Ok(real) } else { Err(refused("")) }
    }

    /// Whether hooks may run a program, found at this path. Returns the path to run it by, as the policy names it.
    ///
    /// # Errors
    /// When they may not.
    pub fn check_command(&self, program: &Path) -> Result<PathBuf, Refused> {
        if self.rules.commands.iter().any(|allowed| allowed.as_os_str() == ALL) {
            return Ok(program.to_owned());
        }
        let real = program.canonicalize().ok();
        let is_it = |allowed: &&PathBuf| real.is_some() && allowed.canonicalize().ok() == real;
        self.rules.commands.iter().find(is_it).cloned().ok_or_else(|| {
            self.refused(format!("running {}", program.display()), "commands", &quoted(program))
        })
    }

    /// Whether hooks may set a variable for what they run.
    ///
    /// # Errors
    /// When they may not.
    pub fn check_variable(&self, name: &str) -> Result<(), Refused> {
        self.check_name(name, &self.rules.environment, "setting the variable", "environment")
    }

    /// Whether hooks may stop and start a service.
    ///
    /// # Errors
    /// When they may not.
    pub fn check_service(&self, name: &str) -> Result<(), Refused> {
        self.check_name(name, &self.rules.services, "stopping or starting the service", "services")
    }

    /// Whether hooks may stop and start a container.
    ///
    /// # Errors
    /// When they may not.
    pub fn check_container(&self, name: &str) -> Result<(), Refused> {
        self.check_name(name, &self.rules.containers, "stopping or starting the container", "containers")
    }

    fn check_name(&self, name: &str, allowed: &[String], doing: &str, list: &str) -> Result<(), Refused> {
        if allowed.iter().any(|allowed| allowed == ALL || allowed == name) {
            return Ok(());
        }
        Err(self.refused(format!("{doing} {name}"), list, &format!("{name:?}")))
    }

    /// Folders that programs are looked for in.
    #[must_use]
    pub fn programs(&self) -> &[PathBuf] {
        &self.rules.programs
    }

    /// The same as a value of `PATH`.
    #[must_use]
    pub fn search(&self) -> OsString {
        std::env::join_paths(&self.rules.programs).unwrap_or_default()
    }

    /// Whether addresses of this host and of private networks may be connected to.
    #[must_use]
    pub const fn allows_private_addresses(&self) -> bool {
        self.rules.private_addresses
    }

    /// Whether content of snapshots may be handed to the server.
    ///
    /// # Errors
    /// When it may not.
    pub fn check_download(&self) -> Result<(), Refused> {
        if self.rules.downloads {
            return Ok(());
        }
        let hint = format!(
            "restore it on the host; or its owner allows it: set `downloads = true` in {}",
            self.file.display()
        );
        Err(Refused { what: "handing content of snapshots to the server".to_owned(), hint })
    }

    /// Where the policy is, or would be.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    fn refused(&self, what: String, list: &str, entry: &str) -> Refused {
        let hint =
            format!("the owner of the host can allow it: add {entry} to `{list}` in {}", self.file.display());
        Refused { what, hint }
    }
}

/// What of a folder may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The folder as it really is.
    pub folder: PathBuf,
    /// Only these names of it; all if `None`.
    pub names: Option<Vec<OsString>>,
}

fn quoted(path: &Path) -> String {
    format!("{:?}", path.to_string_lossy())
}

fn is_everything(allowed: &[PathBuf]) -> bool {
    allowed.iter().any(|path| path == Path::new("/"))
}

fn lies_in(real: &Path, allowed: &[PathBuf]) -> bool {
    allowed.iter().any(|allowed| real_path(allowed).is_ok_and(|allowed| real.starts_with(allowed)))
}

/// Whether nobody but root, or the user that a node runs as where that is not root, can change a file or folder.
fn check_owner(path: &Path, metadata: &fs::Metadata, me: u32) -> Result<(), PolicyError> {
    let unsafe_because = |why: String| Err(PolicyError::Unsafe { path: path.to_owned(), why });
    let owner = metadata.uid();
    if owner != 0 && owner != me {
        return unsafe_because(format!("belongs to user {owner}"));
    }
    // Temporary folders that everybody may write to, but where nobody can replace what belongs to others.
    let shared_but_sticky = metadata.is_dir() && metadata.mode() & 0o1000 != 0;
    if metadata.mode() & 0o022 != 0 && !shared_but_sticky && !metadata.is_symlink() {
        return unsafe_because(format!("may be written by others (mode {:04o})", metadata.mode() & 0o7777));
    }
    Ok(())
}

#[cfg(test)]
#[path = "local_policy_tests.rs"]
mod tests;
