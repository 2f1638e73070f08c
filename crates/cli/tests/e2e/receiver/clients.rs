//! Clients of tus that others wrote.

use std::path::PathBuf;
use std::process::Command;

use super::{Receiver, add, hex};
use crate::world::{World, finish, noise};

/// What a peer's variable names, unless there is none and need not be.
fn peer(variable: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from);
    if named.is_none() {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{variable} must be set");
        eprintln!("passed over: {variable} is not set");
    }
    named
}

const TUSPY: &str = r#"
import sys
from tusclient import client, exceptions
url, token, path, sha256 = sys.argv[1:]
tus = client.TusClient(url + "/archives/", headers={"Authorization": "Bearer " + token})
uploader = tus.uploader(path, chunk_size=400_000, metadata={"filename": "py/Data.zip", "sha256": sha256},
                        upload_checksum=True, verify_tls_cert=True)
# The first pieces by one process, the rest by another that has the address alone.
uploader.upload_chunk()
uploader.upload_chunk()
again = tus.uploader(path, chunk_size=300_000, url=uploader.url)
assert again.get_offset() == 800_000, again.get_offset()
again.upload()
try:
    tus.uploader(path, metadata={"filename": "../evil"}).upload()
    sys.exit("a name that leads elsewhere was taken")
except exceptions.TusCommunicationError as error:
    assert error.status_code == 400, error.status_code
"#;

#[test]
fn tuspy_sends_with_checksums_and_goes_on() {
    let Some(python) = peer("BACKSTAY_PEER_TUSPY") else { return };
    let world = World::new();
    let token = add(&world, "db1", &[]);
    let receiver = Receiver::start(&world, &[]);
    let content = noise(2_345_678);
    world.file("Data.zip", &content).file("send.py", TUSPY);
    let mut command = Command::new(python);
    command.env("REQUESTS_CA_BUNDLE", &receiver.authority).current_dir(world.path(""));
    command.args(["send.py", &receiver.url, &token, "Data.zip", &hex(&content)]);
    finish(command).succeeds();
    assert!(std::fs::read(world.path("srv/archives/db1/py/Data.zip")).unwrap() == content);
}

const TUS_JS: &str = r#"
const { createRequire } = require("node:module");
const fs = require("node:fs");
const [folder, url, token, path] = process.argv.slice(2);
const tus = createRequire(folder + "/")("tus-js-client");
const send = (filename, options) => new Promise((resolve, reject) => {
  const upload = new tus.Upload(fs.createReadStream(path), {
    endpoint: url + "/archives/",
    headers: { Authorization: "Bearer " + token },
    metadata: { filename },
    uploadSize: options.parallelUploads ? undefined : fs.statSync(path).size,
    retryDelays: null,
    onError: reject,
    onSuccess: () => resolve(upload),
    ...options,
  });
  upload.start();
});
(async () => {
  await send("js/one.zip", { chunkSize: 500_000 });
  await send("js/with-creation.zip", { uploadDataDuringCreation: true, chunkSize: 10_000_000 });
  await send("js/parallel.zip", { parallelUploads: 4, chunkSize: 300_000 });
  const refused = await send("js/one.zip", { chunkSize: 500_000 }).catch((error) => error);
  if (refused.originalResponse?.getStatus() !== 409) throw new Error("taken twice: " + refused);
})().catch((error) => { console.error(error); process.exit(1); });
"#;

#[test]
fn tus_js_client_sends_in_one_and_in_parallel_parts() {
    let Some(folder) = peer("BACKSTAY_PEER_TUS_JS") else { return };
    let world = World::new();
    let token = add(&world, "db1", &[]);
    let receiver = Receiver::start(&world, &[]);
    let content = noise(2_345_678);
    world.file("Data.zip", &content).file("send.cjs", TUS_JS);
    let mut command = Command::new("node");
    command
        .env("NODE_EXTRA_CA_CERTS", &receiver.authority)
        .current_dir(world.path(""))
        .arg("send.cjs")
        .arg(folder);
    command.args([receiver.url.as_str(), &token, "Data.zip"]);
    finish(command).succeeds();
    for name in ["one", "with-creation", "parallel"] {
        assert!(
            std::fs::read(world.path(&format!("srv/archives/db1/js/{name}.zip"))).unwrap() == content,
            "{name}"
        );
    }
    let left = world.contents("srv/.receiver/uploads");
    assert!(left.keys().all(|name| !name.ends_with("/data")), "parts are cleaned up: {:?}", left.keys());
}
