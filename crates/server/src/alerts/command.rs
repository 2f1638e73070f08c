//! Tells by a program on the server's host: without a shell, with next to no environment, within a time.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::deliver::Undelivered;
use super::notifier::CommandChannel;

/// How long a program may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// What is kept of what it prints to standard error, in bytes; the rest is read and dropped.
const KEPT: u64 = 2000;
/// How often it is looked whether it has ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long somebody it started may hold its output open.
const PATIENCE: Duration = Duration::from_secs(1);
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Runs a program with a text on its standard input.
pub(super) async fn run(command: &CommandChannel, input: String) -> Result<(), Undelivered> {
    let command = command.clone();
    let run = move || run_blocking(&command, input, TIMEOUT);
    let done = tokio::task::spawn_blocking(run).await;
    done.unwrap_or_else(|_| Err(Undelivered::new("the program could not be waited for")))
}

fn run_blocking(command: &CommandChannel, input: String, timeout: Duration) -> Result<(), Undelivered> {
    let program = &command.program;
    let failed = |text: String| Undelivered::new(format!("{program} {text}"));
    let mut child = Command::new(program)
        .args(&command.args)
        .env_clear()
        .env("PATH", PATH)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| {
            failed(format!("cannot be started: {error}"))
                .hint("check the program's path, and that the server's user may execute it")
        })?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read what it is told ends as it likes; that is its own business.
        std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    }
    let reader = child.stderr.take().map(|stderr| std::thread::spawn(move || beginning(stderr)));
    let status = wait(&mut child, Instant::now() + timeout);
    if status.is_none() {
        end_group(&child);
        // It was killed; this only takes its entry away.
        let _ = child.wait();
    }
    let said = reader.and_then(|reader| {
        let end = Instant::now() + PATIENCE;
        while !reader.is_finished() && Instant::now() < end {
            std::thread::sleep(LOOK_EVERY);
        }
        if !reader.is_finished() {
            end_group(&child);
        }
        reader.join().ok()
    });
    let said = said.unwrap_or_default();
    match status {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(failed(format!("ended with {status}")).said(said)),
        None => Err(failed(format!("took longer than {} s", timeout.as_secs())).said(said)),
    }
}

/// Waits until it has ended, but not for longer than that.
fn wait(child: &mut Child, end: Instant) -> Option<ExitStatus> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < end => std::thread::sleep(LOOK_EVERY),
            Ok(None) | Err(_) => return None,
        }
    }
}

/// Ends the program and all that it started.
fn end_group(child: &Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // Everybody in it may have ended already.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// The beginning of what is printed; all of it is read.
fn beginning(mut from: impl Read) -> String {
    let mut kept = Vec::new();
    // Whatever was read before it failed is good.
    let _ = (&mut from).take(KEPT).read_to_end(&mut kept);
    let _ = std::io::copy(&mut from, &mut std::io::sink());
    String::from_utf8_lossy(&kept).trim().replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, timeout: Duration) -> Result<(), Undelivered> {
        let args = vec!["-c".to_owned(), script.to_owned()];
        run_blocking(&CommandChannel { program: "/bin/sh".to_owned(), args }, "the news".to_owned(), timeout)
    }

    #[test]
    fn it_gets_the_news_and_nothing_of_the_servers_environment() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("told");
        let script = format!("cat > {0}; env >> {0}", file.display());
        shell(&script, Duration::from_secs(60)).unwrap();
        let told = std::fs::read_to_string(file).unwrap();
        assert!(told.starts_with("the news"), "{told}");
        assert!(!told.contains("CARGO") && !told.contains("HOME="), "{told}");
    }

    #[test]
    fn its_failure_is_told_with_the_beginning_of_what_it_said() {
        let script = "i=0; while [ $i -lt 2000 ]; do echo complaint >&2; i=$((i+1)); done; exit 3";
        let failed = shell(script, Duration::from_secs(60)).unwrap_err();
        assert!(failed.why.contains("exit status: 3"), "{failed:?}");
        let said = failed.said.unwrap();
        assert!(said.starts_with("complaint") && said.len() <= 2000, "{said}");
        let missing = CommandChannel { program: "/nowhere/at/all".to_owned(), args: Vec::new() };
        assert!(
            run_blocking(&missing, String::new(), TIMEOUT).unwrap_err().why.contains("cannot be started")
        );
    }

    #[test]
    fn the_whole_group_ends_when_time_is_up() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("child");
        let script = format!("sleep 1000 & echo $! > {}; wait", file.display());
        let failed = shell(&script, Duration::from_secs(1)).unwrap_err();
        assert!(failed.why.contains("took longer"), "{failed:?}");
        let child = std::fs::read_to_string(&file).unwrap().trim().to_owned();
        let state = || std::fs::read_to_string(format!("/proc/{child}/stat")).ok();
        let end = Instant::now() + Duration::from_secs(10);
        while state().is_some_and(|state| !state.contains(") Z ")) {
            assert!(Instant::now() < end, "it goes on");
            std::thread::sleep(LOOK_EVERY);
        }
    }
}
