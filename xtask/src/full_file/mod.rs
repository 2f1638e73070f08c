//! `cargo xtask bench-full-file`: the full-file tool beside what one does without it.
//!
//! A MariaDB of some gigabytes is backed up cold by a plan of `backstay up`, and by stop, `zip -r`, start; the same files become
//! an archive by `backstay archive create`; a large file goes over TLS to `backstay receiver`, and by `sha256sum` and curl to another
//! server. All take turns within a round. In the end the large archive goes over a network that breaks.

mod instance;
mod plan;
mod probe;
mod results;
mod upload;
mod xfs;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Args;

use crate::bench::{engines, machine, measure, place};
use crate::large_archive;
use crate::ours::Ours;
use crate::peers;
use crate::server::Server;
use crate::workspace::{self, Workspace};
use instance::Instance;
use probe::Probe;
use results::{Results, Sample};
use upload::{By, Upload};
use xfs::Xfs;

/// Our name in the results.
const OURS: &str = "backstay";
const ZIP: &str = "zip";

/// Memory that is touched before anything is measured, unless there is less.
const TOUCHED: u64 = 16 << 30;
/// Memory that is left alone then.
const LEFT: u64 = 4 << 30;

#[derive(Args)]
pub(crate) struct Options {
    /// Size of the data directory, and of the file that is uploaded; in powers of 1024
    #[arg(long, value_name = "SIZE", default_value = "4G", value_parser = large_archive::parse_size)]
    size: u64,
    /// How often to repeat everything; the table shows medians
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Backstay's program; built for release when none is named
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Leave out the file system that shares blocks, which only root can mount
    #[arg(long)]
    without_xfs: bool,
    /// Size of the archive that goes over the network that breaks
    #[arg(long, value_name = "SIZE", default_value = "5G", value_parser = large_archive::parse_size)]
    archive: u64,
    /// Prepare, then wait until this file is there, on a machine that has to be calmed first
    #[arg(long, value_name = "FILE")]
    begin_when: Option<PathBuf>,
    /// Keep no results
    #[arg(long)]
    dry_run: bool,
}

/// Measures, prints the table and writes the raw results; true when all bars are reached.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    let program = match &options.program {
        Some(program) => program.clone(),
        None => engines::build(workspace, "backstay")?,
    };
    let tools = Tools {
        zip: peers::ZIP.provide(workspace)?,
        mariadb: peers::MARIADB
            .provide(workspace)?
            .ancestors()
            .nth(3)
            .context("MariaDB lies nowhere")?
            .to_owned(),
        rest_server: peers::REST_SERVER.provide(workspace)?,
        mkfs: if options.without_xfs { None } else { Some(peers::XFS.provide(workspace)?) },
    };
    let base = workspace.root().join("target/bench");
    fs::create_dir_all(&base).with_context(|| format!("cannot make {}", base.display()))?;
    let mut results = Results::new(options.size, options.rounds)?;
    {
        let _held = Held::touch()?;
        let scratch = tempfile::Builder::new()
            .prefix("full-file-")
            .tempdir_in(&base)
            .context("cannot make a folder")?;
        let ours = Ours::new(program.clone(), scratch.path().join("home"))?;
        results.version(OURS, ours.version()?);
        results.version(ZIP, peers::ZIP.version(&tools.zip)?);
        results.version("rest-server", peers::REST_SERVER.version(&tools.rest_server)?);
        measure(&ours, &tools, scratch.path(), options, &mut results)?;
    }
    eprintln!("the large archive");
    let broken = large_archive::measure(workspace, program, options.archive, None)?;
    results.large_archive(broken);
    print!("{}", results.render());
    if !options.dry_run {
        println!("raw results: {}", results.write(&workspace.root().join("bench/results"))?);
    }
    Ok(results.holds())
}

/// The programs of others.
struct Tools {
    zip: PathBuf,
    /// The folder that MariaDB's packages are unpacked in.
    mariadb: PathBuf,
    rest_server: PathBuf,
    mkfs: Option<PathBuf>,
}

/// Touched memory, as the other benchmarks hold it.
struct Held(PathBuf);

