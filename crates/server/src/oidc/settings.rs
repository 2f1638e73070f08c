//! Which provider vouches for people, and for whom.

use std::collections::BTreeMap;

use backstay_model::secret::HoldsSecrets;
use backstay_model::{Invalid, Role, SecretText};
use reqwest::Url;
use serde::{Deserialize, Serialize};

use crate::problem::Problem;
use crate::state::AppState;
use crate::{secrets, settings};

const OIDC: &str = "oidc";

/// A provider of OpenID Connect. It is asked for an authorization code; the address to register there is
/// `/api/v1/oidc/callback` of this server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OidcSettings {
    /// The issuer, exactly as the provider writes it: `https://login.example.org/realms/office`.
    pub(crate) issuer: String,
    /// The id that the provider knows this server by.
    pub(crate) client_id: String,
    /// The secret that goes with it; none for a public client. It stays as it is where a change leaves it out.
    #[serde(default, skip_serializing_if = "SecretText::is_untold")]
    pub(crate) client_secret: SecretText,
    /// What the button on the sign-in page calls the provider.
    pub(crate) name: String,
    /// Scopes to ask for besides `openid`, `email` and `profile`.
    #[serde(default)]
    pub(crate) scopes: Vec<String>,
    /// Domains of addresses that may sign in for the first time; any when there is none.
    #[serde(default)]
    pub(crate) email_domains: Vec<String>,
    /// Which values of a claim give which role in the home project.
    #[serde(default)]
    pub(crate) roles: Option<ClaimRoles>,
    /// Whether who has no account gets one. Otherwise only people who exist sign in, by a verified address the first time.
    #[serde(default)]
    pub(crate) create_people: bool,
}

/// Roles by what the provider says of people. At each sign-in the role in the home project becomes the highest that a value gives;
/// without one it is taken away, unless nobody else would own the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClaimRoles {
    /// The claim, as `groups`: a text or a list of texts.
    pub(crate) claim: String,
    /// The role for each value.
    pub(crate) values: BTreeMap<String, Role>,
}

impl HoldsSecrets for OidcSettings {
    fn secrets(&mut self) -> Vec<(&'static str, &mut SecretText)> {
        vec![("client_secret", &mut self.client_secret)]
    }
}

impl OidcSettings {
    /// Whether a provider could be asked by them.
    ///
    /// # Errors
    /// The field that is wrong.
    pub(crate) fn validate(&self) -> Result<(), Invalid> {
        let url = Url::parse(&self.issuer).ok().filter(|url| url.host_str().is_some());
        let plain = |url: &Url| {
            url.query().is_none()
                && url.fragment().is_none()
                && url.username().is_empty()
                && url.password().is_none()
        };
        if self.issuer.len() > 1000 || !url.is_some_and(|url| plain(&url) && is_safe(&url)) {
            return Err(Invalid::new("issuer", "it has to be an address as https://login.example.org"));
        }
        let is_word = |text: &str, most: usize| {
            !text.is_empty() && text.len() <= most && !text.contains(char::is_control)
        };
        if !is_word(&self.client_id, 500) {
            return Err(Invalid::new("client_id", "it has 1 to 500 characters"));
        }
        if self.client_secret.expose().is_some_and(|secret| !is_word(secret, 1000)) {
            return Err(Invalid::new("client_secret", "it has 1 to 1000 characters"));
        }
        if !is_word(self.name.trim(), 100) {
            return Err(Invalid::new("name", "a name has 1 to 100 characters"));
        }
        let odd = |scope: &String| !is_word(scope, 100) || scope.contains(char::is_whitespace);
        if self.scopes.len() > 20 || self.scopes.iter().any(odd) {
            return Err(Invalid::new("scopes", "20 words at most, without spaces"));
        }
        let odd = |domain: &String| !is_word(domain, 253) || domain.contains(['@', ' ', '/']);
        if self.email_domains.len() > 100 || self.email_domains.iter().any(odd) {
            return Err(Invalid::new("email_domains", "100 domains at most, as example.org"));
        }
        if self.roles.as_ref().is_some_and(|roles| !is_word(&roles.claim, 200) || roles.values.is_empty()) {
            return Err(Invalid::new("roles", "name a claim, and a role for one value at least"));
        }
        Ok(())
    }

