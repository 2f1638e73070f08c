//! Archives on their way to a real receiver over TLS: who is trusted, ways that are bad, and processes that are killed.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{Receiver, add};
use crate::proxy::{Proxy, Way};
use crate::world::{Run, World, finish, noise};

/// A receiver with a client, and an archive for it.
struct Setting {
    world: World,
    token: String,
    archive: String,
    content: Vec<u8>,
}

impl Setting {
    fn new(size: usize) -> Self {
        let world = World::without_settings();
        world.file("src/big.bin", noise(size));
        let token = add(&world, "db1", &[]);
        let create = ["archive", "create", "src", "--output", "out", "--plain", "--name", "Data", "--json"];
        let made = world.run(create).succeeds().message("summary");
        let archive = made["archive"].as_str().unwrap().to_owned();
        let content = std::fs::read(world.path(&archive)).unwrap();
        Self { world, token, archive, content }
    }

    fn send(&self, url: &str, authority: &str) -> std::process::Command {
        let flags = ["--to", url, "--cacert", authority, "--chunk-size", "1M", "--tokens", "tokens"];
        let mut command = self.world.command(["archive", "send", &self.archive].iter().chain(&flags));
        command.env("BACKSTAY_RECEIVER_TOKEN", &self.token);
        command
    }

    fn finish(&self, url: &str, authority: &str) -> Run {
        finish(self.send(url, authority))
    }

    fn start(&self, url: &str, authority: &str) -> Child {
        self.send(url, authority).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    fn there(&self) -> PathBuf {
        self.world.path("srv/archives/db1")
    }

    /// Bytes of the archive that lie there and are not whole yet.
    fn arrived(&self) -> u64 {
        let uploads = std::fs::read_dir(self.world.path("srv/.receiver/uploads")).unwrap();
        let data = uploads.map(|entry| entry.unwrap().path().join("data"));
        data.filter_map(|path| std::fs::metadata(path).ok()).map(|data| data.len()).sum()
    }

    fn until_arrived(&self, bytes: u64) {
        let end = Instant::now() + Duration::from_secs(60);
        while self.arrived() < bytes {
            assert!(Instant::now() < end, "{bytes} bytes do not arrive");
            std::thread::sleep(Duration::from_millis(10));
        }
        self.assert_nothing_there();
    }

    fn assert_nothing_there(&self) {
        let names = std::fs::read_dir(self.there()).map_or(0, Iterator::count);
        assert_eq!(names, 0, "something half-written is visible");
    }

    /// The archive and its manifest are there as they were sent, and nothing else is left of their way.
    fn assert_whole(&self) {
        let mut names: Vec<_> = std::fs::read_dir(self.there())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["Data.zip", "Data.zip.manifest.json"]);
        assert!(std::fs::read(self.there().join("Data.zip")).unwrap() == self.content);
        self.world.run(["archive", "verify", self.there().to_str().unwrap()]).succeeds();
        assert_eq!(self.arrived(), 0, "parts are left");
        assert_eq!(std::fs::read_dir(self.world.path("tokens/transfers")).unwrap().count(), 0);
    }
}

fn socket(receiver: &Receiver) -> SocketAddr {
    receiver.address().parse().unwrap()
}

#[test]
fn a_receiver_that_another_authority_vouches_for_gets_nothing() {
    let setting = Setting::new(1 << 20);
    let receiver = Receiver::start(&setting.world, &[]);
    let other = World::without_settings();
    let stranger = Receiver::start(&other, &[]);
    let started = Instant::now();
    let refused = setting.finish(&receiver.url, &stranger.authority).ends_with(1);
    assert!(refused.stderr.contains("certificate"), "{}", refused.stderr);
    assert!(!refused.stderr.contains(&setting.token));
    assert!(started.elapsed() < Duration::from_secs(20), "what does not get better is not tried again");
    assert_eq!(setting.arrived(), 0);
    setting.assert_nothing_there();
    setting.finish(&receiver.url, &receiver.authority).succeeds();
    setting.assert_whole();
}

