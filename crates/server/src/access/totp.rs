//! The second factor: one-time codes (RFC 6238), and recovery codes for the day the phone is gone.
//!
//! The secret is sealed and bound to its person. A code works once: its time step is used up with it. Of recovery codes only
//! hashes are kept; with 80 random bits they need no slow hash.

use std::time::Duration;

use backstay_catalog::Credentials;
use backstay_model::{Person, PersonId};
use backstay_vault::Sealed;
use totp_rs::{Algorithm, Builder, Secret, Totp};

use crate::problem::Problem;
use crate::state::AppState;
use crate::state::later;
use crate::text;
use crate::{secrets, settings};

const ISSUER: &str = "Backstay";
const STEP: u64 = 30;
const RECOVERY_CODES: usize = 10;
/// How long somebody may take to scan the secret and send the first code.
const PENDING: Duration = Duration::from_secs(15 * 60);
/// Without letters and digits that look like others.
const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";

/// A new secret, to be shown once.
pub(crate) struct NewSecret {
    /// For programs that make codes, as a QR code or a link.
    pub(crate) uri: String,
    /// The same secret, to be typed in.
    pub(crate) text: String,
}

/// Makes a secret that counts once a code of it was confirmed. An earlier one that waits for that is dropped.
pub(crate) async fn begin(state: &AppState, person: &Person) -> Result<NewSecret, Problem> {
    let mut secret = zeroize::Zeroizing::new([0; 20]);
    state.random.fill(&mut *secret);
    let totp = totp(&person.email, &*secret)?;
    let sealed = state.vault.seal(&secrets::totp(person.id), &*secret, &*state.random)?.to_text();
    let until = serde_json::to_value(later(state.now(), PENDING)).map_err(Problem::internal)?;
    state.store.set_setting(&pending(person.id), &until, Some(&sealed)).await?;
    let uri = totp.to_url().map_err(Problem::internal)?;
    Ok(NewSecret { uri, text: totp.secret().to_base32().to_string() })
}

/// Puts the pending secret in force if the code is one of it. Gives the recovery codes, to be shown once.
pub(crate) async fn confirm(state: &AppState, person: &Person, code: &str) -> Result<Vec<String>, Problem> {
    let none = || {
        Problem::conflict("no secret waits for its first code")
            .hint("begin again, and confirm within 15 minutes")
    };
    let name = pending(person.id);
    let until: backstay_model::Time = settings::read(state, &name).await?.ok_or_else(none)?;
    let sealed = state.store.setting_sealed(&name).await?.filter(|_| until > state.now()).ok_or_else(none)?;
    let step = step_of(state, person, &sealed, code)?
        .ok_or_else(|| Problem::invalid("code", "that is not the code of this moment"))?;
    let codes: Vec<_> = (0..RECOVERY_CODES).map(|_| recovery_code(state)).collect();
    let hashes: Vec<_> = codes.iter().map(|code| recovery_hash(code)).collect();
    state.store.set_totp(person.id, Some(&sealed), &hashes).await?;
    state.store.use_totp_step(person.id, step).await?;
    state.store.delete_setting(&name).await?;
    Ok(codes)
}

/// Takes the second factor away, and a secret that waits for its first code.
pub(crate) async fn remove(state: &AppState, person: PersonId) -> Result<(), Problem> {
    forget_pending(state, person).await?;
    Ok(state.store.set_totp(person, None, &[]).await?)
}

/// Drops a secret that waits for its first code.
pub(crate) async fn forget_pending(state: &AppState, person: PersonId) -> Result<(), Problem> {
    Ok(state.store.delete_setting(&pending(person)).await?)
}

/// Uses a one-time code or a recovery code up; false when it is none, or was used before.
pub(crate) async fn accept(
    state: &AppState,
    person: &Person,
    credentials: &Credentials,
    code: &str,
) -> Result<bool, Problem> {
    let code = plain(code);
    if code.len() == 6 {
        let Some(sealed) = &credentials.totp_sealed else { return Ok(false) };
        let Some(step) = step_of(state, person, sealed, &code)? else { return Ok(false) };
        return Ok(state.store.use_totp_step(person.id, step).await?);
    }
    Ok(state.store.use_recovery_code(person.id, &recovery_hash(&code)).await?)
}

/// The time step that a code belongs to: this one, the one before or the one after.
fn step_of(state: &AppState, person: &Person, sealed: &str, code: &str) -> Result<Option<i64>, Problem> {
    let secret = state.vault.open(&secrets::totp(person.id), &Sealed::from_text(sealed)?)?;
    let totp = totp(&person.email, &secret)?;
    let now = u64::try_from(state.now().as_second()).unwrap_or(0);
    Ok(totp.check(&plain(code), now).and_then(|step| i64::try_from(step).ok()))
}

fn totp(email: &str, secret: &[u8]) -> Result<Totp, Problem> {
    Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(6)
        .with_skew(1)
        .with_step_duration(STEP)
        .with_secret(Secret::from(secret.to_vec()))
        .with_issuer(Some(ISSUER))
        .with_account_name(email)
        .build()
        .map_err(Problem::internal)
}

fn pending(person: PersonId) -> String {
    format!("totp_pending:{person}")
}

/// Four groups of four: 80 random bits.
fn recovery_code(state: &AppState) -> String {
    let mut bytes = [0; 16];
    state.random.fill(&mut bytes);
    let letters = bytes.iter().filter_map(|byte| ALPHABET.get(usize::from(byte & 31)));
    let mut code = String::with_capacity(19);
    for (place, letter) in letters.enumerate() {
        if place > 0 && place % 4 == 0 {
            code.push('-');
        }
        code.push(char::from(*letter));
    }
    code
}

fn recovery_hash(code: &str) -> String {
    text::hash_of(&format!("recovery:{}", plain(code)))
}

/// A code as it was meant: people group digits as they like.
fn plain(code: &str) -> String {
    code.chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .map(|c| c.to_ascii_lowercase())
        .take(64)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_rfc_6238() {
        // The secret and the first times of its appendix B, cut to six digits.
        let totp = totp("ada@example.org", b"12345678901234567890").unwrap();
        assert_eq!(totp.check("287082", 59), Some(1));
        assert_eq!(totp.check("081804", 1_111_111_109), Some(37_037_036));
        assert_eq!(totp.check("287082", 59 + 60), None);
        let uri = totp.to_url().unwrap();
        assert!(uri.starts_with("otpauth://totp/Backstay:ada%40example.org?secret=GEZDGNBV"), "{uri}");
    }

    #[test]
    fn the_form_of_a_code_does_not_matter() {
        assert_eq!(plain(" 287 082 "), "287082");
        assert_eq!(recovery_hash("ABCD-efgh-2345-6789"), recovery_hash("abcdefgh23456789"));
        assert_ne!(recovery_hash("abcdefgh23456789"), text::hash_of("abcdefgh23456789"));
    }

    #[test]
    fn no_letter_comes_twice() {
        let letters: std::collections::BTreeSet<_> = ALPHABET.iter().collect();
        assert_eq!(letters.len(), 32);
    }
}
