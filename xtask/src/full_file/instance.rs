//! A MariaDB to back up: its files in one folder, on a free port, started and stopped by a `systemctl` of its own.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::bench::place;
use crate::peers::debian;
use crate::rows;
use crate::workspace;

pub(super) const SERVICE: &str = "mariadb-bench";
pub(super) const USER: &str = "backstay";
/// It is no secret: it protects made-up rows for an hour.
pub(super) const PASSWORD: &str = "benchmark";

/// Raw text that is loaded into one table.
const TABLE: u64 = 128 << 20;
const SCHEMAS: [&str; 4] = ["shop", "customers", "stock", "the ledger"];

/// `$1` is what to do. It ends when that is done, as systemd does with a service that tells when it is ready.
const MANAGER: &str = r#"#!/bin/sh
here=FOLDER
pid() { cat "$here/pid" 2>/dev/null; }
runs() { p=$(pid) && [ -n "$p" ] && kill -0 "$p" 2>/dev/null && ! grep -q '^State:.Z' "/proc/$p/status"; }
case "$1" in
is-active) runs && echo active && exit 0; echo inactive; exit 3 ;;
stop)
    runs && kill "$(pid)"
    while runs; do sleep 0.02; done ;;
start)
    runs && exit 0
    rm -f "$here/pid"
    LD_LIBRARY_PATH=LIBRARIES setsid PROGRAM --defaults-file="$here/my.cnf" </dev/null >/dev/null 2>&1 &
    started=$!
    until [ -S "$here/socket" ] && runs; do
        kill -0 $started 2>/dev/null || { tail -5 "$here/error.log" >&2; exit 1; }
        sleep 0.02
    done ;;
*) echo "Unknown command verb $1." >&2; exit 1 ;;
esac
"#;

/// An instance. It is killed when it is dropped.
pub(super) struct Instance {
    folder: PathBuf,
    programs: PathBuf,
    port: u16,
}

impl Instance {
    /// Makes an empty one and starts it. `programs` is the folder that MariaDB's packages are unpacked in.
    pub(super) fn make(folder: &Path, programs: &Path) -> Result<Self> {
        let instance = Self::at(folder, programs)?;
        let mut install = instance.program("usr/bin/mariadb-install-db")?;
        install.arg(format!("--defaults-file={}", folder.join("my.cnf").display()));
        install.arg(format!("--basedir={}/usr", programs.display()));
        install.args(["--auth-root-authentication-method=normal", "--skip-test-db", "--user=root"]);
        workspace::read(&mut install)?;
        instance.manage("start")?;
        instance.sql(&format!("GRANT ALL ON *.* TO '{USER}'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'"))?;
        Ok(instance)
    }

    /// Makes another with the same data elsewhere, and starts both. This one is stopped for it.
    pub(super) fn copy(&self, folder: &Path) -> Result<Self> {
        let copy = Self::at(folder, &self.programs)?;
        self.manage("stop")?;
        let mut command = Command::new("cp");
        command.arg("--archive").arg(self.data()).arg(folder);
        workspace::run(&mut command)?;
        self.manage("start")?;
        copy.manage("start")?;
        Ok(copy)
    }

    fn at(folder: &Path, programs: &Path) -> Result<Self> {
        fs::create_dir_all(folder.join("tmp"))
            .with_context(|| format!("cannot make {}", folder.display()))?;
        let listener = TcpListener::bind("127.0.0.1:0").context("no port is free")?;
        let port = listener.local_addr().context("no port is free")?.port();
        let instance = Self { folder: folder.to_owned(), programs: programs.to_owned(), port };
        let here = folder.display();
        let settings = format!(
            "[mariadbd]\ndatadir={here}/data\nsocket={here}/socket\npid-file={here}/pid\nport={port}\nbind-address=127.0.0.1\n\
             log-error={here}/error.log\nlog-warnings=0\ntmpdir={here}/tmp\nbasedir={programs}/usr\n\
             plugin-dir={programs}/usr/lib/mysql/plugin\nuser=root\nskip-name-resolve\ninnodb-buffer-pool-size=512M\n",
            programs = programs.display(),
        );
        fs::write(folder.join("my.cnf"), settings).context("cannot write the settings of MariaDB")?;
        let manager = MANAGER
            .replace("FOLDER", &here.to_string())
            .replace("LIBRARIES", &instance.libraries()?.to_string_lossy())
            .replace("PROGRAM", &programs.join("usr/sbin/mariadbd").to_string_lossy());
        fs::write(instance.manager(), manager).context("cannot write the service manager")?;
        fs::set_permissions(instance.manager(), fs::Permissions::from_mode(0o755))?;
        Ok(instance)
    }

