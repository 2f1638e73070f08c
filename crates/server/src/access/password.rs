//! Passwords: argon2id, as PHC strings.
//!
//! Hashing costs memory and time on purpose, so it runs on threads for blocking work and only a few at a time: who floods the
//! sign-in gets told to wait, and the rest of the server goes on.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use backstay_core::Random;
use backstay_model::{Invalid, SecretText};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::problem::Problem;

const AT_ONCE: usize = 2;
const PATIENCE: Duration = Duration::from_secs(10);
const LEAST: usize = 12;
const MOST: usize = 1024;

/// What hashing a password costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
}

impl Default for PasswordCost {
    /// What OWASP recommends for argon2id: 19 MiB, two passes.
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, passes: 2 }
    }
}

/// Hashes and compares passwords, a few at a time.
pub struct Passwords {
    argon: Argon2<'static>,
    places: Arc<Semaphore>,
    /// What passwords of unknown accounts are compared with, so that the answer takes as long as for known ones.
    dummy: String,
}

/// A password that cannot be hashed: the cost makes no sense.
#[derive(Debug, thiserror::Error)]
#[error("cannot hash passwords: {0}")]
pub struct CannotHash(String);

impl Passwords {
    /// Ready to hash with this cost.
    ///
    /// # Errors
    /// When the cost is none that argon2 takes.
    pub fn new(cost: PasswordCost, random: &dyn Random) -> Result<Self, CannotHash> {
        let params = Params::new(cost.memory_kib, cost.passes, 1, None);
        let params = params.map_err(|error| CannotHash(error.to_string()))?;
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let dummy = hash(&argon, &crate::text::random_key(random), random)?;
        Ok(Self { argon, places: Arc::new(Semaphore::new(AT_ONCE)), dummy })
    }

    /// Hashes a password for the store, at once and on this thread.
    ///
    /// # Errors
    /// When it is one that argon2 does not take.
    pub fn hash_now(&self, password: &str, random: &dyn Random) -> Result<String, CannotHash> {
        hash(&self.argon, password, random)
    }

    /// Hashes a password for the store.
    ///
    /// # Errors
    /// 503 when too many are being hashed.
    pub async fn hash(&self, password: &str, random: &Arc<dyn Random>) -> Result<String, Problem> {
        let (argon, random) = (self.argon.clone(), Arc::clone(random));
        let password = Zeroizing::new(password.to_owned());
        self.blocking(move || hash(&argon, &password, &*random)).await?.map_err(Problem::internal)
    }

    /// Whether a password is the one of a hash. Without a hash it takes as long, and the answer is no.
    ///
    /// # Errors
    /// 503 when too many are being compared.
    pub async fn matches(&self, password: &str, hash: Option<String>) -> Result<bool, Problem> {
        let argon = self.argon.clone();
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.dummy.clone());
        let password = Zeroizing::new(password.to_owned());
        let same = self.blocking(move || verify(&argon, &password, &hash)).await?;
        Ok(same && known)
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let place = tokio::time::timeout(PATIENCE, Arc::clone(&self.places).acquire_owned()).await;
        let Ok(Ok(place)) = place else {
            return Err(Problem::unavailable("too many people are signing in"));
        };
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(place);
            done
        });
        done.await.map_err(Problem::internal)
    }
}

impl std::fmt::Debug for Passwords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passwords")
    }
}

/// Refuses a password that is too short to be safe, too long to be hashed, or the account's own name.
///
/// # Errors
/// What is wrong with it, without showing it.
pub fn check<'a>(field: &str, password: &'a SecretText, email: &str) -> Result<&'a str, Invalid> {
    let text = password.expose().unwrap_or_default();
    if text.chars().count() < LEAST {
        return Err(Invalid::new(field, format!("a password has at least {LEAST} characters")));
    }
    if text.len() > MOST {
        return Err(Invalid::new(field, format!("a password has at most {MOST} bytes")));
    }
    if text.eq_ignore_ascii_case(email) {
        return Err(Invalid::new(field, "a password must not be the e-mail address"));
    }
    Ok(text)
}

fn hash(argon: &Argon2<'_>, password: &str, random: &dyn Random) -> Result<String, CannotHash> {
    let mut salt = [0; 16];
    random.fill(&mut salt);
    let hash: Result<PasswordHash, _> = argon.hash_password_with_salt(password.as_bytes(), &salt);
    hash.map(|hash| hash.to_string()).map_err(|error| CannotHash(error.to_string()))
}

fn verify(argon: &Argon2<'_>, password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| argon.verify_password(password.as_bytes(), &hash).is_ok())
}
