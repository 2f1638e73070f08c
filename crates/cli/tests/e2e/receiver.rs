//! `backstay receiver` in a process of its own, and the clients of others: restic, curl, tuspy, tus-js-client.

mod clients;
mod kills;
mod plans;
mod transfers;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::compat::restic;
use crate::up::Up;
use crate::world::{Run, World, finish, noise};

/// A receiver that runs. It is killed when dropped.
pub(crate) struct Receiver {
    child: Child,
    pub(crate) url: String,
    /// The file of its authority.
    pub(crate) authority: String,
    pub(crate) fingerprint: String,
}

impl Receiver {
    /// Starts one with its folder in `srv`.
    pub(crate) fn start(world: &World, flags: &[&str]) -> Self {
        Self::at(world, "127.0.0.1:0", flags)
    }

    pub(crate) fn at(world: &World, listen: &str, flags: &[&str]) -> Self {
        let path = world.at("srv");
        let arguments = ["receiver", "--json", "--listen", listen, "--path", &path];
        let mut command = world.command(arguments.iter().chain(flags));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?}"));
        assert_eq!(told["message_type"], "listening");
        let text = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
        Self { child, url: text("url"), authority: text("authority"), fingerprint: text("authority_sha256") }
    }

    /// Where it listens, to start another there.
    pub(crate) fn address(&self) -> String {
        self.url.split_once("://").unwrap().1.to_owned()
    }

    /// Ends it as a power loss does.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it as systemd does.
    pub(crate) fn stop(mut self) {
        let kill = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(kill.unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }

    /// The most memory that its process has had, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Lets a client in; gives its token.
pub(crate) fn add(world: &World, name: &str, flags: &[&str]) -> String {
    let path = world.at("srv");
    let arguments = ["receiver", "client", "add", name, "--path", &path, "--json"];
    let run = world.run(arguments.iter().chain(flags)).succeeds();
    run.message("receiver_client")["token"].as_str().unwrap().to_owned()
}

/// Runs curl as a client; what it prints ends with the status.
pub(crate) fn curl(receiver: &Receiver, user: &str, arguments: &[&str]) -> Run {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--cacert", &receiver.authority, "--user", user]);
    command.args(["--write-out", "\n%{http_code}"]).args(arguments);
    finish(command)
}

pub(crate) fn hex(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn an_archive_is_sent_with_its_manifest_and_is_whole_where_it_lies() {
    let world = World::without_settings();
    world.some_files();
    world.file("src/big.bin", noise(5 << 20));
    let token = add(&world, "db1", &[]);
    let receiver = Receiver::start(&world, &[]);
    let create = ["archive", "create", "src", "--output", "out", "--plain", "--name", "Data", "--json"];
    let archive = world.run(create).succeeds().message("summary")["archive"].as_str().unwrap().to_owned();
    let send = |token: &str, archive: &str| {
        let to =
            ["--to", &receiver.url, "--folder", "nightly/one", "--chunk-size", "1M", "--tokens", "tokens"];
        let mut command = world.command(
            ["archive", "send", archive, "--cacert", &receiver.authority, "--json"].iter().chain(&to),
        );
        command.env("BACKSTAY_RECEIVER_TOKEN", token);
        finish(command)
    };
    let refused = send("", &archive).ends_with(1);
    assert!(refused.stderr.contains("backstay receiver client add"), "{}", refused.stderr);
    send("bsr_wrong", &archive).ends_with(1);
    let sent = send(&token, &archive).succeeds();
    assert_eq!(sent.message("sent")["name"], "nightly/one/Data.zip");
    let kept = world.path("srv/archives/db1/nightly/one");
    for name in ["Data.zip", "Data.zip.manifest.json"] {
        assert!(
            std::fs::read(kept.join(name)).unwrap() == std::fs::read(world.path("out").join(name)).unwrap(),
            "{name}"
        );
    }
    world.run(["archive", "verify", kept.to_str().unwrap()]).succeeds();
    // Nothing is ever overwritten.
    let refused = send(&token, &archive).ends_with(1);
    assert!(refused.stderr.contains("is taken"), "{}", refused.stderr);
    // Into another folder of this machine too.
    world.run(["archive", "send", &archive, "--to", "elsewhere", "--tokens", "tokens"]).succeeds();
    world.run(["archive", "verify", "elsewhere"]).succeeds();
    assert_eq!(
        std::fs::read_dir(world.path("tokens/transfers")).unwrap().count(),
        0,
        "tokens are cleaned up"
    );
}

#[test]
fn restic_backs_up_checks_and_restores_over_it() {
    let Some(restic) = restic() else { return };
    let host = World::new();
    let token = add(&host, "db1", &[]);
    let receiver = Receiver::start(&host, &[]);
    let mut client = World::with(restic);
    client.some_files();
    client.set_repository(&format!("rest:{}/repo/", receiver.url));
    let run = |arguments: &[&str], token: &str| {
        let mut command = client.command(arguments);
        command.env("RESTIC_REST_USERNAME", "db1").env("RESTIC_REST_PASSWORD", token);
        command.env("RESTIC_CACERT", &receiver.authority);
        finish(command)
    };
    run(&["init"], &token).succeeds();
    run(&["backup", "src"], &token).succeeds();
    client.file("src/four", noise(3_000_000));
    run(&["backup", "src"], &token).succeeds();
    run(&["check", "--read-data"], &token).succeeds();
    run(&["restore", "latest", "--target", "out"], &token).succeeds();
    assert_eq!(client.contents("out/src"), client.contents("src"));
    run(&["forget", "--keep-last", "1", "--prune"], &token).succeeds();
    run(&["check", "--read-data"], &token).succeeds();
    let denied = run(&["snapshots"], "bsr_wrong");
    assert!(denied.code != 0 && !denied.stderr.contains("bsr_wrong"), "{}", denied.stderr);
    receiver.stop();
}

#[test]
fn our_own_program_uses_it_too_and_an_append_only_client_forgets_nothing() {
    let host = World::new();
    let token = add(&host, "db1", &["--append-only"]);
    let receiver = Receiver::start(&host, &[]);
    let mut client = World::new();
    client.some_files();
    client.set_repository(&format!("rest:{}/repo/own/", receiver.url));
    let run = |arguments: &[&str]| {
        let mut command = client.command(arguments);
        command.env("RESTIC_REST_USERNAME", "db1").env("RESTIC_REST_PASSWORD", &token);
        command.env("BACKSTAY_CACERT", &receiver.authority);
        finish(command)
    };
    run(&["init"]).succeeds();
    run(&["backup", "src"]).succeeds();
    run(&["backup", "src"]).succeeds().says("using parent snapshot");
    run(&["check", "--read-data"]).succeeds();
    run(&["restore", "latest", "--target", "out"]).succeeds();
    assert_eq!(client.contents("out/src"), client.contents("src"));
    let refused = run(&["forget", "--keep-last", "1"]);
    assert_ne!(refused.code, 0, "{}", refused.stdout);
    let snapshots = run(&["snapshots", "--json"]).succeeds().json().remove(0);
    assert_eq!(snapshots.as_array().unwrap().len(), 2);
    assert!(host.contents("srv/repo/db1/own/locks").is_empty(), "locks are removed all the same");
    let bare = client.run(["snapshots"]);
    assert_ne!(bare.code, 0);
}

#[test]
fn one_inside_of_up_takes_the_same() {
    let world = World::without_settings();
    let token = add(&world, "db1", &[]);
    let up = Up::with(&world, "127.0.0.1:0", &["--receiver", &world.at("srv")]);
    let url = |path: &str| format!("{}{path}", up.url);
    let run = |arguments: &[&str]| {
        let mut command = Command::new("curl");
        command.args(["--silent", "--insecure", "--user", &format!("db1:{token}")]);
        command.args(["--write-out", "\n%{http_code}"]).args(arguments);
        finish(command)
    };
    let content = noise(3_000_000);
    world.file("Data.zip", &content);
    let metadata = "Upload-Metadata: filename RGF0YS56aXA=";
    let data = format!("@{}", world.at("Data.zip"));
    let arguments =
        ["-X", "POST", "-H", "Tus-Resumable: 1.0.0", "-H", "Upload-Length: 3000000", "-H", metadata];
    let stream = ["-H", "Content-Type: application/offset+octet-stream", "--data-binary", &data];
    let archives = url("/archives/");
    run(&[&arguments[..], &stream, &[&archives]].concat()).says("201");
    assert!(std::fs::read(world.path("srv/archives/db1/Data.zip")).unwrap() == content);
    run(&[&archives]).says(&hex(&content));
    run(&["-X", "POST", &url("/repo/?create=true")]).says("200");
    // The server's own side is not opened by it, nor that of the receiver by nobody.
    run(&[&url("/api/v1/plans")]).says("401");
    up.stop();
}

#[test]
fn clients_are_listed_without_what_they_show_and_turned_away_at_once() {
    let world = World::new();
    let token = add(&world, "db1", &["--quota", "5G", "--append-only", "--folder", "site/{name}"]);
    let receiver = Receiver::start(&world, &[]);
    let user = format!("db1:{token}");
    let archives = format!("{}/archives/", receiver.url);
    curl(&receiver, &user, &[&archives]).says("200");
    let path = world.at("srv");
    let listed = world.run(["receiver", "client", "list", "--path", &path, "--json"]).succeeds();
    let client = &listed.json()[0][0];
    assert_eq!((&client["folder"], &client["quota"]), (&"site/db1".into(), &(5_u64 << 30).into()));
    assert!(!listed.stdout.contains(&token) && !listed.stdout.contains(&hex(token.as_bytes())));
    world.run(["receiver", "client", "list", "--path", &path]).succeeds().says("site/db1");
    let again = world.run(["receiver", "client", "add", "db1", "--path", &path]).ends_with(1);
    assert!(again.stderr.contains("already"), "{}", again.stderr);
    world.run(["receiver", "client", "add", "x", "--folder", "site", "--path", &path]).ends_with(1);
    let renewed = world.run(["receiver", "client", "renew", "db1", "--path", &path, "--json"]).succeeds();
    let renewed = renewed.message("receiver_client")["token"].as_str().unwrap().to_owned();
    curl(&receiver, &user, &[&archives]).says("401");
    let user = format!("db1:{renewed}");
    curl(&receiver, &user, &[&archives]).says("200");
    world.run(["receiver", "client", "renew", "db2", "--path", &path]).ends_with(1).complains("no client");
    world.run(["receiver", "client", "remove", "db1", "--path", &path]).succeeds();
    curl(&receiver, &user, &[&archives]).says("401");
    // The authority stays the same over restarts, so what clients trust lasts.
    let (address, fingerprint) = (receiver.address(), receiver.fingerprint.clone());
    receiver.stop();
    let receiver = Receiver::at(&world, &address, &[]);
    assert_eq!(receiver.fingerprint, fingerprint);
    let second = world.run(["receiver", "--listen", "127.0.0.1:0", "--path", &path]).ends_with(1);
    assert!(second.stderr.contains("another receiver"), "{}", second.stderr);
}

#[test]
fn a_client_may_show_a_certificate_instead_of_a_token_or_beside_it() {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let world = World::new();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    world.file("clients.pem", params.self_signed(&key).unwrap().pem());
    let issuer = Issuer::new(params, key);
    let issue = |name: &str, issuer: &Issuer<'_, KeyPair>| {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, issuer).unwrap();
        world.file(&format!("{name}.pem"), certificate.pem() + &key.serialize_pem());
        hex(certificate.der())
    };
    let (alone, both) = (issue("alone", &issuer), issue("both", &issuer));
    let path = world.at("srv");
    let add_alone =
        ["receiver", "client", "add", "alone", "--path", &path, "--no-token", "--certificate", &alone];
    world.run(add_alone).succeeds();
    let token = add(&world, "both", &["--certificate", &both]);
    let receiver = Receiver::start(&world, &["--client-ca", &world.at("clients.pem")]);
    let archives = format!("{}/archives/", receiver.url);
    let ask = |certificate: Option<&str>, token: Option<&str>| {
        let mut command = Command::new("curl");
        command.args([
            "--silent",
            "--cacert",
            &receiver.authority,
            "--write-out",
            "\n%{http_code}",
            &archives,
        ]);
        if let Some(name) = certificate {
            command.args(["--cert", &world.at(&format!("{name}.pem"))]);
        }
        if let Some(token) = token {
            command.args(["--header", &format!("Authorization: Bearer {token}")]);
        }
        finish(command).stdout.lines().last().unwrap_or_default().to_owned()
    };
    assert_eq!(ask(Some("alone"), None), "200");
    assert_eq!(ask(Some("both"), Some(&token)), "200");
    for (certificate, token) in [(None, None), (Some("both"), None), (None, Some(&*token))] {
        assert_eq!(ask(certificate, token), "401", "{certificate:?}");
    }
    // One that another authority signed is turned away before anything is asked.
    let stranger = Issuer::new(CertificateParams::new(Vec::new()).unwrap(), KeyPair::generate().unwrap());
    issue("stranger", &stranger);
    assert_eq!(ask(Some("stranger"), None), "000");
}

#[test]
fn without_tls_it_listens_for_this_host_only() {
    let world = World::new();
    let path = world.at("srv");
    let run = world.run(["receiver", "--listen", "0.0.0.0:0", "--tls", "off", "--path", &path]).ends_with(1);
    assert!(run.stderr.contains("loopback"), "{}", run.stderr);
    let receiver = Receiver::start(&world, &["--tls", "off"]);
    assert!(receiver.url.starts_with("http://127.0.0.1:"));
}

#[test]
fn a_full_disk_refuses_and_keeps_what_is_there() {
    let world = World::new();
    // Root and the program within a namespace of mounts, so that the small disk is gone with the test.
    let script = r#"
        mkdir srv && mount -t tmpfs -o size=16m none srv || exit 99
        token=$("$BACKSTAY" receiver client add db1 --path srv | tail -n 1)
        "$BACKSTAY" receiver --path srv --listen 127.0.0.1:0 --tls off --min-free 0 --json > told 2> log &
        receiver=$!
        for i in 1 2 3 4 5 6 7 8 9 10; do test -s told && break; sleep 0.3; done
        url=$(sed 's/.*"url":"\([^"]*\)".*/\1/' told)
        ask() { curl -s -o answer -w '%{http_code}' -H "Authorization: Bearer $token" -H 'Tus-Resumable: 1.0.0' "$@"; }
        stream='Content-Type: application/offset+octet-stream'
        head -c 10000000 /dev/urandom > small; head -c 9000000 /dev/urandom > big
        code=$(ask -X POST -H 'Upload-Length: 10000000' -H 'Upload-Metadata: filename YQ==' -H "$stream" --data-binary @small $url/archives/)
        test "$code" = 201 || { echo "first: $code"; kill $receiver; exit 98; }
        # More than there is, told beforehand.
        code=$(ask -X POST -H 'Upload-Length: 9000000' -H 'Upload-Metadata: filename Yg==' $url/archives/)
        test "$code" = 507 || { echo "told: $code"; kill $receiver; exit 97; }
        # Somebody else fills the disk while a promised upload comes in.
        code=$(ask -D head -X POST -H 'Upload-Length: 5000000' -H 'Upload-Metadata: filename Yw==' $url/archives/)
        test "$code" = 201 || { echo "promised: $code"; kill $receiver; exit 96; }
        upload=$(sed -n 's/^location: *//Ip' head | tr -d '\r')
        head -c 3000000 /dev/urandom > srv/other
        head -c 5000000 big > five
        code=$(ask -X PATCH -H 'Upload-Offset: 0' -H "$stream" --data-binary @five $url$upload)
        test "$code" = 507 || { echo "filled: $code"; kill $receiver; exit 95; }
        test ! -e srv/archives/db1/c || exit 94
        rm srv/other
        code=$(ask -D head -I $url$upload)
        offset=$(sed -n 's/^upload-offset: *//Ip' head | tr -d '\r')
        tail -c +$((offset + 1)) five > rest
        code=$(ask -X PATCH -H "Upload-Offset: $offset" -H "$stream" --data-binary @rest $url$upload)
        kill $receiver
        test "$code" = 204 || { echo "gone on: $code at $offset"; exit 93; }
        cmp five srv/archives/db1/c && cmp small srv/archives/db1/a || exit 92
    "#;
    crate::adversity::with_mounts(&world, script).succeeds();
}