    /// Whether the same secret may go to them: they are of the same client at the same provider.
    pub(crate) fn same_client(&self, other: &Self) -> bool {
        self.issuer == other.issuer && self.client_id == other.client_id
    }

    /// Whether somebody with this address may come in for the first time.
    pub(crate) fn allows(&self, email: &str) -> bool {
        let domain = email.rsplit_once('@').map_or("", |(_, domain)| domain);
        self.email_domains.is_empty()
            || self.email_domains.iter().any(|allowed| allowed.eq_ignore_ascii_case(domain))
    }
}

/// Whether secrets may go there: over TLS, or to this host itself.
pub(super) fn is_safe(url: &Url) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => url.host_str().is_some_and(is_here),
        _ => false,
    }
}

fn is_here(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

/// The settings in force, with the secret; none when no provider was set.
pub(crate) async fn current(state: &AppState) -> Result<Option<OidcSettings>, Problem> {
    let Some(mut found) = settings::read::<OidcSettings>(state, OIDC).await? else { return Ok(None) };
    let sealed = state.store.setting_sealed(OIDC).await?;
    found.put_secrets(&secrets::open(&state.vault, &record(), sealed.as_deref())?);
    Ok(Some(found))
}

/// What the provider is called, if there is one.
pub(crate) async fn name(state: &AppState) -> Result<Option<String>, Problem> {
    Ok(settings::read::<OidcSettings>(state, OIDC).await?.map(|settings| settings.name))
}

/// Puts settings in force.
pub(crate) async fn set(state: &AppState, settings: &OidcSettings) -> Result<(), Problem> {
    let mut settings = settings.clone();
    let taken = settings.take_secrets();
    let sealed = secrets::seal(&state.vault, &record(), &taken, &*state.random)?;
    let value = serde_json::to_value(&settings).map_err(Problem::internal)?;
    Ok(state.store.set_setting(OIDC, &value, sealed.as_deref()).await?)
}

/// Asks no provider any more.
pub(crate) async fn forget(state: &AppState) -> Result<(), Problem> {
    Ok(state.store.delete_setting(OIDC).await?)
}

fn record() -> backstay_vault::RecordId {
    secrets::record("setting", OIDC)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(issuer: &str) -> OidcSettings {
        serde_json::from_value(serde_json::json!({
            "issuer": issuer, "client_id": "backstay", "name": "Office", "email_domains": ["example.org"],
        }))
        .unwrap()
    }

    #[test]
    fn a_provider_is_asked_over_tls_or_on_this_host() {
        for good in
            ["https://login.example.org", "https://a.b/realms/x", "http://127.0.0.1:9", "http://[::1]:9"]
        {
            assert!(settings(good).validate().is_ok(), "{good}");
        }
        let bad = [
            "",
            "login.example.org",
            "http://login.example.org",
            "http://127.0.0.1.example.org",
            "https://me:pw@login.example.org",
            "https://login.example.org/?x",
            "https://login.example.org/#x",
            "file:///etc/passwd",
        ];
        for bad in bad {
            assert_eq!(settings(bad).validate().unwrap_err().field, "issuer", "{bad}");
        }
    }

    #[test]
    fn a_domain_is_the_whole_domain() {
        let settings = settings("https://login.example.org");
        assert!(settings.allows("ada@EXAMPLE.org"));
        for other in
            ["ada@sub.example.org", "ada@notexample.org", "ada@example.org@evil.example", "example.org"]
        {
            assert!(!settings.allows(other), "{other}");
        }
    }
}
