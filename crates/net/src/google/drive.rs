//! Requests on Google Drive.

use crate::circle::Circle;
use std::sync::Arc;
use std::time::Duration;

use backstay_core::{ErrorKind, StorageError};
use bytes::Bytes;
use http::{Method, StatusCode};
use reqwest::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::call::Answer;
use super::files::{FIELDS, Page};
use super::{Account, Call, Endpoints, FOLDER, File, SignedOut};
use crate::http::runtime::{Background, SLOWEST_BYTES_PER_SECOND};
use crate::http::transport::{self, Use};
use crate::{Http, failure};

/// A request may take this long, and as much longer as its content needs at the slowest rate.
const PATIENCE: Duration = Duration::from_secs(120);
/// Files that a page of a listing may have.
const PAGE: &str = "1000";

/// Google Drive, as one application sees it for one account.
pub struct Drive {
    account: Arc<Account>,
    pub(super) endpoints: Endpoints,
    asking: reqwest::Client,
    sending: reqwest::Client,
    pub(super) runtime: Background,
    pub(super) patience: Duration,
    reach: crate::Reach,
}

impl std::fmt::Debug for Drive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Drive").field("account", &self.account).finish_non_exhaustive()
    }
}

/// Whose it is, and how much room there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// The account's address.
    pub account: String,
    /// Bytes that it may have, of all its Google services; without an end if none.
    pub limit: Option<u64>,
    /// Bytes that it has.
    pub used: u64,
}

/// One request.
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) url: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Bytes,
}

impl Ask {
    pub(super) fn new(method: Method, url: &str, query: &[(&str, &str)]) -> Self {
        let mut text = url::form_urlencoded::Serializer::new(String::new());
        query.iter().for_each(|(name, value)| _ = text.append_pair(name, value));
        let query = text.finish();
        let url = if query.is_empty() { url.to_owned() } else { format!("{url}?{query}") };
        Self { method, url, headers: Vec::new(), body: Bytes::new() }
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn json(mut self, body: &Value) -> Self {
        self.body = body.to_string().into();
        self.header("content-type", "application/json; charset=UTF-8")
    }

    pub(super) fn body(self, body: Bytes) -> Self {
        Self { body, ..self }
    }
}

/// Who is told of files may stop the listing by a failure.
pub type Each<'a> = &'a mut dyn FnMut(File) -> Result<(), StorageError>;

impl Drive {
    /// The Drive of an account. Nothing is asked of it yet.
    ///
    /// # Errors
    /// When there is no HTTP client with these settings.
    pub fn new(account: Arc<Account>, http: &Http) -> Result<Self, StorageError> {
        let endpoints = account.endpoints().clone();
        let config = |cause: Box<dyn std::error::Error + Send + Sync>| {
            StorageError::new(ErrorKind::Config, "open", &endpoints.drive, cause)
        };
        for url in endpoints.all() {
            transport::check_host(url, http.reach).map_err(|error| config(error.into()))?;
        }
        let tls = endpoints.all().iter().any(|url| url.starts_with("https:"));
        let client = |used_for| transport::client(tls, http, used_for).map_err(|error| config(error.into()));
        let (asking, sending) = (client(Use::Asking)?, client(Use::Sending)?);
        let runtime = Background::new("backstay-google")
            .map_err(|error| failure::from_io("open", &endpoints.drive, error))?;
        Ok(Self {
            account,
            endpoints,
            asking,
            sending,
            runtime,
            patience: http.patience.unwrap_or(PATIENCE),
            reach: http.reach,
        })
    }

    /// Whose it is, and how much room there is.
    ///
    /// # Errors
    /// As the service fails.
    pub fn about(&self, call: Call<'_>) -> Result<About, StorageError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Told {
            user: User,
            storage_quota: Quota,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct User {
            #[serde(default)]
            email_address: String,
        }
        #[derive(Deserialize)]
        struct Quota {
            limit: Option<String>,
            usage: Option<String>,
        }
        let url = format!("{}/about", self.endpoints.drive);
        let ask = Ask::new(Method::GET, &url, &[("fields", "user(emailAddress),storageQuota(limit,usage)")]);
        let told: Told = self.answer(call, &ask)?.read(call, "whose it is")?;
        let number = |text: Option<String>| text.and_then(|text| text.parse().ok());
        Ok(About {
            account: told.user.email_address,
            limit: number(told.storage_quota.limit),
            used: number(told.storage_quota.usage).unwrap_or(0),
        })
    }

