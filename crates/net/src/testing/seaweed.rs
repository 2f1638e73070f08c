//! SeaweedFS: an S3 service that others wrote, as a process of its own with its files in a folder, on free ports of the loopback
//! interface.
//!
//! It shows what a service in memory cannot, which was made by the same hands as the code that asks it. `BACKSTAY_PEER_SEAWEEDFS` names the
//! program `weed`, which takes long to build: without it the tests that need it are passed over, on a CI machine too.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::over_http::OverHttp;
use super::server::{KEY, SECRET};

/// How long it may take until the service answers, on a machine with much else to do.
const PATIENCE: Duration = Duration::from_secs(120);
/// Somebody else may take a port that was free before the service does.
const STARTS: u32 = 3;

/// A private server that ends with the test. What is in its buckets is reached through [`OverHttp`].
pub struct Seaweed {
    /// Its URL.
    pub url: String,
    buckets: OverHttp,
    folder: TempDir,
    sockets: Vec<PathBuf>,
    child: Child,
}

impl std::fmt::Debug for Seaweed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seaweed").field("url", &self.url).finish_non_exhaustive()
    }
}

impl std::ops::Deref for Seaweed {
    type Target = OverHttp;

    fn deref(&self) -> &OverHttp {
        &self.buckets
    }
}

impl Seaweed {
    /// Starts a service and waits until it takes objects; `None` where there is none.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start() -> Option<Self> {
        let Some(program) = std::env::var_os("BACKSTAY_PEER_SEAWEEDFS") else {
            eprintln!("passed over: BACKSTAY_PEER_SEAWEEDFS does not name SeaweedFS");
            return None;
        };
        let mut said = String::new();
        for _ in 0..STARTS {
            let mut server = Self::spawn(Path::new(&program));
            if server.answers() {
                return Some(server);
            }
            said = server.log();
        }
        panic!("SeaweedFS does not start: {said}")
    }

    fn spawn(program: &Path) -> Self {
        let folder = tempfile::Builder::new().prefix("backstay-weed-").tempdir().unwrap();
        let place = folder.path();
        // All at once, so that they differ.
        let free: Vec<_> = (0..8).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let ports: Vec<_> = free.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
        drop(free);
        let who = format!(
            r#"{{"identities": [{{"name": "all", "credentials": [{{"accessKey": "{KEY}", "secretKey": "{SECRET}"}}],
                "actions": ["Admin", "Read", "List", "Tagging", "Write"]}}]}}"#
        );
        std::fs::write(place.join("s3.json"), who).unwrap();
        let log = File::create(place.join("log")).unwrap();
        let mut command = Command::new(program);
        command.arg(format!("-logdir={}", place.display())).arg("server");
        command.args([
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            "-s3",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
        ]);
        // It would tell its makers of itself.
        command.arg("-master.telemetry=false");
        // Each bucket takes volumes of its own.
        command.args(["-volume.max=1000", "-master.volumeSizeLimitMB=1024"]);
        command.env("WEED_MASTER_VOLUME_GROWTH_COPY_1", "1");
        // Without a key it does not encrypt.
        command.env("WEED_S3_SSE_KEY", "any text");
        let mut sockets = Vec::new();
        for (name, port) in ["master", "volume", "filer", "s3"].iter().zip(ports.chunks_exact(2)) {
            let &[port, grpc] = port else { unreachable!("chunks are exact") };
            command.arg(format!("-{name}.port={port}")).arg(format!("-{name}.port.grpc={grpc}"));
            // These have a place that cannot be chosen.
            sockets.push(PathBuf::from(format!("/tmp/seaweedfs-{name}-grpc-{grpc}.sock")));
        }
        for name in ["filer", "s3"] {
            command.arg(format!("-{name}.localSocket={}", place.join(name).with_extension("sock").display()));
        }
        command.arg(format!("-s3.config={}", place.join("s3.json").display()));
        command.arg(format!("-dir={}", place.display()));
        // Its settings are these alone.
        command.current_dir(place).env("HOME", place).env("TMPDIR", place);
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        watch(child.id());
        let url = format!("http://127.0.0.1:{}", ports.get(6).unwrap());
        Self { buckets: OverHttp::new(&url), url, folder, sockets, child }
    }

    /// Waits until it takes an object; false when it has ended.
    fn answers(&mut self) -> bool {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end && self.child.try_wait().unwrap().is_none() {
            if self.buckets.takes_objects() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        false
    }

    /// What it wrote.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

/// Ends a process with the tests, however they end.
fn watch(child: u32) {
    let own = std::process::id();
    let watch = format!("while kill -0 {own} && kill -0 {child}; do sleep 0.5; done; kill -9 {child}");
    let mut watchdog = Command::new("setsid");
    watchdog.args(["sh", "-c", &watch]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    drop(watchdog.spawn().unwrap());
}

impl Drop for Seaweed {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        for socket in &self.sockets {
            let _ = std::fs::remove_file(socket);
        }
    }
}
