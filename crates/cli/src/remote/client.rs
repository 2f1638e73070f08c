//! Asks a server, and explains its refusals.

use std::time::Duration;

use reqwest::blocking::{RequestBuilder, Response};
use reqwest::{Method, StatusCode, Url};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::pin::{self, Fingerprint};
use super::profile::Profiles;
use crate::app::App;
use crate::environment::variable;
use crate::failure::{Exit, Explain, Failure, Outcome};
use crate::password::{Password, from_file};

/// Where `backstay up` listens unless told otherwise.
const HERE: &str = "http://127.0.0.1:8420";
/// Longer than a server waits for a node.
const PATIENCE: Duration = Duration::from_secs(180);

/// The way to one server.
pub(crate) struct Client {
    http: reqwest::blocking::Client,
    base: Url,
    proof: Proof,
}

/// By what a server knows who asks.
enum Proof {
    Nobody,
    Token(Zeroizing<String>),
    /// A session's cookie, and what shows that no other site's page sends it.
    Session {
        cookie: Zeroizing<String>,
        csrf: String,
    },
}

/// What somebody signs in with.
pub(crate) struct Credentials {
    pub(crate) email: String,
    pub(crate) password: Password,
    /// A one-time or recovery code.
    pub(crate) code: Option<String>,
}

/// How an attempt to sign in ended.
pub(crate) enum Entry {
    /// With a session.
    Session(Client),
    /// The password is right, and a one-time code is missing. This is what the server says.
    CodeNeeded(Failure),
}

impl Client {
    /// The server that flags, environment or an earlier sign-in name; the one of this computer otherwise.
    pub(crate) fn new(app: &App) -> Outcome<Self> {
        let client = Self::known_or_nobody(app)?;
        if matches!(client.proof, Proof::Nobody) {
            return Err(Failure::fatal(format!("nobody is signed in to {}", client.base)).hint(
                "sign in with `backstay login`, or give an API token in BACKSTAY_TOKEN or --token-file",
            ));
        }
        Ok(client)
    }

    /// The same, where it does not matter whether somebody signed in before.
    pub(crate) fn known_or_nobody(app: &App) -> Outcome<Self> {
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
        Ok(Self { proof: token.map_or(Proof::Nobody, Proof::Token), ..client })
    }

    /// Whether there is a token to ask with.
    pub(crate) const fn has_token(&self) -> bool {
        matches!(self.proof, Proof::Token(_))
    }

    /// Signs somebody in at the same server.
    pub(crate) fn sign_in(&self, credentials: &Credentials) -> Outcome<Entry> {
        let nobody = Self { http: self.http.clone(), base: self.base.clone(), proof: Proof::Nobody };
        let mut form = json!({"email": credentials.email, "password": credentials.password.as_str()});
        if let (Value::Object(form), Some(code)) = (&mut form, &credentials.code) {
            form.insert("code".to_owned(), code.as_str().into());
        }
        let response = nobody.send(nobody.request(Method::POST, "/api/v1/sign-in", Some(&form))?)?;
        if !response.status().is_success() {
            let (failure, kind) = refusal(response, &self.base);
            return if kind == "code_needed" { Ok(Entry::CodeNeeded(failure)) } else { Err(failure) };
        }
        let cookies = response.headers().get_all("set-cookie").iter();
        let cookies = cookies.filter_map(|cookie| cookie.to_str().ok()?.split(';').next());
        let cookie = Zeroizing::new(cookies.collect::<Vec<_>>().join("; "));
        let session = content(response, &self.base)?;
        let csrf = session.get("csrf").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Entry::Session(Self { proof: Proof::Session { cookie, csrf }, ..nobody }))
    }

    /// Ends the session, if what was done with it has not ended it already.
    pub(crate) fn sign_out(&self) -> Outcome {
        let response = self.send(self.request(Method::POST, "/api/v1/sign-out", None)?)?;
        match response.status() {
            StatusCode::UNAUTHORIZED => Ok(()),
            status if status.is_success() => Ok(()),
            _ => Err(refusal(response, &self.base).0),
        }
    }

    /// The address of the server.
    pub(crate) const fn base(&self) -> &Url {
        &self.base
    }

    /// A server, as nobody yet.
    pub(crate) fn at(base: Url, fingerprint: Option<Fingerprint>) -> Outcome<Self> {
        let http = reqwest::blocking::Client::builder()
            .tls_backend_preconfigured(pin::tls(fingerprint)?)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(20))
            .tcp_keepalive(Duration::from_secs(60))
            .timeout(PATIENCE)
            .user_agent(concat!("backstay/", env!("CARGO_PKG_VERSION")))
            .build()
            .explain("cannot set HTTP up")?;
        Ok(Self { http, base, proof: Proof::Nobody })
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
            status if status.is_success() => content(response, &self.base).map(Some),
            _ => Err(refusal(response, &self.base).0),
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

    /// A request to any path.
    pub(crate) fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Outcome<RequestBuilder> {
        let url = format!("{}{path}", self.base.as_str().trim_end_matches('/'));
        let mut request = self.http.request(method, url);
        request = match &self.proof {
            Proof::Nobody => request,
            Proof::Token(token) => request.bearer_auth(token.as_str()),
            Proof::Session { cookie, csrf } => {
                request.header("cookie", cookie.as_str()).header("x-backstay-csrf", csrf)
            }
        };
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(serde_json::to_vec(body)?);
        }
        Ok(request)
    }

    /// Sends a request and reads its answer.
    pub(crate) fn read(&self, request: RequestBuilder) -> Outcome<Value> {
        self.answer(request).and_then(|response| content(response, &self.base))
    }

    /// Sends a request; what is not well comes back as a failure.
    pub(crate) fn answer(&self, request: RequestBuilder) -> Outcome<Response> {
        let response = self.send(request)?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(refusal(response, &self.base).0)
    }

    fn send(&self, request: RequestBuilder) -> Outcome<Response> {
        request.send().map_err(|error| {
            let what = format!("cannot reach the server at {}", self.base);
            let failure = Failure::fatal(what).because(&error.without_url());
            failure.hint("see that it runs (`backstay up`) and that the address is right (--server)")
        })
    }
}

/// The JSON of an answer, `null` where it has none.
pub(crate) fn content(response: Response, base: &Url) -> Outcome<Value> {
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

/// A problem in the server's words, and its kind.
fn refusal(response: Response, base: &Url) -> (Failure, String) {
    let status = response.status();
    let problem: Value =
        response.text().ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let text = |name: &str| problem.get(name).and_then(Value::as_str);
    let kind = text("type").and_then(|kind| kind.rsplit(':').next()).unwrap_or_default().to_owned();
    let Some(detail) = text("detail") else {
        return (Failure::fatal(format!("{base} answers with {status}")), kind);
    };
    let failure = match text("field") {
        Some(field) => Failure::new(Exit::General, format!("Fatal: {field}: {detail}")),
        None => Failure::fatal(detail),
    };
    let failure = match (kind.as_str(), text("hint")) {
        ("unauthenticated", _) => failure.hint("sign in with `backstay login`"),
        ("session_needed", _) => {
            failure.hint("`backstay api --sign-in` asks for your password and signs in for the one call")
        }
        (_, Some(hint)) => failure.hint(hint),
        (_, None) if status.is_server_error() => match text("request") {
            Some(request) => failure.hint(format!("the server's log tells more under request {request}")),
            None => failure,
        },
        _ => failure,
    };
    (failure, kind)
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
