//! The programs that Backstay is tested and measured against.
//!
//! Each is pinned to a version, built or fetched once, and kept in `target/peers/`; nothing of the system is changed.
//! Tests learn of a peer by its environment variable, which holds the path of the program (or of the folder of programs), and
//! pass over what needs a missing peer; on a CI machine (`CI=true`) a missing mandatory peer is a failure.

mod cargo;
pub(crate) mod debian;
mod git;
mod go;
mod npm;
mod python;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::workspace::{self, Workspace};

/// Which peers to install.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Selection {
    /// What the tests need
    #[default]
    Mandatory,
    /// Also those that benchmarks alone need: rustic, borg and kopia, which take long to build, zip, xfsprogs, rest-server, rclone; mongo-tools, and SeaweedFS
    All,
}

/// One program.
pub(crate) struct Peer {
    /// Its name in messages and in the results of benchmarks.
    pub(crate) name: &'static str,
    /// The environment variable by which tests find it.
    pub(crate) variable: &'static str,
    /// Whether the tests need it.
    pub(crate) mandatory: bool,
    /// Where the program lies within the folder of peers.
    program: &'static str,
    recipe: Recipe,
    /// What a person can do when the recipe fails.
    hint: &'static str,
}

/// How a peer comes onto the machine.
enum Recipe {
    /// A module in `xtask/peers/`, whose `go.mod` and `go.sum` pin the version, and the package of the program.
    Go { module: &'static str, package: &'static str },
    /// A revision of a repository that has all it needs within it, and the packages of its programs.
    GoSources {
        url: &'static str,
        revision: &'static str,
        packages: &'static [(&'static str, &'static str)],
        folder: &'static str,
    },
    /// Debian packages, unpacked into a folder and not installed.
    Debian { packages: &'static [&'static str], folder: &'static str },
    /// A crate of the registry.
    Cargo { name: &'static str, version: &'static str },
    /// A package of the Python package index, in an environment of its own.
    Python { package: &'static str, version: &'static str },
    /// The same with all it needs, each with its hash, as a file in `xtask/peers/` lists it.
    PythonPinned { list: &'static str, folder: &'static str },
    /// A package of Node.js in `xtask/peers/`, whose lock file pins it and all that it needs.
    Npm { module: &'static str, folder: &'static str },
}

/// The newest restic: judge of the format and of the command line.
pub(crate) const RESTIC: Peer = Peer {
    name: "restic",
    variable: "BACKSTAY_PEER_RESTIC",
    mandatory: true,
    program: "restic-0.19.1",
    recipe: Recipe::Go { module: "restic", package: "github.com/restic/restic/cmd/restic" },
    hint: "it needs Go 1.25 or newer (https://go.dev/dl/) and a way to its module proxy",
};

/// The restic of Debian 12: an old judge of the format.
pub(crate) const RESTIC_DEBIAN: Peer = Peer {
    name: "restic-debian",
    variable: "BACKSTAY_PEER_RESTIC_DEBIAN",
    mandatory: true,
    program: "restic-debian/usr/bin/restic",
    recipe: Recipe::Debian { packages: &["restic"], folder: "restic-debian" },
    hint: "it needs apt-get and dpkg-deb, with package lists (run `apt-get update` as root)",
};

/// PostgreSQL: the database of servers that share their store. Its variable names the folder of its programs.
pub(crate) const POSTGRES: Peer = Peer {
    name: "postgres",
    variable: "BACKSTAY_PEER_POSTGRES",
    mandatory: true,
    program: "postgres/usr/lib/postgresql/15/bin/postgres",
    // The server, what makes databases, and the libraries that a small system may not have.
    recipe: Recipe::Debian {
        packages: &[
            "postgresql-15",
            "postgresql-client-15",
            "libgssapi-krb5-2",
            "libicu72",
            "libk5crypto3",
            "libkeyutils1",
            "libkrb5-3",
            "libkrb5support0",
            "libldap-2.5-0",
            "libpq5",
            "libsasl2-2",
            "libssl3",
            "libxml2",
        ],
        folder: "postgres",
    },
    hint: "it needs Debian 12 with apt-get and dpkg-deb, and package lists (run `apt-get update` as root)",
};

