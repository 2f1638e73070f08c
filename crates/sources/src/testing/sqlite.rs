//! A database of SQLite whose writers keep to something that any copy of one moment shows: the sum of all accounts stays the same, and
//! transfers are numbered without holes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

/// Accounts that money goes between.
const ACCOUNTS: i64 = 200;
/// What each has at first.
const EACH: i64 = 1000;

/// A database of accounts, and a log in which each transfer has the next number.
#[derive(Debug, Clone)]
pub struct Bank {
    path: PathBuf,
}

/// Transfers that go on in the background, until this is dropped.
#[derive(Debug)]
pub struct Writer {
    ended: Arc<AtomicBool>,
    written: Arc<AtomicI64>,
    thread: Option<JoinHandle<()>>,
}

impl Bank {
    /// Makes one in the file, with a journal of this mode (`WAL`, `DELETE`).
    #[must_use]
    pub fn make(path: &Path, mode: &str) -> Self {
        let bank = Self { path: path.to_owned() };
        let opened = bank.open();
        opened.pragma_update(None, "journal_mode", mode).unwrap();
        let content = format!(
            "CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL, note BLOB NOT NULL);
             CREATE TABLE transfers (number INTEGER PRIMARY KEY, amount INTEGER NOT NULL);
             CREATE TABLE \"odd \"\"name\"\"\" (x);
             CREATE VIRTUAL TABLE texts USING fts5(words);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ACCOUNTS})
             INSERT INTO accounts SELECT i, {EACH}, randomblob(20000) FROM n;
             PRAGMA user_version = 7;"
        );
        opened.execute_batch(&content).unwrap();
        bank
    }

    /// Its file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A connection to it.
    #[must_use]
    pub fn open(&self) -> Connection {
        let opened = Connection::open(&self.path).unwrap();
        opened.busy_timeout(Duration::from_secs(30)).unwrap();
        opened
    }

    /// Makes the transfer that has this number.
    pub fn transfer(&self, opened: &Connection, number: i64) {
        let (from, to) = (number % ACCOUNTS + 1, number * 7 % ACCOUNTS + 1);
        let transaction = opened.unchecked_transaction().unwrap();
        let _ =
            transaction.execute("UPDATE accounts SET balance = balance - 3 WHERE id = ?1", [from]).unwrap();
        let _ = transaction.execute("UPDATE accounts SET balance = balance + 3 WHERE id = ?1", [to]).unwrap();
        let _ = transaction.execute("INSERT INTO transfers VALUES (?1, 3)", [number]).unwrap();
        transaction.commit().unwrap();
    }

    /// Makes transfers in the background, from this number on.
    #[must_use]
    pub fn write(&self, from: i64) -> Writer {
        let (ended, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI64::new(from - 1)));
        let (bank, is_over, count) = (self.clone(), Arc::clone(&ended), Arc::clone(&written));
        let thread = std::thread::spawn(move || {
            let opened = bank.open();
            for number in from.. {
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                bank.transfer(&opened, number);
                count.store(number, Ordering::Relaxed);
            }
        });
        Writer { ended, written, thread: Some(thread) }
    }
}

impl Writer {
    /// Transfers that were made so far.
    #[must_use]
    pub fn written(&self) -> i64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Ends them; gives how many were made.
    #[must_use]
    pub fn end(mut self) -> i64 {
        self.stop();
        self.written()
    }

    fn stop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// How many transfers a database holds.
///
/// # Panics
/// When it does not hold what the writers keep to.
#[must_use]
pub fn kept(database: &Path) -> i64 {
    let opened = Connection::open(database).unwrap();
    let one =
        |query: &str| opened.query_row(query, [], |row| row.get::<_, Option<i64>>(0)).unwrap().unwrap_or(0);
    assert_eq!(one("SELECT sum(balance) FROM accounts"), ACCOUNTS * EACH);
    let transfers = one("SELECT count(*) FROM transfers");
    assert_eq!(one("SELECT max(number) FROM transfers"), transfers);
    transfers
}
