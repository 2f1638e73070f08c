//! S3 over TLS: whose certificate is taken, and what we show of ourselves.

use std::path::PathBuf;
use std::sync::Arc;

use backstay_core::{ErrorKind, Storage, StorageError};
use backstay_storage::s3::S3;
use backstay_storage::{Http, archives};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use super::server::{SECRET, Server};
use super::{NONE, address, settings};

/// TLS in front of a server; it ends when dropped.
struct Front {
    port: u16,
    /// The certificate that it shows.
    certificate: PathBuf,
    /// A certificate and key that it takes, where it asks for one.
    client: PathBuf,
    folder: tempfile::TempDir,
    _runtime: Runtime,
}

impl Front {
    fn start(server: &Server, asks_for_client: bool) -> Self {
        let runtime = Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let own = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let client = generate_simple_self_signed(["client".to_owned()]).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config(&own, asks_for_client.then_some(&client))));
        let files =
            [("own", own.cert.pem()), ("client", client.cert.pem() + &client.signing_key.serialize_pem())];
        let [certificate, client] = files.map(|(name, text)| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        });
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        let behind = server.url.trim_start_matches("http://").to_owned();
        runtime.spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (acceptor, behind) = (acceptor.clone(), behind.clone());
                tokio::spawn(async move {
                    if let (Ok(mut front), Ok(mut back)) =
                        (acceptor.accept(socket).await, TcpStream::connect(behind).await)
                    {
                        let _ = tokio::io::copy_bidirectional(&mut front, &mut back).await;
                    }
                });
            }
        });
        Self { port, certificate, client, folder, _runtime: runtime }
    }

    fn prepare(&self, http: &Http) -> Result<(), StorageError> {
        let address = address(&format!("s3:https://localhost:{}/bucket", self.port));
        S3::new(&address, &settings(SECRET), http, None)?.prepare(NONE)
    }
}

fn config(own: &CertifiedKey<rcgen::KeyPair>, client: Option<&CertifiedKey<rcgen::KeyPair>>) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match client {
        None => builder.with_no_client_auth(),
        Some(client) => {
            let mut roots = RootCertStore::empty();
            roots.add(client.cert.der().clone()).unwrap();
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let key = PrivatePkcs8KeyDer::from(own.signing_key.serialize_der());
    builder.with_single_cert(vec![own.cert.der().clone()], key.into()).unwrap()
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused_unless_told_otherwise() {
    let server = Server::start();
    let front = Front::start(&server, false);
    let error = front.prepare(&Http::default()).unwrap_err();
    assert_ne!(error.kind, ErrorKind::Transient, "{error}");
    front.prepare(&Http { trust: vec![front.certificate.clone()], ..Http::default() }).unwrap();
    let both = vec![front.client.clone(), front.certificate.clone()];
    front.prepare(&Http { trust: both, ..Http::default() }).unwrap();
    front.prepare(&Http { insecure: true, ..Http::default() }).unwrap();
    // Only what is in the file is trusted then.
    let error = front.prepare(&Http { trust: vec![front.client.clone()], ..Http::default() }).unwrap_err();
    assert_ne!(error.kind, ErrorKind::Transient, "{error}");
}

#[test]
fn a_server_that_asks_who_we_are_is_shown_the_certificate() {
    let server = Server::start();
    let front = Front::start(&server, true);
    let anonymous = Http { trust: vec![front.certificate.clone()], ..Http::default() };
    front.prepare(&anonymous).unwrap_err();
    front.prepare(&Http { client_certificate: Some(front.client.clone()), ..anonymous }).unwrap();
}

#[test]
fn archives_go_where_repositories_go() {
    use backstay_core::ArchiveStore;
    let server = Server::start();
    let front = Front::start(&server, false);
    let address = address(&format!("s3:https://localhost:{}/bucket", front.port));
    let prepare = |http: &Http| archives::S3::new(&address, &settings(SECRET), http, None)?.prepare(NONE);
    let trust = |file: &PathBuf| Http { trust: vec![file.clone()], ..Http::default() };
    prepare(&trust(&front.certificate)).unwrap();
    let fingerprint = {
        use rustls::pki_types::{CertificateDer, pem::PemObject};
        use sha2::{Digest, Sha256};
        Sha256::digest(CertificateDer::from_pem_file(&front.certificate).unwrap()).into()
    };
    prepare(&Http { fingerprint: Some(fingerprint), ..Http::default() }).unwrap();
    for http in [trust(&front.client), Http { fingerprint: Some([7; 32]), ..Http::default() }] {
        let error = prepare(&http).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Config, "{error}");
    }
}

#[test]
fn files_without_certificates_are_named() {
    let server = Server::start();
    let front = Front::start(&server, false);
    let (empty, missing) = (front.folder.path().join("empty"), front.folder.path().join("missing"));
    std::fs::write(&empty, "no certificate").unwrap();
    for file in [empty, missing] {
        let trust = Http { trust: vec![file.clone()], ..Http::default() };
        let client = Http { client_certificate: Some(file.clone()), insecure: true, ..Http::default() };
        for http in [trust, client] {
            let error = front.prepare(&http).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Config, "{error}");
            assert!(error.to_string().contains(&file.display().to_string()), "{error}");
        }
    }
}
