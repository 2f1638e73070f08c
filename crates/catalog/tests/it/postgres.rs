//! A PostgreSQL server for tests: one per test program, with a new database for each test.
//!
//! `BACKSTAY_PEER_POSTGRES` names the folder of its programs (`initdb`, `postgres`, `createdb`). Without it the tests that need a
//! server are passed over, except where `CI` is set. The server listens on a socket in a folder of its own, and ends with the
//! test program, however that ends: what starts it waits for the end of its input, stops the server and removes the folder.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Starts the server and waits for the test program to end. `$1` is the folder of programs, `$2` the server's own.
const KEEPER: &str = r#"
    "$1/initdb" -D "$2/data" -U backstay -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$2/initdb.log" 2>&1 || {
        cat "$2/initdb.log"; rm -rf "$2"; exit 1
    }
    "$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= -c fsync=off -c synchronous_commit=off \
        -c full_page_writes=off -c max_connections=400 -c jit=off >"$2/server.log" 2>&1 &
    server=$!
    until "$1/pg_isready" -q -h "$2"; do
        kill -0 $server 2>/dev/null || { cat "$2/server.log"; rm -rf "$2"; exit 1; }
        sleep 0.05
    done
    echo ready
    cat >/dev/null
    kill -QUIT $server
    wait $server
    rm -rf "$2"
"#;

/// The server of this test program.
struct Server {
    programs: PathBuf,
    folder: PathBuf,
    /// Its input stays open as long as this program runs.
    _keeper: Child,
}

/// The address of a new, empty database; `None` when there is no PostgreSQL and need be none.
pub(crate) fn database() -> Option<String> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    let server = SERVER.get_or_init(|| programs().map(Server::start)).as_ref()?;
    let name = format!("test{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let mut command = Command::new(server.programs.join("createdb"));
    with_libraries(&mut command, &server.programs);
    let output = command.arg("-h").arg(&server.folder).args(["-U", "backstay", &name]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(format!("postgres://backstay@localhost/{name}?host={}", server.folder.display()))
}

/// The folder of PostgreSQL's programs, unless there is none and need not be.
fn programs() -> Option<PathBuf> {
    let named = std::env::var_os("BACKSTAY_PEER_POSTGRES").map(PathBuf::from);
    if named.is_none() {
        assert!(
            std::env::var_os("CI").is_none_or(|ci| ci != "true"),
            "BACKSTAY_PEER_POSTGRES must name the folder of PostgreSQL's programs"
        );
        eprintln!("passed over: BACKSTAY_PEER_POSTGRES names no folder of PostgreSQL's programs");
    }
    named
}

impl Server {
    fn start(programs: PathBuf) -> Self {
        let folder = tempfile::Builder::new().prefix("backstay-postgres-").tempdir().unwrap().keep();
        // PostgreSQL does not run as root.
        let root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
        let mut command = if root {
            let (user, group) = account("postgres").or_else(|| account("nobody")).unwrap();
            std::os::unix::fs::chown(&folder, Some(user), Some(group)).unwrap();
            let mut command = Command::new("setpriv");
            command
                .arg(format!("--reuid={user}"))
                .arg(format!("--regid={group}"))
                .args(["--clear-groups", "sh"]);
            command
        } else {
            Command::new("sh")
        };
        with_libraries(&mut command, &programs);
        command.args(["-uc", KEEPER, "keeper"]).arg(&programs).arg(&folder).current_dir(&folder);
        let mut keeper = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let told: Vec<String> = BufReader::new(keeper.stdout.take().unwrap())
            .lines()
            .map(Result::unwrap)
            .take_while(|line| line != "ready")
            .collect();
        assert!(keeper.try_wait().unwrap().is_none(), "PostgreSQL does not start:\n{}", told.join("\n"));
        Self { programs, folder, _keeper: keeper }
    }
}

/// Lets programs that were only unpacked find the libraries that were unpacked beside them.
fn with_libraries(command: &mut Command, programs: &Path) {
    let Some(libraries) = programs.ancestors().nth(3).and_then(|folder| std::fs::read_dir(folder).ok())
    else {
        return;
    };
    let here = |folder: &PathBuf| folder.to_string_lossy().ends_with("-linux-gnu");
    if let Some(folder) = libraries.filter_map(|entry| Some(entry.ok()?.path())).find(here) {
        command.env("LD_LIBRARY_PATH", folder);
    }
}

/// The ids of an account and its group.
fn account(name: &str) -> Option<(u32, u32)> {
    let accounts = std::fs::read_to_string("/etc/passwd").ok()?;
    let line = accounts.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2).map(|field| field.parse().ok());
    Some((fields.next()??, fields.next()??))
}
