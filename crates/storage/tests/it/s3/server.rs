//! An S3 server on a port of its own, over a folder, that can be told to misbehave.

use std::path::Path;
use std::sync::{Arc, Mutex};

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::host::SingleDomain;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, HttpError};
use tokio::runtime::Runtime;

pub(crate) const KEY: &str = "the-key";
pub(crate) const SECRET: &str = "the-secret-of-the-key";

/// How the server differs from a healthy one.
#[derive(Debug, Clone)]
pub(crate) struct Behaviour {
    /// Whether `If-None-Match` is understood on writes.
    pub(crate) knows_conditions: bool,
    /// How many requests are answered with 503.
    pub(crate) busy_for: u32,
}

/// A running server; it ends when dropped.
pub(crate) struct Server {
    pub(crate) url: String,
    folder: tempfile::TempDir,
    behaviour: Arc<Mutex<Behaviour>>,
    _runtime: Runtime,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::with(|_| ())
    }

    /// One whose buckets are named by hosts below this domain; the tests of the program use it.
    #[allow(dead_code)]
    pub(crate) fn of_domain(domain: &str) -> Self {
        Self::with(|builder| builder.set_host(SingleDomain::new(domain).unwrap()))
    }

    fn with(arrange: impl FnOnce(&mut S3ServiceBuilder)) -> Self {
        Self::of_service(|files| {
            let mut builder = S3ServiceBuilder::new(files);
            arrange(&mut builder);
            builder
        })
    }

    /// One that answers what this makes of files in its folder.
    pub(crate) fn of_service(make: impl FnOnce(s3s_fs::FileSystem) -> S3ServiceBuilder) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runtime = Runtime::new().unwrap();
        let behaviour = Arc::new(Mutex::new(Behaviour { knows_conditions: true, busy_for: 0 }));
        let mut builder = make(s3s_fs::FileSystem::new(folder.path()).unwrap());
        builder.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let service = builder.build();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(serve(listener, service, Arc::clone(&behaviour)));
        Self { url, folder, behaviour, _runtime: runtime }
    }

    /// The folder that holds the buckets.
    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn behave(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.behaviour.lock().unwrap());
    }
}

async fn serve(listener: tokio::net::TcpListener, service: S3Service, behaviour: Arc<Mutex<Behaviour>>) {
    // This server looks and then creates; a real one does both at once, so writes take turns here.
    let turn = Arc::new(tokio::sync::Mutex::new(()));
    while let Ok((socket, _)) = listener.accept().await {
        let (service, behaviour, turn) = (service.clone(), Arc::clone(&behaviour), Arc::clone(&turn));
        let answer = service_fn(move |request: Request<Incoming>| {
            let (service, behaviour, turn) = (service.clone(), Arc::clone(&behaviour), Arc::clone(&turn));
            async move {
                // Read to its end whatever the answer, since hyper closes the connection otherwise.
                let (head, body) = request.into_parts();
                let body = body.collect().await.map_err(|error| HttpError::new(error.into()))?.to_bytes();
                let request = Request::from_parts(head, Body::from(body));
                if let Some(refusal) = refusal(&behaviour, &request) {
                    return Ok::<_, HttpError>(refusal);
                }
                let _mine = if request.method() == Method::PUT { Some(turn.lock().await) } else { None };
                service.call(request).await
            }
        });
        tokio::spawn(
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), answer),
        );
    }
}

/// The answer of a server that will not.
fn refusal(behaviour: &Mutex<Behaviour>, request: &Request<Body>) -> Option<Response<Body>> {
    let mut behaviour = behaviour.lock().unwrap();
    let (status, code) = if behaviour.busy_for > 0 {
        behaviour.busy_for -= 1;
        (StatusCode::SERVICE_UNAVAILABLE, "SlowDown")
    } else if !behaviour.knows_conditions && request.headers().contains_key(header::IF_NONE_MATCH) {
        (StatusCode::NOT_IMPLEMENTED, "NotImplemented")
    } else {
        return None;
    };
    let text = format!("<Error><Code>{code}</Code><Message>no</Message></Error>");
    let mut answer = Response::new(Body::from(text));
    *answer.status_mut() = status;
    Some(answer)
}
