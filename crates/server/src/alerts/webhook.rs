//! Tells by a signed `POST`, to addresses that may be reached.

use std::time::Duration;

use backstay_model::Time;
use backstay_storage::Reach;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Url;
use sha2::Sha256;

use super::deliver::Undelivered;
use super::notifier::WebhookChannel;

/// How long everything together may take: looking the name up, connecting, sending, answering.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Sends a body. `key` is the same for each try to send the same thing.
pub(super) async fn post(
    webhook: &WebhookChannel,
    key: &str,
    now: Time,
    body: String,
) -> Result<(), Undelivered> {
    let host = Url::parse(&webhook.url).ok().and_then(|url| url.host_str().map(str::to_owned));
    let host = host.unwrap_or_default();
    match tokio::time::timeout(TIMEOUT, send(webhook, key, now, body)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Undelivered::new(format!("{host} did not answer within {} s", TIMEOUT.as_secs()))
            .hint("see that the service runs and can be reached from the server")),
    }
}

async fn send(webhook: &WebhookChannel, key: &str, now: Time, body: String) -> Result<(), Undelivered> {
    let url = Url::parse(&webhook.url)
        .map_err(|_| Undelivered::new("the webhook's address cannot be understood"))?;
    let (Some(host), Some(port)) = (url.host_str().map(str::to_owned), url.port_or_known_default()) else {
        return Err(Undelivered::new("the webhook's address names no host"));
    };
    let reach = if webhook.allow_private { Reach::Private } else { Reach::Public };
    let name = host.clone();
    let addresses = tokio::task::spawn_blocking(move || reach.resolve(&name, port)).await;
    let addresses = match addresses {
        Ok(Ok(addresses)) => addresses,
        Ok(Err(error)) => {
            return Err(Undelivered::new(format!("{host} cannot be reached: {error}")).hint(
                "see that the address is right; an owner may set `allow_private` for services nearby",
            ));
        }
        Err(_) => return Err(Undelivered::new(format!("{host} could not be looked up"))),
    };
    let provider = rustls::crypto::ring::default_provider();
    // Whoever was first in this process chose the same.
    let _ = provider.install_default();
    // The addresses that were judged are those that are dialled.
    let client = reqwest::Client::builder()
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .resolve_to_addrs(&host, &addresses)
        .user_agent(concat!("backstay/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| Undelivered::new(format!("no request can be made: {}", error.without_url())))?;
    let signature = signature(webhook.secret.expose().unwrap_or_default(), now.as_second(), &body);
    let request = client
        .post(url)
        .header("content-type", "application/json")
        .header("idempotency-key", key)
        .header("x-backstay-signature", signature)
        .body(body);
    let answer = request.send().await.map_err(|error| {
        let why = chain(&error.without_url());
        Undelivered::new(format!("the request to {host} failed: {why}"))
    })?;
    if answer.status().is_success() {
        return Ok(());
    }
    Err(Undelivered::new(format!("{host} answered {}", answer.status()))
        .hint("an answer of 2xx is expected; redirects are not followed"))
}

/// An error with what lies beneath it.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// The signature of a body, as `t=UNIX,v1=HEX`.
fn signature(secret: &str, unix: i64, body: &str) -> String {
    // A key of any length is taken.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(format!("{unix}.{body}").as_bytes());
    format!("t={unix},v1={}", crate::text::hex(&mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_hmac_sha256_over_time_and_body() {
        // printf '1700000000.{}' | openssl dgst -sha256 -hmac key
        let expected = "t=1700000000,v1=9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae";
        assert_eq!(signature("key", 1_700_000_000, "{}"), expected);
    }
}
