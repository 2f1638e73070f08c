//! Where the agents' authority is kept: in the catalog, so that all servers over it have the same one.
//!
//! An agent trusts one authority and shows a certificate that it signed. So whichever of several servers an agent talks to, and
//! whichever made its token, has to have that authority. The certificate is a setting; its key is sealed in the vault, which
//! the servers share too. Before, both were files in the data folder (`tls/authority.pem` and `tls/authority.key`); where the
//! catalog has none, they are taken into it, and removed.

use std::path::Path;

use backstay_catalog::ServerStore;
use backstay_core::Random;
use backstay_model::Time;
use backstay_vault::{RecordId, Sealed, Vault};
use serde_json::json;

use super::authority::Authority;
use super::{TlsError, files};
use crate::server::StartError;

pub(crate) const SETTING: &str = "agents_authority";

/// The authority of the catalog; made, or taken from the folder, where it has none.
pub(crate) async fn authority(
    store: &ServerStore,
    vault: &Vault,
    folder: &Path,
    now: Time,
    random: &dyn Random,
) -> Result<Authority, StartError> {
    let record = record();
    if let Some(found) = read(store, vault, &record).await? {
        return Ok(found);
    }
    let (certificate, key) = (folder.join("authority.pem"), folder.join("authority.key"));
    let made = match (files::read(&certificate)?, files::read(&key)?) {
        (Some(pem), Some(text)) => {
            files::check_closed(&key)?;
            Authority::of(pem, &text, &key)?
        }
        (Some(_), None) => {
            let why = "it is missing, but the certificate is there".to_owned();
            return Err(TlsError::Damaged { path: key, why }.into());
        }
        // A key whose certificate was never written has signed nothing.
        (None, _) => Authority::make(now)?,
    };
    let sealed = vault.seal(&record, made.key_pem().as_bytes(), random)?.to_text();
    let added = store.add_setting(SETTING, &json!({ "certificate": made.pem() }), Some(&sealed)).await?;
    if !added {
        // Another server was first.
        return read(store, vault, &record).await?.ok_or_else(|| damaged("it is gone").into());
    }
    for path in [&key, &certificate] {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(path = %path.display(), cause = %error, "a file that is in the catalog now cannot be removed");
            }
            _ => {}
        }
    }
    Ok(made)
}

async fn read(
    store: &ServerStore,
    vault: &Vault,
    record: &RecordId,
) -> Result<Option<Authority>, StartError> {
    let Some(setting) = store.setting(SETTING).await? else { return Ok(None) };
    let pem = setting.get("certificate").and_then(serde_json::Value::as_str);
    let pem = pem.ok_or_else(|| damaged("it has no certificate"))?;
    let sealed = store.setting_sealed(SETTING).await?.ok_or_else(|| damaged("it has no key"))?;
    let key = vault.open(record, &Sealed::from_text(&sealed)?)?;
    let key = std::str::from_utf8(&key).map_err(|_| damaged("its key is no text"))?;
    Ok(Some(Authority::of(pem.to_owned(), key, Path::new(SETTING))?))
}

/// What its key is bound to.
pub(crate) fn record() -> RecordId {
    RecordId::new("setting", SETTING, "key")
}

fn damaged(why: &str) -> TlsError {
    TlsError::Damaged { path: SETTING.into(), why: format!("in the catalog: {why}") }
}
