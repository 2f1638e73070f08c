//! A server of Google Drive's protocol (v3) on a port of its own, in memory, that can be told to misbehave.
//!
//! Written from Google's documentation, not from its code: OAuth's token endpoint and the flow for devices, files with names that may be
//! doubled, questions, pages, content in one request, in two parts and by resumable sessions, quota, and refusals in the form that Google
//! gives them.

mod body;
mod files;
mod query;
pub(crate) mod sign_in;
mod uploads;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use hyper::header::AUTHORIZATION;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

pub(crate) use body::Way;

pub(crate) const CLIENT: &str = "1234-abcd.apps.googleusercontent.com";
pub(crate) const SECRET: &str = "the-secret-of-the-client";
pub(crate) const REFRESH: &str = "1//the-first-refresh-token";
pub(crate) const SCOPE: &str = "https://www.googleapis.com/auth/drive.file";
/// The id of the uppermost folder, which `root` stands for.
pub(crate) const ROOT: &str = "0ARootOfTheDrive";

/// What goes wrong with requests.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Failure {
    /// It is refused with this status and reason, and perhaps a wait.
    Refused(u16, &'static str, Option<u64>),
    /// It is done, and its answer gets lost.
    AnswerLost,
    /// The connection ends and nothing is done.
    Cut,
    /// Of content for a session only so many bytes are kept.
    Kept(usize),
    /// One byte of the content is changed on its way.
    Garbled,
    /// It is done, and this is the way that its answer takes.
    Answered(Way),
}

struct Fault {
    on: &'static str,
    times: u32,
    failure: Failure,
}

/// A file or a folder.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) parent: String,
    pub(crate) created: String,
    pub(crate) modified: String,
    pub(crate) content: Vec<u8>,
    pub(crate) notes: BTreeMap<String, String>,
}

/// All that the server knows.
pub(crate) struct State {
    url: String,
    pub(crate) items: BTreeMap<String, Item>,
    sessions: HashMap<String, uploads::Session>,
    pub(crate) sign_in: sign_in::SignIns,
    faults: Vec<Fault>,
    /// Each request, as `GET /drive/v3/files`.
    pub(crate) asked: Vec<String>,
    /// The range of each download; empty where it was all of a file.
    pub(crate) ranges: Vec<String>,
    /// What sessions take is a multiple of this.
    pub(crate) unit: u64,
    /// Bytes that may be stored.
    pub(crate) quota: Option<u64>,
    pub(crate) tells_sha256: bool,
    /// Sessions take nothing and say in turns that they have one unit and two.
    pub(crate) swings: bool,
    /// Files of a page at the most.
    pub(crate) page: usize,
    /// After so many more uploads the user takes back what was allowed.
    pub(crate) revoked_after: Option<u32>,
    /// The status for sessions that are not known.
    pub(crate) gone: u16,
    numbers: u64,
    last_time: i64,
}

/// A running server; it ends when dropped.
pub(crate) struct Server {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
    _runtime: Runtime,
}

/// A request, read whole.
pub(crate) struct Asked {
    method: Method,
    path: String,
    query: HashMap<String, String>,
    headers: hyper::HeaderMap,
    body: Bytes,
}

/// An answer: a status, headers and a body.
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    way: Way,
}

impl Answer {
    fn json(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type", "application/json; charset=UTF-8".to_owned())];
        Self { headers, body: body.to_string().into_bytes(), ..Self::bare(status) }
    }

    fn bare(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), way: Way::Good }
    }

    fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// A refusal as Google words it.
    fn refused(status: u16, reason: &str) -> Self {
        let domain = if reason.contains("imit") { "usageLimits" } else { "global" };
        let message = match reason {
            "userRateLimitExceeded" => "User Rate Limit Exceeded",
            "rateLimitExceeded" => "Rate Limit Exceeded",
            "dailyLimitExceeded" => "Daily Limit Exceeded",
            "storageQuotaExceeded" => "The user's Drive storage quota has been exceeded.",
            "insufficientFilePermissions" => "The user does not have sufficient permissions for this file.",
            "authError" => "Invalid Credentials",
            "notFound" => "File not found",
            "backendError" => "Backend Error",
            _ => "Bad Request",
        };
        let one = json!({"domain": domain, "reason": reason, "message": message});
        Self::json(status, &json!({"error": {"errors": [one], "code": status, "message": message}}))
    }
}

