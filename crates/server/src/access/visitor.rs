//! Somebody who is not known yet: at the doors of sign-in, set-up and password reset.
//!
//! A handler that takes a [`Visitor`] is not run for what a page of another site made a browser send: nobody else's page signs
//! anybody in here, not even under an account of its own.

use std::net::{IpAddr, Ipv4Addr};

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;

use super::extract::{check_origin, peer};
use crate::problem::Problem;
use crate::state::AppState;

/// Somebody who is not known yet.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    /// The address the request comes from.
    pub(crate) address: IpAddr,
    /// What the browser says of itself.
    pub(crate) headers: HeaderMap,
}

impl FromRequestParts<AppState> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        check_origin(state, &parts.headers)?;
        let address = peer(parts).map(|peer| peer.address.ip().to_canonical());
        let address = address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        Ok(Self { address, headers: parts.headers.clone() })
    }
}