/// oidc-provider, a certified provider of OpenID Connect. Its variable names the folder that has it in `node_modules`.
pub(crate) const OIDC: Peer = Peer {
    name: "oidc-provider",
    variable: "BACKSTAY_PEER_OIDC",
    mandatory: true,
    program: "oidc-provider-9.13.3/node_modules/oidc-provider/lib/index.js",
    recipe: Recipe::Npm { module: "oidc", folder: "oidc-provider-9.13.3" },
    hint: "it needs node 20 or newer with npm, and a way to npm's registry",
};

/// Chromium without a window, for the dashboard's tests.
pub(crate) const CHROMIUM: Peer = Peer {
    name: "chromium",
    variable: "BACKSTAY_PEER_CHROMIUM",
    mandatory: true,
    program: "chromium/usr/lib/chromium/chromium-headless-shell",
    // The browser, a font, and the libraries that a small system may not have.
    recipe: Recipe::Debian {
        packages: &[
            "chromium-common",
            "chromium-headless-shell",
            "fontconfig-config",
            "fonts-dejavu-core",
            "libasound2",
            "libasyncns0",
            "libatk1.0-0",
            "libatspi2.0-0",
            "libbrotli1",
            "libbsd0",
            "libdav1d6",
            "libdbus-1-3",
            "libdouble-conversion3",
            "libdrm2",
            "libexpat1",
            "libffi8",
            "libflac12",
            "libfontconfig1",
            "libfreetype6",
            "libgbm1",
            "libglib2.0-0",
            "libgraphite2-3",
            "libharfbuzz-subset0",
            "libharfbuzz0b",
            "libjpeg62-turbo",
            "liblcms2-2",
            "libmd0",
            "libminizip1",
            "libmp3lame0",
            "libmpg123-0",
            "libnspr4",
            "libnss3",
            "libogg0",
            "libopenh264-7",
            "libopenjp2-7",
            "libopus0",
            "libpng16-16",
            "libpulse0",
            "libsndfile1",
            "libvorbis0a",
            "libvorbisenc2",
            "libwayland-server0",
            "libx11-6",
            "libx11-xcb1",
            "libxau6",
            "libxcb1",
            "libxcomposite1",
            "libxdamage1",
            "libxdmcp6",
            "libxext6",
            "libxfixes3",
            "libxi6",
            "libxkbcommon0",
            "libxnvctrl0",
            "libxrandr2",
            "libxrender1",
        ],
        folder: "chromium",
    },
    hint: "it needs Debian 12 with apt-get and dpkg-deb, and package lists (run `apt-get update` as root)",
};

/// systemd, which starts services. Its variable names the folder that its packages are unpacked in.
pub(crate) const SYSTEMD: Peer = Peer {
    name: "systemd",
    variable: "BACKSTAY_PEER_SYSTEMD",
    mandatory: true,
    program: "systemd/lib/systemd/systemd",
    // And the libraries that a small system may not have.
    recipe: Recipe::Debian {
        packages: &[
            "libapparmor1",
            "libaudit1",
            "libcap-ng0",
            "libcap2",
            "libfdisk1",
            "libgcrypt20",
            "libgpg-error0",
            "libip4tc2",
            "libkmod2",
            "liblz4-1",
            "libpam0g",
            "libseccomp2",
            "libssl3",
            "libsystemd-shared",
            "systemd",
        ],
        folder: "systemd",
    },
    hint: "it needs Debian 12 with apt-get and dpkg-deb, and package lists (run `apt-get update` as root)",
};

/// MariaDB: a database that keeps its files as MySQL does. Its variable names the folder that its packages are unpacked in.
pub(crate) const MARIADB: Peer = Peer {
    name: "mariadb",
    variable: "BACKSTAY_PEER_MARIADB",
    mandatory: true,
    program: "mariadb/usr/sbin/mariadbd",
    // The server, its clients, and the libraries that a small system may not have.
    recipe: Recipe::Debian {
        packages: &[
            "libaio1",
            "libbsd0",
            "libcap2",
            "libedit2",
            "libgcrypt20",
            "libgpg-error0",
            "liblz4-1",
            "libmariadb3",
            "libmd0",
            "libncurses6",
            "libnuma1",
            "libpcre2-8-0",
            "libsnappy1v5",
            "libssl3",
            "libsystemd0",
            "libtinfo6",
            "liburing2",
            "mariadb-backup",
            "mariadb-client",
            "mariadb-client-core",
            "mariadb-server",
            "mariadb-server-core",
        ],
        folder: "mariadb",
    },
    hint: "it needs Debian 12 with apt-get and dpkg-deb, and package lists (run `apt-get update` as root)",
};