impl Server {
    pub(crate) fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = State {
            url: url.clone(),
            items: BTreeMap::new(),
            sessions: HashMap::new(),
            sign_in: sign_in::SignIns::default(),
            faults: Vec::new(),
            asked: Vec::new(),
            ranges: Vec::new(),
            unit: 256 << 10,
            quota: None,
            tells_sha256: true,
            swings: false,
            page: 1000,
            revoked_after: None,
            gone: 404,
            numbers: 0,
            last_time: 0,
        };
        let state = Arc::new(Mutex::new(state));
        runtime.spawn(serve(listener, Arc::clone(&state)));
        Self { url, state, _runtime: runtime }
    }

    /// What the server knows, to be looked at and changed.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Lets the next requests fail that begin so (`PUT /upload`), so many times.
    pub(crate) fn fail(&self, on: &'static str, times: u32, failure: Failure) {
        self.state().faults.push(Fault { on, times, failure });
    }

    /// How often something was asked since [`Server::forget`].
    pub(crate) fn count(&self, of: &str) -> usize {
        self.state().asked.iter().filter(|asked| asked.starts_with(of)).count()
    }

    /// Forgets what was asked.
    pub(crate) fn forget(&self) {
        let mut state = self.state();
        state.asked.clear();
        state.ranges.clear();
    }

    /// Forgets all uploads that are under way.
    pub(crate) fn lose_sessions(&self) {
        self.state().sessions.clear();
    }

    /// The paths of all files, folders left out.
    pub(crate) fn paths(&self) -> Vec<String> {
        let state = self.state();
        let files = state.items.values().filter(|item| item.kind != files::FOLDER);
        let mut paths: Vec<String> = files.map(|item| state.path(item)).collect();
        paths.sort();
        paths
    }
}

impl State {
    pub(crate) fn path(&self, item: &Item) -> String {
        match self.items.get(&item.parent) {
            Some(parent) => format!("{}/{}", self.path(parent), item.name),
            None => item.name.clone(),
        }
    }

    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// The time, which never is the same twice.
    fn now(&mut self) -> String {
        self.last_time = jiff::Timestamp::now().as_millisecond().max(self.last_time + 1);
        format!("{:.3}", jiff::Timestamp::from_millisecond(self.last_time).unwrap())
    }

    fn used(&self) -> u64 {
        self.items.values().map(|item| item.content.len() as u64).sum()
    }

