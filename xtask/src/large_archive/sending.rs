//! The way there: what breaks it, and what each break costs.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use super::proxy::{Proxy, Way};
use super::report::{Bar, Break};
use super::{Archive, CHUNK, Journey, files, text};
use crate::bench::corpora::Generator;
use crate::ours;
use crate::receiver::Receiver;

/// How often it is looked whether something happened.
pub(super) const NAP: Duration = Duration::from_millis(5);

/// What breaks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Connection,
    Receiver,
    Client,
}

/// In this order, each somewhere in a ninth of the archive.
const BREAKS: [What; 8] = [
    What::Connection,
    What::Connection,
    What::Receiver,
    What::Connection,
    What::Connection,
    What::Client,
    What::Connection,
    What::Connection,
];

impl What {
    const fn name(self) -> &'static str {
        match self {
            Self::Connection => "connection cut",
            Self::Receiver => "receiver killed",
            Self::Client => "client killed",
        }
    }
}

/// `backstay archive send`, and the most memory that it has had.
struct Client {
    child: Child,
    peak: u64,
}

impl Client {
    /// Whether it has ended; looks at its memory otherwise.
    fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.peak = self.peak.max(ours::peak(self.child.id()).unwrap_or_default());
        self.child.try_wait().context("cannot wait for the client")
    }

    fn kill(&mut self) -> Result<()> {
        self.ended()?;
        self.child.kill().context("cannot kill the client")?;
        self.child.wait().map(drop).context("cannot wait for the client")
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Journey<'_> {
    /// Sends the archive, and breaks it off eight times.
    pub(super) fn send(&mut self, archive: &Archive, receiver: &mut Receiver, proxy: &Proxy) -> Result<()> {
        let chunk = CHUNK.min(archive.size / 80).max(1);
        self.report.chunk(chunk);
        let mut generator = Generator::new(self.seed);
        let begun = Instant::now();
        let mut client = self.client(archive, receiver, proxy, chunk)?;
        let (mut passed, mut counted, mut peak) = (0, 0, 0);
        for what in BREAKS {
            eprintln!("send: {}", what.name());
            let ninth = archive.size / BREAKS.len().saturating_add(1) as u64;
            let at = passed + ninth / 2 + generator.next() % (ninth / 2).max(1);
            proxy.halt_at(Way::Up, at);
            while !proxy.is_halted() {
                if let Some(status) = client.ended()? {
                    let said = fs::read_to_string(self.folder.join("client.log")).unwrap_or_default();
                    bail!("the client ended with {status} before all was broken: {said}");
                }
                std::thread::sleep(NAP);
            }
            let token = token(&self.tokens())?;
            match what {
                What::Connection => {}
                What::Receiver => receiver.kill_and_start(&self.ours)?,
                What::Client => client.kill()?,
            }
            proxy.cut();
            let reached = receiver.offset(&token)?;
            let again = (proxy.passed(Way::Up) - passed).saturating_sub(reached - counted);
            self.report.broken(Break { what: what.name(), at, counted: reached, again });
            (passed, counted) = (proxy.passed(Way::Up), reached);
            proxy.open();
            if what == What::Client {
                peak = peak.max(client.peak);
                client = self.client(archive, receiver, proxy, chunk)?;
            }
        }
        let status = loop {
            if let Some(status) = client.ended()? {
                break status;
            }
            std::thread::sleep(NAP);
        };
        let said = fs::read_to_string(self.folder.join("client.log")).unwrap_or_default();
        ensure!(status.success(), "the client ended with {status}: {said}");
        let again = (proxy.passed(Way::Up) - passed).saturating_sub(archive.size - counted);
        self.report.rest(again);
        self.report.step("send", begun.elapsed().as_secs_f64(), Some(peak.max(client.peak)));
        self.report.bar(Bar::memory("send", peak.max(client.peak)));
        self.report.bar_of_breaks();
        self.report.bar(Bar::none("resume tokens left with the client", files(&self.tokens())?));
        self.report.bar(Bar::none("files with parts left with the receiver", receiver.parts()?.1));
        Ok(())
    }

    /// Where the client keeps its resume tokens.
    fn tokens(&self) -> PathBuf {
        self.folder.join("tokens/transfers")
    }

    fn client(&self, archive: &Archive, receiver: &Receiver, proxy: &Proxy, chunk: u64) -> Result<Client> {
        let to = format!("https://{}", proxy.address());
        let log = File::options().create(true).append(true).open(self.folder.join("client.log"));
        let log = log.context("cannot write the client's log")?;
        let (split_over, chunk) = ((archive.size / 5).to_string(), chunk.to_string());
        let mut command = self.ours.command(["archive", "send", &text(&archive.path), "--to", &to]);
        command.args([
            "--cacert",
            receiver.authority()?,
            "--split-over",
            &split_over,
            "--chunk-size",
            &chunk,
        ]);
        command
            .arg("--token-file")
            .arg(receiver.token_file())
            .arg("--tokens")
            .arg(self.folder.join("tokens"));
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        Ok(Client { child: command.spawn().context("cannot start the client")?, peak: 0 })
    }
}

/// The resume token that lies in a folder.
fn token(folder: &Path) -> Result<String> {
    #[derive(Deserialize)]
    struct Kept {
        token: String,
    }
    let mut entries = fs::read_dir(folder).context("no resume token is kept")?;
    let path = entries.next().context("no resume token is kept")??.path();
    let text = fs::read_to_string(&path).context("cannot read a resume token")?;
    let kept: Kept = serde_json::from_str(&text).context("cannot read a resume token")?;
    Ok(kept.token)
}
