//! The `backstay` program: arguments in, text or JSON out, an exit code.
//!
//! This crate alone knows the terminal, the environment and the home folder. A run goes like this: [`args`] is the grammar of
//! the command line; [`settings`] joins it with the environment; a [`app::App`] carries what all commands need; the
//! command in [`commands`] opens its repository through [`repository`], gives the engine something from
//! [`terminal`] to report its progress to, and prints a result as text or as a message from [`json`]. What goes wrong comes back
//! here as a [`failure::Failure`].

#![deny(unsafe_code)]

mod app;
mod args;
mod choose;
mod commands;
mod console;
mod default_repository;
mod environment;
mod failure;
mod format;
mod json;
mod memory;
mod moment;
mod node_text;
mod password;
mod patterns;
mod remote;
mod repository;
mod settings;
mod signals;
mod table;
mod terminal;
mod walk;

use std::io::Write;
use std::process::ExitCode;

use crate::failure::{Exit, Failure, Outcome};
use crate::json::message::ExitError;

fn main() -> ExitCode {
    memory::give_back_large_pieces();
    let cli = match args::Cli::read() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    let json = cli.global.json;
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            report(&failure, json);
            ExitCode::from(failure.exit as u8)
        }
    }
}

fn run(cli: args::Cli) -> Outcome {
    let app = app::App::new(settings::Settings::resolve(&cli.global)?)?;
    let outcome = commands::run(&app, cli.command);
    app.console.clear_status();
    outcome.and_then(|()| app.console.flush())
}

/// Help goes to standard output and is no error; a command line that cannot be understood is one like any other.
fn refuse(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() || error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    {
        // A reader that went away has seen enough.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    if std::env::args_os().any(|argument| argument == "--json") {
        let text = error.render().to_string();
        report(&Failure::new(Exit::General, text.trim()), true);
    } else {
        eprint!("{}", format::visible(&error.render().to_string()));
    }
    ExitCode::from(Exit::General as u8)
}

fn report(failure: &Failure, json: bool) {
    let message = failure.to_string();
    if message.is_empty() {
        return;
    }
    let exit_error = ExitError { message_type: "exit_error", code: failure.exit as i32, message: &message };
    let mut stderr = std::io::stderr();
    // Where nobody reads, the exit code still tells.
    let _ = match json.then(|| json::line(&exit_error)) {
        Some(Ok(line)) => writeln!(stderr, "{line}"),
        _ => writeln!(stderr, "{}", format::visible(&message)),
    };
}
