//! A server that runs: `backstay up` in a process of its own, and somebody who is signed in to it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::world::{Run, World, finish};

pub(crate) const EMAIL: &str = "ada@example.org";
pub(crate) const PASSWORD: &str = "correct horse battery";

/// A process that serves. It is killed when dropped.
pub(crate) struct Up {
    child: Child,
    pub(crate) url: String,
    /// The token behind `#` in the set-up link.
    pub(crate) setup: Option<String>,
    pub(crate) certificate: Option<String>,
}

impl Up {
    /// Starts a server with its data in `data`, over TLS, and waits until it listens.
    pub(crate) fn start(world: &World) -> Self {
        Self::with(world, "127.0.0.1:0", &[])
    }

    /// The same at an address, with further flags.
    pub(crate) fn with(world: &World, listen: &str, flags: &[&str]) -> Self {
        let data = world.at("data");
        let mut arguments =
            vec!["up", "--json", "--listen", listen, "--tls", "self-signed", "--data-dir", &data];
        arguments.extend(flags);
        Self::spawn(world.command(arguments))
    }

    /// The same with these flags and no others, so that it decides by itself how to speak.
    pub(crate) fn by_itself(world: &World, flags: &[&str]) -> Self {
        let data = world.at("data");
        let arguments = ["up", "--json", "--data-dir", &data];
        Self::spawn(world.command(arguments.iter().chain(flags)))
    }

    /// The same with further variables in its environment.
    pub(crate) fn with_variables(world: &World, variables: &[(&str, &str)]) -> Self {
        let data = world.at("data");
        let arguments =
            ["up", "--json", "--listen", "127.0.0.1:0", "--tls", "self-signed", "--data-dir", &data];
        let mut command = world.command(arguments);
        command.envs(variables.iter().copied());
        let up = Self::spawn(command);
        up.log_in(world);
        up
    }

    fn spawn(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?}"));
        assert_eq!(told["message_type"], "listening");
        let text = |name: &str| told[name].as_str().map(str::to_owned);
        let setup = text("setup").map(|link| link.split_once('#').unwrap().1.to_owned());
        Self { child, url: text("url").unwrap(), setup, certificate: text("certificate_sha256") }
    }

    /// The port alone, to start at the same place again.
    pub(crate) fn address(&self) -> String {
        self.url.split_once("://").unwrap().1.to_owned()
    }

    /// Ends it as systemd does, and waits.
    pub(crate) fn stop(mut self) {
        self.signal("-TERM");
        assert!(self.child.wait().unwrap().success());
    }

    /// Ends it as a power loss does.
    pub(crate) fn kill(mut self) {
        self.signal("-KILL");
        self.child.wait().unwrap();
    }

    fn signal(&self, signal: &str) {
        let kill = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(kill.unwrap().success());
    }

    /// Sets the server up: its first owner.
    pub(crate) fn set_up(&self) {
        let token = self.setup.clone().expect("a set-up link");
        let form = json!({"token": token, "name": "Ada", "email": EMAIL, "password": PASSWORD});
        let (status, answer) = self.post("/api/v1/setup", &form);
        assert!((200..300).contains(&status), "{status} {answer}");
    }

    /// Posts as nobody.
    pub(crate) fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = http().post(format!("{}{path}", self.url)).header("content-type", "application/json");
        let response = request.body(body.to_string()).send().unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_str(&response.text().unwrap()).unwrap_or_default())
    }

    /// Signs the world's user in with the program.
    pub(crate) fn log_in(&self, world: &World) {
        self.log_in_as(world, EMAIL, PASSWORD).succeeds();
    }

    /// Signs somebody in with the program.
    pub(crate) fn log_in_as(&self, world: &World, email: &str, password: &str) -> Run {
        let mut arguments = vec!["login", &self.url, "--email", email];
        if let Some(fingerprint) = &self.certificate {
            arguments.extend(["--server-fingerprint", fingerprint]);
        }
        world.run_with_input(arguments, format!("{password}\n").as_bytes())
    }

    /// Chooses a password by a link that was made for that.
    pub(crate) fn choose(&self, link: &str, password: &str) -> u16 {
        let token = link.trim().split_once('#').unwrap().1;
        self.post("/api/v1/password-reset/confirm", &json!({"token": token, "password": password})).0
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Talks to whoever answers: what is tested is behind TLS.
pub(crate) fn http() -> reqwest::blocking::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::blocking::Client::builder().danger_accept_invalid_certs(true).no_proxy();
    builder.redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

impl World {
    /// Asks the server with the program, and gives back what it answers as JSON.
    #[track_caller]
    pub(crate) fn ask(&self, arguments: &[&str]) -> Value {
        let run = self.run(arguments.iter().chain(&["--json"])).succeeds();
        run.json().pop().unwrap_or(Value::Null)
    }

    /// Makes a record from a form.
    #[track_caller]
    pub(crate) fn make(&self, kind: &str, form: &Value) -> Value {
        let run = self.try_to_make(kind, form).succeeds();
        run.json().pop().unwrap_or(Value::Null)
    }

    pub(crate) fn try_to_make(&self, kind: &str, form: &Value) -> Run {
        self.file("form.json", form.to_string());
        finish(self.command([kind, "create", "--file", &self.at("form.json"), "--json"]))
    }

    /// The run, once it is as it should be.
    #[track_caller]
    pub(crate) fn until(&self, run: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + Duration::from_secs(90);
        loop {
            let found = self.run(["runs", "show", run, "--json"]);
            let value = if found.code == 0 { found.json().pop().unwrap() } else { Value::Null };
            if is_so(&value) {
                return value;
            }
            assert!(Instant::now() < end, "the run does not get {what}: {value:#} {}", found.stderr);
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    #[track_caller]
    pub(crate) fn until_state(&self, run: &str, state: &str) -> Value {
        self.until(run, state, |run| run["state"] == state)
    }

    /// Starts a plan's backup; gives back the run.
    #[track_caller]
    pub(crate) fn run_plan(&self, plan: &str) -> String {
        let queued = self.ask(&["plans", "run", plan]);
        queued["runs"][0].as_str().unwrap().to_owned()
    }
}
