//! Joining: a host becomes an agent of a server, with a token that works once.
//!
//! A token is `bsj_`, then base64url of the SHA-256 of the server's authority (32 bytes) and a random key (32 bytes). The server
//! has to show that authority before it is sent anything. Then the agent makes a key of its own, and has a certificate signed
//! for it. The key never leaves the host.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use backstay_core::{Clock, Random};
use backstay_model::NodeId;
use backstay_model::link::{JOIN_PREFIX, JoinRequest, Joined as Granted};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{CertificateParams, KeyPair};
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::client::{self, Answered, Place};
use super::kept::{self, Kept, KeptError};
use super::pin::{self, Pin};
use crate::identity::{Identity, IdentityError};

const TIMEOUT: Duration = Duration::from_secs(60);
const LIMIT: usize = 1 << 20;

/// What a host is once it has joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// Its id.
    pub node: NodeId,
    /// Its name on the server.
    pub name: String,
    /// Where the server is.
    pub server: String,
}

/// Why a host could not join.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// What was given is no token.
    #[error("that is no token for joining: such a token begins with `{JOIN_PREFIX}` and has 90 characters")]
    Token,
    /// The server's address is none.
    #[error("{url:?} is no address of a server: {why}")]
    Address {
        /// What was given.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The host belongs to another server.
    #[error("this host has joined {0}, and the token is for another server")]
    Elsewhere(String),
    /// Who answers is not the server that the token is for. It was sent nothing.
    #[error("who answers at {0} is not the server that made the token")]
    Stranger(String),
    /// Nobody answers, or not as a server does.
    #[error("{server} cannot be joined: {why}")]
    Unreachable {
        /// Which server.
        server: String,
        /// Why.
        why: String,
    },
    /// The server says no.
    #[error("{server} refuses: {detail}")]
    Refused {
        /// Which server.
        server: String,
        /// Why.
        detail: String,
        /// What to do, as it says.
        hint: Option<String>,
    },
    /// No key could be made.
    #[error("no key can be made: {0}")]
    Key(#[from] rcgen::Error),
    /// The host does not know who it is.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// What has to be kept cannot be.
    #[error(transparent)]
    Kept(#[from] KeptError),
}

impl JoinError {
    /// What to do about it, where something can be done.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Token => Some("copy it whole, as it was shown when it was made"),
            Self::Address { .. } => Some("give it as https://backup.example.org:8420"),
            Self::Elsewhere(_) => {
                Some("choose another data folder, or remove the agent's data folder to leave that server")
            }
            Self::Stranger(_) => Some(
                "see that the address is right and that a proxy in front passes the connection through as it is; \
                 if it is, somebody may be listening in",
            ),
            Self::Unreachable { .. } => {
                Some("see that the server runs with TLS, and that a firewall lets this host through to it")
            }
            Self::Refused { hint, .. } => hint.as_deref(),
            Self::Kept(error) => Some(error.hint()),
            Self::Key(_) | Self::Identity(_) => None,
        }
    }
}

/// Joins a server. What an earlier joining has left stays until the server has said yes.
///
/// # Errors
/// [`JoinError`] says what is in the way; the host is then as it was before.
pub async fn join(
    server_url: &str,
    token: &str,
    data_dir: &Path,
    name: &str,
    clock: &dyn Clock,
    random: &dyn Random,
) -> Result<Joined, JoinError> {
    let token = token.trim();
    let fingerprint = fingerprint_in(token).ok_or(JoinError::Token)?;
    let place =
        Place::parse(server_url).map_err(|why| JoinError::Address { url: server_url.to_owned(), why })?;
    refuse_another(data_dir, fingerprint)?;
    kept::make_folder(data_dir)?;
    let identity = Identity::open_or_make(data_dir, name, clock, random)?;
    let key = KeyPair::generate()?;
    let request = JoinRequest {
        token: token.to_owned(),
        node: identity.id,
        name: name.to_owned(),
        certificate_request: CertificateParams::new(Vec::new())?.serialize_request(&key)?.pem()?,
        public_key: identity.key.public().to_string(),
    };
    let granted = ask(&place, fingerprint, &request).await?;
    let nonsense =
        || JoinError::Unreachable { server: place.to_string(), why: "its answer makes no sense".to_owned() };
    let authority = CertificateDer::from_pem_slice(granted.authority.as_bytes()).map_err(|_| nonsense())?;
    // It is the pinned server that answered; but what is trusted from now on is what the token was for.
    if pin::fingerprint(&authority) != fingerprint {
        return Err(nonsense());
    }
    let kept = Kept {
        server: place.to_string(),
        authority: granted.authority,
        certificate: granted.certificate,
        key: key.serialize_pem(),
    };
    kept.write(data_dir)?;
    identity.keep_name(data_dir, &granted.name)?;
    Ok(Joined { node: identity.id, name: granted.name, server: kept.server })
}

/// A host has one server. One that lost its server's favour asks the same server again.
fn refuse_another(data_dir: &Path, fingerprint: [u8; 32]) -> Result<(), JoinError> {
    let kept = match Kept::read(data_dir) {
        Ok(kept) => kept,
        // A damaged file is what joining anew is to mend.
        Err(KeptError::NotJoined(_) | KeptError::Damaged { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    match CertificateDer::from_pem_slice(kept.authority.as_bytes()) {
        Ok(authority) if pin::fingerprint(&authority) != fingerprint => {
            Err(JoinError::Elsewhere(kept.server))
        }
        _ => Ok(()),
    }
}

async fn ask(place: &Place, fingerprint: [u8; 32], request: &JoinRequest) -> Result<Granted, JoinError> {
    let unreachable = |why: String| JoinError::Unreachable { server: place.to_string(), why };
    let provider = client::provider();
    let pin = Arc::new(Pin::new(fingerprint, Arc::clone(&provider)));
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| unreachable(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&pin) as Arc<_>)
        .with_no_client_auth();
    let client = client::build(place, config).map_err(|error| unreachable(client::cause(error)))?;
    let sent = client.post(place.url("/agent/v1/join")).timeout(TIMEOUT).json(request).send().await;
    let response = sent.map_err(|error| match pin.met_a_stranger() {
        true => JoinError::Stranger(place.to_string()),
        false => unreachable(client::cause(error)),
    })?;
    client::read(response, LIMIT).await.map_err(|answered| match answered {
        Answered::No { detail, hint, .. } => JoinError::Refused { server: place.to_string(), detail, hint },
        Answered::Broken(why) => unreachable(why),
    })
}

/// The fingerprint of the authority that a token is for; `None` when it is no token.
fn fingerprint_in(token: &str) -> Option<[u8; 32]> {
    let bytes = URL_SAFE_NO_PAD.decode(token.strip_prefix(JOIN_PREFIX)?).ok()?;
    let (fingerprint, key) = bytes.split_first_chunk::<32>()?;
    (key.len() == 32).then_some(*fingerprint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_whole_or_none() {
        let bytes: Vec<u8> = (0..64).collect();
        let token = format!("{JOIN_PREFIX}{}", URL_SAFE_NO_PAD.encode(&bytes));
        assert_eq!(token.len(), 90);
        assert_eq!(fingerprint_in(&token).unwrap().as_slice(), &bytes[..32]);
        for wrong in [
            "",
            JOIN_PREFIX,
            &token[1..],
            &token[..80],
            &format!("{token}AAAA"),
            &token.replace("bsj", "bst"),
        ] {
            assert_eq!(fingerprint_in(wrong), None, "{wrong}");
        }
    }
}
