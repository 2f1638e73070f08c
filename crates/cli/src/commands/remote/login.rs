//! `login` and `logout`: a token of one's own for the commands that ask a server.

use std::io::{BufRead, IsTerminal, Write};

use reqwest::Method;
use serde_json::{Value, json};

use super::fields::text;
use crate::app::App;
use crate::args::Login;
use crate::environment::host_name;
use crate::failure::{Explain, Failure, Outcome};
use crate::password;
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
    let email = match &args.email {
        Some(email) => email.clone(),
        None => line("e-mail address: ")?,
    };
    let password = password::ask("password: ")?;
    let mut form = json!({"email": email, "password": password.as_str()});
    let (cookie, session) = match sign_in(&client, &form) {
        Err(failure) if failure.to_string().contains("code") && password::can_ask() => {
            if let Value::Object(form) = &mut form {
                form.insert("code".to_owned(), line("one-time code: ")?.into());
            }
            sign_in(&client, &form)?
        }
        other => other?,
    };
    let csrf = text(&session, "/csrf");
    let with_session = |method: Method, path: &str, body: Option<&Value>| -> Outcome<Value> {
        let request = client.request(method, path, body)?;
        client.read(request.header("cookie", &cookie).header("x-backstay-csrf", &csrf))
    };
    let name = format!("command line on {}", host_name());
    let form = json!({"name": name, "role": args.role.name()});
    let made = with_session(Method::POST, "/api/v1/me/tokens", Some(&form))?;
    with_session(Method::POST, "/api/v1/sign-out", None)?;

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

fn sign_in(client: &Client, form: &Value) -> Outcome<(String, Value)> {
    let response = client.answer(client.request(Method::POST, "/api/v1/sign-in", Some(form))?)?;
    let cookies = response.headers().get_all("set-cookie").iter().filter_map(|cookie| cookie.to_str().ok());
    let pairs: Vec<_> = cookies.filter_map(|cookie| cookie.split(';').next()).map(str::to_owned).collect();
    let session: Value = serde_json::from_slice(&response.bytes().explain("the answer broke off")?)?;
    Ok((pairs.join("; "), session))
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

/// Asks on the terminal.
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
