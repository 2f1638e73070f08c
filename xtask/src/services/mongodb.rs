//! A server of MongoDB's protocol, backed up by a plan of `backstay up` and by mongodump.

use std::fs::File;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::results::{Results, Sample};
use super::{MONGODUMP, Stage, plan_run};
use crate::bench::corpora::Generator;
use crate::bench::{measure, place};
use crate::rows;
use crate::server::Server;
use crate::workspace;

/// Collections of the one database.
const COLLECTIONS: u64 = 4;
const DATABASE: &str = "shop";

/// SecantusDB with its files in a folder.
pub(super) struct Mongodb {
    child: Child,
    port: u16,
    tools: PathBuf,
    pub(super) bytes: u64,
}

impl Mongodb {
    /// Starts it, and fills it by mongorestore with so many documents.
    pub(super) fn start(folder: &Path, python: &Path, mongodump: &Path, documents: u64) -> Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let listener = TcpListener::bind("127.0.0.1:0").context("no port is free")?;
        let port = listener.local_addr()?.port();
        drop(listener);
        let log = File::create(folder.join("log")).context("cannot write a log")?;
        let mut command = Command::new(python);
        command.args([
            "-m",
            "secantus",
            "--host",
            "127.0.0.1",
            "--cache-size",
            "512M",
            "--standalone",
            "--port",
        ]);
        command.arg(port.to_string()).arg("--storage-path").arg(folder.join("data")).current_dir(folder);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().context("cannot start SecantusDB")?;
        let tools = mongodump.parent().context("mongodump lies nowhere")?.to_owned();
        let mut server = Self { child, port, tools, bytes: 0 };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            ensure!(server.child.try_wait()?.is_none(), "SecantusDB ended");
            ensure!(begun.elapsed() < Duration::from_secs(120), "SecantusDB does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        server.fill(folder, documents)?;
        Ok(server)
    }

    fn fill(&mut self, folder: &Path, documents: u64) -> Result<()> {
        let dump = folder.join("dump");
        let database = dump.join(DATABASE);
        std::fs::create_dir_all(&database).with_context(|| format!("cannot make {}", database.display()))?;
        for number in 0..COLLECTIONS {
            let path = database.join(format!("orders{number}.bson"));
            let mut file = std::io::BufWriter::new(File::create(&path).context("cannot write documents")?);
            self.bytes += write_documents(&mut file, number, documents / COLLECTIONS)
                .context("cannot write documents")?;
            file.flush().context("cannot write documents")?;
        }
        workspace::read(self.tool("mongorestore").arg("--quiet").arg("--dir").arg(&dump))?;
        place::empty(&dump)
    }

    fn tool(&self, name: &str) -> Command {
        let mut command = Command::new(self.tools.join(name));
        command.args(["--host", "127.0.0.1", "--port", &self.port.to_string()]);
        command
    }
}

impl Drop for Mongodb {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes documents as BSON, some 400 bytes each; gives their bytes.
fn write_documents(to: &mut impl Write, collection: u64, documents: u64) -> std::io::Result<u64> {
    let mut notes = Vec::new();
    rows::write(&mut notes, 100 + collection, 4 << 20)?;
    let mut generator = Generator::new(9 + collection);
    let mut total = 0;
    for number in 0..documents {
        let mut body = Vec::with_capacity(512);
        body.extend_from_slice(b"\x12_id\0");
        body.extend_from_slice(&number.to_le_bytes());
        body.extend_from_slice(b"\x01amount\0");
        body.extend_from_slice(&((generator.next() % 100_000) as f64 / 100.0).to_le_bytes());
        body.extend_from_slice(b"\x09at\0");
        body.extend_from_slice(&(1_700_000_000_000 + number * 1000).to_le_bytes());
        for name in ["token", "note"] {
            let text = match name {
                "token" => format!("{:016x}{:016x}", generator.next(), generator.next()).into_bytes(),
                _ => {
                    let length = 100 + (generator.next() % 400) as usize;
                    let at = (generator.next() % (notes.len() - length) as u64) as usize;
                    notes[at..at + length].to_vec()
                }
            };
            body.push(2);
            body.extend_from_slice(name.as_bytes());
            body.push(0);
            body.extend_from_slice(&(text.len() as u32 + 1).to_le_bytes());
            body.extend_from_slice(&text);
            body.push(0);
        }
        to.write_all(&(body.len() as u32 + 5).to_le_bytes())?;
        to.write_all(&body)?;
        to.write_all(&[0])?;
        total += body.len() as u64 + 5;
    }
    Ok(total)
}

/// A backup into a new repository, and dumps: as files, and as a packed archive.
pub(super) fn dump(
    stage: &Stage<'_>,
    mongodb: &Mongodb,
    server: &Server<'_>,
    round: u32,
    results: &mut Results,
) -> Result<()> {
    let (repository, dump) = (stage.folder.join("mongodb-repository"), stage.folder.join("mongodb-dump"));
    place::empty(&repository)?;
    place::empty(&dump)?;
    let name = format!("mongodb {round}");
    let uri = format!("mongodb://127.0.0.1:{}/?directConnection=true", mongodb.port);
    let settings = json!({"type": "mongodb", "uri": uri, "allow_private": true});
    let connection = server.make("connections", &json!({"name": name, "settings": settings}))?;
    let spec = json!({"type": "mongodb", "connection": connection["id"], "include": [DATABASE], "oplog": false, "users": false});
    server.plan(&name, &spec, &repository)?;
    results.add(plan_run(server, "mongodb", &name, round)?);
    place::empty(&repository)?;
    for (work, to, argument) in
        [("mongodb", dump.clone(), "--out"), ("mongodb, packed", dump.join("archive.gz"), "--gzip")]
    {
        let mut command = mongodb.tool("mongodump");
        command.args(["--quiet", "--db", DATABASE]);
        match argument {
            "--out" => command.arg("--out").arg(&to),
            _ => command.args(["--gzip", &format!("--archive={}", to.display())]),
        };
        let cost = measure::run(vec![command], &stage.folder.join("log"))?;
        results.add(Sample::new(work, MONGODUMP, round, cost.wall).cost(&cost));
        if argument == "--out" {
            let (_, bytes) = place::size(&dump)?;
            ensure!(bytes >= mongodb.bytes, "mongodump wrote {bytes} of {} bytes", mongodb.bytes);
        }
        place::empty(&dump)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn documents_are_as_long_as_they_say() {
        let mut bytes = Vec::new();
        let told = super::write_documents(&mut bytes, 1, 50).unwrap();
        assert_eq!(told, bytes.len() as u64);
        let mut rest = bytes.as_slice();
        for _ in 0..50 {
            let length = u32::from_le_bytes(rest[..4].try_into().unwrap()) as usize;
            assert_eq!(rest[length - 1], 0);
            rest = &rest[length..];
        }
        assert!(rest.is_empty());
    }
}
