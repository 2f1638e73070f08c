//! The authority of a receiver that was given no certificate.
//!
//! Programs that send files trust it by its file or its fingerprint, which must last: so it is made once, for twenty years, and kept
//! (`authority.pem`, `authority.key`). The certificate that the receiver shows is signed by it at each start, for the names that it has
//! then. The authority signs nothing else.

use std::path::{Path, PathBuf};

use backstay_core::Random;
use backstay_model::Time;
use rcgen::{BasicConstraints, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};

use super::authority::leaf;
use super::browser::{self, BrowserTls};
use super::{TlsError, files};

const DAY: i64 = 86_400;
/// How long the authority lasts.
const AUTHORITY: i64 = 7300 * DAY;
/// How long a certificate lasts: the most that some clients take.
const CERTIFICATE: i64 = 825 * DAY;

/// What a receiver shows, and the file of the authority that vouches for it.
pub(crate) struct OwnTls {
    /// For the listener; its fingerprint is the authority's.
    pub(crate) tls: BrowserTls,
    /// What clients trust.
    pub(crate) authority: PathBuf,
}

/// A certificate for these names, signed by the authority in the folder, which is made if it is not there.
pub(crate) fn signed(
    folder: &Path,
    names: &[String],
    clients: Option<&Path>,
    now: Time,
    random: &dyn Random,
) -> Result<OwnTls, TlsError> {
    let (certificate_path, key_path) = (folder.join("authority.pem"), folder.join("authority.key"));
    if files::read(&certificate_path)?.is_none() {
        // A key whose certificate was never written has signed nothing.
        let key = KeyPair::generate()?;
        let mut params = leaf("Backstay receiver", now, AUTHORITY)?;
        // A name of its own keeps authorities of several receivers apart where all are trusted.
        let number = crate::text::random_hex(random, 4);
        params.distinguished_name.push(DnType::CommonName, format!("Backstay receiver {number}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = params.self_signed(&key)?.pem();
        files::write(&key_path, &key.serialize_pem(), random)?;
        files::write(&certificate_path, &pem, random)?;
    }
    files::check_closed(&key_path)?;
    let damaged = |path: &Path, why: &dyn std::fmt::Display| TlsError::Damaged {
        path: path.to_owned(),
        why: why.to_string(),
    };
    let missing = |path: &Path| damaged(path, &"it is missing");
    let pem = files::read(&certificate_path)?.ok_or_else(|| missing(&certificate_path))?;
    let key = files::read(&key_path)?.ok_or_else(|| missing(&key_path))?;
    let key = KeyPair::from_pem(&key).map_err(|error| damaged(&key_path, &error))?;
    let authority = CertificateDer::from_pem_slice(pem.as_bytes());
    let authority = authority.map_err(|error| damaged(&certificate_path, &error))?;
    let issuer =
        Issuer::from_ca_cert_der(&authority, key).map_err(|error| damaged(&certificate_path, &error))?;

    let key = KeyPair::generate()?;
    let mut params = leaf(names.first().map_or("backstay", String::as_str), now, CERTIFICATE)?;
    params.subject_alt_names = browser::alternative_names(names)?;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.signed_by(&key, &issuer)?.der().clone();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let fingerprint = Sha256::digest(&authority).into();
    let tls = browser::build(vec![certificate, authority], key, clients)?;
    Ok(OwnTls { tls: BrowserTls { fingerprint, ..tls }, authority: certificate_path })
}
