//! The service, on a system of its own that a real systemd has started.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::up::http;
use crate::world::{Run, World, finish};

/// A system whose first process is systemd. It ends when dropped, as with a power cut; what it keeps is in the folder `host`.
struct Host {
    unshare: Child,
    /// Its first process, as this machine numbers it.
    init: String,
}

impl Host {
    /// Starts it and waits until all that it starts by itself is started. `None` where nobody may do that.
    fn start(world: &World) -> Option<Self> {
        let systemd = systemd()?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/host.sh");
        let mut command = Command::new("unshare");
        command.args(["--mount", "--pid", "--fork", "--uts", "--ipc", "--cgroup", "--", "sh"]);
        command
            .arg(script)
            .arg(world.path("host"))
            .arg(systemd)
            .arg(world.command(["version"]).get_program());
        std::fs::create_dir_all(world.path("host")).unwrap();
        let log = std::fs::File::create(world.path("host.log")).unwrap();
        let unshare =
            command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let children = format!("/proc/{0}/task/{0}/children", unshare.id());
        let mut host = Self { unshare, init: String::new() };
        host.until("a first process", |host| {
            host.init = std::fs::read_to_string(&children).unwrap_or_default().trim().to_owned();
            assert!(host.unshare.try_wait().unwrap().is_none(), "{}", host.log(world));
            !host.init.is_empty()
        });
        host.until("a system that runs", |host| {
            assert!(host.unshare.try_wait().unwrap().is_none(), "{}", host.log(world));
            host.run(&["systemctl", "is-system-running"]).stdout.trim() == "running"
        });
        Some(host)
    }

    fn log(&self, world: &World) -> String {
        std::fs::read_to_string(world.path("host.log")).unwrap_or_default()
    }

    fn until(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> bool) {
        let end = Instant::now() + Duration::from_secs(60);
        while !is_so(self) {
            assert!(Instant::now() < end, "there is no {what}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Runs a command there, as root.
    fn run(&self, words: &[&str]) -> Run {
        let mut command = Command::new("nsenter");
        command.args([
            "--target", &self.init, "--mount", "--pid", "--uts", "--ipc", "--cgroup", "--root", "--wd",
        ]);
        command.args(["--", "env", "-i", "PATH=/usr/local/bin:/usr/bin:/usr/sbin"]).args(words);
        finish(command)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // With the first process end all of the system, and then `unshare`.
        let killed = Command::new("kill").args(["-KILL", &self.init]).status();
        if !killed.is_ok_and(|status| status.success()) {
            let _ = self.unshare.kill();
        }
        let _ = self.unshare.wait();
    }
}

/// The folder that systemd is unpacked in. `None` where a system cannot be started; under CI that is a failure.
fn systemd() -> Option<PathBuf> {
    let on_ci = std::env::var_os("CI").is_some();
    let Some(folder) = std::env::var_os("BACKSTAY_PEER_SYSTEMD") else {
        assert!(!on_ci, "BACKSTAY_PEER_SYSTEMD does not say where systemd is");
        eprintln!("not tested without BACKSTAY_PEER_SYSTEMD: `cargo xtask test` sets it");
        return None;
    };
    if !on_ci && !rustix::process::geteuid().is_root() {
        eprintln!("not tested: only root can start a system of its own");
        return None;
    }
    Some(folder.into())
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn answers(port: u16) -> bool {
    let answer = http().get(format!("http://127.0.0.1:{port}/healthz")).send();
    answer.is_ok_and(|answer| answer.status().is_success())
}

#[test]
fn the_service_is_enabled_runs_and_starts_with_the_machine() {
    let world = World::new();
    let Some(mut host) = Host::start(&world) else { return };
    let (port, other) = (free_port(), free_port());
    let listen = |port: u16| format!("127.0.0.1:{port}");
    let install = ["backstay", "service", "install", "--", "--listen"];

    let installed = host.run(&[&install[..], &[&listen(port)]].concat());
    installed.succeeds().says("wrote /etc/systemd/system/backstay.service").says("enabled and running");
    host.run(&["systemctl", "is-enabled", "backstay"]).succeeds().says("enabled");
    host.until("server that answers", |_| answers(port));

    // After a power cut it is there again, with its data. The server answers before its node has begun.
    let node = world.path("host/var/lib/backstay/node/node.json");
    host.until("node", |_| node.exists());
    drop(host);
    assert!(!answers(port), "it outlived its system");
    let identity = std::fs::read(&node).unwrap();
    let mut host = Host::start(&world).unwrap();
    host.until("server that answers after the start", |_| answers(port));
    assert_eq!(std::fs::read(&node).unwrap(), identity);

    // A process that is killed is started again.
    let pid =
        |host: &Host| host.run(&["systemctl", "show", "--property=MainPID", "backstay"]).succeeds().stdout;
    let before = pid(&host);
    host.run(&["systemctl", "kill", "--signal=KILL", "backstay"]).succeeds();
    host.until("new process", |host| pid(host) != before && answers(port));

    // Installed again, it takes the new flags up.
    host.run(&[&install[..], &[&listen(other)]].concat()).succeeds();
    host.until("server at its new address", |_| answers(other));
    assert!(!answers(port));

    let removed = host.run(&["backstay", "service", "uninstall"]).succeeds();
    removed.says("data and keys are where they were");
    assert!(!answers(other));
    assert_ne!(host.run(&["systemctl", "is-enabled", "backstay"]).code, 0);
    assert!(world.path("host/var/lib/backstay/node/node.json").is_file());
    host.run(&["backstay", "service", "uninstall"]).ends_with(1).complains("is not there");
}

#[test]
fn without_systemd_no_unit_is_written() {
    let world = World::new();
    let mut command = world.command(["service", "install"]);
    command.env("PATH", world.path("nothing")).env("XDG_CONFIG_HOME", world.path("config"));
    finish(command)
        .ends_with(1)
        .complains("there is no systemctl here")
        .complains("hint: have `backstay up` started");
    assert!(!world.path("config").exists());
}
