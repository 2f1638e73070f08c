//! Sends one HTTP request for a hook, to an address that may be reached.

use std::time::Duration;

use backstay_storage::Reach;

use super::{Class, Result, WorkError};

/// Sends a request, a `POST` where there is a body, and expects an answer of 2xx. Redirects are not followed.
///
/// # Errors
/// When the address may not be reached, nobody answers in time, or the answer is another.
pub(super) fn send(url: &str, body: Option<String>, timeout: Duration, reach: Reach) -> Result<()> {
    let failed = |text: String| WorkError::new(Class::HookFailed, text);
    let url = reqwest::Url::parse(url)
        .map_err(|error| failed("the address cannot be understood".to_owned()).because(&error))?;
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        return Err(failed("the address names no host".to_owned()));
    };
    // The addresses that were judged are those that are dialled.
    let addresses = reach
        .resolve(host, port)
        .map_err(|error| failed(format!("{host} cannot be reached")).because(&error))?;
    let provider = rustls::crypto::ring::default_provider();
    // Whoever was first in this process chose the same.
    let _ = provider.install_default();
    let client = reqwest::blocking::Client::builder()
        .timeout(timeout)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .resolve_to_addrs(host, &addresses)
        .user_agent(concat!("backstay/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| failed("no request can be made".to_owned()).because(&error.without_url()))?;
    let request = match body {
        Some(body) => client.post(url.clone()).header("content-type", "application/json").body(body),
        None => client.get(url.clone()),
    };
    let answer = request.send().map_err(|error| {
        let class = if error.is_timeout() { Class::TimedOut } else { Class::HookFailed };
        WorkError::new(class, format!("the request to {host} failed")).because(&error.without_url())
    })?;
    if answer.status().is_success() {
        return Ok(());
    }
    Err(failed(format!("{host} answered {}", answer.status()))
        .hint("an answer of 2xx is expected; redirects are not followed"))
}
