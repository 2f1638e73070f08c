//! The way from an agent to its server.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use backstay_model::link::{SyncRequest, SyncResponse};
use backstay_model::{NodeId, TransferId};
use reqwest::{Client, StatusCode};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::mpsc::Receiver;

use super::client::{self, Answered, Place};
use super::kept::{Kept, KeptError};
use crate::content::Content;
use crate::uplink::{Answer, Chunk, Sent, Uplink, UplinkError};

/// How long an answer may take beyond what the server was told it may think.
const MARGIN: Duration = Duration::from_secs(30);
/// The longest answer: many plans, and what they need.
const LIMIT: usize = 64 << 20;
/// For how long content may be handed over: as long as somebody takes it, and no longer than days.
const LONGEST_UPLOAD: Duration = Duration::from_secs(3 * 24 * 3600);

/// An uplink over HTTPS, with the agent's certificate.
#[derive(Debug, Clone)]
pub struct Https {
    client: Client,
    place: Place,
    url: String,
}

impl Https {
    /// With what joining has left in a data folder.
    ///
    /// # Errors
    /// When the host has not joined, or what it keeps is damaged.
    pub fn open(data_dir: &Path) -> Result<Self, KeptError> {
        let kept = Kept::read(data_dir)?;
        let damaged = |why: &dyn std::fmt::Display| KeptError::damaged(data_dir, why);
        let place = Place::parse(&kept.server).map_err(|why| damaged(&why))?;
        let tls = configure(&kept).map_err(|why| damaged(&why))?;
        let client = client::build(&place, tls).map_err(|error| damaged(&client::cause(error)))?;
        let url = place.url("/agent/v1/sync");
        Ok(Self { client, place, url })
    }

    /// Where the server is.
    #[must_use]
    pub fn server(&self) -> String {
        self.place.to_string()
    }

    async fn exchange(&self, request: &SyncRequest) -> Result<SyncResponse, UplinkError> {
        let unreachable = |why: String| UplinkError::Unreachable(format!("{}: {why}", self.place));
        let timeout = Duration::from_millis(request.patience_ms).saturating_add(MARGIN);
        let sent = self.client.post(&self.url).timeout(timeout).json(request).send().await;
        let response = sent.map_err(|error| unreachable(client::cause(error)))?;
        match client::read(response, LIMIT).await {
            Ok(response) => Ok(response),
            Err(Answered::No { status: StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, detail, hint }) => {
                Err(UplinkError::Refused(match hint {
                    Some(hint) => format!("{detail}; {hint}"),
                    None => detail,
                }))
            }
            Err(Answered::No { detail, .. }) => Err(unreachable(detail)),
            Err(Answered::Broken(why)) => Err(unreachable(why)),
        }
    }
}

impl Uplink for Https {
    fn sync(&self, request: SyncRequest) -> Answer<'_> {
        Box::pin(async move { self.exchange(&request).await })
    }

    fn send(&self, _: NodeId, transfer: TransferId, content: Receiver<Chunk>) -> Sent<'_> {
        Box::pin(async move {
            let url = self.place.url(&format!("/agent/v1/transfers/{transfer}"));
            let unreachable = |why: String| UplinkError::Unreachable(format!("{}: {why}", self.place));
            let body = reqwest::Body::wrap(Content::new(content));
            let sent = self.client.post(&url).timeout(LONGEST_UPLOAD).body(body).send().await;
            let response = sent.map_err(|error| unreachable(client::cause(error)))?;
            if response.status().is_success() {
                return Ok(());
            }
            Err(unreachable(format!("it answered {}", response.status())))
        })
    }
}

/// Trusts the authority alone, and shows the agent's certificate. Its errors quote no key.
fn configure(kept: &Kept) -> Result<ClientConfig, String> {
    let bad = |what: &'static str| move |_: rustls::pki_types::pem::Error| format!("it holds no {what}");
    let authority = CertificateDer::from_pem_slice(kept.authority.as_bytes()).map_err(bad("authority"))?;
    let certificate =
        CertificateDer::from_pem_slice(kept.certificate.as_bytes()).map_err(bad("certificate"))?;
    let key = PrivateKeyDer::from_pem_slice(kept.key.as_bytes()).map_err(bad("key"))?;
    let mut roots = RootCertStore::empty();
    let added = roots.add(authority);
    let config = added.and_then(|()| {
        ClientConfig::builder_with_provider(client::provider())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(Arc::new(roots))
            .with_client_auth_cert(vec![certificate], key)
    });
    config.map_err(|error| format!("its certificates and key do not go together: {error}"))
}