impl Held {
    fn touch() -> Result<Self> {
        let held = Self(PathBuf::from("/dev/shm/backstay-bench-full-file"));
        place::empty(&held.0)?;
        let bytes = machine::memory("MemAvailable")?.saturating_sub(LEFT).min(TOUCHED);
        place::touch(&held.0, bytes)?;
        Ok(held)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // What cannot be removed now is removed when the next run starts.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A place with an instance.
struct Stage<'a> {
    name: &'static str,
    instance: &'a Instance,
    /// A folder on the same file system.
    folder: PathBuf,
}

fn measure(
    ours: &Ours,
    tools: &Tools,
    scratch: &Path,
    options: &Options,
    results: &mut Results,
) -> Result<()> {
    eprintln!("preparing");
    // What is named first is dropped last: the file system goes after what lies on it.
    let xfs =
        tools.mkfs.as_ref().map(|mkfs| Xfs::make(&scratch.join("xfs"), 3 * options.size + (2 << 30), mkfs));
    let xfs = xfs.transpose()?;
    let instance = Instance::make(&scratch.join("instance"), &tools.mariadb)?;
    instance.fill(options.size)?;
    results.version("mariadb", instance.version()?);
    let on_xfs = xfs.as_ref().map(|xfs| instance.copy(&xfs.mount().join("instance"))).transpose()?;
    results.data(place::size(&instance.data())?.1);
    let server = Server::start(ours, &scratch.join("server"))?;
    let upload = Upload::prepare(ours, &scratch.join("upload"), options.size, &tools.rest_server)?;

    let disk = Stage { name: "disk", instance: &instance, folder: scratch.join("work") };
    let mut stages = vec![disk];
    if let (Some(xfs), Some(instance)) = (&xfs, &on_xfs) {
        stages.push(Stage { name: "xfs", instance, folder: xfs.mount().join("work") });
    }
    for stage in &stages {
        fs::create_dir_all(&stage.folder)
            .with_context(|| format!("cannot make {}", stage.folder.display()))?;
        let spool = (stage.name == "xfs").then(|| stage.folder.join("spool"));
        plan::make(
            &server,
            stage.name,
            stage.instance,
            &scratch.join("repositories").join(stage.name),
            spool.as_deref(),
        )?;
    }

    if let Some(file) = &options.begin_when {
        eprintln!("prepared; waiting for {}", file.display());
        while !file.exists() {
            std::thread::sleep(std::time::Duration::from_secs(1));
        }
    }
    let on_disk = stages.first().context("nothing is there to measure")?;
    for round in 1..=options.rounds {
        for stage in &stages {
            // zip takes minutes, and as long here as there.
            if stage.name == "disk" || round == 1 {
                let mut with_zip = stop_zip_start(stage, tools, round)?;
                results.samples.append(&mut with_zip);
            }
            results.samples.push(back_up(stage, &server, round)?);
        }
        results.samples.push(archive(ours, on_disk, round)?);
        for by in By::ALL {
            warm(upload.archive())?;
            let cost = upload.send(by)?;
            let sample = Sample::new("upload", "disk", by.name(), round, cost.wall);
            results.samples.push(sample.cost(&cost));
        }
    }
    Ok(())
}

/// What one does without a program for it: two samples, the downtime as a client sees it, and the time of zip alone.
fn stop_zip_start(stage: &Stage<'_>, tools: &Tools, round: u32) -> Result<Vec<Sample>> {
    let data = stage.instance.data();
    warm(&data)?;
    let archive = stage.folder.join("data.zip");
    let mut zip = Command::new(&tools.zip);
    zip.args(["-q", "-r"]).arg(&archive).arg("data");
    zip.current_dir(data.parent().context("the data lie nowhere")?);
    let probe = Probe::start(stage.instance.port());
    let begun = Instant::now();
    stage.instance.manage("stop")?;
    let cost = measure::run(vec![zip], &stage.folder.join("log"));
    stage.instance.manage("start")?;
    let whole = begun.elapsed().as_secs_f64();
    let cost = cost?;
    let downtime = settled(probe)?;
    let bytes = fs::metadata(&archive).context("zip made nothing")?.len();
    fs::remove_file(&archive).context("cannot remove the archive")?;
    let mut downtime = Sample::new("downtime", stage.name, ZIP, round, downtime);
    downtime.told_seconds = Some(whole);
    let mut alone = Sample::new("archive", stage.name, ZIP, round, cost.wall).cost(&cost);
    alone.bytes = Some(bytes);
    Ok(vec![downtime, alone])
}

/// A plan's run, with its downtime as a client sees it and as the run tells it.
fn back_up(stage: &Stage<'_>, server: &Server<'_>, round: u32) -> Result<Sample> {
    warm(&stage.instance.data())?;
    let probe = Probe::start(stage.instance.port());
    let begun = Instant::now();
    let told = plan::run(server, stage.name)?;
    let whole = begun.elapsed().as_secs_f64();
    let mut sample = Sample::new("downtime", stage.name, OURS, round, settled(probe)?);
    sample.told_seconds = Some(told.downtime);
    sample.run_seconds = Some(whole);
    sample.copy = Some(told.copy);
    Ok(sample)
}

/// The zip path: an archive of the same files, while the instance is stopped.
fn archive(ours: &Ours, stage: &Stage<'_>, round: u32) -> Result<Sample> {
    let (data, to) = (stage.instance.data(), stage.folder.join("archives"));
    place::empty(&to)?;
    stage.instance.manage("stop")?;
    warm(&data)?;
    let (from, output) = (data.display().to_string(), to.display().to_string());
    let command =
        ours.command(["archive", "create", &from, "--output", &output, "--plain", "--name", "Data"]);
    let cost = measure::run(vec![command], &stage.folder.join("log"));
    stage.instance.manage("start")?;
    let cost = cost?;
    let mut sample = Sample::new("archive", stage.name, OURS, round, cost.wall).cost(&cost);
    sample.bytes = Some(place::size(&to)?.1);
    place::empty(&to)?;
    Ok(sample)
}

/// What a probe found, once it has had time to see the start.
fn settled(probe: Probe) -> Result<f64> {
    std::thread::sleep(std::time::Duration::from_millis(500));
    probe.finish()
}

/// Reads a file, or all files of a folder, so that nobody waits for the disk, and has the disk finish what went before.
fn warm(path: &Path) -> Result<()> {
    fn read(path: &Path) -> io::Result<()> {
        if path.is_dir() {
            fs::read_dir(path)?.try_for_each(|entry| read(&entry?.path()))
        } else if path.is_file() {
            let mut reader = io::BufReader::with_capacity(1 << 20, File::open(path)?);
            io::copy(&mut reader, &mut io::sink()).map(drop)
        } else {
            Ok(())
        }
    }
    workspace::run(&mut Command::new("sync"))?;
    read(path).with_context(|| format!("cannot read {}", path.display()))
}