/// SecantusDB, a server that speaks MongoDB's protocol. Its variable names the Python that has it.
pub(crate) const SECANTUSDB: Peer = Peer {
    name: "secantusdb",
    variable: "BACKSTAY_PEER_SECANTUSDB",
    mandatory: true,
    program: "secantusdb-0.7.0b3/bin/python",
    recipe: Recipe::PythonPinned { list: "secantusdb.txt", folder: "secantusdb-0.7.0b3" },
    hint: "it needs python3 3.11 or newer with venv (Debian: python3-venv), and a way to the Python package index",
};

/// mongodump and mongorestore, the judges of their format. The variable names their folder. No registry has them, only their sources'
/// own place, which a CI machine need not reach.
pub(crate) const MONGO_TOOLS: Peer = Peer {
    name: "mongo-tools",
    variable: "BACKSTAY_PEER_MONGO_TOOLS",
    mandatory: false,
    program: "mongo-tools-100.18.0/mongodump",
    recipe: Recipe::GoSources {
        url: "https://github.com/mongodb/mongo-tools",
        revision: "21a342dfee6468ad9350d156d25086da64dd03b1",
        packages: &[("./mongorestore/main", "mongorestore"), ("./mongodump/main", "mongodump")],
        folder: "mongo-tools-100.18.0",
    },
    hint: "it needs git, Go 1.26 or newer (https://go.dev/dl/) and a way to github.com",
};

/// rustic: the other program that writes restic's format.
pub(crate) const RUSTIC: Peer = Peer {
    name: "rustic",
    variable: "BACKSTAY_PEER_RUSTIC",
    mandatory: false,
    program: "rustic-0.11.4/bin/rustic",
    recipe: Recipe::Cargo { name: "rustic-rs", version: "0.11.4" },
    hint: "it builds for some 25 minutes of processor time and needs a C compiler",
};

/// borg: a benchmark's peer, with a format of its own.
pub(crate) const BORG: Peer = Peer {
    name: "borg",
    variable: "BACKSTAY_PEER_BORG",
    mandatory: false,
    program: "borg-1.4.5/bin/borg",
    recipe: Recipe::Python { package: "borgbackup", version: "1.4.5" },
    hint: "it needs python3 with venv and, where no wheel fits, a C compiler and the headers of OpenSSL, lz4, zstd, \
           xxhash and acl (Debian: python3-venv python3-dev pkg-config libssl-dev liblz4-dev libzstd-dev libxxhash-dev \
           libacl1-dev)",
};

/// kopia: a benchmark's peer, with a format of its own.
pub(crate) const KOPIA: Peer = Peer {
    name: "kopia",
    variable: "BACKSTAY_PEER_KOPIA",
    mandatory: false,
    program: "kopia-0.23.1",
    recipe: Recipe::Go { module: "kopia", package: "github.com/kopia/kopia" },
    hint: "it needs Go 1.25 or newer (https://go.dev/dl/) and a way to its module proxy",
};

/// schemathesis: asks the API for what its document says, and for what it does not.
pub(crate) const SCHEMATHESIS: Peer = Peer {
    name: "schemathesis",
    variable: "BACKSTAY_PEER_SCHEMATHESIS",
    mandatory: true,
    program: "schemathesis-4.32.5/bin/schemathesis",
    recipe: Recipe::PythonPinned { list: "schemathesis.txt", folder: "schemathesis-4.32.5" },
    hint: "it needs python3 3.11 or newer with venv (Debian: python3-venv), and a way to the Python package index",
};

/// tuspy, a client of tus. Its variable names the Python that has it.
pub(crate) const TUSPY: Peer = Peer {
    name: "tuspy",
    variable: "BACKSTAY_PEER_TUSPY",
    mandatory: true,
    program: "tuspy-1.1.0/bin/python",
    recipe: Recipe::PythonPinned { list: "tuspy.txt", folder: "tuspy-1.1.0" },
    hint: "it needs python3 3.11 or newer with venv (Debian: python3-venv), and a way to the Python package index",
};

