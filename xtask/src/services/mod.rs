//! `cargo xtask bench-services`: services as destinations and as sources, beside the programs that one has for each.
//!
//! Repositories lie in an S3 service that restic uses too, at once and with each request taking 50 ms more. A bucket of small objects is
//! backed up beside rclone, a server of MongoDB's protocol beside mongodump. All take turns within a round.

mod bucket;
mod mongodb;
mod repository;
mod results;
mod s3;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use crate::bench::{engines, place};
use crate::large_archive::parse_size;
use crate::ours::Ours;
use crate::peers;
use crate::server::Server;
use crate::workspace::{self, Workspace};
use repository::Program;
use results::{Results, Sample};
use s3::S3;

/// Names in the results.
const OURS: &str = "backstay";
const RESTIC: &str = peers::RESTIC.name;
const RCLONE: &str = peers::RCLONE.name;
const MONGODUMP: &str = "mongodump";

/// Memory that is touched before anything is measured.
const TOUCHED: u64 = 5 << 30;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Backups to S3, and restores from it
    Transfer,
    /// Listing, check and prune with 50 ms for each request
    Distance,
    /// A bucket as a source
    Bucket,
    /// MongoDB as a source
    Mongodb,
}

#[derive(Args)]
pub(crate) struct Options {
    /// Only these parts
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Size of what is backed up to S3, in powers of 1024
    #[arg(long, value_name = "SIZE", default_value = "1G", value_parser = parse_size)]
    size: u64,
    /// Backups in the repository that is listed, checked and pruned
    #[arg(long, default_value_t = 365)]
    snapshots: u32,
    /// Objects of the bucket that is a source
    #[arg(long, default_value_t = 50_000)]
    objects: u64,
    /// Documents of the server of MongoDB's protocol
    #[arg(long, default_value_t = 400_000)]
    documents: u64,
    /// How often to repeat everything; the table shows medians
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Backstay's program; built for release when none is named
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// The program of the S3 service; built for release when none is named
    #[arg(long, value_name = "FILE")]
    service: Option<PathBuf>,
    /// Build what is missing, then wait until this file is there, on a machine that has to be calmed first
    #[arg(long, value_name = "FILE")]
    begin_when: Option<PathBuf>,
    /// Keep no results
    #[arg(long)]
    dry_run: bool,
}

impl Options {
    fn takes(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }
}

/// Where everything happens: a folder in memory.
struct Stage<'a> {
    folder: &'a std::path::Path,
}

/// A folder that is removed when it is dropped.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed now is removed when the next run starts.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Measures, prints the table and writes the raw results; true when all bars are reached.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    let program = match &options.program {
        Some(program) => {
            program.canonicalize().with_context(|| format!("there is no {}", program.display()))?
        }
        None => engines::build(workspace, "backstay")?,
    };
    let service = match &options.service {
        Some(service) => service.clone(),
        None => engines::build(workspace, "backstay-bench-s3")?,
    };
    if let Some(file) = &options.begin_when {
        eprintln!("built; waiting for {}", file.display());
        while !file.exists() {
            std::thread::sleep(std::time::Duration::from_secs(1));
        }
    }
    let mut results = Results::new(options.rounds)?;
    let folder = Folder(PathBuf::from("/dev/shm/backstay-bench-services"));
    place::empty(&folder.0)?;
    place::touch(&folder.0, TOUCHED)?;
    let ours = Ours::new(program.clone(), folder.0.join("home"))?;
    results.version(OURS, ours.version()?);
    let stage = Stage { folder: &folder.0 };
    let mut s3 = S3::start(&service)?;
    if options.takes(Part::Transfer) || options.takes(Part::Distance) {
        let restic = peers::RESTIC.provide(workspace)?;
        results.version(RESTIC, peers::RESTIC.version(&restic)?);
        let programs = [Program { name: OURS, file: program }, Program { name: RESTIC, file: restic }];
        repositories(&stage, &mut s3, &programs, options, &mut results)?;
    }
    if options.takes(Part::Bucket) || options.takes(Part::Mongodb) {
        sources(workspace, &stage, &mut s3, &ours, options, &mut results)?;
    }
    print!("{}", results.render());
    if !options.dry_run {
        println!("raw results: {}", results.write(&workspace.root().join("bench/results"))?);
    }
    Ok(results.holds())
}

fn repositories(
    stage: &Stage<'_>,
    s3: &mut S3,
    programs: &[Program; 2],
    options: &Options,
    results: &mut Results,
) -> Result<()> {
    if options.takes(Part::Transfer) {
        let source = stage.folder.join("source");
        eprintln!("making the source");
        results.source = Some(repository::make_source(&source, options.size)?);
        for round in 1..=options.rounds {
            repository::transfer(stage, s3, programs, &source, round, results)?;
        }
        place::empty(&source)?;
    }
    if options.takes(Part::Distance) {
        let [ours, _] = programs;
        eprintln!("making the history");
        results.history = Some(repository::make_history(stage, s3, ours, options.snapshots)?);
        for round in 1..=options.rounds {
            repository::over_distance(stage, s3, programs, round, results)?;
        }
        s3.order("drop history")?;
        s3.order("drop thinned")?;
    }
    Ok(())
}

fn sources(
    workspace: &Workspace,
    stage: &Stage<'_>,
    s3: &mut S3,
    ours: &Ours,
    options: &Options,
    results: &mut Results,
) -> Result<()> {
    let server = Server::start(ours, &stage.folder.join("server"))?;
    if options.takes(Part::Bucket) {
        let rclone = peers::RCLONE.provide(workspace)?;
        results.version(RCLONE, peers::RCLONE.version(&rclone)?);
        results.bucket = Some(s3.order(&format!("fill {} {} 1024 8192", bucket::BUCKET, options.objects))?);
        for round in 1..=options.rounds {
            bucket::copy(stage, s3, &server, &rclone, options.objects, round, results)?;
        }
        s3.order(&format!("drop {}", bucket::BUCKET))?;
    }
    if options.takes(Part::Mongodb) {
        let (python, mongodump) =
            (peers::SECANTUSDB.provide(workspace)?, peers::MONGO_TOOLS.provide(workspace)?);
        results.version(MONGODUMP, peers::MONGO_TOOLS.version(&mongodump)?);
        results.version("python", peers::SECANTUSDB.version(&python)?);
        eprintln!("filling the server of MongoDB's protocol");
        let mongodb =
            mongodb::Mongodb::start(&stage.folder.join("mongodb"), &python, &mongodump, options.documents)?;
        results.mongodb_bytes = Some(mongodb.bytes);
        for round in 1..=options.rounds {
            mongodb::dump(stage, &mongodb, &server, round, results)?;
        }
    }
    Ok(())
}

/// Runs a plan: how long from when it was asked for until it ended, by its own record, and the most memory of server and node meanwhile.
fn plan_run(server: &Server<'_>, work: &'static str, plan: &str, round: u32) -> Result<Sample> {
    server.serving().forget_peak()?;
    let ran = server.run(plan)?;
    let peak = server.serving().peak()?;
    let moment = |field: &str| -> Result<f64> {
        let told = ran.record.get(field).and_then(serde_json::Value::as_str);
        let told = told.with_context(|| format!("the run does not tell when it was {field}"))?;
        let text = workspace::read(Command::new("date").args(["-u", "+%s.%N", "-d", told]))?;
        text.trim().parse().with_context(|| format!("{told} is no moment"))
    };
    Ok(Sample::new(work, OURS, round, moment("ended")? - moment("created")?).peak(peak))
}
