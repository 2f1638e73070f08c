//! Signing in from a device that has no browser.

use std::time::Duration;

use backstay_core::{CallContext, ErrorKind};
use backstay_net::google::device::{Outcome, SignIn};
use backstay_storage::gdrive::{App, Endpoints, GoogleDrive};
use backstay_storage::{Http, Reach, Secret};

use super::server::sign_in::Entered;
use super::server::{CLIENT, SECRET, Server};
use super::storage::{account, settings};
use backstay_core::Storage;

const NONE: CallContext<'static> = CallContext::NONE;

fn sign_in(server: &Server, client: &str, secret: &str) -> SignIn {
    let app = App { client_id: client.to_owned(), client_secret: Secret::new(secret) };
    SignIn::new(app, Endpoints::at(&server.url), &Http::default()).unwrap()
}

#[test]
fn a_code_that_is_entered_becomes_a_sign_in() {
    let server = Server::start();
    server.state().sign_in.interval = 1;
    let google = sign_in(&server, CLIENT, SECRET);
    let started = google.start(NONE).unwrap();
    assert_eq!(started.interval, Duration::from_secs(1));
    assert_eq!(started.verification_url, format!("{}/device", server.url));
    assert!(!format!("{started:?}").contains(started.device_code.expose()));
    assert_eq!(google.poll(&started.device_code, NONE).unwrap(), Outcome::Pending);
    assert_eq!(google.poll(&started.device_code, NONE).unwrap(), Outcome::SlowDown);
    std::thread::sleep(started.interval + Duration::from_millis(50));
    server.state().sign_in.enter(&started.user_code, Entered::Allowed);
    let Outcome::Allowed(refresh_token) = google.poll(&started.device_code, NONE).unwrap() else { panic!() };
    let settings = backstay_storage::gdrive::Settings { refresh_token, ..settings(&server) };
    GoogleDrive::new("x", account(settings.clone()), &Http::default(), None).unwrap().prepare(NONE).unwrap();
}

#[test]
fn a_code_that_is_refused_or_too_old_is_said_to_be() {
    let server = Server::start();
    let google = sign_in(&server, CLIENT, SECRET);
    for (entered, outcome) in [(Entered::Denied, Outcome::Denied), (Entered::Expired, Outcome::Expired)] {
        let started = google.start(NONE).unwrap();
        server.state().sign_in.enter(&started.user_code, entered);
        assert_eq!(google.poll(&started.device_code, NONE).unwrap(), outcome);
    }
    assert_eq!(google.poll(&Secret::new("made up"), NONE).unwrap(), Outcome::Expired);
}

#[test]
fn a_client_that_is_not_known_is_denied_and_addresses_are_judged() {
    let server = Server::start();
    let error = sign_in(&server, "another", SECRET).start(NONE).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied, "{error}");
    let google = sign_in(&server, CLIENT, "another");
    let started = google.start(NONE).unwrap();
    let error = google.poll(&started.device_code, NONE).unwrap_err();
    assert!(error.kind == ErrorKind::Denied && !error.to_string().contains("another"), "{error}");
    let app = App { client_id: CLIENT.to_owned(), client_secret: Secret::new(SECRET) };
    let http = Http { reach: Reach::Public, ..Http::default() };
    let error = SignIn::new(app, Endpoints::at(&server.url), &http).map(drop).unwrap_err();
    assert!(error.to_string().contains("not allowed"), "{error}");
}
