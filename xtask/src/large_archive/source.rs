//! Two files: one that does not compress, and one that does.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::bench::corpora::Generator;
use crate::workspace;

/// Makes both: `size` bytes of noise, and a fifth as much of a log.
pub(super) fn make(folder: &Path, size: u64) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    noise(&folder.join("noise.bin"), size, 3)?;
    let mut log = BufWriter::with_capacity(1 << 20, File::create(folder.join("requests.log"))?);
    let (mut generator, mut written, mut number) = (Generator::new(4), 0, 0_u64);
    while written < size / 5 {
        let word = generator.next();
        let line = format!(
            "{number:010} level=info request={word:016x} path=/api/v1/orders/{} status=200 took={}ms\n",
            word % 100_000,
            word % 977
        );
        log.write_all(line.as_bytes())?;
        written += line.len() as u64;
        number += 1;
    }
    log.flush()
}

/// A file that does not compress.
pub(crate) fn noise(path: &Path, size: u64, seed: u64) -> io::Result<()> {
    let mut generator = Generator::new(seed);
    let mut block = vec![0; 256 << 10];
    let mut file = File::create(path)?;
    let mut left = size;
    while left > 0 {
        generator.fill(&mut block);
        let count = usize::try_from(left).unwrap_or(block.len()).min(block.len());
        file.write_all(block.get(..count).unwrap_or_default())?;
        left -= count as u64;
    }
    Ok(())
}

/// The SHA-256 of both, as another program tells it.
pub(super) fn sums(folder: &Path) -> Result<String> {
    let mut command = Command::new("sha256sum");
    workspace::read(command.current_dir(folder).args(["noise.bin", "requests.log"]))
        .context("cannot hash the files")
}
