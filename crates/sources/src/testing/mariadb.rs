//! A private MariaDB: its files in a folder, on a free port, under a service manager of the tests' own.
//!
//! The service manager is a `systemctl` that knows one service and really starts and stops its server. It stands in for systemd, which
//! cannot be had in every test. It obeys files in its folder: `refuse-stop`, `refuse-start`, `hang-stop` and `hang-start`.
//!
//! `BACKSTAY_PEER_MARIADB` names the folder that MariaDB's packages are unpacked in. Without it the tests that need a server are passed
//! over, on a CI machine (`CI=true`) they fail.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use backstay_core::Control;
use tempfile::TempDir;

use crate::mysql::{Access, Address, wait_until_it_answers};

/// The service as its manager knows it.
const SERVICE: &str = "mariadb-test";
const USER: &str = "backstay";
const PASSWORD: &str = "not a secret: of a test";

/// `$1` is what to do, the last argument the service.
const MANAGER: &str = r#"#!/bin/sh
here=FOLDER
for service; do :; done
[ "$service" = mariadb-test ] || { echo "Unit $service could not be found." >&2; exit 5; }
pid() { cat "$here/pid" 2>/dev/null; }
runs() { p=$(pid) && [ -n "$p" ] && kill -0 "$p" 2>/dev/null && ! grep -q '^State:.Z' "/proc/$p/status"; }
echo "$1" >> "$here/calls"
case "$1" in
is-active) runs && echo active && exit 0; echo inactive; exit 3 ;;
stop)
    [ -e "$here/refuse-stop" ] && { echo "Job for $service failed." >&2; exit 1; }
    while [ -e "$here/hang-stop" ]; do sleep 0.1; done
    runs && kill "$(pid)"
    while runs; do sleep 0.02; done ;;
start)
    [ -e "$here/refuse-start" ] && { echo "Job for $service failed." >&2; exit 1; }
    while [ -e "$here/hang-start" ]; do sleep 0.1; done
    runs && exit 0
    rm -f "$here/pid"
    LD_LIBRARY_PATH=LIBRARIES setsid PROGRAM --defaults-file="$here/my.cnf" </dev/null >/dev/null 2>&1 &
    started=$!
    setsid sh -c "while kill -0 OWNER && kill -0 $started; do sleep 0.5; done; kill -9 $started" </dev/null >/dev/null 2>&1 &
    n=0
    until [ -S "$here/socket" ] && runs; do
        kill -0 $started 2>/dev/null || { tail -5 "$here/error.log" >&2; exit 1; }
        n=$((n+1)); [ $n -lt 3000 ] || exit 1
        sleep 0.02
    done ;;
*) echo "Unknown command verb $1." >&2; exit 1 ;;
esac
"#;

/// A private instance of MariaDB that ends with the test.
pub struct Instance {
    folder: TempDir,
    programs: PathBuf,
    port: u16,
}

impl Instance {
    /// Makes an instance and starts it; `None` when there is no MariaDB and need be none. Some of its files are kept outside of its data
    /// directory: redo, undo and binary log, and the space of a table.
    #[must_use]
    pub fn start_new() -> Option<Self> {
        let programs = programs()?;
        let folder = tempfile::Builder::new().prefix("backstay-mariadb-").tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let instance = Self { folder, programs, port };
        instance.prepare();
        instance.manage("start");
        instance.access_root_sql();
        Some(instance)
    }

