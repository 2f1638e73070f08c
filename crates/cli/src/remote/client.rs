//! Asks a server, and explains its refusals.

use std::time::Duration;

use reqwest::blocking::{RequestBuilder, Response};
use reqwest::{Method, StatusCode, Url};
use serde_json::Value;
use zeroize::Zeroizing;

use super::pin::{self, Fingerprint};
use super::profile::Profiles;
use crate::app::App;
use crate::environment::variable;
use crate::failure::{Exit, Explain, Failure, Outcome};
use crate::password::from_file;

/// Where `backstay up` listens unless told otherwise.
const HERE: &str = "http://127.0.0.1:8420";
/// Longer than a server waits for a node.
const PATIENCE: Duration = Duration::from_secs(180);

/// The way to one server.
pub(crate) struct Client {
    http: reqwest::blocking::Client,
    base: Url,
    token: Option<Zeroizing<String>>,
}

impl Client {
    /// The server that flags, environment or an earlier sign-in name; the one of this computer otherwise.
    pub(crate) fn new(app: &App) -> Outcome<Self> {
        let profiles = Profiles::load()?;
        let settings = &app.settings.server;
        let named = settings.url.clone().or_else(|| profiles.default.clone());
        let base = address(named.as_deref().unwrap_or(HERE))?;
        let profile = profiles.servers.get(base.as_str());
        let token = match &settings.token_file {
            Some(file) => Some(from_file(file)?),
            None => variable("TOKEN").map(Zeroizing::new),
        };
        let token = token.or_else(|| profile.map(|profile| Zeroizing::new(profile.token.clone())));
        let fingerprint = match &settings.fingerprint {
            Some(text) => Some(text.parse()?),
            None => profile.and_then(|profile| profile.fingerprint.as_deref()).map(str::parse).transpose()?,
        };
        let client = Self::at(base, fingerprint)?;
        let Some(token) = token else {
            return Err(Failure::fatal(format!("nobody is signed in to {}", client.base)).hint(
                "sign in with `backstay login`, or give an API token in BACKSTAY_TOKEN or --token-file",
            ));
        };
        Ok(Self { token: Some(token), ..client })
    }

    /// A server, as nobody yet.
    pub(crate) fn at(base: Url, fingerprint: Option<Fingerprint>) -> Outcome<Self> {
        let http = reqwest::blocking::Client::builder()
            .tls_backend_preconfigured(pin::tls(fingerprint)?)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(20))
            .timeout(PATIENCE)
            .user_agent(concat!("backstay/", env!("CARGO_PKG_VERSION")))
            .build()
            .explain("cannot set HTTP up")?;
        Ok(Self { http, base, token: None })
    }

    /// `GET /api/v1…`
    pub(crate) fn get(&self, path: &str) -> Outcome<Value> {
        self.call(Method::GET, path, None)
    }

    /// `GET /api/v1…` of what may not be there.
    pub(crate) fn find(&self, path: &str) -> Outcome<Option<Value>> {
        let response = self.send(self.request(Method::GET, &format!("/api/v1{path}"), None)?)?;
        match response.status() {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => json(response, &self.base).map(Some),
            _ => Err(refusal(response, &self.base)),
        }
    }

    /// `POST /api/v1…`
    pub(crate) fn post(&self, path: &str, body: &Value) -> Outcome<Value> {
        self.call(Method::POST, path, Some(body))
    }

    /// `PUT /api/v1…`
    pub(crate) fn put(&self, path: &str, body: &Value) -> Outcome<Value> {
        self.call(Method::PUT, path, Some(body))
    }

    /// `DELETE /api/v1…`
    pub(crate) fn delete(&self, path: &str) -> Outcome<Value> {
        self.call(Method::DELETE, path, None)
    }

    /// Any call; the answer's JSON, `null` where it has none.
    pub(crate) fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Outcome<Value> {
        let request = self.request(method, &format!("/api/v1{path}"), body)?;
        self.read(request)
    }

    /// A request to any path, with headers of its own to come.
    pub(crate) fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Outcome<RequestBuilder> {
        let url = format!("{}{path}", self.base.as_str().trim_end_matches('/'));
        let mut request = self.http.request(method, url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.as_str());
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(serde_json::to_vec(body)?);
        }
        Ok(request)
    }

    /// Sends a request and reads its answer.
    pub(crate) fn read(&self, request: RequestBuilder) -> Outcome<Value> {
        self.answer(request).and_then(|response| json(response, &self.base))
    }

    /// Sends a request; what is not well comes back as a failure.
    pub(crate) fn answer(&self, request: RequestBuilder) -> Outcome<Response> {
        let response = self.send(request)?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(refusal(response, &self.base))
    }

    fn send(&self, request: RequestBuilder) -> Outcome<Response> {
        request.send().map_err(|error| {
            let what = format!("cannot reach the server at {}", self.base);
            let failure = Failure::fatal(what).because(&error.without_url());
            failure.hint("see that it runs (`backstay up`) and that the address is right (--server)")
        })
    }
}

fn json(response: Response, base: &Url) -> Outcome<Value> {
    if response.status() == StatusCode::NO_CONTENT {
        return Ok(Value::Null);
    }
    let text = response.text().map_err(reqwest::Error::without_url);
    let text = text.explain(format!("the answer of {base} broke off"))?;
    if text.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&text).explain(format!("{base} does not answer as a Backstay server does"))
}

/// A problem in the server's words.
fn refusal(response: Response, base: &Url) -> Failure {
    let status = response.status();
    let problem: Value =
        response.text().ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let text = |name: &str| problem.get(name).and_then(Value::as_str);
    let Some(detail) = text("detail") else {
        return Failure::fatal(format!("{base} answers with {status}"));
    };
    let failure = match text("field") {
        Some(field) => Failure::new(Exit::General, format!("Fatal: {field}: {detail}")),
        None => Failure::fatal(detail),
    };
    match (status, text("hint")) {
        (StatusCode::UNAUTHORIZED, _) => failure.hint("sign in with `backstay login`"),
        (_, Some(hint)) => failure.hint(hint),
        (_, None) if status.is_server_error() => match text("request") {
            Some(request) => failure.hint(format!("the server's log tells more under request {request}")),
            None => failure,
        },
        _ => failure,
    }
}

/// The address of a server, in one form.
pub(crate) fn address(text: &str) -> Outcome<Url> {
    let text = text.trim();
    let full = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let url = Url::parse(&full).explain(format!("{text} is no address of a server"))?;
    let plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() || !plain {
        return Err(Failure::fatal("that is no address of a server")
            .hint("write it as https://backup.example.org:8420"));
    }
    Ok(url)
}

/// A piece of a path or query, with everything else than plain letters escaped.
pub(crate) fn encode(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}
