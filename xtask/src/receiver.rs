//! A receiver for a command: `backstay receiver` with one client, on a free port and in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::ours::{Ours, Serving};
use crate::workspace;

/// The one client.
const CLIENT: &str = "db1";

pub(crate) struct Receiver {
    folder: PathBuf,
    token_file: PathBuf,
    token: String,
    log: PathBuf,
    serving: Serving,
    peak: u64,
}

impl Receiver {
    /// Makes the folder and the client, and starts it.
    pub(crate) fn start(ours: &Ours, folder: &Path) -> Result<Self> {
        #[derive(Deserialize)]
        struct Added {
            token: String,
        }
        let kept = folder.join("kept");
        std::fs::create_dir_all(&kept).with_context(|| format!("cannot make {}", kept.display()))?;
        let path = kept.display().to_string();
        let Added { token } = ours.ask(["receiver", "client", "add", CLIENT, "--path", &path])?;
        let token_file = folder.join("token");
        std::fs::write(&token_file, &token).context("cannot write the client's token")?;
        let log = folder.join("receiver.log");
        let serving = Self::serve(ours, &kept, "127.0.0.1:0", &log)?;
        Ok(Self { folder: kept, token_file, token, log, serving, peak: 0 })
    }

    fn serve(ours: &Ours, folder: &Path, listen: &str, log: &Path) -> Result<Serving> {
        let path = folder.display().to_string();
        Serving::start(ours.command(["receiver", "--listen", listen, "--path", &path]), log)
    }

    pub(crate) fn url(&self) -> Result<&str> {
        self.serving.text("url")
    }

    /// Its address and port.
    pub(crate) fn address(&self) -> Result<&str> {
        self.url()?.split_once("://").map(|(_, address)| address).context("the receiver tells no address")
    }

    pub(crate) fn authority(&self) -> Result<&str> {
        self.serving.text("authority")
    }

    pub(crate) fn token_file(&self) -> &Path {
        &self.token_file
    }

    /// Where the client's archives lie on its disk.
    pub(crate) fn archives(&self) -> PathBuf {
        self.folder.join("archives").join(CLIENT)
    }

    /// The most memory that any of its processes has had.
    pub(crate) fn peak(&mut self) -> Result<u64> {
        self.peak = self.peak.max(self.serving.peak()?);
        Ok(self.peak)
    }

    /// Kills it as a power loss does, and starts it again at the same address.
    pub(crate) fn kill_and_start(&mut self, ours: &Ours) -> Result<()> {
        let address = self.address()?.to_owned();
        self.peak()?;
        self.serving.kill()?;
        self.serving = Self::serve(ours, &self.folder, &address, &self.log)?;
        Ok(())
    }

    pub(crate) fn stop(self) -> Result<()> {
        self.serving.stop()
    }

    /// A request of the client; what is answered goes to standard output.
    pub(crate) fn curl(&self, url: &str) -> Result<Command> {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--fail", "--http1.1", "--cacert", self.authority()?]);
        // In a file the token stays out of the list of processes.
        let config = self.token_file.with_extension("curl");
        std::fs::write(&config, format!("user = \"{CLIENT}:{}\"\nurl = \"{url}\"\n", self.token))
            .context("cannot write curl's settings")?;
        command.arg("--config").arg(config);
        Ok(command)
    }

    /// Bytes of uploads under way that lie on its disk, and how many files hold them.
    pub(crate) fn parts(&self) -> Result<(u64, u64)> {
        let folder = self.folder.join(".receiver/uploads");
        ensure!(folder.is_dir(), "the receiver keeps its uploads elsewhere than in {}", folder.display());
        data_files(&folder)
    }

    /// How many bytes of an upload count, once nothing works on it any more.
    pub(crate) fn offset(&self, id: &str) -> Result<u64> {
        let url = format!("{}/archives/.uploads/{id}", self.url()?);
        let answer = workspace::read(self.curl(&url)?.args(["--head", "--header", "Tus-Resumable: 1.0.0"]))?;
        let offset = header(&answer, "upload-offset").and_then(|offset| offset.parse().ok());
        offset.context("the receiver does not tell the offset of an upload")
    }

    /// The SHA-256 that it found when it read a file back.
    pub(crate) fn sha256(&self, name: &str) -> Result<String> {
        let url = format!("{}/archives/{name}", self.url()?);
        let answer = workspace::read(self.curl(&url)?.arg("--head"))?;
        header(&answer, "backstay-sha256").map(str::to_owned).context("the receiver tells no SHA-256")
    }

    pub(crate) fn delete(&self, name: &str) -> Result<()> {
        let url = format!("{}/archives/{name}", self.url()?);
        workspace::run(self.curl(&url)?.args(["--request", "DELETE"]))
    }
}

/// A field of an answer's head.
fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let fields = answer.lines().filter_map(|line| line.split_once(':'));
    fields.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
}

/// The files that hold bytes of uploads.
fn data_files(folder: &Path) -> Result<(u64, u64)> {
    let mut total = (0, 0);
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            let (bytes, files) = data_files(&entry.path())?;
            total = (total.0 + bytes, total.1 + files);
        } else if entry.file_name() == "data" {
            total = (total.0 + metadata.len(), total.1 + 1);
        }
    }
    Ok(total)
}
