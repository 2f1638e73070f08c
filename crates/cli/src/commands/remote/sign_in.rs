//! Signing in with a password, for what a token may not do: a leaked one must not make others. The session lasts for one command.

use std::io::{BufRead, Write};

use super::fields::text;
use crate::app::App;
use crate::args::SignIn;
use crate::environment::variable;
use crate::failure::{Explain, Failure, Outcome};
use crate::password::{self, Password, from_file};
use crate::remote::{Client, Credentials, Entry};

/// Does something as a person who is signed in: at the server that is meant, and as whose token is kept unless somebody else
/// is named.
pub(crate) fn within<T>(app: &App, args: &SignIn, what: impl FnOnce(&Client) -> Outcome<T>) -> Outcome<T> {
    let client = Client::known_or_nobody(app)?;
    let email = match &args.email {
        Some(email) => email.clone(),
        None if client.has_token() => text(&client.get("/me")?, "/person/email"),
        None => line("e-mail address: ")?,
    };
    at(app, &client, &email, what)
}

/// Does something as this person, and signs out in any case.
pub(super) fn at<T>(
    app: &App,
    client: &Client,
    email: &str,
    what: impl FnOnce(&Client) -> Outcome<T>,
) -> Outcome<T> {
    let mut credentials =
        Credentials { email: email.to_owned(), password: password_of(app, email)?, code: None };
    let session = match client.sign_in(&credentials)? {
        Entry::Session(session) => session,
        Entry::CodeNeeded(failure) => {
            // Where nobody can be asked, what the server says is what is wrong.
            credentials.code = Some(line("one-time code: ").map_err(|_| failure)?);
            match client.sign_in(&credentials)? {
                Entry::Session(session) => session,
                Entry::CodeNeeded(failure) => return Err(failure),
            }
        }
    };
    let outcome = what(&session);
    // What was asked for is done or not; a session that stays ends when it has been idle.
    if let Err(failure) = session.sign_out() {
        app.console.complain(failure.context("the session could not be ended").to_string());
    }
    outcome
}

/// The account's password. The variables of repositories' passwords do not count: those are not the server's to know.
fn password_of(app: &App, email: &str) -> Outcome<Password> {
    if let Some(file) = &app.settings.password.file {
        return from_file(file);
    }
    match variable("ACCOUNT_PASSWORD") {
        Some(password) => Ok(Password::new(password)),
        None => password::ask(&format!("password of {email}: ")),
    }
}

/// Asks on the terminal, or takes the next line of standard input.
pub(crate) fn line(prompt: &str) -> Outcome<String> {
    let mut out = std::io::stderr();
    // Who sees no question may still answer it.
    let _ = write!(out, "{prompt}").and_then(|()| out.flush());
    let mut text = String::new();
    std::io::stdin().lock().read_line(&mut text).explain("cannot read the answer")?;
    match text.trim() {
        "" => Err(Failure::fatal("there is no answer")),
        text => Ok(text.to_owned()),
    }
}
