//! What the figures were measured on: enough to judge them, nothing that says whose machine it is.

use std::fs;
use std::process::Command;
use std::thread;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::workspace;

#[derive(Serialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) memory_bytes: u64,
    pub(crate) kernel: String,
}

impl Machine {
    pub(crate) fn describe() -> Result<Self> {
        let processors = read("/proc/cpuinfo")?;
        let processor = processors
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
            .map_or("unknown processor", |(_, name)| name.trim());
        Ok(Self {
            processor: processor.to_owned(),
            cores: thread::available_parallelism().context("cannot count the processors")?.get(),
            memory_bytes: memory("MemTotal")?,
            kernel: read("/proc/sys/kernel/osrelease")?.trim().to_owned(),
        })
    }
}

/// A figure of the kernel's memory account, in bytes.
pub(crate) fn memory(field: &str) -> Result<u64> {
    let account = read("/proc/meminfo")?;
    let kibibytes: u64 = account
        .lines()
        .find_map(|line| {
            line.strip_prefix(field)?.strip_prefix(':')?.trim().strip_suffix("kB")?.trim().parse().ok()
        })
        .with_context(|| format!("the kernel does not tell {field}"))?;
    Ok(kibibytes << 10)
}

/// Today's date as YYYY-MM-DD, in UTC.
pub(crate) fn today() -> Result<String> {
    Ok(workspace::read(Command::new("date").args(["-u", "+%F"]))?.trim().to_owned())
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {path}; benchmarks need Linux"))
}
