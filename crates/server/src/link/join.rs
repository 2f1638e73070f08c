//! How agents join: with a token that works once and says which server it is for.
//!
//! A token is `bsj_`, then base64url of the SHA-256 of the authority's certificate (32 bytes) and a random key (32 bytes). The
//! agent checks the server's authority against the first half before it sends anything; the server keeps the hash of the
//! whole. The agent makes its own keys, and gets a certificate for the one it will show from then on.

use std::time::Duration;

use axum::Json;
use axum::extract::{ConnectInfo, State};
use backstay_catalog::{OneTimeKind, OneTimeToken};
use backstay_model::link::{JOIN_PREFIX, JoinRequest, Joined};
use backstay_model::{HostState, Node, NodeId, ProjectId};
use backstay_vault::NodePublicKey;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::access::extract::Json as Body;
use crate::audit::Deed;
use crate::problem::Problem;
use crate::state::AppState;
use crate::state::later;
use crate::text;
use crate::tls::listener::Peer;

/// What a token is about.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct JoinGrant {
    /// The project that the agent joins.
    pub(crate) project: ProjectId,
    /// Its name; the agent's host name when left out.
    pub(crate) name: Option<String>,
    /// Who made the token.
    pub(crate) by: String,
    /// The node whose place it takes, when it joins anew.
    #[serde(default)]
    pub(crate) rejoin: Option<NodeId>,
}

/// Makes a token; it works once, and not for longer than this.
pub(crate) async fn new_token(
    state: &AppState,
    grant: &JoinGrant,
    lasts: Duration,
) -> Result<(String, OneTimeToken), Problem> {
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(&state.authority.fingerprint());
    state.random.fill(&mut bytes[32..]);
    let token = format!("{JOIN_PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes));
    let now = state.now();
    let kept = OneTimeToken {
        hash: text::hash_of(&token),
        kind: OneTimeKind::AgentJoin,
        about: serde_json::to_value(grant).map_err(Problem::internal)?,
        created: now,
        expires: later(now, lasts),
    };
    state.store.create_one_time(&kept).await?;
    Ok((token, kept))
}

/// The fingerprint of the authority that a join token is for; `None` when it is no such token.
#[must_use]
pub fn fingerprint_in(token: &str) -> Option<[u8; 32]> {
    let bytes = URL_SAFE_NO_PAD.decode(token.trim().strip_prefix(JOIN_PREFIX)?).ok()?;
    let (fingerprint, key) = bytes.split_first_chunk::<32>()?;
    (key.len() == 32).then_some(*fingerprint)
}

/// `POST /agent/v1/join`
pub(crate) async fn join(
    State(state): State<AppState>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Body(request): Body<JoinRequest>,
) -> Result<Json<Joined>, Problem> {
    let address = peer.address.ip().to_canonical();
    let now = state.now();
    let hash = text::hash_of(request.token.trim());
    state.throttle.attempt(&state.store, "join", &hash, address, now).await?;
    if !peer.agent {
        return Err(Problem::bad_request("agents join over the server's own certificate").hint(
            "use `backstay agent join`; a proxy in front has to pass the connection through as it is",
        ));
    }
    let name = request.name.trim();
    if name.is_empty() || name.len() > 200 || name.chars().any(char::is_control) {
        return Err(Problem::invalid("name", "a name has 1 to 200 characters"));
    }
    if request.public_key.parse::<NodePublicKey>().is_err() {
        return Err(Problem::invalid("public_key", "that is no key of a node"));
    }
    // The certificate comes first: a request that cannot be signed must not use the token up.
    let issued = state.authority.issue_for_node(request.node, &request.certificate_request, now);
    let issued = issued.map_err(|error| Problem::invalid("certificate_request", error.to_string()))?;

    let refused = || {
        Problem::forbidden("the token does not work: it was used, has run out, or is none of this server")
            .hint("ask for a new one under Nodes, or with `backstay nodes token`")
    };
    let token = state.store.use_one_time(OneTimeKind::AgentJoin, &hash, now).await?.ok_or_else(refused)?;
    // Whole fleets join from one address.
    state.throttle.used_up(&state.store, "join", &hash, address).await?;
    let grant: JoinGrant = serde_json::from_value(token.about).map_err(Problem::internal)?;
    let known = state.store.node(request.node).await?;
    let node = match (known, grant.rejoin) {
        (Some(known), Some(rejoin))
            if known.id == rejoin && known.project == grant.project && !known.local =>
        {
            let node = Node { public_key: request.public_key, revoked: false, trouble: None, ..known };
            state.store.update_node(&node).await?;
            state.store.set_node_certificate(node.id, Some(&issued.fingerprint)).await?;
            state.store.clear_node_trouble(node.id).await?;
            state.store.renew_configuration(node.id, 0).await?;
            node
        }
        (None, Some(_)) => {
            return Err(Problem::conflict("the token lets a node join anew, and this is another one").hint(
                "use it in the data folder that the node joined with; without that folder, ask for a token without `rejoin`, \
                 and remove the old node",
            ));
        }
        (Some(_), _) => {
            return Err(Problem::conflict("a node with this identity has joined before").hint(
                "make a token for that very node to let it join anew, or remove the agent's data folder",
            ));
        }
        (None, None) => {
            let wanted = grant.name.unwrap_or_else(|| name.to_owned());
            let node = Node {
                id: request.node,
                project: grant.project,
                name: free_name(&state, grant.project, &wanted).await?,
                local: false,
                public_key: request.public_key,
                last_seen: None,
                host: HostState::default(),
                revoked: false,
                trouble: None,
                created: now,
            };
            state.store.create_node(&node, Some(&issued.fingerprint)).await?;
            node
        }
    };
    Deed::new("node.join", format!("node {} {}", node.id, node.name))
        .project(node.project)
        .after(&node)
        .of(&state, format!("token of {}", grant.by), Some(address.to_string()))
        .await?;
    Ok(Json(Joined { certificate: issued.pem, authority: state.authority.pem().to_owned(), name: node.name }))
}

/// The name itself, or with a number where it is taken.
pub(crate) async fn free_name(state: &AppState, project: ProjectId, wanted: &str) -> Result<String, Problem> {
    let taken: Vec<_> = state.store.nodes(Some(project)).await?.into_iter().map(|node| node.name).collect();
    let free = |name: &String| !taken.contains(name);
    let numbered = (2..=taken.len() + 2).map(|number| format!("{wanted}-{number}"));
    let name = std::iter::once(wanted.to_owned()).chain(numbered).find(free);
    Ok(name.unwrap_or_else(|| wanted.to_owned()))
}
