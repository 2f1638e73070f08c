//! A pseudo-terminal with the program on it: prompts, the status line, Ctrl-C.

use std::io::{Read, Write};
use std::process::{Child, Command};

use pty_process::blocking::Pty;

use crate::world::{World, noise};

/// A program that believes it talks to somebody.
struct Terminal {
    pty: Pty,
    child: Child,
    /// All that it has shown.
    seen: String,
    /// How much of it was waited for already.
    passed: usize,
}

impl Terminal {
    fn start(told: &Command) -> Self {
        let (pty, place) = pty_process::blocking::open().unwrap();
        pty.resize(pty_process::Size::new(24, 100)).unwrap();
        let variables = told.get_envs().filter_map(|(name, value)| Some((name, value?)));
        let child = pty_process::blocking::Command::new(told.get_program())
            .args(told.get_args())
            .current_dir(told.get_current_dir().unwrap())
            .env_clear()
            .envs(variables)
            .env("TERM", "xterm")
            .spawn(place)
            .unwrap();
        Self { pty, child, seen: String::new(), passed: 0 }
    }

    /// Reads on; `false` when the program has ended.
    fn read(&mut self) -> bool {
        let mut buffer = [0; 4096];
        match self.pty.read(&mut buffer) {
            Ok(0) | Err(_) => false,
            Ok(length) => {
                self.seen.push_str(&String::from_utf8_lossy(&buffer[..length]));
                true
            }
        }
    }

    /// Waits until it shows this, after what was waited for before.
    #[track_caller]
    fn expect(&mut self, text: &str) -> &mut Self {
        loop {
            if let Some(at) = self.seen[self.passed..].find(text) {
                self.passed += at + text.len();
                return self;
            }
            assert!(self.read(), "it ended without {text:?}:\n{}", self.seen);
        }
    }

    /// Types a password.
    fn type_password(&mut self, password: &str) -> &mut Self {
        self.await_silence().press(password).press("\n")
    }

    /// Waits until nothing that is typed is shown any more.
    fn await_silence(&mut self) -> &mut Self {
        use rustix::termios::{LocalModes, tcgetattr};
        while tcgetattr(&self.pty).unwrap().local_modes.contains(LocalModes::ECHO) {
            assert!(self.child.try_wait().unwrap().is_none(), "it ended: {}", self.seen);
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        self
    }

    fn press(&mut self, keys: &str) -> &mut Self {
        self.pty.write_all(keys.as_bytes()).unwrap();
        self
    }

    /// Waits for its end; gives the exit code and all that was shown.
    fn end(mut self) -> (i32, String) {
        while self.read() {}
        (self.child.wait().unwrap().code().unwrap_or(-1), self.seen)
    }
}

#[test]
fn a_new_password_is_asked_for_twice_and_never_shown() {
    let mut world = World::new();
    world.forget_password();
    let mut terminal = Terminal::start(&world.command(["init"]));
    terminal.expect("enter password for new repository").type_password("secret one");
    terminal.expect("enter password again").type_password("secret two");
    let (code, seen) = terminal.end();
    assert_eq!(code, 1, "{seen}");
    assert!(seen.contains("do not match") && !seen.contains("secret"), "{seen}");

    let mut terminal = Terminal::start(&world.command(["init"]));
    terminal.expect("enter password for new repository").type_password("secret one");
    terminal.expect("enter password again").type_password("secret one");
    let (code, seen) = terminal.end();
    assert_eq!(code, 0, "{seen}");
    assert!(!seen.contains("secret"), "{seen}");

    let mut terminal = Terminal::start(&world.command(["key", "list"]));
    terminal.expect("enter password for repository").type_password("secret two");
    terminal.expect("Try again").expect("enter password").type_password("secret one");
    let (code, seen) = terminal.end();
    assert_eq!(code, 0, "{seen}");
    assert!(!seen.contains("secret"), "{seen}");
}

#[test]
fn a_wrong_password_may_be_typed_three_times() {
    let mut world = World::initialised();
    world.forget_password();
    let mut terminal = Terminal::start(&world.command(["snapshots"]));
    for _ in 0..3 {
        terminal.expect("enter password for repository").type_password("wrong");
    }
    assert_eq!(terminal.end().0, 12);
}

#[test]
fn the_status_line_is_written_over_and_gone_at_the_end() {
    let world = World::initialised();
    world.file("src/a", noise(3_000_000)).file("src/b", noise(20));
    let mut terminal = Terminal::start(&world.command(["backup", "src", "--limit-upload", "3000"]));
    terminal.expect("2 files").expect("snapshot").expect(" saved");
    let (code, seen) = terminal.end();
    assert_eq!(code, 0, "{seen}");
    // Lines are erased, not added.
    assert!(seen.contains("\u{1b}["), "{seen}");
    let summary = seen.rsplit('\u{1b}').next().unwrap();
    assert!(summary.contains("processed 2 files"), "{seen}");

    let mut terminal = Terminal::start(&world.command(["backup", "src", "--force", "--quiet"]));
    terminal.expect("");
    let (code, seen) = terminal.end();
    assert_eq!((code, seen.as_str()), (0, ""));
}

#[test]
fn ctrl_c_ends_a_backup_without_a_lock_left_behind() {
    let world = World::initialised();
    world.file("src/a", noise(9_000_000));
    let mut terminal = Terminal::start(&world.command(["backup", "src", "--limit-upload", "1000"]));
    terminal.expect("1 files").press("\u{3}").expect("cleaning up");
    assert_eq!(terminal.end().0, 130);
    assert!(world.locks().is_empty());
}

#[test]
fn ctrl_c_at_a_prompt_is_an_interrupt() {
    let mut world = World::initialised();
    world.forget_password();
    let mut terminal = Terminal::start(&world.command(["snapshots"]));
    terminal.expect("enter password for repository").await_silence().press("\u{3}");
    assert_eq!(terminal.end().0, 130);
}