/// tus-js-client, another. Its variable names the folder that has it in `node_modules`.
pub(crate) const TUS_JS: Peer = Peer {
    name: "tus-js-client",
    variable: "BACKSTAY_PEER_TUS_JS",
    mandatory: true,
    program: "tus-js-client-4.3.1/node_modules/tus-js-client/lib.es5/node/index.js",
    recipe: Recipe::Npm { module: "tus-js", folder: "tus-js-client-4.3.1" },
    hint: "it needs node 20 or newer with npm, and a way to npm's registry",
};

/// Info-ZIP's zip: what people make archives with.
pub(crate) const ZIP: Peer = Peer {
    name: "zip",
    variable: "BACKSTAY_PEER_ZIP",
    mandatory: false,
    program: "zip/usr/bin/zip",
    recipe: Recipe::Debian { packages: &["zip", "libbz2-1.0"], folder: "zip" },
    hint: "it needs apt-get and dpkg-deb, with package lists (run `apt-get update` as root)",
};

/// XFS's tools: a file system whose files share blocks.
pub(crate) const XFS: Peer = Peer {
    name: "xfsprogs",
    variable: "BACKSTAY_PEER_XFS",
    mandatory: false,
    program: "xfsprogs/sbin/mkfs.xfs",
    recipe: Recipe::Debian {
        packages: &["libblkid1", "libinih1", "liburcu8", "libuuid1", "xfsprogs"],
        folder: "xfsprogs",
    },
    hint: "it needs apt-get and dpkg-deb, with package lists (run `apt-get update` as root)",
};

/// restic's own server, which takes files in by HTTP, checks and syncs them.
pub(crate) const REST_SERVER: Peer = Peer {
    name: "rest-server",
    variable: "BACKSTAY_PEER_REST_SERVER",
    mandatory: false,
    program: "rest-server-0.14.0",
    recipe: Recipe::Go { module: "rest-server", package: "github.com/restic/rest-server/cmd/rest-server" },
    hint: "it needs Go 1.25 or newer (https://go.dev/dl/) and a way to its module proxy",
};

/// rclone: copies buckets to folders. Of its back ends it has S3 and folders alone, which takes a tenth of the time to build.
pub(crate) const RCLONE: Peer = Peer {
    name: "rclone",
    variable: "BACKSTAY_PEER_RCLONE",
    mandatory: false,
    program: "rclone-1.76.0",
    recipe: Recipe::Go { module: "rclone", package: "." },
    hint: "it needs Go 1.26 or newer (https://go.dev/dl/) and a way to its module proxy",
};

/// SeaweedFS: an S3 service with versions and object lock that others wrote. No release of it has a version that Go's modules take, so that
/// the revision of one is pinned.
pub(crate) const SEAWEEDFS: Peer = Peer {
    name: "seaweedfs",
    variable: "BACKSTAY_PEER_SEAWEEDFS",
    mandatory: false,
    program: "seaweedfs-7506e5f91cd6",
    recipe: Recipe::Go { module: "seaweedfs", package: "github.com/seaweedfs/seaweedfs/weed" },
    hint: "it builds for some 15 minutes of processor time and needs Go 1.26 or newer (https://go.dev/dl/) and a way to its module proxy",
};

const ALL: [Peer; 20] = [
    RESTIC,
    RESTIC_DEBIAN,
    POSTGRES,
    MARIADB,
    SECANTUSDB,
    SCHEMATHESIS,
    OIDC,
    TUSPY,
    TUS_JS,
    CHROMIUM,
    SYSTEMD,
    MONGO_TOOLS,
    RUSTIC,
    BORG,
    KOPIA,
    ZIP,
    XFS,
    REST_SERVER,
    RCLONE,
    SEAWEEDFS,
];

impl Peer {
    /// Where the program is, when it has been installed.
    pub(crate) fn installed(&self, workspace: &Workspace) -> Option<PathBuf> {
        let program = workspace.peers().join(self.program);
        program.is_file().then_some(program)
    }

    /// The program's path; installs it when it is missing, and makes sure that it starts.
    pub(crate) fn provide(&self, workspace: &Workspace) -> Result<PathBuf> {
        if let Some(program) = self.installed(workspace) {
            return Ok(program);
        }
        println!("installing {}", self.name);
        let program = workspace.peers().join(self.program);
        self.install(workspace, &program)
            .and_then(|()| self.version(&program))
            .with_context(|| format!("{} cannot be installed ({})", self.name, self.hint))?;
        Ok(program)
    }

