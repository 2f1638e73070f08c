//! What it was measured on, what a process uses, and where figures are kept.

use std::path::Path;

use serde_json::{Value, json};

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap()
}

fn field<'a>(text: &'a str, name: &str) -> &'a str {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':'));
    line.unwrap_or_default().trim()
}

/// Bytes of memory that a process has resident.
pub(crate) fn resident(process: u32) -> u64 {
    let status = read(&format!("/proc/{process}/status"));
    field(&status, "VmRSS").trim_end_matches(" kB").trim().parse::<u64>().unwrap() << 10
}

/// Seconds of processor time that a process has had.
pub(crate) fn processor_seconds(process: u32) -> f64 {
    let stat = read(&format!("/proc/{process}/stat"));
    // The name, in brackets, may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    let ticks = |place: usize| fields[place].parse::<u64>().unwrap();
    // Linux tells these times in hundredths of a second, whatever its own clock does.
    (ticks(11) + ticks(12)) as f64 / 100.0
}

/// Writes figures to a new file of today; gives its name.
pub(crate) fn write(what: &str, sizes: &Value, figures: &[Value]) -> String {
    let processor = field(&read("/proc/cpuinfo"), "model name").to_owned();
    let memory: u64 =
        field(&read("/proc/meminfo"), "MemTotal").trim_end_matches(" kB").trim().parse().unwrap();
    let today = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
    let results = json!({
        "date": today,
        "machine": {
            "processor": processor,
            "cores": std::thread::available_parallelism().unwrap().get(),
            "memory_bytes": memory << 10,
            "kernel": read("/proc/sys/kernel/osrelease").trim(),
        },
        "sizes": sizes,
        // Who else was at work, at the end of it.
        "load_average": read("/proc/loadavg").trim(),
        "figures": figures,
    });
    let slug: Vec<String> = processor
        .split(|sign: char| !sign.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bench/results");
    let stem = format!("{today}-{}-{what}", slug.join("-"));
    let name = std::iter::once(format!("{stem}.json"))
        .chain((2..).map(|number| format!("{stem}-{number}.json")))
        .find(|name| !folder.join(name).exists())
        .unwrap();
    let mut text = serde_json::to_string_pretty(&results).unwrap();
    text.push('\n');
    std::fs::write(folder.join(&name), text).unwrap();
    name
}
