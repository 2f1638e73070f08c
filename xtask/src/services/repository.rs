//! Repositories in a bucket: restic and Backstay, which takes restic's commands, flags and environment.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use super::results::{Results, Sample};
use super::s3::S3;
use super::{OURS, Stage};
use crate::bench::corpora::Generator;
use crate::bench::{compare, measure, place};
use crate::rows;
use crate::workspace;

/// It is no secret: it protects a repository of made-up bytes that lives for an hour.
const PASSWORD: &str = "benchmark";
/// What each request takes longer in the second part, in milliseconds.
const LATENCY: u32 = 50;
/// Snapshots that `forget` leaves before the prune.
const KEPT: &str = "100";

/// A program, with a home of its own.
pub(super) struct Program {
    pub(super) name: &'static str,
    pub(super) file: PathBuf,
}

impl Program {
    fn command(&self, stage: &Stage<'_>, s3: &S3, bucket: &str, arguments: &[&str]) -> Result<Command> {
        let (key, secret) = s3.key()?;
        let private = stage.folder.join(self.name);
        fs::create_dir_all(&private).with_context(|| format!("cannot make {}", private.display()))?;
        let mut command = Command::new(&self.file);
        command.current_dir(&private).env_clear().env("LANG", "C.UTF-8").env("HOME", &private);
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        // Packs that are not full yet lie in temporary files of restic's.
        command.env("TMPDIR", &private).env("RESTIC_CACHE_DIR", private.join("cache"));
        command
            .env("RESTIC_REPOSITORY", format!("s3:{}/{bucket}", s3.url()?))
            .env("RESTIC_PASSWORD", PASSWORD);
        command.env("AWS_ACCESS_KEY_ID", key).env("AWS_SECRET_ACCESS_KEY", secret);
        command.arg("--quiet").args(arguments);
        Ok(command)
    }

    fn forget_cache(&self, stage: &Stage<'_>) -> Result<()> {
        place::empty(&stage.folder.join(self.name))
    }

    /// A work that counts.
    fn measure(
        &self,
        stage: &Stage<'_>,
        s3: &mut S3,
        work: &'static str,
        round: u32,
        bucket: &str,
        arguments: &[&str],
    ) -> Result<Sample> {
        let command = self.command(stage, s3, bucket, arguments)?;
        s3.counts()?;
        let cost = measure::run(vec![command], &stage.folder.join("log"))
            .with_context(|| format!("{work} by {}", self.name))?;
        Ok(Sample::new(work, self.name, round, cost.wall).cost(&cost).requests(s3.counts()?))
    }

    /// A work that does not count.
    fn run(&self, stage: &Stage<'_>, s3: &S3, bucket: &str, arguments: &[&str]) -> Result<()> {
        workspace::read(&mut self.command(stage, s3, bucket, arguments)?).map(drop)
    }
}

/// What is backed up.
#[derive(Serialize)]
pub(super) struct Source {
    files: u64,
    bytes: u64,
}

/// Makes files of rows, some 17 kB each, in folders of 200, and large ones that do not shrink: of `size` bytes in all.
pub(super) fn make_source(folder: &Path, size: u64) -> Result<Source> {
    const SMALL: u64 = 17 << 10;
    const LARGE: u64 = 64 << 20;
    let large = (size / 4).div_ceil(LARGE);
    let mut generator = Generator::new(7);
    let (mut written, mut number) = (large * LARGE, 0);
    // Small blocks: what this process has in memory when it starts another is counted as that one's.
    let mut block = Vec::new();
    while written < size {
        let into = folder.join(format!("rows/{:03}", number / 200));
        fs::create_dir_all(&into).with_context(|| format!("cannot make {}", into.display()))?;
        block.clear();
        rows::write(&mut block, number, 200 * SMALL).context("cannot make rows")?;
        let mut rest = block.as_slice();
        while !rest.is_empty() {
            let length = (SMALL / 2 + generator.next() % SMALL) as usize;
            let (file, later) = rest.split_at(length.min(rest.len()));
            fs::write(into.join(format!("{number:06}.tsv")), file).context("cannot write a file")?;
            (number, written, rest) = (number + 1, written + file.len() as u64, later);
        }
    }
    block.resize(256 << 10, 0);
    for number in 0..large {
        let mut file =
            fs::File::create(folder.join(format!("large-{number}"))).context("cannot make a file")?;
        for _ in 0..LARGE / block.len() as u64 {
            generator.fill(&mut block);
            file.write_all(&block).context("cannot write a large file")?;
        }
    }
    let (files, bytes) = place::size(folder)?;
    Ok(Source { files, bytes })
}