    pub(super) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// The `systemctl` that starts and stops it.
    pub(super) fn manager(&self) -> PathBuf {
        self.folder.join("systemctl")
    }

    pub(super) fn manage(&self, verb: &str) -> Result<()> {
        let mut command = Command::new(self.manager());
        workspace::run(command.args([verb, "--", SERVICE]).stdin(Stdio::null()))
    }

    pub(super) fn version(&self) -> Result<String> {
        let text = self.sql("SELECT VERSION()")?;
        Ok(format!("MariaDB {}", text.trim()))
    }

    fn sql(&self, statements: &str) -> Result<String> {
        workspace::read(self.client()?.arg("--execute").arg(statements))
    }

    /// Fills its schemas until its data directory has `bytes`, two tables at a time.
    pub(super) fn fill(&self, bytes: u64) -> Result<()> {
        self.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 0")?;
        for schema in SCHEMAS {
            self.sql(&format!("CREATE DATABASE `{schema}`"))?;
        }
        let mut number = 0;
        while place::size(&self.data())?.1 < bytes {
            std::thread::scope(|scope| {
                let loads = [number, number + 1].map(|number| scope.spawn(move || self.load(number)));
                loads.into_iter().try_for_each(|load| match load.join() {
                    Ok(loaded) => loaded,
                    Err(_) => anyhow::bail!("loading a table went wrong"),
                })
            })?;
            number += 2;
        }
        self.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 1")?;
        Ok(())
    }

    /// Makes a table and loads made-up rows into it.
    fn load(&self, number: u64) -> Result<()> {
        let schema = SCHEMAS.get(number as usize % SCHEMAS.len()).copied().unwrap_or("shop");
        let statements = format!(
            "CREATE TABLE `{schema}`.orders_{number} (id INT PRIMARY KEY, customer VARCHAR(60) NOT NULL, amount DECIMAL(10,2) NOT NULL, \
             placed DATETIME NOT NULL, token CHAR(32) NOT NULL, note TEXT NOT NULL, INDEX (customer)) ENGINE=InnoDB; \
             SET unique_checks = 0, foreign_key_checks = 0; \
             LOAD DATA LOCAL INFILE '/dev/stdin' INTO TABLE `{schema}`.orders_{number}"
        );
        let mut command = self.client()?;
        command.args(["--local-infile=1", "--execute", &statements]).stdin(Stdio::piped());
        let mut child =
            command.stdout(Stdio::null()).spawn().context("cannot start the client of MariaDB")?;
        let mut input = child.stdin.take().context("the client of MariaDB takes no input")?;
        let written = rows::write(&mut input, number, TABLE).and_then(|()| input.flush());
        drop(input);
        let status = child.wait().context("cannot wait for the client of MariaDB")?;
        ensure!(status.success(), "the client of MariaDB ended with {status}");
        written.context("cannot load a table")
    }

    fn client(&self) -> Result<Command> {
        let mut command = self.program("usr/bin/mariadb")?;
        command.arg("--no-defaults").arg("--socket").arg(self.folder.join("socket"));
        command.args(["--user=root", "--batch", "--skip-column-names"]);
        Ok(command)
    }

    fn program(&self, path: &str) -> Result<Command> {
        let mut command = Command::new(self.programs.join(path));
        command.env("LD_LIBRARY_PATH", self.libraries()?);
        Ok(command)
    }

    fn libraries(&self) -> Result<std::ffi::OsString> {
        debian::libraries(&self.programs).context("MariaDB has no libraries beside it")
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // It may be stopped already.
        let pid = fs::read_to_string(self.folder.join("pid")).unwrap_or_default();
        let pid = pid.trim().parse().ok().and_then(rustix::process::Pid::from_raw);
        let Some(pid) = pid else { return };
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        for _ in 0..500 {
            // A file system under it can be taken away only when it is gone.
            if rustix::process::test_kill_process(pid).is_err() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}
