//! Hands content on that a server sends, to a file or to standard output.

use std::fs::{self, File};
use std::io::{self, ErrorKind, IsTerminal, Read, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use reqwest::blocking::Response;

use crate::app::App;
use crate::failure::{Explain, Failure, Outcome};

/// A server that sends nothing for so long has been lost.
const SILENCE: Duration = Duration::from_secs(180);
/// How often it is looked whether the user wants to end it.
const LOOK_EVERY: Duration = Duration::from_millis(200);
const PART: usize = 256 << 10;

/// Keeps an answer under a path, where `-` and nothing stand for standard output. A file gets its name only when it is whole.
pub(super) fn keep(app: &App, answer: Response, output: Option<&Path>) -> Outcome {
    if output.is_none() && io::stdout().is_terminal() {
        return Err(Failure::fatal("the answer is a file, and standard output is a terminal")
            .hint("keep it with --output FILE, or send it on with `| PROGRAM`"));
    }
    let parts = read(answer)?;
    let Some(path) = output.filter(|path| path.as_os_str() != "-") else {
        return match copy(app, &parts, &mut io::stdout().lock())? {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Failure::silent()),
            written => written.explain("cannot write to standard output"),
        };
    };
    let cannot = |path: &Path| format!("cannot write {}", path.display());
    if path.metadata().is_ok_and(|found| !found.is_file()) {
        let mut file = File::options().write(true).open(path).explain(cannot(path))?;
        return copy(app, &parts, &mut file)?.explain(cannot(path));
    }
    let part = path.with_added_extension("part");
    let mut file = File::create_new(&part).map_err(|error| {
        let is_there = error.kind() == ErrorKind::AlreadyExists;
        let failure = Failure::fatal(cannot(&part)).because(&error);
        if is_there {
            failure.hint("it may be what a download left behind: remove it, or choose another name")
        } else {
            failure
        }
    })?;
    let whole = copy(app, &parts, &mut file).and_then(|written| {
        let named = written.and_then(|()| file.sync_all()).and_then(|()| fs::rename(&part, path));
        named.explain(cannot(path))
    });
    if whole.is_err() {
        let _ = fs::remove_file(&part);
    }
    whole
}

/// Reads an answer on a thread of its own, since nothing else ends a read of a server that is silent.
fn read(mut answer: Response) -> Outcome<Receiver<io::Result<Vec<u8>>>> {
    let (parts, taken) = sync_channel(4);
    let read = move || loop {
        let mut part = vec![0; PART];
        let read = answer.read(&mut part).map(|length| {
            part.truncate(length);
            part
        });
        let is_last = !matches!(&read, Ok(part) if !part.is_empty());
        if parts.send(read).is_err() || is_last {
            return;
        }
    };
    thread::Builder::new().name("download".to_owned()).spawn(read).explain("cannot start a thread")?;
    Ok(taken)
}

/// Writes what comes, until it has all come; what cannot be written is told apart from what does not come.
fn copy(app: &App, parts: &Receiver<io::Result<Vec<u8>>>, out: &mut dyn Write) -> Outcome<io::Result<()>> {
    let broken = "the download broke off: what came is not whole";
    let mut heard = Instant::now();
    loop {
        app.control.checkpoint()?;
        match parts.recv_timeout(LOOK_EVERY) {
            Ok(Ok(part)) if part.is_empty() => return Ok(out.flush()),
            Ok(Ok(part)) => {
                heard = Instant::now();
                if let Err(error) = out.write_all(&part) {
                    return Ok(Err(error));
                }
            }
            Ok(Err(error)) => return Err(error).explain(broken),
            Err(RecvTimeoutError::Timeout) if heard.elapsed() < SILENCE => {}
            Err(RecvTimeoutError::Timeout) => {
                let text = format!(
                    "the server has sent nothing for {} s: what came is not whole",
                    SILENCE.as_secs()
                );
                return Err(Failure::fatal(text).hint("try again; the server's log may tell why"));
            }
            Err(RecvTimeoutError::Disconnected) => return Err(Failure::fatal(broken)),
        }
    }
}
