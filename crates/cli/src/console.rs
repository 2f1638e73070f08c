//! Where text goes: results to standard output, trouble to standard error, a moving status line to the terminal.
//!
//! Names, messages of servers and what else others wrote goes through here, so it is here that nothing of it gets to steer
//! the terminal. JSON has escapes of its own and stays as it is.

use std::borrow::Cow;
use std::io::{BufWriter, IsTerminal, Stdout, Write};
use std::sync::{Arc, Weak};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use parking_lot::Mutex;
use serde::Serialize;

use crate::environment::variable;
use crate::failure::{Failure, Outcome};
use crate::format::visible;
use crate::terminal::Bell;

/// How much to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Results and errors only.
    Quiet,
    /// The essential messages.
    Normal,
    /// With `-v`.
    Verbose,
    /// With `-vv`.
    Debug,
}

/// The terminal, or whatever stands in its place. Shared by all threads.
pub(crate) struct Console {
    level: Level,
    json: bool,
    out: Mutex<BufWriter<Stdout>>,
    bar: Mutex<Option<ProgressBar>>,
    is_terminal: bool,
    progress: Mutex<Weak<Bell>>,
}

impl Console {
    /// A console that says this much, as text or as JSON messages.
    pub(crate) fn new(level: Level, json: bool) -> Self {
        Self {
            level,
            json,
            out: Mutex::new(BufWriter::new(std::io::stdout())),
            bar: Mutex::new(None),
            is_terminal: std::io::stdout().is_terminal(),
            progress: Mutex::default(),
        }
    }

    /// Whether messages are JSON.
    pub(crate) const fn is_json(&self) -> bool {
        self.json
    }

    /// How much is said. JSON commands that have verbose messages ask for this themselves.
    pub(crate) const fn level(&self) -> Level {
        self.level
    }

    /// Whether text of this level is shown.
    pub(crate) fn shows(&self, level: Level) -> bool {
        !self.json && self.level >= level
    }

    /// Prints an essential message, unless quiet or JSON.
    pub(crate) fn say(&self, text: impl AsRef<str>) {
        if self.shows(Level::Normal) {
            self.print(text);
        }
    }

    /// As [`Console::say`], but only for somebody who sits in front of a terminal.
    pub(crate) fn say_on_terminal(&self, text: impl AsRef<str>) {
        if self.is_terminal {
            self.say(text);
        }
    }

    /// Prints a message for `-v`.
    pub(crate) fn detail(&self, text: impl AsRef<str>) {
        if self.shows(Level::Verbose) {
            self.print(text);
        }
    }

    /// Prints a message for `-vv`.
    pub(crate) fn debug(&self, text: impl AsRef<str>) {
        if self.shows(Level::Debug) {
            self.print(text);
        }
    }

    /// Prints a line of the result, whatever the level, above the status line.
    pub(crate) fn print(&self, text: impl AsRef<str>) {
        let text = self.shown(text.as_ref());
        self.above_status(|| {
            let mut out = self.out.lock();
            // Nobody reads on after a closed pipe, and there is nowhere left to say so.
            let _ = writeln!(out, "{text}").and_then(|()| out.flush());
        });
    }

    /// Prints trouble to standard error, above the status line.
    pub(crate) fn complain(&self, text: impl AsRef<str>) {
        self.print_error(&visible(text.as_ref()));
    }

    fn print_error(&self, line: &str) {
        self.above_status(|| {
            let _ = writeln!(std::io::stderr().lock(), "{line}");
        });
    }

    /// A result as it may be seen: JSON as it is.
    fn shown<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.json { Cow::Borrowed(text) } else { visible(text) }
    }

    /// Prints a message as one line of JSON.
    pub(crate) fn message(&self, message: &impl Serialize) {
        match crate::json::line(message) {
            Ok(line) => self.print(line),
            Err(error) => self.complain(format!("JSON encode failed: {error}")),
        }
    }

    /// Prints a message about trouble as one line of JSON to standard error.
    pub(crate) fn error_message(&self, message: &impl Serialize) {
        match crate::json::line(message) {
            Ok(line) => self.print_error(&line),
            Err(error) => self.complain(format!("JSON encode failed: {error}")),
        }
    }

    /// Writes much output without flushing at each line. The pipe's reader may go away: that ends the command quietly.
    pub(crate) fn write(&self, bytes: &[u8]) -> Outcome {
        self.out.lock().write_all(bytes).map_err(broken_output)
    }

    /// As [`Console::write`], with a newline.
    pub(crate) fn write_line(&self, line: &str) -> Outcome {
        let line = self.shown(line);
        let mut out = self.out.lock();
        out.write_all(line.as_bytes()).and_then(|()| out.write_all(b"\n")).map_err(broken_output)
    }

    /// Sends on what has been written.
    pub(crate) fn flush(&self) -> Outcome {
        self.out.lock().flush().map_err(broken_output)
    }

    /// How often progress is to be shown; `None` for not at all. `RESTIC_PROGRESS_FPS` sets it where nobody looks on.
    pub(crate) fn progress_interval(&self) -> Option<Duration> {
        let rate =
            variable("PROGRESS_FPS").and_then(|text| text.parse::<f64>().ok()).filter(|rate| *rate > 0.0);
        match rate {
            Some(rate) => Some(Duration::from_secs_f64(1.0 / rate.clamp(0.001, 60.0))),
            None if self.level == Level::Quiet || !(self.json || self.can_update_status()) => None,
            None => Some(Duration::from_millis(100)),
        }
    }

    /// From now on this ticker answers who asks for progress.
    pub(crate) fn answer_with(&self, bell: &Arc<Bell>) {
        *self.progress.lock() = Arc::downgrade(bell);
    }

    /// Has progress shown now, if there is any.
    pub(crate) fn ask_for_progress(&self) {
        if let Some(bell) = self.progress.lock().upgrade() {
            bell.ask();
        }
    }

    /// Whether there is a terminal whose last lines can be written anew.
    pub(crate) fn can_update_status(&self) -> bool {
        self.is_terminal && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
    }

    /// Shows lines at the bottom of the terminal, or prints the first of them where there is none.
    pub(crate) fn status(&self, lines: &[String]) {
        if !self.can_update_status() {
            if let Some(first) = lines.first() {
                self.print(first);
            }
            return;
        }
        let mut bar = self.bar.lock();
        let bar = bar.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stdout());
            if let Ok(style) = ProgressStyle::with_template("{msg}") {
                bar.set_style(style);
            }
            bar
        });
        bar.set_message(visible(&lines.join("\n")).into_owned());
        bar.tick();
    }

    /// Takes the status lines away.
    pub(crate) fn clear_status(&self) {
        if let Some(bar) = self.bar.lock().take() {
            bar.finish_and_clear();
        }
    }

    fn above_status(&self, print: impl FnOnce()) {
        match self.bar.lock().as_ref() {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }
}

fn broken_output(error: std::io::Error) -> Failure {
    if error.kind() == std::io::ErrorKind::BrokenPipe {
        return Failure::silent();
    }
    Failure::fatal("writing to standard output failed").because(&error)
}