    /// Where all of it lies.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its data directory.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.folder().join("data")
    }

    /// The file that configures it.
    #[must_use]
    pub fn configuration(&self) -> PathBuf {
        self.folder().join("my.cnf")
    }

    /// The folder with the `systemctl` that manages it.
    #[must_use]
    pub fn manager(&self) -> PathBuf {
        self.folder().join("bin")
    }

    /// The name that `systemctl` has for it.
    #[must_use]
    pub const fn service(&self) -> &'static str {
        SERVICE
    }

    /// The port it listens on, at 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The user of backups, and the password.
    #[must_use]
    pub const fn credentials(&self) -> (&'static str, &'static str) {
        (USER, PASSWORD)
    }

    /// The way to it, as the user of backups.
    #[must_use]
    pub fn access(&self) -> Access {
        let (user, password) = self.credentials();
        let address = Address::Tcp("127.0.0.1".to_owned(), self.port);
        Access { address, user: user.to_owned(), password: password.to_owned() }
    }

    /// Whether its server runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.systemctl("is-active").status().unwrap().success()
    }

    /// What its manager was told to do, in order.
    #[must_use]
    pub fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.folder().join("calls")).unwrap_or_default();
        calls.lines().filter(|call| *call != "is-active").map(ToOwned::to_owned).collect()
    }

    /// Starts or stops it.
    pub fn manage(&self, verb: &str) {
        let output = self.systemctl(verb).output().unwrap();
        assert!(output.status.success(), "systemctl {verb}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Makes the manager misbehave: `refuse-stop`, `refuse-start`, `hang-stop`, `hang-start`.
    pub fn set(&self, fault: &str, is_on: bool) {
        let file = self.folder().join(fault);
        if is_on { fs::write(file, "").unwrap() } else { drop(fs::remove_file(file)) }
    }

    /// Carries statements out as root and gives what they print, a line for each row.
    #[must_use]
    pub fn sql(&self, statements: &str) -> Vec<String> {
        let output = self
            .program("usr/bin/mariadb")
            .arg("--no-defaults")
            .arg("--socket")
            .arg(self.folder().join("socket"))
            .args(["--user=root", "--batch", "--skip-column-names", "--execute", statements])
            .output()
            .unwrap();
        assert!(output.status.success(), "{statements}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().map(ToOwned::to_owned).collect()
    }

    /// Fills it with several schemas whose tables are of all kinds, one of them with its space elsewhere.
    pub fn fill(&self, rows: u32) {
        let outside = self.folder().join("outside");
        let schemas = ["shop", "the archive"].map(|schema| {
            format!(
                "CREATE DATABASE `{schema}`; USE `{schema}`;
                 CREATE TABLE orders (id INT PRIMARY KEY, text VARCHAR(200), INDEX (text)) ENGINE=InnoDB;
                 CREATE TABLE elsewhere (id INT PRIMARY KEY, text VARCHAR(200)) ENGINE=InnoDB DATA DIRECTORY='{outside}';
                 CREATE TABLE parts (id INT, text VARCHAR(200)) ENGINE=InnoDB PARTITION BY HASH (id) PARTITIONS 3;
                 CREATE TABLE aria (id INT PRIMARY KEY, text VARCHAR(200)) ENGINE=Aria;
                 CREATE TABLE myisam (id INT PRIMARY KEY, text VARCHAR(200)) ENGINE=MyISAM;
                 INSERT INTO orders SELECT seq, CONCAT(seq, ' ', SHA2(seq, 512)) FROM sequence.seq_1_to_{rows};
                 INSERT INTO elsewhere SELECT * FROM orders; INSERT INTO parts SELECT * FROM orders;
                 INSERT INTO aria SELECT * FROM orders; INSERT INTO myisam SELECT * FROM orders;",
                outside = outside.display(),
            )
            .replace("sequence.", "")
        });
        schemas.iter().for_each(|schema| drop(self.sql(schema)));
    }

    /// A sum over all rows of what [`fill`](Self::fill) made: the same for the same data.
    #[must_use]
    pub fn checksum(&self) -> Vec<String> {
        let tables = ["shop", "the archive"].map(|schema| {
            ["orders", "elsewhere", "parts", "aria", "myisam"]
                .map(|table| format!("`{schema}`.{table}"))
                .join(", ")
        });
        self.sql(&format!("CHECKSUM TABLE {} EXTENDED", tables.join(", ")))
    }

    fn prepare(&self) {
        for folder in ["bin", "redo", "undo", "binlog", "outside", "tmp"] {
            fs::create_dir(self.folder().join(folder)).unwrap();
        }
        let here = self.folder().display().to_string();
        let configuration = format!(
            "[mariadbd]\ndatadir={here}/data\nsocket={here}/socket\npid-file={here}/pid\nport={}\nbind-address=127.0.0.1\n\
             log-error={here}/error.log\nlog-bin={here}/binlog/log\ninnodb-log-group-home-dir={here}/redo\n\
             innodb-undo-directory={here}/undo\ninnodb-undo-tablespaces=2\ninnodb-log-file-size=8M\n\
             innodb-buffer-pool-size=64M\ntmpdir={here}/tmp\nbasedir={programs}/usr\nplugin-dir={programs}/usr/lib/mysql/plugin\n\
             user=root\nskip-name-resolve\n!includedir {here}/conf.d\n",
            self.port,
            programs = self.programs.display(),
        );
        fs::write(self.configuration(), configuration).unwrap();
        fs::create_dir(self.folder().join("conf.d")).unwrap();
        fs::write(self.folder().join("conf.d/more.cnf"), "[mariadbd]\nmax-connections=50\n").unwrap();
        let output = self
            .program("usr/bin/mariadb-install-db")
            .arg(format!("--defaults-file={}", self.configuration().display()))
            .arg(format!("--basedir={}/usr", self.programs.display()))
            .args(["--auth-root-authentication-method=normal", "--skip-test-db", "--user=root"])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let manager = MANAGER
            .replace("FOLDER", &here)
            .replace("LIBRARIES", &self.libraries().display().to_string())
            .replace("PROGRAM", &self.programs.join("usr/sbin/mariadbd").display().to_string())
            .replace("OWNER", &std::process::id().to_string());
        let path = self.manager().join("systemctl");
        fs::write(&path, manager).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Makes the user of backups, who may see and check everything.
    fn access_root_sql(&self) {
        let root = Access {
            address: Address::Socket(self.folder().join("socket")),
            user: "root".to_owned(),
            password: String::new(),
        };
        wait_until_it_answers(&root, Duration::from_secs(60), &Control::new()).unwrap();
        let _ = self.sql(&format!("GRANT ALL ON *.* TO '{USER}'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'"));
    }

    fn systemctl(&self, verb: &str) -> Command {
        let mut command = Command::new(self.manager().join("systemctl"));
        command.args([verb, "--", SERVICE]);
        command
    }

    fn program(&self, path: &str) -> Command {
        let mut command = Command::new(self.programs.join(path));
        command.env("LD_LIBRARY_PATH", self.libraries());
        command
    }

    /// Where the libraries lie that were unpacked beside it.
    fn libraries(&self) -> PathBuf {
        let of_machine = |path: &PathBuf| path.to_string_lossy().ends_with("-linux-gnu");
        let folders = fs::read_dir(self.programs.join("usr/lib")).unwrap();
        folders.map(|entry| entry.unwrap().path()).find(of_machine).unwrap()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        ["hang-stop", "refuse-stop", "hang-start", "refuse-start"]
            .iter()
            .for_each(|fault| self.set(fault, false));
        let pid = fs::read_to_string(self.folder().join("pid")).unwrap_or_default();
        if !pid.trim().is_empty() {
            let _ = Command::new("kill").args(["-9", pid.trim()]).status();
        }
    }
}

/// The folder of MariaDB's packages, unless there is none and need not be.
fn programs() -> Option<PathBuf> {
    static PROGRAMS: OnceLock<Option<PathBuf>> = OnceLock::new();
    let find = || {
        let named = std::env::var_os("BACKSTAY_PEER_MARIADB").map(PathBuf::from);
        if named.is_none() {
            let on_ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
            assert!(!on_ci, "BACKSTAY_PEER_MARIADB must name the folder of MariaDB's packages");
            eprintln!("passed over: BACKSTAY_PEER_MARIADB names no folder of MariaDB's packages");
        }
        named
    };
    PROGRAMS.get_or_init(find).clone()
}
