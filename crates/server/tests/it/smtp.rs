//! A stand-in for a mail server, written from RFC 5321 and RFC 4954: it takes mails in and keeps them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const USER: &str = "backup";
pub(crate) const PASSWORD: &str = "mail s3cret";

/// A mail as it came in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mail {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    /// Headers and text, with soft line breaks taken out.
    pub(crate) content: String,
    pub(crate) signed_in: bool,
}

/// A mail server on a free port of loopback.
pub(crate) struct Smtp {
    pub(crate) port: u16,
    mails: Arc<Mutex<Vec<Mail>>>,
}

impl Smtp {
    /// One that takes mails for everybody but `refused@example.org`.
    pub(crate) async fn start() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = socket.local_addr().unwrap().port();
        let mails = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&mails);
        tokio::spawn(async move {
            while let Ok((stream, _)) = socket.accept().await {
                tokio::spawn(converse(stream, Arc::clone(&kept)));
            }
        });
        Self { port, mails }
    }

    /// Settings that lead here.
    pub(crate) fn settings(&self) -> Value {
        json!({"host": "127.0.0.1", "port": self.port, "tls": "none", "user": USER, "password": PASSWORD,
            "from": "Backstay <backup@example.org>"})
    }

    /// What came in so far.
    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.mails.lock().clone()
    }

    /// Waits for a mail.
    pub(crate) async fn mail(&self, number: usize) -> Mail {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(mail) = self.mails.lock().get(number) {
                return mail.clone();
            }
            assert!(Instant::now() < end, "no mail came");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn converse(stream: TcpStream, mails: Arc<Mutex<Vec<Mail>>>) {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 stand-in ESMTP\r\n").await.unwrap();
    let mut mail = Mail::default();
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        let command = line.trim_end();
        let upper = command.to_ascii_uppercase();
        let answer = if upper.starts_with("EHLO ") {
            "250-stand-in\r\n250 AUTH PLAIN"
        } else if let Some(proof) = command.strip_prefix("AUTH PLAIN ") {
            mail.signed_in = STANDARD.decode(proof).unwrap() == format!("\0{USER}\0{PASSWORD}").into_bytes();
            if mail.signed_in { "235 2.7.0 welcome" } else { "535 5.7.8 wrong user or password" }
        } else if upper.starts_with("MAIL FROM:") {
            mail.from = between(command);
            "250 ok"
        } else if upper.starts_with("RCPT TO:") {
            match between(command) {
                to if to == "refused@example.org" => "550 5.1.1 no such mailbox",
                to => {
                    mail.to.push(to);
                    "250 ok"
                }
            }
        } else if upper == "DATA" {
            stream.write_all(b"354 go on\r\n").await.unwrap();
            mail.content = content(&mut stream).await;
            mails.lock().push(mail.clone());
            "250 taken"
        } else if upper == "QUIT" {
            "221 bye"
        } else {
            "250 ok"
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await.unwrap();
    }
}

fn between(command: &str) -> String {
    command.split_once('<').unwrap().1.split_once('>').unwrap().0.to_owned()
}

async fn content(stream: &mut BufReader<TcpStream>) -> String {
    let mut content = String::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        if line == ".\r\n" || line.is_empty() {
            return content.replace("=\r\n", "").replace("=3D", "=");
        }
        content.push_str(line.strip_prefix("..").map_or(&line, |_| &line[1..]));
    }
}
