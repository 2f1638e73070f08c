//! Runs a program as a hook: without a shell, in a process group of its own, within a time.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use backstay_core::Control;
use backstay_model::Level;
use rustix::process::{Pid, Signal, kill_process_group};

use super::{Class, Report, Result, WorkError};

/// Lines of output that are kept; the rest is read and counted.
const LINES: usize = 500;
/// Characters of a line that are kept.
const WIDTH: usize = 2_000;
/// Between asking a process group to end and ending it.
const GRACE: Duration = Duration::from_secs(5);
/// How often it is looked whether a program has ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Runs a program to its end. What it prints goes to the log.
///
/// # Errors
/// When it cannot be started, fails, takes longer than `timeout`, or the work is cancelled. Its whole group is ended then.
pub(super) fn run(
    mut command: Command,
    what: &str,
    timeout: Duration,
    control: &Control,
    report: &Arc<dyn Report>,
) -> Result<()> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let failed = |text: String| WorkError::new(Class::HookFailed, format!("{what}: {text}"));
    let mut child = command.spawn().map_err(|error| {
        failed("it cannot be started".to_owned())
            .because(&error)
            .hint("check the program's path and that it may be executed")
    })?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let readers = [
        out.map(|out| listen(out, Level::Info, Arc::clone(report))),
        err.map(|err| listen(err, Level::Warning, Arc::clone(report))),
    ];
    let end = Instant::now() + timeout;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if control.is_cancelled() => {
                end_group(&mut child);
                return Err(WorkError::interrupted());
            }
            Ok(None) if Instant::now() >= end => {
                end_group(&mut child);
                let text = format!("it took longer than {}", backstay_policy::duration_text::print(timeout));
                return Err(WorkError::new(Class::TimedOut, format!("{what}: {text}"))
                    .hint("raise the hook's timeout, or see what it waits for"));
            }
            Ok(None) => std::thread::sleep(LOOK_EVERY),
            Err(error) => {
                end_group(&mut child);
                return Err(failed("it cannot be waited for".to_owned()).because(&error));
            }
        }
    };
    // A descendant that keeps the output open does not hold the run: its lines come when they come.
    let patience = Instant::now() + Duration::from_secs(3);
    for reader in readers.into_iter().flatten() {
        while !reader.is_finished() && Instant::now() < patience {
            std::thread::sleep(LOOK_EVERY);
        }
    }
    if status.success() {
        return Ok(());
    }
    Err(failed(format!("it ended with {status}")).hint("its output is in the log"))
}

/// Takes down what is printed, line by line.
fn listen(
    from: impl Read + Send + 'static,
    level: Level,
    report: Arc<dyn Report>,
) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let mut from = BufReader::new(from);
        let (mut lines, mut line) = (0_usize, Vec::new());
        loop {
            line.clear();
            // A line without an end is cut, so that it fills no memory.
            match (&mut from).take(64 << 10).read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => break,
                Ok(_) => lines += 1,
            }
            if lines <= LINES {
                let text: String = String::from_utf8_lossy(&line).trim_end().chars().take(WIDTH).collect();
                report.log(level, "hook", &text);
            }
        }
        if lines > LINES {
            report.log(Level::Warning, "hook", &format!("{} more lines were printed", lines - LINES));
        }
    })
}

/// Asks the whole group to end, and ends it when it does not.
fn end_group(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let signal = |signal| group.map(|group| kill_process_group(group, signal));
    let _ = signal(Signal::TERM);
    let end = Instant::now() + GRACE;
    while Instant::now() < end && matches!(child.try_wait(), Ok(None)) {
        std::thread::sleep(LOOK_EVERY);
    }
    let _ = signal(Signal::KILL);
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;
    use backstay_model::run::Progress;
    use parking_lot::Mutex;

    #[derive(Default)]
    struct Lines(Mutex<Vec<String>>);

    impl Report for Lines {
        fn log(&self, _: Level, _: &str, text: &str) {
            self.0.lock().push(text.to_owned());
        }

        fn progress(&self, _: Progress) {}
    }

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    fn run_script(script: &str, timeout: Duration, control: &Control) -> (Result<()>, Vec<String>) {
        let lines = Arc::new(Lines::default());
        let report: Arc<dyn Report> = lines.clone();
        let outcome = run(shell(script), "command test", timeout, control, &report);
        let said = lines.0.lock().clone();
        (outcome, said)
    }

    #[test]
    fn what_it_prints_is_kept_and_its_exit_code_counts() {
        let long = Duration::from_secs(60);
        let (outcome, said) = run_script("echo out; echo err >&2", long, &Control::new());
        assert!(outcome.is_ok(), "{outcome:?}");
        assert!(said.contains(&"out".to_owned()) && said.contains(&"err".to_owned()), "{said:?}");
        let (outcome, _) = run_script("exit 3", long, &Control::new());
        assert_eq!(outcome.unwrap_err().class(), Class::HookFailed);
    }

    #[test]
    fn output_without_end_is_bounded() {
        let script = "i=0; while [ $i -lt 3000 ]; do echo line; i=$((i+1)); done";
        let (outcome, said) = run_script(script, Duration::from_secs(60), &Control::new());
        assert!(outcome.is_ok(), "{outcome:?}");
        assert_eq!(said.len(), LINES + 1);
        assert_eq!(said.last().map(String::as_str), Some("2500 more lines were printed"));
    }

    #[test]
    fn the_whole_group_is_ended_when_time_is_up_or_the_run_is_cancelled() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("child");
        let script = format!("sleep 1000 & echo $! > {}; wait", file.display());
        let cancelled = Control::new();
        let (watch, canceller) = (file.clone(), cancelled.clone());
        let thread = std::thread::spawn(move || {
            while !std::fs::read_to_string(&watch).is_ok_and(|text| text.ends_with('\n')) {
                std::thread::sleep(LOOK_EVERY);
            }
            canceller.cancel();
        });
        let (outcome, _) = run_script(&script, Duration::from_secs(60), &cancelled);
        thread.join().unwrap();
        assert_eq!(outcome.unwrap_err().class(), Class::Interrupted);
        assert!(is_gone(&file));

        let (outcome, _) = run_script(&script, Duration::from_secs(1), &Control::new());
        assert_eq!(outcome.unwrap_err().class(), Class::TimedOut);
        assert!(is_gone(&file));
    }

    /// Whether the process whose number is in a file has ended, within a moment.
    fn is_gone(file: &std::path::Path) -> bool {
        let process = std::fs::read_to_string(file).unwrap().trim().to_owned();
        let state = || std::fs::read_to_string(format!("/proc/{process}/stat")).ok();
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            // A process that nobody has waited for yet has ended all the same.
            if state().is_none_or(|state| state.contains(") Z ")) {
                return true;
            }
            if Instant::now() > end {
                return false;
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
}