    /// Another file or folder of the same name is no reason not to make one.
    pub(crate) fn add(&mut self, metadata: &Value, content: Vec<u8>) -> Item {
        let text = |name: &str| metadata[name].as_str().map(str::to_owned);
        let parent = metadata["parents"][0].as_str().filter(|id| *id != "root").unwrap_or(ROOT).to_owned();
        let now = self.now();
        let id = format!("1{:032x}", u128::from(self.number()).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c));
        let notes = metadata["appProperties"].as_object().map(|notes| {
            notes.iter().map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned())).collect()
        });
        let item = Item {
            id: id.clone(),
            name: text("name").unwrap_or_else(|| "Untitled".to_owned()),
            kind: text("mimeType").unwrap_or_else(|| "application/octet-stream".to_owned()),
            parent,
            created: now.clone(),
            modified: now,
            content,
            notes: notes.unwrap_or_default(),
        };
        self.items.insert(id, item.clone());
        item
    }

    fn fault(&mut self, asked: &Asked) -> Option<Failure> {
        let line = format!("{} {}", asked.method, asked.path);
        let fault = self.faults.iter_mut().find(|fault| fault.times > 0 && line.starts_with(fault.on))?;
        fault.times -= 1;
        Some(fault.failure.clone())
    }

    /// The answer to a request; none where the connection ends instead.
    fn answer(&mut self, asked: &mut Asked) -> Option<Answer> {
        self.asked.push(format!("{} {}", asked.method, asked.path));
        let fault = self.fault(asked);
        let mut keep = usize::MAX;
        match &fault {
            Some(Failure::Cut) => return None,
            Some(Failure::Refused(status, reason, wait)) => {
                let answer = Answer::refused(*status, reason);
                return Some(match wait {
                    Some(seconds) => answer.header("retry-after", seconds.to_string()),
                    None => answer,
                });
            }
            Some(Failure::Kept(bytes)) => keep = *bytes,
            Some(Failure::Garbled) => {
                let mut body = asked.body.to_vec();
                let middle = body.len() / 2;
                body[middle] ^= 1;
                asked.body = body.into();
            }
            Some(Failure::AnswerLost | Failure::Answered(_)) | None => {}
        }
        let answer = match (asked.method.as_str(), asked.path.as_str()) {
            ("POST", "/token") => self.token(asked),
            ("POST", "/device/code") => self.device_code(asked),
            ("GET", "/device") => sign_in::page(""),
            ("POST", "/device") => self.code_entered(asked),
            ("POST", "/permissions/remove") => {
                self.sign_in.revoke();
                sign_in::page("Backstay has no access any more.")
            }
            // Who knows the address of a session needs no token.
            ("PUT" | "DELETE", "/upload/drive/v3/files") => self.session(asked, keep),
            _ if !self.is_signed_in(asked) => {
                Answer::refused(401, "authError").header("www-authenticate", "Bearer realm=\"Google\"")
            }
            (_, path) => match path.strip_prefix("/upload/drive/v3/files") {
                Some(rest) => {
                    let answer = self.upload(asked, rest.trim_start_matches('/'));
                    self.revoked_after = self.revoked_after.and_then(|left| left.checked_sub(1));
                    if self.revoked_after == Some(0) {
                        self.sign_in.revoke();
                    }
                    answer
                }
                None => self.drive(asked),
            },
        };
        match fault {
            Some(Failure::AnswerLost) => None,
            Some(Failure::Answered(way)) => Some(Answer { way, ..answer }),
            _ => Some(answer),
        }
    }

    fn is_signed_in(&self, asked: &Asked) -> bool {
        let header = asked.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header.and_then(|text| text.strip_prefix("Bearer "));
        token.and_then(|token| self.sign_in.access.get(token)).is_some_and(|until| *until > Instant::now())
    }
}

async fn serve(listener: tokio::net::TcpListener, state: Arc<Mutex<State>>) {
    while let Ok((socket, _)) = listener.accept().await {
        let state = Arc::clone(&state);
        let answer = service_fn(move |request: Request<Incoming>| {
            let state = Arc::clone(&state);
            async move {
                let (head, body) = request.into_parts();
                let cut = || std::io::Error::from(std::io::ErrorKind::ConnectionReset);
                let query = pairs(head.uri.query().unwrap_or_default());
                let path = head.uri.path().to_owned();
                let (body, is_whole) = received(body).await;
                let mut asked = Asked { method: head.method, path, query, headers: head.headers, body };
                if !is_whole {
                    state.lock().unwrap().keep_part(&asked);
                    return Err(cut());
                }
                let answer = state.lock().unwrap().answer(&mut asked).ok_or_else(cut)?;
                if answer.way == Way::Silent {
                    std::future::pending::<()>().await;
                }
                let mut response = Response::builder().status(answer.status);
                for (name, value) in answer.headers {
                    response = response.header(name, value);
                }
                Ok::<_, std::io::Error>(response.body(body::Content::new(answer.body, answer.way)).unwrap())
            }
        });
        tokio::spawn(
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), answer),
        );
    }
}

/// What came of a body, and whether that is all of it.
async fn received(mut body: Incoming) -> (Bytes, bool) {
    let mut all = Vec::new();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => all.extend_from_slice(&frame.into_data().unwrap_or_default()),
            Err(_) => return (all.into(), false),
        }
    }
    (all.into(), true)
}

/// The fields of a query, or of a form.
fn pairs(text: &str) -> HashMap<String, String> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        })
        .collect()
}

fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        bytes.push(match first {
            b'+' => b' ',
            b'%' => {
                let digits = std::str::from_utf8(&tail[..2]).unwrap();
                rest = &tail[2..];
                u8::from_str_radix(digits, 16).unwrap()
            }
            other => *other,
        });
    }
    String::from_utf8(bytes).unwrap()
}
