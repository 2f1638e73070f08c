//! `cargo xtask large-archive`: one archive of some gigabytes through everything that can go wrong on its way.
//!
//! It is made, sent in chunks through a network that breaks, to a receiver that is killed, by a client that is killed, fetched
//! again, and extracted. Everything is the real program over TLS. What has to hold: the files are the same, neither process
//! needs more than 200 MiB, a break costs no more than a chunk, and nothing stays behind.

mod proxy;
mod report;
mod sending;
mod source;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde::Deserialize;

use crate::bench::engines;
use crate::bench::measure;
use crate::ours::Ours;
use crate::receiver::Receiver;
use crate::workspace::{self, Workspace};
use proxy::{Proxy, Way};
use report::Bar;
pub(crate) use report::Report;
pub(crate) use source::noise;

/// Bytes of a chunk, unless the archive is too small to have 80 of them.
const CHUNK: u64 = 64 << 20;

#[derive(Args)]
pub(crate) struct Options {
    /// The archive is at least as large; in powers of 1024
    #[arg(long, value_name = "SIZE", default_value = "5G", value_parser = parse_size)]
    size: u64,
    /// Backstay's program; built for release when none is named
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Where to break is drawn from this number [default: the time]
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// True when everything holds.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    let program = match &options.program {
        Some(program) => program.clone(),
        None => engines::build(workspace, "backstay")?,
    };
    let report = measure(workspace, program, options.size, options.seed)?;
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{}", report.render());
    }
    Ok(report.holds())
}

/// Does everything once, in a folder of its own below `target/bench` that is removed afterwards.
pub(crate) fn measure(
    workspace: &Workspace,
    program: PathBuf,
    size: u64,
    seed: Option<u64>,
) -> Result<Report> {
    let base = workspace.root().join("target/bench");
    fs::create_dir_all(&base).with_context(|| format!("cannot make {}", base.display()))?;
    let scratch = tempfile::Builder::new()
        .prefix("large-archive-")
        .tempdir_in(&base)
        .context("cannot make a folder")?;
    let ours = Ours::new(program, scratch.path().join("home"))?;
    let seed = seed.unwrap_or_else(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        since.as_secs() << 30 | u64::from(since.subsec_nanos())
    });
    let journey = Journey { ours, folder: scratch.path(), size, seed, report: Report::new(size, seed) };
    journey.go()
}

struct Journey<'a> {
    ours: Ours,
    folder: &'a Path,
    size: u64,
    seed: u64,
    report: Report,
}

/// What is known of an archive that was made.
struct Archive {
    path: PathBuf,
    name: String,
    sha256: String,
    size: u64,
}

