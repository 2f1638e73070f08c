//! A receiver that is known by a fingerprint: its authority's, or its own certificate's.

use std::sync::Arc;

use backstay_core::{ArchiveStore, CallContext, ErrorKind, StorageError};
use backstay_storage::Http;
use backstay_storage::archives::Receiver;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use crate::receiver::Server;

struct Authority {
    der: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

fn authority() -> Authority {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let der = params.self_signed(&key).unwrap().der().clone();
    Authority { issuer: Issuer::new(params, key), der }
}

/// TLS before the server, with a certificate for `name` that `signer` signed, and `shown` along with it. Gives its port and the
/// certificate's own fingerprint.
fn front(
    runtime: &Runtime,
    server: &Server,
    name: &str,
    signer: &Authority,
    shown: &Authority,
) -> (u16, [u8; 32]) {
    let key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &signer.issuer).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![own.der().clone(), shown.der.clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
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
    (port, Sha256::digest(own.der()).into())
}

#[test]
fn nobody_else_is_talked_to() {
    let (server, runtime) = (Server::start(), Runtime::new().unwrap());
    let (_, credentials) = server.client();
    let ask = |port: u16, fingerprint: [u8; 32]| -> Result<(), StorageError> {
        let http = Http { fingerprint: Some(fingerprint), ..Http::default() };
        Receiver::new(&format!("https://localhost:{port}"), &credentials, &http)?.prepare(CallContext::NONE)
    };
    let (own, other) = (authority(), authority());
    let pin: [u8; 32] = Sha256::digest(&own.der).into();
    let (right, leaf) = front(&runtime, &server, "localhost", &own, &own);
    ask(right, pin).unwrap();
    ask(right, leaf).unwrap();
    let refused = |port, pin, why: &str| {
        let error = ask(port, pin).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Config, "{why}: {error}");
    };
    refused(right, [7; 32], "another fingerprint");
    let (elsewhere, leaf) = front(&runtime, &server, "elsewhere.example", &own, &own);
    refused(elsewhere, pin, "a certificate of the authority for another name");
    ask(elsewhere, leaf).unwrap();
    let (fake, _) = front(&runtime, &server, "localhost", &other, &own);
    refused(fake, pin, "the authority's certificate is shown by somebody it signed nothing for");
}
