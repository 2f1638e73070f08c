//! The two requests on the bucket itself, which opendal does not know: is it there, and make it.

use std::time::Duration;

use backstay_core::{ErrorKind, StorageError};
use http::{HeaderMap, Method, Request, StatusCode};
use reqsign_aws_v4::{Credential, RequestSigner, StaticCredentialProvider};
use reqsign_core::{Context, Signer};

use super::client::LONGEST_ANSWER;
use super::refusal::{Refusal, of_code};
use super::settings::Credentials;
use crate::http::fault::{find, is_bad_certificate};
use crate::reach::Refused;

/// The SHA-256 of a body that is not signed.
pub(super) const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// Talks to the service about one bucket.
pub struct Bucket {
    /// The client for small requests.
    pub client: reqwest::Client,
    /// The bucket's own URL, in the style in use.
    pub url: String,
    /// The region that requests are signed for.
    pub region: String,
    /// Who signs them; nobody for anonymous access.
    pub signer: Option<Signer<Credential>>,
}

/// A request that came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    #[error("the request cannot be made: {0}")]
    /// It cannot be made.
    Request(String),
    #[error("{}", .0)]
    /// It did not arrive, or its answer did not.
    Send(String),
    #[error("{}", .0)]
    /// One side does not take the other's certificate.
    Certificate(String),
    #[error("{}", .0)]
    /// The address must not be reached.
    Forbidden(Refused),
    #[error("{}", .0)]
    /// The service says no.
    Refused(Refusal),
}

impl Failed {
    /// The same as an error of storages.
    pub fn into_error(self, action: &'static str, what: &dyn std::fmt::Display) -> StorageError {
        match self {
            Self::Forbidden(refused) => StorageError::new(ErrorKind::Config, action, what, refused),
            error => StorageError::new(error.kind(), action, what, error),
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Request(_) | Self::Certificate(_) | Self::Forbidden(_) => ErrorKind::Config,
            Self::Send(_) => ErrorKind::Transient,
            Self::Refused(refusal) => of_code(refusal.code()).unwrap_or(ErrorKind::Other),
        }
    }
}

/// Who signs requests with these credentials.
pub fn signer(credentials: &Credentials, region: &str) -> Signer<Credential> {
    let mut provider =
        StaticCredentialProvider::new(&credentials.access_key_id, credentials.secret_access_key.expose());
    if let Some(token) = &credentials.session_token {
        provider = provider.with_session_token(token.expose());
    }
    Signer::new(Context::new(), provider, RequestSigner::new("s3", region))
}

impl Bucket {
    /// Makes the bucket unless it is there. Where one may not look, it is taken to be there.
    pub async fn ensure(&self) -> Result<(), Failed> {
        let (status, _) = self.send(Method::HEAD, String::new()).await?;
        if status != StatusCode::NOT_FOUND {
            return Ok(());
        }
        let body = match self.region.as_str() {
            "us-east-1" | "auto" => String::new(),
            region => format!(
                "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
                 <LocationConstraint>{region}</LocationConstraint></CreateBucketConfiguration>"
            ),
        };
        let (status, answer) = self.send(Method::PUT, body).await?;
        let refusal = Refusal::in_xml(&answer, status.as_u16());
        if status.is_success() || refusal.code() == "BucketAlreadyOwnedByYou" {
            return Ok(());
        }
        Err(Failed::Refused(refusal))
    }

    async fn send(&self, method: Method, body: String) -> Result<(StatusCode, String), Failed> {
        let signed = self.sign(method, &self.url, HeaderMap::new(), UNSIGNED).await?;
        let mut answer = signed.on(&self.client).body(body).send().await.map_err(failed)?;
        let (status, mut body) = (answer.status(), Vec::new());
        while let Some(piece) = answer.chunk().await.map_err(failed)? {
            body.extend_from_slice(&piece);
            if body.len() > LONGEST_ANSWER {
                break;
            }
        }
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }

    /// A request with its signature, which holds for content of this SHA-256 in hexadecimal digits.
    pub async fn sign(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
        sha256: &str,
    ) -> Result<Signed, Failed> {
        let request = |error: &dyn std::fmt::Display| Failed::Request(error.to_string());
        let (mut parts, ()) = Request::builder()
            .method(method)
            .uri(url)
            .header("x-amz-content-sha256", sha256)
            .body(())
            .map_err(|error| request(&error))?
            .into_parts();
        parts.headers.extend(headers);
        if let Some(signer) = &self.signer {
            signer.sign(&mut parts, None).await.map_err(|error| request(&error))?;
        }
        Ok(Signed(parts))
    }
}

/// A request as it goes out.
pub struct Signed(http::request::Parts);

impl Signed {
    /// The request as this client sends it.
    pub fn on(self, client: &reqwest::Client) -> reqwest::RequestBuilder {
        client.request(self.0.method, self.0.uri.to_string()).headers(self.0.headers)
    }
}

/// How long the question for the region may take; without an answer the usual one is tried.
const REGION_PATIENCE: Duration = Duration::from_secs(10);

/// The region that Amazon says a bucket is in, if it does.
pub async fn region_of(client: &reqwest::Client, url: &str) -> Option<String> {
    let answer = tokio::time::timeout(REGION_PATIENCE, client.head(url).send()).await.ok()?.ok()?;
    answer.headers().get("x-amz-bucket-region")?.to_str().ok().map(str::to_owned)
}

fn failed(error: reqwest::Error) -> Failed {
    if let Some(refused) = find::<Refused>(&error) {
        return Failed::Forbidden(refused.clone());
    }
    let certificate = is_bad_certificate(&error);
    let text = explain(error);
    if certificate { Failed::Certificate(text) } else { Failed::Send(text) }
}

/// The error and its causes, without the URL.
fn explain(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