    /// Calls `each` with the files that a question finds, those that were made first at first. What lies in the trash is none of them.
    ///
    /// # Errors
    /// When the listing cannot be finished.
    pub fn find(&self, call: Call<'_>, question: &str, each: Each<'_>) -> Result<(), StorageError> {
        let url = format!("{}/files", self.endpoints.drive);
        let question = format!("{question} and trashed = false");
        let fields = format!("nextPageToken,incompleteSearch,files({FIELDS})");
        let (mut token, mut circle) = (None::<String>, Circle::default());
        loop {
            let mut query = vec![
                ("q", question.as_str()),
                ("fields", fields.as_str()),
                ("orderBy", "createdTime"),
                ("pageSize", PAGE),
                ("spaces", "drive"),
            ];
            if let Some(token) = &token {
                query.push(("pageToken", token));
            }
            let ask = Ask::new(Method::GET, &url, &query);
            let page: Page = self.answer(call, &ask)?.read(call, "a list of files")?;
            if page.incomplete_search {
                return Err(call.failed(ErrorKind::Transient, super::Strange("its listing is not complete")));
            }
            page.files.into_iter().try_for_each(&mut *each)?;
            match page.next_page_token {
                Some(next) if circle.closes(&next) => {
                    return Err(call.failed(
                        ErrorKind::Other,
                        super::Strange("its listing, which goes round in a circle"),
                    ));
                }
                Some(next) => token = Some(next),
                None => return Ok(()),
            }
        }
    }

    /// One file by its id.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is none.
    pub fn get(&self, call: Call<'_>, id: &str) -> Result<File, StorageError> {
        let ask = Ask::new(Method::GET, &self.file(id), &[("fields", FIELDS)]);
        self.answer(call, &ask)?.read(call, "a file")
    }

    /// Makes a folder in another one (`root` is the uppermost), with what is noted at it.
    ///
    /// # Errors
    /// As the service fails.
    pub fn make_folder(
        &self,
        call: Call<'_>,
        parent: &str,
        name: &str,
        note: Option<(&str, &str)>,
    ) -> Result<File, StorageError> {
        let mut body = json!({"name": name, "mimeType": FOLDER, "parents": [parent]});
        if let (Some((key, value)), Some(body)) = (note, body.as_object_mut()) {
            body.insert("appProperties".to_owned(), json!({key: value}));
        }
        let url = format!("{}/files", self.endpoints.drive);
        let ask = Ask::new(Method::POST, &url, &[("fields", FIELDS)]).json(&body);
        self.answer(call, &ask)?.read(call, "a folder")
    }

    /// Changes what is known of a file, and moves it from one folder to another.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is none.
    pub fn change(
        &self,
        call: Call<'_>,
        id: &str,
        body: &Value,
        (from, to): (&str, &str),
    ) -> Result<File, StorageError> {
        let mut query = vec![("fields", FIELDS)];
        if from != to {
            query.extend([("removeParents", from), ("addParents", to)]);
        }
        let ask = Ask::new(Method::PATCH, &self.file(id), &query).json(body);
        self.answer(call, &ask)?.read(call, "a file")
    }

    /// Removes a file, or a folder with all in it, for good.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is none.
    pub fn remove(&self, call: Call<'_>, id: &str) -> Result<(), StorageError> {
        let ask = Ask::new(Method::DELETE, &self.file(id), &[]);
        self.answer(call, &ask)?.checked(call)
    }

    pub(super) fn file(&self, id: &str) -> String {
        format!("{}/files/{}", self.endpoints.drive, crate::text::encoded(id).replace('/', "%2F"))
    }

    /// The whole answer to a request, whatever it says.
    pub(super) fn answer(&self, call: Call<'_>, ask: &Ask) -> Result<Answer, StorageError> {
        let response = self.response(call, ask)?;
        call.whole(&self.runtime, self.patience, response)
    }

    /// The answer to a request before its body is read. An access token that Google does not take is replaced once.
    pub(super) fn response(&self, call: Call<'_>, ask: &Ask) -> Result<Response, StorageError> {
        let length = ask.body.len() as u64;
        let client = if length > 0 { &self.sending } else { &self.asking };
        let patience = self.patience + Duration::from_secs(length / SLOWEST_BYTES_PER_SECOND);
        let mut refused = None;
        loop {
            let mut request = client.request(ask.method.clone(), &ask.url);
            if ask.method != Method::GET {
                // A question after an upload has an empty body, and has to say so.
                request = request.header("content-length", length);
            }
            for (name, value) in &ask.headers {
                request = request.header(*name, value);
            }
            let token = if self.is_ours(&ask.url) {
                let way = (&self.asking, &self.runtime, self.patience);
                Some(self.account.token(call, way, refused.as_ref())?)
            } else {
                transport::check_host(&ask.url, self.reach)
                    .map_err(|error| call.failed(ErrorKind::Config, error))?;
                None
            };
            if let Some(token) = &token {
                request = request.bearer_auth(token.expose());
            }
            let response = call.response(&self.runtime, patience, request.body(ask.body.clone()))?;
            if response.status() != StatusCode::UNAUTHORIZED {
                return Ok(response);
            }
            match token {
                Some(token) if refused.is_none() => refused = Some(token),
                _ => {
                    let why = "a new access token is refused".to_owned();
                    return Err(call.failed(ErrorKind::Denied, SignedOut { why }));
                }
            }
        }
    }

    /// Whether access tokens may be sent there.
    fn is_ours(&self, url: &str) -> bool {
        let origin = |text: &str| url::Url::parse(text).ok().map(|url| url.origin());
        let there = origin(url);
        there.is_some()
            && [&self.endpoints.drive, &self.endpoints.upload].map(|url| origin(url)).contains(&there)
    }
}
