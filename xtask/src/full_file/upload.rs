//! One file over loopback TLS: ours, and what one does without it.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::bench::measure::{self, Cost};
use crate::large_archive::noise;
use crate::ours::Ours;
use crate::receiver::Receiver;
use crate::workspace;

pub(super) struct Upload<'a> {
    ours: &'a Ours,
    folder: PathBuf,
    receiver: Receiver,
    peer: RestServer,
    /// An archive that is its content and little else, with its manifest beside it.
    archive: PathBuf,
    name: String,
}

/// Who sends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Ours,
    /// `sha256sum`, then curl to restic's own server, which hashes what comes in and syncs it.
    RestServer,
    /// `sha256sum`, then curl to our receiver in one request.
    OurReceiver,
}

impl By {
    pub(super) const ALL: [Self; 3] = [Self::Ours, Self::RestServer, Self::OurReceiver];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Ours => "backstay",
            Self::RestServer => "sha256sum, curl to rest-server",
            Self::OurReceiver => "sha256sum, curl to backstay receiver",
        }
    }
}

impl<'a> Upload<'a> {
    /// Makes the file of `size` bytes, and starts both servers.
    pub(super) fn prepare(ours: &'a Ours, folder: &Path, size: u64, rest_server: &Path) -> Result<Self> {
        let made = folder.join("made");
        fs::create_dir_all(&made).with_context(|| format!("cannot make {}", made.display()))?;
        let source = folder.join("noise");
        noise(&source, size, 5).context("cannot make the file")?;
        let (from, to) = (source.display().to_string(), made.display().to_string());
        workspace::read(&mut ours.command([
            "archive", "create", &from, "--output", &to, "--plain", "--method", "store", "--name", "Data",
        ]))?;
        fs::remove_file(&source).context("cannot remove the file")?;
        let names = fs::read_dir(&made)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let name = names.into_iter().find(|name| !name.ends_with(".json")).context("no archive was made")?;
        let receiver = Receiver::start(ours, &folder.join("receiver"))?;
        let peer = RestServer::start(rest_server, &folder.join("rest-server"))?;
        Ok(Self { ours, folder: folder.to_owned(), receiver, peer, archive: made.join(&name), name })
    }

    pub(super) fn archive(&self) -> &Path {
        &self.archive
    }

    /// Sends the file once, and removes it there. `sha256sum` counts where the sender needs it.
    pub(super) fn send(&self, by: By) -> Result<Cost> {
        let log = self.folder.join("log");
        let summed = match by {
            By::Ours => None,
            By::RestServer | By::OurReceiver => {
                let mut sum = Command::new("sha256sum");
                sum.arg(&self.archive);
                let cost = measure::run(vec![sum], &log)?;
                let said = fs::read_to_string(&log).context("sha256sum said nothing")?;
                let sum = said.split_whitespace().next().context("sha256sum said nothing")?;
                Some((cost, sum.to_owned()))
            }
        };
        let sum = summed.as_ref().map_or("", |(_, sum)| sum.as_str());
        let command = match by {
            By::Ours => self.ours(),
            By::RestServer => Ok(self.peer.put(&self.archive, sum)),
            By::OurReceiver => self.curl(sum),
        }?;
        let mut cost = measure::run(vec![command], &log)?;
        if let Some((of_sum, _)) = &summed {
            cost.wall += of_sum.wall;
            cost.user += of_sum.user;
            cost.system += of_sum.system;
        }
        match by {
            By::RestServer => self.peer.remove(sum)?,
            By::OurReceiver => self.receiver.delete(&self.name)?,
            By::Ours => {
                self.receiver.delete(&self.name)?;
                self.receiver.delete(&format!("{}.manifest.json", self.name))?;
            }
        }
        Ok(cost)
    }

    fn ours(&self) -> Result<Command> {
        let archive = self.archive.display().to_string();
        let mut command = self.ours.command(["archive", "send", &archive, "--to", self.receiver.url()?]);
        command.args(["--cacert", self.receiver.authority()?]);
        command.arg("--token-file").arg(self.receiver.token_file());
        command.arg("--tokens").arg(self.folder.join("tokens"));
        Ok(command)
    }

    /// tus's creation with the whole file in the same request.
    fn curl(&self, sum: &str) -> Result<Command> {
        let size = fs::metadata(&self.archive).context("cannot look at the file")?.len();
        let encode = |text: &str| {
            let script = "printf %s \"$1\" | base64 --wrap=0";
            workspace::read(Command::new("sh").args(["-c", script, "sh", text]))
        };
        let metadata = format!("Upload-Metadata: filename {},sha256 {}", encode(&self.name)?, encode(sum)?);
        let mut command = self.receiver.curl(&format!("{}/archives", self.receiver.url()?))?;
        command.args(["--request", "POST", "--header", "Tus-Resumable: 1.0.0", "--header", &metadata]);
        command.args(["--header", &format!("Upload-Length: {size}")]);
        command.args(["--header", "Content-Type: application/offset+octet-stream"]);
        command.arg("--upload-file").arg(&self.archive);
        Ok(command)
    }
}

/// rest-server over TLS, with a repository to put files into.
struct RestServer {
    child: Child,
    folder: PathBuf,
    certificate: PathBuf,
    port: u16,
}

impl RestServer {
    fn start(program: &Path, folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
        let mut make = Command::new("openssl");
        make.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
        make.args(["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]);
        workspace::read(make.arg("-keyout").arg(&key).arg("-out").arg(&certificate))?;
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = port.context("no port is free")?.port();
        let mut command = Command::new(program);
        command.arg("--path").arg(folder).args(["--no-auth", "--tls", "--listen"]);
        command
            .arg(format!("127.0.0.1:{port}"))
            .arg("--tls-cert")
            .arg(&certificate)
            .arg("--tls-key")
            .arg(&key);
        let log = fs::File::create(folder.join("log")).context("cannot write a log")?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().context("cannot start rest-server")?;
        let server = Self { child, folder: folder.to_owned(), certificate, port };
        let end = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if Instant::now() > end {
                bail!("rest-server does not listen");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let mut create = server.curl();
        workspace::read(create.args(["--request", "POST"]).arg(server.url("?create=true")))?;
        Ok(server)
    }

    fn curl(&self) -> Command {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--fail", "--http1.1", "--cacert"]).arg(&self.certificate);
        command
    }

    fn url(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}/files/{path}", self.port)
    }

    fn put(&self, file: &Path, sum: &str) -> Command {
        let mut command = self.curl();
        command.args(["--request", "POST", "--upload-file"]).arg(file).arg(self.url(&format!("data/{sum}")));
        command
    }

    fn remove(&self, sum: &str) -> Result<()> {
        let path = self.folder.join("files/data").join(sum.get(..2).unwrap_or_default()).join(sum);
        fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))
    }
}

impl Drop for RestServer {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