    /// What the tests are told: the program, or the folder it is in where they need several.
    fn told(&self, program: PathBuf) -> PathBuf {
        match program.parent() {
            Some(folder) if [POSTGRES.name, MONGO_TOOLS.name].contains(&self.name) => folder.to_owned(),
            Some(_) if [SYSTEMD.name, MARIADB.name].contains(&self.name) => {
                program.ancestors().nth(3).map_or_else(|| program.clone(), Path::to_owned)
            }
            Some(_) if self.name == TUS_JS.name => {
                program.ancestors().nth(5).map_or_else(|| program.clone(), Path::to_owned)
            }
            Some(_) if self.name == OIDC.name => {
                program.ancestors().nth(4).map_or_else(|| program.clone(), Path::to_owned)
            }
            _ => program,
        }
    }

    /// The first line of what the program says of its version.
    pub(crate) fn version(&self, program: &Path) -> Result<String> {
        let argument = match self.recipe {
            Recipe::Go { module: "kopia" | "rest-server", .. } | Recipe::Cargo { .. } => "--version",
            Recipe::GoSources { .. } => "--version",
            Recipe::Python { .. } | Recipe::PythonPinned { .. } => "--version",
            // It is no program: that Node.js can read it says enough.
            Recipe::Npm { .. } => {
                let text = workspace::read(Command::new("node").arg("--check").arg(program))?;
                return Ok(text.lines().next().unwrap_or_default().to_owned());
            }
            Recipe::Debian { folder: "restic-debian", .. } | Recipe::Go { .. } => "version",
            Recipe::Debian { folder: "xfsprogs", .. } => "-V",
            Recipe::Debian { .. } => "--version",
        };
        let mut command = Command::new(program);
        if let Recipe::Debian { .. } = self.recipe {
            let folder = program.ancestors().nth(self.program.matches('/').count());
            let libraries = folder.and_then(debian::libraries);
            command.envs(libraries.map(|libraries| ("LD_LIBRARY_PATH", libraries)));
        }
        let text = workspace::read(command.arg(argument))?;
        // zip begins with its copyright.
        let line = text.lines().find(|line| line.starts_with("This is ")).or_else(|| text.lines().next());
        Ok(line.unwrap_or_default().to_owned())
    }

    fn install(&self, workspace: &Workspace, program: &Path) -> Result<()> {
        let peers = workspace.peers();
        std::fs::create_dir_all(&peers).with_context(|| format!("cannot make {}", peers.display()))?;
        match self.recipe {
            Recipe::Go { module, package } => {
                go::build(&workspace.root().join("xtask/peers").join(module), package, program)
            }
            Recipe::GoSources { url, revision, packages, folder } => {
                git::build(url, revision, packages, &peers.join(folder))
            }
            Recipe::Debian { packages, folder } => debian::unpack(packages, &peers.join(folder)),
            Recipe::Cargo { name, version } => {
                cargo::install(workspace, name, version, &peers.join(format!("rustic-{version}")))
            }
            Recipe::Python { package, version } => {
                python::install(package, version, &peers.join(format!("borg-{version}")))
            }
            Recipe::PythonPinned { list, folder } => {
                python::install_list(&workspace.root().join("xtask/peers").join(list), &peers.join(folder))
            }
            Recipe::Npm { module, folder } => {
                npm::install(&workspace.root().join("xtask/peers").join(module), &peers.join(folder))
            }
        }
    }
}

/// Installs the selected peers. Gives the environment for the tests, and whether no mandatory peer is missing; what is
/// missing is named as it is found.
pub(crate) fn provide(workspace: &Workspace, selection: Selection) -> (Vec<(&'static str, PathBuf)>, bool) {
    let mut environment = Vec::new();
    let mut complete = true;
    for peer in ALL.iter().filter(|peer| peer.mandatory || selection == Selection::All) {
        match peer.provide(workspace) {
            Ok(program) => environment.push((peer.variable, peer.told(program))),
            Err(error) => {
                eprintln!("warning: {error:#}; what needs {} is not tested", peer.variable);
                complete = false;
            }
        }
    }
    (environment, complete)
}
