//! OAuth's token endpoint, and the flow for devices.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Answer, Asked, CLIENT, REFRESH, SCOPE, SECRET, State, pairs};

/// What has become of a code that was shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Entered {
    NotYet,
    Allowed,
    Denied,
    Expired,
}

struct Code {
    user_code: String,
    entered: Entered,
    last_asked: Option<Instant>,
}

/// Who is signed in, and who is about to be.
pub(crate) struct SignIns {
    /// Refresh tokens that are taken.
    pub(crate) refresh: BTreeSet<String>,
    pub(super) access: HashMap<String, Instant>,
    /// Whether each refresh token is good for one use and replaced by it.
    pub(crate) rotates: bool,
    /// How long access tokens last.
    pub(crate) lasts: Duration,
    /// Seconds between two questions about a code.
    pub(crate) interval: u64,
    codes: HashMap<String, Code>,
}

impl Default for SignIns {
    fn default() -> Self {
        Self {
            refresh: BTreeSet::from([REFRESH.to_owned()]),
            access: HashMap::new(),
            rotates: false,
            lasts: Duration::from_secs(3599),
            interval: 5,
            codes: HashMap::new(),
        }
    }
}

impl SignIns {
    /// Takes all access tokens for expired.
    pub(crate) fn expire(&mut self) {
        self.access.clear();
    }

    /// The user takes back what was allowed.
    pub(crate) fn revoke(&mut self) {
        self.refresh.clear();
        self.access.clear();
    }

    /// Somebody enters all codes that are shown.
    #[allow(dead_code)]
    pub(crate) fn enter_all(&mut self, entered: Entered) {
        self.codes.values_mut().for_each(|code| code.entered = entered);
    }

    /// Somebody enters a code.
    pub(crate) fn enter(&mut self, user_code: &str, entered: Entered) {
        let code = self.codes.values_mut().find(|code| code.user_code == user_code).unwrap();
        code.entered = entered;
    }
}

/// What a person sees who opens the address that is shown with a code.
pub(super) fn page(told: &str) -> Answer {
    let body = format!(
        "<!doctype html><title>Sign in</title><p>{told}</p>\
         <form method=post action=/device><label>Code <input name=user_code></label>\
         <button name=allowed value=yes>Allow</button><button name=allowed value=no>Deny</button></form>\
         <form method=post action=/permissions/remove><button>Remove access</button></form>"
    );
    let headers = vec![("content-type", "text/html; charset=UTF-8".to_owned())];
    Answer { headers, body: body.into_bytes(), ..Answer::bare(200) }
}

fn oauth(status: u16, error: &str, description: &str) -> Answer {
    Answer::json(status, &json!({"error": error, "error_description": description}))
}

impl State {
    pub(super) fn device_code(&mut self, asked: &Asked) -> Answer {
        let form = pairs(std::str::from_utf8(&asked.body).unwrap());
        if form.get("client_id").is_none_or(|id| id != CLIENT) {
            return oauth(401, "invalid_client", "The OAuth client was not found.");
        }
        if form.get("scope").is_none_or(|scope| scope != SCOPE) {
            return oauth(400, "invalid_scope", "Some requested scopes were invalid.");
        }
        let number = self.number();
        let (device_code, user_code) = (format!("AH-1{number:06}"), format!("GQVQ-{number:04}"));
        let code = Code { user_code: user_code.clone(), entered: Entered::NotYet, last_asked: None };
        self.sign_in.codes.insert(device_code.clone(), code);
        Answer::json(
            200,
            &json!({
                "device_code": device_code, "user_code": user_code, "expires_in": 1800,
                "interval": self.sign_in.interval, "verification_url": format!("{}/device", self.url),
            }),
        )
    }

    /// A person enters a code, and allows or denies access.
    pub(super) fn code_entered(&mut self, asked: &Asked) -> Answer {
        let form = pairs(std::str::from_utf8(&asked.body).unwrap());
        let is = |name: &str, value: &str| form.get(name).is_some_and(|given| given == value);
        let Some(code) = self.sign_in.codes.values_mut().find(|code| is("user_code", &code.user_code)) else {
            return page("This code is not known.");
        };
        code.entered = if is("allowed", "yes") { Entered::Allowed } else { Entered::Denied };
        page("You may close this page.")
    }

    pub(super) fn token(&mut self, asked: &Asked) -> Answer {
        let form = pairs(std::str::from_utf8(&asked.body).unwrap());
        let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        if field("client_id") != CLIENT || field("client_secret") != SECRET {
            return oauth(401, "invalid_client", "Unauthorized");
        }
        match field("grant_type") {
            "refresh_token" => {
                let token = field("refresh_token");
                if !self.sign_in.refresh.contains(token) {
                    return oauth(400, "invalid_grant", "Token has been expired or revoked.");
                }
                let mut granted = self.grant();
                if self.sign_in.rotates {
                    self.sign_in.refresh.remove(token);
                    granted["refresh_token"] = self.refresh_token().into();
                }
                Answer::json(200, &granted)
            }
            "urn:ietf:params:oauth:grant-type:device_code" => {
                let interval = Duration::from_secs(self.sign_in.interval);
                let Some(code) = self.sign_in.codes.get_mut(field("device_code")) else {
                    return oauth(400, "invalid_grant", "Malformed auth code.");
                };
                let too_soon = code.last_asked.is_some_and(|last| last.elapsed() < interval);
                code.last_asked = Some(Instant::now());
                match code.entered {
                    _ if too_soon => oauth(403, "slow_down", "Forbidden"),
                    Entered::NotYet => oauth(428, "authorization_pending", "Precondition Required"),
                    Entered::Denied => oauth(403, "access_denied", "Forbidden"),
                    Entered::Expired => oauth(400, "expired_token", "The code has expired."),
                    Entered::Allowed => {
                        let mut granted = self.grant();
                        granted["refresh_token"] = self.refresh_token().into();
                        self.sign_in.codes.remove(field("device_code"));
                        Answer::json(200, &granted)
                    }
                }
            }
            _ => oauth(400, "unsupported_grant_type", "Invalid grant_type"),
        }
    }

    fn refresh_token(&mut self) -> String {
        let token = format!("1//refresh-token-{}", self.number());
        self.sign_in.refresh.insert(token.clone());
        token
    }

    fn grant(&mut self) -> Value {
        let token = format!("ya29.access-token-{}", self.number());
        let lasts = self.sign_in.lasts;
        // What is told may be nonsense.
        let until = Instant::now() + lasts.min(Duration::from_secs(1 << 30));
        self.sign_in.access.insert(token.clone(), until);
        json!({"access_token": token, "expires_in": lasts.as_secs(), "scope": SCOPE, "token_type": "Bearer"})
    }
}
