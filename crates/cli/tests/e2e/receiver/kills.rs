//! A receiver that is killed in the middle, and one that takes much with little memory.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Receiver, add, curl};
use crate::world::{World, noise};

const VERSION: &str = "Tus-Resumable: 1.0.0";
const STREAM: &str = "Content-Type: application/offset+octet-stream";

fn header<'a>(text: &'a str, name: &str) -> &'a str {
    let line = text.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}:")));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).split_once(':').unwrap().1.trim()
}

fn begin(receiver: &Receiver, user: &str, length: usize) -> String {
    let length = format!("Upload-Length: {length}");
    let archives = format!("{}/archives/", receiver.url);
    let arguments =
        ["-i", "-X", "POST", "-H", VERSION, "-H", &length, "-H", "Upload-Metadata: filename YQ==", &archives];
    let run = curl(receiver, user, &arguments).says("201");
    header(&run.stdout, "location").to_owned()
}

fn offset(receiver: &Receiver, user: &str, upload: &str) -> usize {
    let run = curl(receiver, user, &["-I", "-H", VERSION, &format!("{}{upload}", receiver.url)]).says("200");
    header(&run.stdout, "upload-offset").parse().unwrap()
}

#[test]
fn an_upload_survives_the_kill_of_its_receiver_in_the_middle_of_a_piece() {
    let world = World::new();
    let user = format!("db1:{}", add(&world, "db1", &[]));
    let mut receiver = Receiver::start(&world, &[]);
    let content = noise(20_000_000);
    world.file("Data.zip", &content);
    let upload = begin(&receiver, &user, content.len());
    let data = world.path(&format!("srv/.receiver/uploads/{}/data", upload.rsplit('/').next().unwrap()));
    for kill in 0..3 {
        let from = offset(&receiver, &user, &upload);
        std::fs::write(world.path("rest"), &content[from..]).unwrap();
        let mut sending = Command::new("curl");
        sending.args(["--silent", "--cacert", &receiver.authority, "--user", &user, "--limit-rate", "4M"]);
        sending.args(["-X", "PATCH", "-H", VERSION, "-H", STREAM, "-H", &format!("Upload-Offset: {from}")]);
        sending.args([
            "--data-binary",
            &format!("@{}", world.at("rest")),
            &format!("{}{upload}", receiver.url),
        ]);
        let mut sending = sending.stdout(Stdio::null()).spawn().unwrap();
        let end = Instant::now() + Duration::from_secs(30);
        while std::fs::metadata(&data).unwrap().len() < (from + 1_000_000) as u64 {
            assert!(Instant::now() < end, "nothing arrives");
            std::thread::sleep(Duration::from_millis(10));
        }
        let address = receiver.address();
        if kill == 1 {
            // Asked to end, it keeps what came.
            receiver.stop();
        } else {
            receiver.kill();
        }
        let _ = sending.wait();
        assert!(world.contents("srv/archives").is_empty(), "nothing half-written is visible");
        receiver = Receiver::at(&world, &address, &[]);
        if kill == 1 {
            assert!(offset(&receiver, &user, &upload) >= from + 1_000_000);
        }
    }
    let from = offset(&receiver, &user, &upload);
    std::fs::write(world.path("rest"), &content[from..]).unwrap();
    let (at, rest) = (format!("Upload-Offset: {from}"), format!("@{}", world.at("rest")));
    let url = format!("{}{upload}", receiver.url);
    curl(
        &receiver,
        &user,
        &["-X", "PATCH", "-H", VERSION, "-H", STREAM, "-H", &at, "--data-binary", &rest, &url],
    )
    .says("204");
    assert!(std::fs::read(world.path("srv/archives/db1/a")).unwrap() == content);
}

#[test]
fn memory_stays_small_whatever_comes() {
    let world = World::new();
    let users: Vec<String> =
        (0..32).map(|number| format!("db{number}:{}", add(&world, &format!("db{number}"), &[]))).collect();
    let receiver = Receiver::start(&world, &[]);
    // Sparse at the sender, and real bytes on the wire: 32 times 24 MB at once.
    let size = 24_000_000;
    std::fs::File::create(world.path("zeros")).unwrap().set_len(size).unwrap();
    std::thread::scope(|scope| {
        for user in &users {
            let (receiver, data) = (&receiver, format!("@{}", world.at("zeros")));
            scope.spawn(move || {
                let upload = begin(receiver, user, usize::try_from(size).unwrap());
                let url = format!("{}{upload}", receiver.url);
                let piece = [
                    "-X",
                    "PATCH",
                    "-H",
                    VERSION,
                    "-H",
                    STREAM,
                    "-H",
                    "Upload-Offset: 0",
                    "-T",
                    data.trim_start_matches('@'),
                    &url,
                ];
                curl(receiver, user, &piece).says("204");
            });
        }
    });
    let peak = receiver.peak_memory();
    assert!(peak <= 200 << 20, "{peak} bytes of memory");
    for number in 0..32 {
        assert_eq!(std::fs::metadata(world.path(&format!("srv/archives/db{number}/a"))).unwrap().len(), size);
    }
    receiver.stop();
}
