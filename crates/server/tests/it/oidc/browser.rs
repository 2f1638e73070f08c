//! A browser that goes to the provider and comes back.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::header::{HeaderMap, LOCATION, SET_COOKIE};
use reqwest::{Method, StatusCode};

use crate::world::{Client, World};

/// A browser with its cookies.
#[derive(Clone)]
pub(super) struct Browser {
    http: reqwest::Client,
    base: String,
    /// By the site that set them.
    cookies: BTreeMap<(String, String), String>,
}

/// Where a browser ends up.
#[derive(Debug)]
pub(super) struct Landing {
    pub(super) location: String,
    /// The cookie of the session that was begun by it, if one was.
    session: Option<String>,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Browser {
    pub(super) fn new(world: &World) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        let http = builder.timeout(Duration::from_secs(60)).build().unwrap();
        Self { http, base: world.server.url().to_owned(), cookies: BTreeMap::new() }
    }

    /// From the sign-in page to the provider and back.
    pub(super) async fn sign_in(&mut self, start: &str, account: &str) -> Landing {
        let answer = self.send(Method::GET, &format!("{}{start}", self.base), None).await;
        let away = location(&answer);
        if away.starts_with('/') {
            return Landing { location: away, session: None };
        }
        let back = self.at_provider(&away, account).await;
        self.land(&back).await
    }

    /// To the provider; gives the address of its page.
    pub(super) async fn leave(&mut self, start: &str) -> String {
        let answer = self.send(Method::GET, &format!("{}{start}", self.base), None).await;
        let away = location(&answer);
        assert!(away.starts_with("http://") && away.contains("code_challenge_method=S256"), "{away}");
        away
    }

    /// To the provider and almost back; gives the address on this server.
    pub(super) async fn again(&mut self, start: &str, account: &str) -> String {
        let away = self.leave(start).await;
        self.at_provider(&away, account).await
    }

    /// Signs in at the provider and agrees; gives the address that it sends the browser back to.
    pub(super) async fn at_provider(&mut self, away: &str, account: &str) -> String {
        let site = site_of(away);
        // Nobody is signed in there from before.
        self.cookies.retain(|(at, _), _| *at != site);
        let mut answer = self.send(Method::GET, away, None).await;
        for _ in 0..12 {
            let next = location(&answer);
            if let Some(path) = next.strip_prefix(&self.base) {
                return path.to_owned();
            }
            let url = if next.starts_with('/') { format!("{site}{next}") } else { next };
            answer = self.send(Method::GET, &url, None).await;
            if answer.status == StatusCode::OK {
                let form = match answer.body.contains("name=\"login\"") {
                    true => format!("prompt=login&login={account}&password=any"),
                    false => "prompt=consent".to_owned(),
                };
                answer = self.send(Method::POST, &url, Some(form)).await;
            }
        }
        panic!("the provider does not come to an end: {}", answer.body);
    }

    /// Opens the address that the provider sent the browser back to.
    pub(super) async fn land(&mut self, back: &str) -> Landing {
        let before = self.session();
        let answer = self.send(Method::GET, &format!("{}{back}", self.base), None).await;
        let session = self.session().filter(|session| before.as_ref() != Some(session));
        Landing { location: location(&answer), session }
    }

    fn session(&self) -> Option<String> {
        self.cookies.get(&(self.base.clone(), "backstay".to_owned())).cloned()
    }

    async fn send(&mut self, method: Method, url: &str, form: Option<String>) -> Answer {
        let site = site_of(url);
        let own = self.cookies.iter().filter(|((at, _), _)| *at == site);
        let cookies: Vec<_> = own.map(|((_, name), value)| format!("{name}={value}")).collect();
        let mut request = self.http.request(method, url).header("cookie", cookies.join("; "));
        if let Some(form) = form {
            request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        for cookie in headers.get_all(SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            let key = (site.clone(), name.to_owned());
            match value.is_empty() {
                true => self.cookies.remove(&key),
                false => self.cookies.insert(key, value.to_owned()),
            };
        }
        Answer { status, headers, body: response.text().await.unwrap() }
    }
}

impl Landing {
    /// Somebody who is in.
    pub(super) fn signed_in(&self, world: &World) -> Client {
        let session = self.session.as_deref().unwrap_or_else(|| panic!("nobody is in: {self:?}"));
        world.nobody().header("cookie", &format!("backstay={session}"))
    }

    /// Why nobody is in.
    #[track_caller]
    pub(super) fn refused(&self) -> &str {
        assert_eq!(self.session, None, "somebody is in: {self:?}");
        let word = self.location.strip_prefix("/sign-in?problem=");
        word.unwrap_or_else(|| panic!("it is not the sign-in page: {self:?}"))
    }
}

#[track_caller]
fn location(answer: &Answer) -> String {
    let found = answer.headers.get(LOCATION).unwrap_or_else(|| panic!("{}: {}", answer.status, answer.body));
    found.to_str().unwrap().to_owned()
}

/// Scheme, host and port.
fn site_of(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap();
    format!("{scheme}://{}", rest.split(['/', '?']).next().unwrap())
}