impl Journey<'_> {
    fn go(mut self) -> Result<Report> {
        let source = self.folder.join("source");
        source::make(&source, self.size).context("cannot make the files")?;
        let before = source::sums(&source)?;
        let archive = self.create(&source)?;
        // Each part of the way gives back the disk that the next one needs.
        remove(&source)?;
        let mut receiver = Receiver::start(&self.ours, &self.folder.join("receiver"))?;
        let proxy = Proxy::start(receiver.address()?)?;
        self.send(&archive, &mut receiver, &proxy)?;
        remove(archive.path.parent().context("the archive lies nowhere")?)?;
        let found = receiver.sha256(&archive.name)?;
        self.report.bar(Bar::same("SHA-256 as the receiver read it back", &found, &archive.sha256));

        let fetched = self.fetch(&archive, &receiver, &proxy)?;
        for name in [archive.name.clone(), format!("{}.manifest.json", archive.name)] {
            receiver.delete(&name)?;
        }
        let left = files(&receiver.archives())?;
        self.report.bar(Bar::none("archives left after they were deleted there", left));
        self.report.bar(Bar::memory("receiver", receiver.peak()?));
        receiver.stop()?;

        self.step("verify", &["archive", "verify", &text(&fetched)])?;
        let target = self.folder.join("target");
        self.step("extract", &["archive", "extract", &text(&fetched), "--target", &text(&target)])?;
        remove(fetched.parent().context("the archive lies nowhere")?)?;
        let after = source::sums(&find_folder(&target, "source")?)?;
        self.report.bar(Bar::same("SHA-256 of each file, before and after", &after, &before));
        Ok(self.report)
    }

    /// Runs a command of the program that has to succeed, and keeps what it cost.
    fn step(&mut self, name: &'static str, arguments: &[&str]) -> Result<()> {
        eprintln!("{name}");
        let command = self.ours.command(arguments.iter().copied());
        let cost = measure::run(vec![command], &self.folder.join("log")).with_context(|| name.to_owned())?;
        self.report.step(name, cost.wall, Some(cost.peak));
        self.report.bar(Bar::memory(name, cost.peak));
        Ok(())
    }

    fn create(&mut self, source: &Path) -> Result<Archive> {
        #[derive(Deserialize)]
        struct Manifest {
            name: String,
            file: Facts,
        }
        #[derive(Deserialize)]
        struct Facts {
            size: u64,
            sha256: String,
        }
        let folder = self.folder.join("made");
        fs::create_dir(&folder).context("cannot make a folder")?;
        self.step("create", &["archive", "create", &text(source), "--output", &text(&folder), "--plain"])?;
        let names = fs::read_dir(&folder)?.filter_map(|entry| Some(entry.ok()?.path()));
        let beside =
            names.filter(|path| path.to_string_lossy().ends_with(".manifest.json")).collect::<Vec<_>>();
        let [beside] = beside.as_slice() else { bail!("one archive was to be made, not {}", beside.len()) };
        let manifest = fs::read_to_string(beside).context("cannot read the manifest")?;
        let Manifest { name, file } = serde_json::from_str(&manifest).context("cannot read the manifest")?;
        self.report.archive(file.size);
        self.report.bar(Bar::at_least("bytes of the archive", file.size, self.size));
        Ok(Archive { path: folder.join(&name), name, sha256: file.sha256, size: file.size })
    }

    /// Fetches the archive and its manifest, with a cut in the middle.
    fn fetch(&mut self, archive: &Archive, receiver: &Receiver, proxy: &Proxy) -> Result<PathBuf> {
        eprintln!("fetch");
        let begun = Instant::now();
        let folder = self.folder.join("fetched");
        fs::create_dir(&folder).context("cannot make a folder")?;
        let path = folder.join(&archive.name);
        let url = format!("https://{}/archives/{}", proxy.address(), archive.name);
        proxy.halt_at(Way::Down, proxy.passed(Way::Down) + archive.size / 2);
        let mut command = receiver.curl(&url)?;
        let mut fetching = command.arg("--output").arg(&path).spawn().context("cannot start curl")?;
        while !proxy.is_halted() {
            if let Some(status) = fetching.try_wait().context("cannot wait for curl")? {
                bail!("curl ended with {status} before it was cut");
            }
            std::thread::sleep(sending::NAP);
        }
        proxy.cut();
        let status = fetching.wait().context("cannot wait for curl")?;
        ensure!(!status.success(), "curl took half of a file for the whole");
        proxy.open();
        workspace::run(receiver.curl(&url)?.args(["--continue-at", "-", "--output"]).arg(&path))?;
        let mut beside = receiver.curl(&format!("{url}.manifest.json"))?;
        workspace::run(beside.arg("--output").arg(folder.join(format!("{}.manifest.json", archive.name))))?;
        self.report.step("fetch (curl, cut once)", begun.elapsed().as_secs_f64(), None);
        Ok(path)
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn remove(folder: &Path) -> Result<()> {
    fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))
}

/// How many files lie in a folder and below; none where there is no folder.
fn files(folder: &Path) -> Result<u64> {
    if !folder.is_dir() {
        return Ok(0);
    }
    Ok(crate::bench::place::size(folder)?.0)
}

/// The folder of this name in `below`, where archives have whole paths.
fn find_folder(below: &Path, name: &str) -> Result<PathBuf> {
    let find = Command::new("find").arg(below).args(["-type", "d", "-name", name]).output();
    let found =
        String::from_utf8(find.context("cannot start find")?.stdout).context("find prints no text")?;
    let mut lines = found.lines();
    match (lines.next(), lines.next()) {
        (Some(path), None) => Ok(PathBuf::from(path)),
        _ => bail!("there is not one folder {name} below {}", below.display()),
    }
}

/// A number of bytes, with K, M or G behind it for powers of 1024.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let (digits, shift) =
        match text.trim_end_matches("iB").split_at(text.trim_end_matches("iB").len().saturating_sub(1)) {
            (digits, "K") => (digits, 10),
            (digits, "M") => (digits, 20),
            (digits, "G") => (digits, 30),
            _ => (text, 0),
        };
    let number: u64 = digits.parse().map_err(|_| format!("{text:?} is no size: 500M and 5G are"))?;
    number
        .checked_mul(1 << shift)
        .filter(|size| *size >= 1 << 20)
        .ok_or_else(|| "it is to be 1M or more".to_owned())
}

#[cfg(test)]
mod tests {
    #[test]
    fn sizes_are_in_powers_of_1024() {
        assert_eq!(super::parse_size("5G"), Ok(5 << 30));
        assert_eq!(super::parse_size("64MiB"), Ok(64 << 20));
        assert_eq!(super::parse_size("2097152"), Ok(2 << 20));
        for bad in ["", "G", "5T", "1K", "-1G", "99999999999G"] {
            super::parse_size(bad).unwrap_err();
        }
    }
}
