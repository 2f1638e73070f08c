//! restic's REST protocol against a real receiver.

use std::cell::Cell;

use backstay_core::{CallContext, ErrorKind, FileId, FileKind, Handle, Storage};
use backstay_receiver::NewClient;
use backstay_storage::rest::{Credentials, Rest};
use backstay_storage::testing::conformance;
use backstay_storage::{Address, Http, Options, open};
use sha2::{Digest, Sha256};

use crate::receiver::Server;

const NONE: CallContext<'static> = CallContext::NONE;

fn connect(server: &Server, credentials: &Credentials, place: &str) -> Rest {
    let Address::Rest(address) = Address::parse(format!("rest:{}/repo/{place}", server.url)).unwrap() else {
        panic!("{place}");
    };
    Rest::new(&address, credentials, &Http::default(), None).unwrap()
}

#[test]
fn rest_conforms() {
    let server = Server::start();
    let (name, credentials) = server.client();
    let number = Cell::new(0);
    conformance(|| {
        number.set(number.get() + 1);
        Box::new(connect(&server, &credentials, &format!("{}/", number.get())))
    });
    // It lies there in restic's layout, so that a folder storage finds it, too.
    let local = backstay_storage::Local::new(server.path(&format!("repo/{name}/3")));
    assert_eq!(local.size(&Handle::CONFIG, NONE).unwrap(), 155);
}

#[test]
fn what_a_client_may_not_is_denied_and_what_it_wrote_stays() {
    let server = Server::start();
    let new = NewClient { name: "db1".to_owned(), append_only: true, ..NewClient::default() };
    let (_, credentials) = server.client_with(new);
    let storage = connect(&server, &credentials, "");
    storage.prepare(NONE).unwrap();
    let pack = Handle::new(FileKind::Pack, FileId(Sha256::digest("pack").into()));
    storage.write(&pack, b"pack", NONE).unwrap();
    let error = storage.remove(&pack, NONE).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied, "{error}");
    assert_eq!(storage.size(&pack, NONE).unwrap(), 4);
    let nobody = connect(&server, &Credentials::default(), "");
    assert_eq!(nobody.size(&pack, NONE).unwrap_err().kind, ErrorKind::Denied);
}

#[test]
fn a_repository_is_opened_by_its_address() {
    let server = Server::start();
    let (_, credentials) = server.client();
    let address = Address::parse(format!("rest:{}/repo/", server.url)).unwrap();
    let storage = open(&address, &Options { rest: credentials, ..Options::default() }).unwrap();
    storage.prepare(NONE).unwrap();
    assert_eq!(storage.location(), format!("rest:{}/repo/", server.url));
    assert_eq!(storage.connections(), 5);
}