#[test]
fn slow_ways_that_break_or_garble_cost_time_and_nothing_else() {
    for garbles in [false, true] {
        let setting = Setting::new(5 << 20);
        let receiver = Receiver::start(&setting.world, &[]);
        let way = Way {
            after: 1_700_000,
            times: 2,
            garbles,
            rate: 8 << 20,
            delay: Duration::from_millis(2),
            ..Way::default()
        };
        let proxy = Proxy::start(socket(&receiver), way);
        setting.finish(&proxy.url("https"), &receiver.authority).succeeds();
        assert_eq!(proxy.left.load(Ordering::SeqCst), 0, "nothing went wrong");
        setting.assert_whole();
        receiver.stop();
    }
}

#[test]
fn a_receiver_that_is_killed_and_comes_back_gets_the_rest() {
    let setting = Setting::new(12 << 20);
    let mut receiver = Receiver::start(&setting.world, &[]);
    let proxy = Proxy::start(socket(&receiver), Way { rate: 6 << 20, ..Way::default() });
    let mut sending = setting.start(&proxy.url("https"), &receiver.authority);
    for bytes in [2_500_000, 6_000_000] {
        setting.until_arrived(bytes);
        let address = receiver.address();
        receiver.kill();
        setting.assert_nothing_there();
        receiver = Receiver::at(&setting.world, &address, &[]);
        // What counted is still there.
        assert!(setting.arrived() >= bytes / 1_048_576 * 1_048_576, "{} of {bytes}", setting.arrived());
    }
    assert!(sending.wait().unwrap().success());
    setting.assert_whole();
}

#[test]
fn a_client_that_is_killed_goes_on_where_it_was() {
    let setting = Setting::new(12 << 20);
    let receiver = Receiver::start(&setting.world, &[]);
    let proxy = Proxy::start(socket(&receiver), Way { rate: 6 << 20, ..Way::default() });
    for bytes in [2_500_000, 6_000_000] {
        let mut sending = setting.start(&proxy.url("https"), &receiver.authority);
        setting.until_arrived(bytes);
        sending.kill().unwrap();
        sending.wait().unwrap();
        setting.assert_nothing_there();
    }
    // Another way to the same receiver would be another transfer: the token is for this one.
    setting.finish(&proxy.url("https"), &receiver.authority).succeeds().says("going on");
    setting.assert_whole();
}

#[test]
fn both_are_killed_and_go_on() {
    let setting = Setting::new(12 << 20);
    let receiver = Receiver::start(&setting.world, &[]);
    let proxy = Proxy::start(socket(&receiver), Way { rate: 6 << 20, ..Way::default() });
    let mut sending = setting.start(&proxy.url("https"), &receiver.authority);
    setting.until_arrived(4_500_000);
    let address = receiver.address();
    receiver.kill();
    sending.kill().unwrap();
    sending.wait().unwrap();
    setting.assert_nothing_there();
    let receiver = Receiver::at(&setting.world, &address, &[]);
    setting.finish(&proxy.url("https"), &receiver.authority).succeeds().says("going on");
    setting.assert_whole();
}

#[test]
fn what_lies_on_a_receiver_is_listed_verified_extracted_and_deleted_there() {
    let setting = Setting::new(2 << 20);
    let receiver = Receiver::start(&setting.world, &[]);
    let run = |arguments: &[&str]| {
        let flags = ["--cacert", &receiver.authority];
        let mut command = setting.world.command(arguments.iter().chain(&flags));
        command.env("BACKSTAY_RECEIVER_TOKEN", &setting.token);
        finish(command)
    };
    let folder = format!("{}/archives/nightly", receiver.url);
    let archive = format!("{folder}/Data.zip");
    run(&["archive", "send", &setting.archive, "--to", &folder, "--tokens", "tokens"]).succeeds();
    run(&["archive", "list", &receiver.url]).succeeds().says("nightly/Data.zip").says("1 archives");
    run(&["archive", "list", &folder]).succeeds().says("1 archives");
    run(&["archive", "list", &archive]).succeeds().says("src/big.bin");
    run(&["archive", "verify", &folder]).succeeds().says("no errors");
    run(&["archive", "extract", &archive, "--target", "back"]).succeeds();
    assert_eq!(setting.world.contents("back/src"), setting.world.contents("src"));
    run(&["archive", "delete", &archive]).succeeds().says("deleted");
    setting.assert_nothing_there();
    run(&["archive", "verify", &archive]).ends_with(1).complains("there are no archives here");
}
