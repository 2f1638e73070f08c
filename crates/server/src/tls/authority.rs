//! The server's own certificate authority, for the connections of agents and nothing else.
//!
//! It is made at first start and kept in the catalog, its key sealed (see [`super::kept`]). Its names are constrained to `backstay.internal`, which no public name can be: an agent that trusts it cannot be fooled by it
//! about any other server, even when its key is stolen. So it cannot sign the certificate that browsers see, which bears
//! public names and addresses; that one is self-signed and trusted by nothing here (see [`super::browser`]). Which of the two
//! a connection gets is decided by the name it asks for.
//!
//! ```text
//!  authority ──signs──▶ agents.backstay.internal           the server, towards agents; a new key at each start
//!            └─signs──▶ NODE-ID.agents.backstay.internal   one for each agent, with the agent's own key
//! ```
//!
//! A join token carries the authority's [fingerprint](Authority::fingerprint), so an agent knows its server before it trusts
//! anything else. Agents' certificates last ten years and are not taken back by lists: the server looks its node up at each
//! request, and a revoked node gets no answer.

use std::path::Path;
use std::sync::Arc;

use backstay_model::link::AGENTS;
use backstay_model::{NodeId, Time};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints,
    SanType,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::TlsError;

const CONSTRAINT: &str = "backstay.internal";
const DAY: i64 = 86_400;

/// Signs the certificates of agents and of the server towards them.
pub struct Authority {
    certificate: CertificateDer<'static>,
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate that was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The certificate.
    pub pem: String,
    /// By what it is known.
    pub fingerprint: String,
}

impl Authority {
    /// Makes an authority.
    ///
    /// # Errors
    /// When no certificate can be made.
    pub fn make(now: Time) -> Result<Self, TlsError> {
        let key = KeyPair::generate()?;
        let pem = parameters(now)?.self_signed(&key)?.pem();
        Self::of(pem, &key.serialize_pem(), Path::new("authority"))
    }

    /// The authority of a certificate and its key, both as PEM. `place` says in errors where they are from.
    pub(super) fn of(pem: String, key: &str, place: &Path) -> Result<Self, TlsError> {
        let damaged =
            |why: &dyn std::fmt::Display| TlsError::Damaged { path: place.to_owned(), why: why.to_string() };
        let key = KeyPair::from_pem(key).map_err(|error| damaged(&error))?;
        let certificate = rustls::pki_types::pem::PemObject::from_pem_slice(pem.as_bytes());
        let certificate: CertificateDer<'static> =
            certificate.map_err(|error: rustls::pki_types::pem::Error| damaged(&error))?;
        let issuer = Issuer::from_ca_cert_der(&certificate, key).map_err(|error| damaged(&error))?;
        Ok(Self { certificate, pem, issuer })
    }

    /// The key as PEM, to be kept sealed.
    pub(super) fn key_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(self.issuer.key().serialize_pem())
    }

    /// The SHA-256 of the authority's certificate: what a join token carries.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        Sha256::digest(&self.certificate).into()
    }

    /// The authority's certificate as PEM: what an agent trusts from then on.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The certificate of a node, for the key of its certificate request (PKCS #10, as PEM). Nothing else of the request is
    /// taken over.
    ///
    /// # Errors
    /// [`TlsError::Request`] when it is none, or is not signed with the key in it.
    pub fn issue_for_node(&self, node: NodeId, request: &str, now: Time) -> Result<Issued, TlsError> {
        let request = CertificateSigningRequestParams::from_pem(request).map_err(|_| TlsError::Request)?;
        let mut params = leaf(&node.to_string(), now, 3650 * DAY)?;
        let name = format!("{node}.{AGENTS}").as_str().try_into()?;
        params.subject_alt_names = vec![SanType::DnsName(name)];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(&request.public_key, &self.issuer)?;
        Ok(Issued { pem: certificate.pem(), fingerprint: fingerprint_of(certificate.der()) })
    }

    /// How to meet agents: with a certificate for [`AGENTS`] that is made now, asking for theirs. An agent that has none yet
    /// is let in too, to join.
    ///
    /// # Errors
    /// When the certificate cannot be made.
    pub fn server_config(&self, now: Time) -> Result<Arc<ServerConfig>, TlsError> {
        let key = KeyPair::generate()?;
        let mut params = leaf(AGENTS, now, 3650 * DAY)?;
        params.subject_alt_names = vec![SanType::DnsName(AGENTS.try_into()?)];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.signed_by(&key, &self.issuer)?.der().clone();

        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone())?;
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .allow_unauthenticated()
            .build()?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![certificate, self.certificate.clone()], key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Authority({})", crate::text::hex(&self.fingerprint()))
    }
}

/// By what a certificate is known: its SHA-256 in hexadecimal digits.
#[must_use]
pub fn fingerprint_of(certificate: &CertificateDer<'_>) -> String {
    crate::text::hex(&Sha256::digest(certificate))
}

fn parameters(now: Time) -> Result<CertificateParams, TlsError> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Backstay agents");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName(CONSTRAINT.to_owned())],
        excluded_subtrees: Vec::new(),
    });
    (params.not_before, params.not_after) = validity(now, 3650 * 2 * DAY);
    Ok(params)
}

/// What all certificates that sign nothing have in common; `lasts` is in seconds.
pub(super) fn leaf(name: &str, now: Time, lasts: i64) -> Result<CertificateParams, TlsError> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    (params.not_before, params.not_after) = validity(now, lasts);
    Ok(params)
}

/// From the day before, for clocks that are behind.
fn validity(now: Time, lasts: i64) -> (OffsetDateTime, OffsetDateTime) {
    let at = |second| OffsetDateTime::from_unix_timestamp(second).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    (at(now.as_second() - DAY), at(now.as_second().saturating_add(lasts)))
}