/// First backups, backups of what did not change, and restores, without a wait.
pub(super) fn transfer(
    stage: &Stage<'_>,
    s3: &mut S3,
    programs: &[Program],
    source: &Path,
    round: u32,
    results: &mut Results,
) -> Result<()> {
    let from = source.display().to_string();
    for program in programs {
        let bucket = format!("transfer-{}", program.name);
        s3.order(&format!("make {bucket}"))?;
        program.forget_cache(stage)?;
        program.run(stage, s3, &bucket, &["init"])?;
        for work in ["backup", "backup, unchanged"] {
            results.add(program.measure(stage, s3, work, round, &bucket, &["backup", &from])?);
        }
        let target = stage.folder.join("target");
        place::empty(&target)?;
        let to = target.display().to_string();
        let arguments = ["restore", "latest", "--target", &to];
        results.add(program.measure(stage, s3, "restore", round, &bucket, &arguments)?);
        if round == 1 {
            compare::restored(source, &target)?;
        }
        place::empty(&target)?;
        s3.order(&format!("drop {bucket}"))?;
    }
    Ok(())
}

/// What a repository holds that is backed up each day.
#[derive(Serialize)]
pub(super) struct History {
    snapshots: u32,
    files: u64,
    objects: u64,
}

/// A repository of so many backups, made by Backstay, in the bucket `history`; the bucket `thinned` has the same after most of them
/// were forgotten.
pub(super) fn make_history(
    stage: &Stage<'_>,
    s3: &mut S3,
    ours: &Program,
    snapshots: u32,
) -> Result<History> {
    const FILES: u64 = 2000;
    let folder = stage.folder.join("history");
    let mut generator = Generator::new(8);
    let mut write = |number: u64| -> Result<()> {
        let into = folder.join(format!("{:02}", number % 50));
        fs::create_dir_all(&into).with_context(|| format!("cannot make {}", into.display()))?;
        let mut bytes = vec![0; 1024 + (generator.next() % 4096) as usize];
        generator.fill(&mut bytes);
        fs::write(into.join(format!("{number:04}")), bytes).context("cannot write a file")
    };
    (0..FILES).try_for_each(&mut write)?;
    s3.order("make history")?;
    ours.forget_cache(stage)?;
    ours.run(stage, s3, "history", &["init"])?;
    let from = folder.display().to_string();
    for day in 0..snapshots {
        // Five files in as many folders.
        (0..5).try_for_each(|file| write((u64::from(day) * 97 + file * 401) % FILES))?;
        ours.run(stage, s3, "history", &["backup", &from])?;
        if day % 50 == 49 {
            eprintln!("{} of {snapshots} backups", day + 1);
        }
    }
    s3.counts()?;
    s3.order("copy history thinned")?;
    ours.run(stage, s3, "thinned", &["forget", "--keep-last", KEPT])?;
    place::empty(&folder)?;
    let objects = s3.order("size history")?["objects"].as_u64().context("a bucket of no size")?;
    ensure!(objects > u64::from(snapshots), "the history has {objects} objects only");
    Ok(History { snapshots, files: FILES, objects })
}

/// What waits for answers most: each request takes 50 ms more, and the cache is empty at each.
pub(super) fn over_distance(
    stage: &Stage<'_>,
    s3: &mut S3,
    programs: &[Program],
    round: u32,
    results: &mut Results,
) -> Result<()> {
    let works: [(&str, &[&str]); 4] = [
        ("snapshots", &["snapshots"]),
        ("ls latest", &["ls", "latest"]),
        ("check", &["check"]),
        ("prune", &["prune"]),
    ];
    for (work, arguments) in works {
        for program in programs {
            let bucket =
                if work == "prune" { format!("prune-{}", program.name) } else { "history".to_owned() };
            if work == "prune" {
                s3.order(&format!("copy thinned {bucket}"))?;
            }
            program.forget_cache(stage)?;
            s3.order(&format!("latency {LATENCY}"))?;
            let sample = program.measure(stage, s3, work, round, &bucket, arguments);
            s3.order("latency 0")?;
            results.add(sample?);
            if work == "prune" {
                if round == 1 && program.name != OURS {
                    program.run(stage, s3, &format!("prune-{OURS}"), &["check", "--read-data"])?;
                }
                if program.name != OURS {
                    s3.order(&format!("drop prune-{OURS}"))?;
                    s3.order(&format!("drop {bucket}"))?;
                }
            }
        }
    }
    Ok(())
}
