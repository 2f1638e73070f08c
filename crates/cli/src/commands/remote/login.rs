//! `login` and `logout`: a token of one's own for the commands that ask a server.

use std::io::IsTerminal;

use reqwest::Method;
use serde_json::json;

use super::fields::text;
use super::sign_in::{self, line};
use crate::app::App;
use crate::args::Login;
use crate::environment::host_name;
use crate::failure::{Failure, Outcome};
use crate::remote::{Client, Fingerprint, Profile, Profiles, address, fingerprint_of};

/// `login`
pub(crate) fn login(app: &App, args: &Login) -> Outcome {
    let named = app.settings.server.url.as_deref().unwrap_or(&args.address);
    let base = address(named)?;
    let fingerprint = match &app.settings.server.fingerprint {
        Some(text) => Some(text.parse::<Fingerprint>()?),
        None if base.scheme() == "https" => ask_about_certificate(app, &base)?,
        None => None,
    };
    let client = Client::at(base.clone(), fingerprint)?;
    let email = match &args.sign_in.email {
        Some(email) => email.clone(),
        None => line("e-mail address: ")?,
    };
    let name = format!("command line on {}", host_name());
    let form = json!({"name": name, "role": args.role.name()});
    let made = sign_in::at(app, &client, &email, |session| session.post("/me/tokens", &form))?;

    let mut profiles = Profiles::load()?;
    let profile = Profile { token: text(&made, "/key"), fingerprint: fingerprint.map(|it| it.to_string()) };
    profiles.servers.insert(base.to_string(), profile);
    profiles.default = Some(base.to_string());
    profiles.save()?;
    app.console.say(format!("signed in to {base} as {email}"));
    Ok(())
}

/// `logout`
pub(crate) fn logout(app: &App) -> Outcome {
    let mut profiles = Profiles::load()?;
    let named = app.settings.server.url.as_deref().map(address).transpose()?;
    let named = named.map(|url| url.to_string()).or_else(|| profiles.default.clone());
    let Some(named) = named else { return Err(Failure::fatal("nobody is signed in")) };
    if profiles.servers.remove(&named).is_none() {
        return Err(Failure::fatal(format!("nobody is signed in to {named}")));
    }
    if profiles.default.as_deref() == Some(&named) {
        profiles.default = None;
    }
    profiles.save()?;
    app.console
        .say(format!("the token for {named} is removed here; it works until it is taken back on the server"));
    Ok(())
}

/// Whether the certificate that no authority vouches for is the right one: who sits here has to say so.
fn ask_about_certificate(app: &App, base: &reqwest::Url) -> Outcome<Option<Fingerprint>> {
    let client = Client::at(base.clone(), None)?;
    if client.answer(client.request(Method::GET, "/healthz", None)?).is_ok() {
        return Ok(None);
    }
    let host = base.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let seen = fingerprint_of(&host, base.port_or_known_default().unwrap_or(443))?;
    app.console
        .say(format!("No authority vouches for the certificate of {base}. Its SHA-256 is\n\n  {seen}\n"));
    if !std::io::stdin().is_terminal() {
        return Err(Failure::fatal("the server's certificate is not known")
            .hint("compare with what `backstay up` printed, and give it as --server-fingerprint"));
    }
    let answer = line("Is it what `backstay up` printed there? [y/N] ")?;
    if matches!(answer.as_str(), "y" | "Y" | "yes") {
        return Ok(Some(seen));
    }
    Err(Failure::fatal("not signed in"))
}
