//! What is backed up: real source code in two releases, one large file, and many small ones.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use serde::Serialize;

use super::place::{self, Place};
use super::work::{self, Work};
use crate::peers;
use crate::workspace::{self, Workspace};

/// A folder that holds `linux-old` and `linux-new` already.
const CORPORA_VARIABLE: &str = "BACKSTAY_BENCH_CORPORA";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Corpus {
    /// The source of Linux, then a later release in its place
    Linux,
    /// One file of 2 GiB that does not compress, then 200 of its blocks changed
    Random,
    /// 300,000 files of 1 to 4 KiB
    Small,
}

/// A corpus in the results: what it is, and how much its first version holds.
#[derive(Serialize)]
pub(crate) struct Description {
    pub(crate) what: String,
    files: u64,
    bytes: u64,
}

impl Corpus {
    pub(crate) const ALL: [Self; 3] = [Self::Linux, Self::Random, Self::Small];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Linux => "linux",
            Self::Random => "random",
            Self::Small => "small",
        }
    }

    /// What is done with it, in order.
    pub(crate) fn works(self) -> &'static [Work] {
        match self {
            Self::Linux => work::TREE_WORKS,
            Self::Random => work::FILE_WORKS,
            Self::Small => work::SMALL_WORKS,
        }
    }

    /// Puts the corpus, and its next version if it has one, into `place`.
    pub(crate) fn prepare(self, workspace: &Workspace, place: &Place) -> Result<Description> {
        let (source, next) = (place.source(), place.next());
        let what = match self {
            Self::Linux => {
                let [old, new] = linux(workspace)?;
                copy(&old, &source)?;
                copy(&new, &next)?;
                format!("the source of Linux {}, then {}", release(&old)?, release(&new)?)
            }
            Self::Random => {
                random(&source, &next)?;
                "2 GiB of random bytes, then 200 blocks of 4 KiB changed".to_owned()
            }
            Self::Small => {
                small(&source)?;
                "300,000 files of 1 to 4 KiB".to_owned()
            }
        };
        let (files, bytes) = place::size(&source)?;
        Ok(Description { what, files, bytes })
    }
}

/// A generator of the same bytes on every machine: SplitMix64.
pub(crate) struct Generator(u64);

impl Generator {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        for part in bytes.chunks_mut(8) {
            let word = self.next().to_le_bytes();
            part.copy_from_slice(&word[..part.len()]);
        }
    }
}

/// One file of 2 GiB in `source`; the same in `next`, with 200 blocks changed.
fn random(source: &Path, next: &Path) -> Result<()> {
    const BYTES: u64 = 2 << 30;
    const BLOCK: u64 = 4 << 10;
    let mut generator = Generator::new(1);
    let mut block = vec![0; 256 << 10];
    fs::create_dir(source).context("cannot make the source")?;
    let mut file = File::create(source.join("random")).context("cannot make the random file")?;
    for _ in 0..BYTES / block.len() as u64 {
        generator.fill(&mut block);
        file.write_all(&block).context("cannot write the random file")?;
    }
    copy(source, next)?;
    let file =
        File::options().write(true).open(next.join("random")).context("cannot open the next version")?;
    block.truncate(BLOCK as usize);
    for _ in 0..200 {
        generator.fill(&mut block);
        let place = generator.next() % (BYTES / BLOCK) * BLOCK;
        file.write_all_at(&block, place).context("cannot change the next version")?;
    }
    Ok(())
}

/// 1,000 folders of 300 files each. Hexadecimal digits: every file differs, and shrinks to about a half.
fn small(source: &Path) -> Result<()> {
    let mut generator = Generator::new(2);
    for folder in 0..1000 {
        let folder = source.join(format!("{:02}/{folder:03}", folder / 20));
        fs::create_dir_all(&folder).context("cannot make the source")?;
        for number in 0..300 {
            let path = folder.join(format!("{number:03}.txt"));
            let mut file = BufWriter::new(File::create(path).context("cannot make a small file")?);
            for _ in 0..64 + generator.next() % 193 {
                write!(file, "{:016x}", generator.next())?;
            }
            file.flush().context("cannot write a small file")?;
        }
    }
    Ok(())
}

/// The folders of the two releases, the older one first; fetched when they are not there.
fn linux(workspace: &Workspace) -> Result<[PathBuf; 2]> {
    let given = std::env::var_os(CORPORA_VARIABLE).map(PathBuf::from);
    let folder = given.unwrap_or_else(|| workspace.root().join("target/bench/corpora"));
    let releases = [folder.join("linux-old"), folder.join("linux-new")];
    if releases.iter().all(|release| release.join("Makefile").is_file()) {
        return Ok(releases);
    }
    fetch(&folder, &releases).with_context(|| {
        format!("the source of Linux cannot be fetched; {CORPORA_VARIABLE} may name a folder with linux-old and linux-new")
    })?;
    Ok(releases)
}

/// Unpacks the oldest and the newest release that Debian's lists offer.
fn fetch(folder: &Path, releases: &[PathBuf; 2]) -> Result<()> {
    const PACKAGE: &str = "linux-source-6.12";
    let listing = workspace::read(Command::new("apt-cache").args(["madison", PACKAGE]))?;
    let versions: Vec<&str> =
        listing.lines().filter_map(|line| line.split('|').nth(1)).map(str::trim).collect();
    let (newest, oldest) = (versions.first(), versions.last());
    ensure!(newest != oldest, "Debian's lists offer fewer than two versions of {PACKAGE}");

    for (release, version) in releases.iter().zip([oldest, newest]) {
        let version = version.context("Debian's lists offer no version")?;
        let package = folder.join("package");
        peers::debian::unpack(&[&format!("{PACKAGE}={version}")], &package)?;
        let partial = release.with_extension("partial");
        fs::create_dir_all(&partial).with_context(|| format!("cannot make {}", partial.display()))?;
        let archive = package.join(format!("usr/src/{PACKAGE}.tar.xz"));
        let mut unpack = Command::new("tar");
        unpack.arg("--extract").arg("--file").arg(archive).arg("--directory").arg(&partial);
        workspace::run(unpack.arg("--strip-components=1"))?;
        fs::rename(&partial, release)
            .with_context(|| format!("cannot put {} in place", release.display()))?;
        fs::remove_dir_all(&package).with_context(|| format!("cannot remove {}", package.display()))?;
    }
    Ok(())
}

/// The release of a source tree, out of the first lines of its Makefile.
fn release(folder: &Path) -> Result<String> {
    let text = fs::read_to_string(folder.join("Makefile")).context("a source of Linux has no Makefile")?;
    let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "));
    let parts = [value("VERSION"), value("PATCHLEVEL"), value("SUBLEVEL")];
    Ok(parts.map(|part| part.unwrap_or("?")).join("."))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    workspace::run(Command::new("cp").args(["--archive", "--no-target-directory"]).arg(from).arg(to))
}

#[cfg(test)]
mod tests {
    use super::Generator;

    #[test]
    fn the_generator_gives_the_published_sequence() {
        let mut generator = Generator::new(1_234_567);
        assert_eq!(generator.next(), 6_457_827_717_110_365_317);
        assert_eq!(generator.next(), 3_203_168_211_198_807_973);
    }
}
