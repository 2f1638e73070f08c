//! How this host is: load, memory, disk, power. Read from the kernel, and told to the server and to logs.

use std::fs;
use std::path::Path;

use backstay_model::HostState;
use parking_lot::Mutex;

/// What the processors had done at the last look: their use is what they did between two looks.
static LAST: Mutex<Option<Ticks>> = Mutex::new(None);

/// Time that the processors spent, in the kernel's ticks since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ticks {
    busy: u64,
    all: u64,
}

/// How the host is now, with the file system that the node's data folder is on. What cannot be found out is zero, as is the use of
/// the processors at the first look. Queues are left for the caller to fill in.
#[must_use]
pub fn host_state(data_dir: &Path) -> HostState {
    let (memory_total, memory_available) = memory(&read("/proc/meminfo"));
    let (disk_total, disk_free) = disk(data_dir);
    HostState {
        host_name: host_name(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        system: system(),
        cores: std::thread::available_parallelism()
            .map_or(0, |cores| u32::try_from(cores.get()).unwrap_or(0)),
        load: load(&read("/proc/loadavg")),
        cpu_percent: cpu_percent(),
        memory_total,
        memory_available,
        disk_total,
        disk_free,
        on_battery: on_battery(Path::new("/sys/class/power_supply")),
        ..HostState::default()
    }
}

/// The state of the system in a few lines, for the log of something that failed.
#[must_use]
pub fn describe_system(data_dir: &Path) -> Vec<String> {
    let state = host_state(data_dir);
    let share = |part: u64, whole: u64| part.saturating_mul(100).checked_div(whole).unwrap_or(0);
    let mut lines = vec![
        format!("backstay {} on {}, {}", state.version, state.host_name, state.system),
        format!(
            "disk of {}: {} free of {} ({} %)",
            data_dir.display(),
            bytes(state.disk_free),
            bytes(state.disk_total),
            share(state.disk_free, state.disk_total)
        ),
        format!(
            "memory: {} available of {} ({} %)",
            bytes(state.memory_available),
            bytes(state.memory_total),
            share(state.memory_available, state.memory_total)
        ),
        format!(
            "load: {:.2} on {} cores, processors {:.0} % in use; up for {}",
            state.load,
            state.cores,
            state.cpu_percent,
            up_for(&read("/proc/uptime"))
        ),
    ];
    if let Some(own) = own_memory(&read("/proc/self/status")) {
        lines.push(format!("this process: {} of memory, {} open files", bytes(own), open_files()));
    }
    if state.on_battery == Some(true) {
        lines.push("the host runs on battery".to_owned());
    }
    lines
}

fn cpu_percent() -> f64 {
    let Some(now) = ticks(&read("/proc/stat")) else { return 0.0 };
    match LAST.lock().replace(now) {
        Some(last) => now.percent_since(last),
        None => 0.0,
    }
}

/// This host's name.
#[must_use]
pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Bytes for people, as `1.5 GiB`.
#[must_use]
pub fn bytes(number: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut value = number as f64 / 1024.0;
    let mut units = UNITS.iter();
    let mut unit = units.next();
    while value >= 1024.0
        && let Some(next) = units.next()
    {
        value /= 1024.0;
        unit = Some(next);
    }
    match unit {
        Some(unit) if number >= 1024 => format!("{value:.1} {unit}"),
        _ => format!("{number} B"),
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn system() -> String {
    let kernel = rustix::system::uname();
    let release = read("/etc/os-release");
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let name = name.map_or_else(
        || kernel.sysname().to_string_lossy().into_owned(),
        |name| name.trim_matches('"').to_owned(),
    );
    format!("{name}, kernel {}", kernel.release().to_string_lossy())
}

/// Of `/proc/loadavg`: the first number is the average of one minute.
fn load(text: &str) -> f64 {
    text.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0.0)
}

/// Of `/proc/meminfo`: total and available bytes.
fn memory(text: &str) -> (u64, u64) {
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
    };
    (field("MemTotal:").unwrap_or(0), field("MemAvailable:").unwrap_or(0))
}

/// Of `/proc/self/status`: bytes of memory in use.
fn own_memory(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

fn open_files() -> usize {
    fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

/// Of `/proc/uptime`: days, hours and minutes since the start.
fn up_for(text: &str) -> String {
    let seconds: f64 = text.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0.0);
    let minutes = (seconds / 60.0) as u64;
    format!("{} d {} h {} min", minutes / 1440, minutes / 60 % 24, minutes % 60)
}

/// Of `/proc/stat`: the line of all processors. Fields: user, nice, system, idle, iowait, irq, softirq, steal.
fn ticks(text: &str) -> Option<Ticks> {
    let line = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let fields: Vec<u64> = line.split_whitespace().take(8).map_while(|field| field.parse().ok()).collect();
    let all = fields.iter().fold(0_u64, |sum, field| sum.saturating_add(*field));
    let idle = fields.get(3)?.saturating_add(*fields.get(4)?);
    Some(Ticks { busy: all.saturating_sub(idle), all })
}

impl Ticks {
    fn percent_since(self, earlier: Self) -> f64 {
        let all = self.all.saturating_sub(earlier.all);
        let busy = self.busy.saturating_sub(earlier.busy).min(all);
        if all == 0 { 0.0 } else { busy as f64 * 100.0 / all as f64 }
    }
}

/// Total bytes that we may use, and those free for us, of the file system that a folder is on, or will be.
///
/// What is set aside for others (root's share, a project's limit) is in neither, as `df` counts: a share of the one that the
/// other is would else never come near to one.
#[must_use]
pub fn disk(folder: &Path) -> (u64, u64) {
    let found = folder.ancestors().find_map(|folder| rustix::fs::statvfs(folder).ok());
    found.map_or((0, 0), |found| {
        let used = found.f_blocks.saturating_sub(found.f_bfree);
        let total = used.saturating_add(found.f_bavail);
        (total.saturating_mul(found.f_frsize), found.f_bavail.saturating_mul(found.f_frsize))
    })
}

/// Whether no mains supply is connected and a battery gives power. `None` where there is no battery.
fn on_battery(folder: &Path) -> Option<bool> {
    let mut battery = None;
    for supply in fs::read_dir(folder).ok()?.filter_map(Result::ok) {
        let field =
            |name: &str| fs::read_to_string(supply.path().join(name)).unwrap_or_default().trim().to_owned();
        // A battery of a mouse or a telephone says nothing of the host.
        if field("scope") == "Device" {
            continue;
        }
        match field("type").as_str() {
            "Mains" | "USB" if field("online") == "1" => return Some(false),
            "Battery" => battery = Some(battery.unwrap_or(false) || field("status") == "Discharging"),
            _ => {}
        }
    }
    battery
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_files_are_read() {
        assert_eq!(load("0.52 0.58 0.59 1/602 12345\n"), 0.52);
        assert_eq!(
            memory("MemTotal:       1024 kB\nMemFree: 1 kB\nMemAvailable:    512 kB\n"),
            (1 << 20, 1 << 19)
        );
        let earlier = ticks("cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1 2 3 4 5 6 7 8\n").unwrap();
        let later = ticks("cpu  150 0 150 750 150 0 0 0 0 0\n").unwrap();
        assert_eq!(later.percent_since(earlier), 50.0);
        assert_eq!(earlier.percent_since(later), 0.0);
        assert_eq!(own_memory("Name: x\nVmRSS:\t  2 kB\n"), Some(2048));
        for text in ["", "cpu ", "cpu 1 2", "x"] {
            assert_eq!(ticks(text), None);
            assert_eq!((load(text), memory(text)), (0.0, (0, 0)));
        }
    }

    #[test]
    fn a_host_on_battery_is_told_from_one_that_charges() {
        let folder = tempfile::tempdir().unwrap();
        let supply = |name: &str, fields: &[(&str, &str)]| {
            fs::create_dir_all(folder.path().join(name)).unwrap();
            for (field, value) in fields {
                fs::write(folder.path().join(name).join(field), format!("{value}\n")).unwrap();
            }
        };
        assert_eq!(on_battery(folder.path()), None);
        supply("mouse", &[("type", "Battery"), ("scope", "Device"), ("status", "Discharging")]);
        assert_eq!(on_battery(folder.path()), None);
        supply("BAT0", &[("type", "Battery"), ("status", "Discharging")]);
        supply("AC", &[("type", "Mains"), ("online", "0")]);
        assert_eq!(on_battery(folder.path()), Some(true));
        supply("AC", &[("type", "Mains"), ("online", "1")]);
        assert_eq!(on_battery(folder.path()), Some(false));
        assert_eq!(on_battery(Path::new("/no/such/folder")), None);
    }

    #[test]
    fn this_host_is_described() {
        let folder = tempfile::tempdir().unwrap();
        let state = host_state(folder.path());
        assert!(state.memory_total > state.memory_available && state.memory_available > 0);
        assert!(state.disk_total >= state.disk_free && state.disk_total > 0);
        assert!(state.cores > 0 && !state.host_name.is_empty() && !state.system.is_empty());
        assert!((0.0..=100.0).contains(&state.cpu_percent));
        assert!(describe_system(folder.path()).iter().any(|line| line.starts_with("memory: ")));
        assert_eq!(disk(&folder.path().join("not/there/yet")).0, state.disk_total);
    }

    #[test]
    fn sizes_are_for_people() {
        for (number, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536 << 10, "1.5 MiB"),
            (5 << 50, "5120.0 TiB"),
        ] {
            assert_eq!(bytes(number), text);
        }
    }
}
