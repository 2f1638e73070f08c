//! `archive send`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use backstay_archive::local::read_beside;
use backstay_archive::transfer::{Chunking, FileTokens, Patience, Progress, Sender, TransferError};
use backstay_core::{ArchiveStore, CallContext};
use backstay_storage::archives::Folder;
use parking_lot::Mutex;
use serde_json::json;

use crate::app::App;
use crate::args::SendArchives;
use crate::console::Console;
use crate::failure::{Failure, Outcome};
use crate::format;

/// How often progress is told on a terminal, or as a message.
const PACE: Duration = Duration::from_millis(500);

pub(super) fn run(app: &App, args: &SendArchives) -> Outcome {
    let (store, above) = store(app, args)?;
    let folders = [above.as_str(), args.folder.as_deref().unwrap_or_default()];
    let folder = folders.into_iter().filter(|folder| !folder.is_empty()).collect::<Vec<_>>().join("/");
    let context = CallContext::with(&app.control);
    store.prepare(context)?;
    let tokens = args.tokens.clone().or_else(crate::environment::data_folder);
    let tokens = tokens.ok_or_else(|| {
        Failure::fatal("there is no folder to keep resume tokens in").hint("name one with --tokens")
    })?;
    let default = Chunking::default();
    let mut seed = [0; 8];
    backstay_core::Random::fill(&*app.random, &mut seed);
    let give_up_after = Some(args.give_up_after);
    let progress = Arc::new(Told::new(&app.console));
    let sender = Sender {
        store: Arc::clone(&store),
        tokens: Arc::new(FileTokens::new(tokens.join("transfers"))),
        chunking: Chunking {
            threshold: args.split_over.unwrap_or(default.threshold),
            unit: args.chunk_size.unwrap_or(default.unit),
            split: args.chunk_size.unwrap_or(default.split),
        },
        patience: Patience { seed: u64::from_le_bytes(seed), give_up_after, ..Patience::default() },
        clock: app.clock.clone(),
        control: app.control.clone(),
        progress: progress.clone(),
    };
    for path in &args.archives {
        let stored = send(&sender, path, &folder)?;
        progress.end();
        if app.console.is_json() {
            app.console.message(&json!({
                "message_type": "sent", "archive": path.display().to_string(), "name": stored.name, "size": stored.size,
                "location": store.location(),
            }));
        } else {
            let size = format::bytes(stored.size);
            app.console.say(format!(
                "{} is at {} as {} ({size})",
                path.display(),
                store.location(),
                stored.name
            ));
        }
    }
    Ok(())
}

fn send(sender: &Sender, path: &Path, folder: &str) -> Outcome<backstay_core::StoredFile> {
    let manifest = read_beside(path)?.ok_or_else(|| {
        Failure::fatal(format!("{} has no manifest beside it", path.display())).hint(
            "send what `backstay archive create` has made, with its .manifest.json in the same directory",
        )
    })?;
    let input = super::folder::input(path)?;
    sender.send_archive(&*input, folder, &manifest).map_err(failure)
}

/// Where archives go, and the folder there that comes before the one that is asked for.
fn store(app: &App, args: &SendArchives) -> Outcome<(Arc<dyn ArchiveStore>, String)> {
    match super::store::remote(Path::new(&args.to))? {
        Some(remote) => remote.open(app, &args.at),
        None => Ok((Arc::new(Folder::new(&args.to)), String::new())),
    }
}

fn failure(error: TransferError) -> Failure {
    if matches!(error, TransferError::Interrupted(_)) {
        return Failure::interrupted();
    }
    let failure = Failure::fatal(&error);
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// Tells how a transfer goes.
struct Told {
    console: Arc<Console>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    name: String,
    size: u64,
    done: u64,
    told: Option<std::time::Instant>,
}

impl Told {
    fn new(console: &Arc<Console>) -> Self {
        Self { console: Arc::clone(console), state: Mutex::default() }
    }

    fn tell(&self, state: &mut State, at_once: bool) {
        if self.console.progress_interval().is_none()
            || (!at_once && state.told.is_some_and(|told| told.elapsed() < PACE))
        {
            return;
        }
        state.told = Some(std::time::Instant::now());
        if self.console.is_json() {
            self.console.message(&json!({
                "message_type": "status", "name": state.name, "bytes_done": state.done, "total_bytes": state.size,
            }));
        } else {
            let (done, size) = (format::bytes(state.done), format::bytes(state.size));
            self.console.status(&[format!("{}: {done} of {size}", state.name)]);
        }
    }

    /// Takes the status off the terminal.
    fn end(&self) {
        self.console.clear_status();
    }
}

impl Progress for Told {
    fn begun(&self, name: &str, size: u64, already: u64) {
        let mut state = self.state.lock();
        *state = State { name: name.to_owned(), size, done: already, told: None };
        if already > 0 {
            self.console.say(format!("{name}: going on, {} are there already", format::bytes(already)));
        }
        self.tell(&mut state, true);
    }

    fn sent(&self, bytes: u64) {
        let mut state = self.state.lock();
        state.done += bytes;
        self.tell(&mut state, false);
    }

    fn lost(&self, bytes: u64) {
        let mut state = self.state.lock();
        state.done = state.done.saturating_sub(bytes);
    }

    fn waiting(&self, why: &str, wait: Duration) {
        self.console.complain(format!("{why}; trying again in {} s", wait.as_secs().max(1)));
    }

    fn finishing(&self, name: &str) {
        self.console.say(format!("{name}: all is sent and is being checked"));
    }
}
