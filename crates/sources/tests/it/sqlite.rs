//! Databases of SQLite that are copied while others write, and brought back.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::thread;

use backstay_core::{Control, Events, Silent};
use backstay_sources::sqlite::{Aside, Table, Trouble, check, copy, facts, swap_in};
use backstay_sources::testing::{Bank, kept};
use rusqlite::config::DbConfig;
use tempfile::TempDir;

/// A folder with a bank, and room for copies of it.
struct Desk {
    folder: TempDir,
    bank: Bank,
}

impl Desk {
    fn new(mode: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let bank = Bank::make(&folder.path().join("bank of größe?.db"), mode);
        Self { folder, bank }
    }

    fn path(&self) -> PathBuf {
        self.bank.path().to_owned()
    }

    fn other(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn transfers(&self, numbers: std::ops::RangeInclusive<i64>) {
        let opened = self.bank.open();
        numbers.for_each(|number| self.bank.transfer(&opened, number));
    }
}

#[test]
fn a_copy_is_of_one_moment_while_others_write() {
    for mode in ["WAL", "DELETE"] {
        let desk = Desk::new(mode);
        let writer = desk.bank.write(1);
        let mut last = 0;
        for round in 0..5 {
            while writer.written() < last + 5 {
                thread::yield_now();
            }
            let made = desk.other(&format!("copy {round}"));
            copy(&desk.path(), &made, &Control::new(), &Silent).unwrap();
            check(&made, &Control::new()).unwrap();
            let transfers = kept(&made);
            assert!(transfers > last, "{mode}: {transfers} after {last}");
            last = transfers;
        }
        let written = writer.end();
        assert_eq!(kept(&desk.path()), written);
    }
}

#[test]
fn a_copy_has_owner_permissions_and_time_and_its_facts_are_told() {
    let desk = Desk::new("WAL");
    desk.transfers(1..=40);
    fs::set_permissions(desk.path(), fs::Permissions::from_mode(0o640)).unwrap();
    let made = desk.other("copy");
    copy(&desk.path(), &made, &Control::new(), &Silent).unwrap();
    let (old, new) = (fs::metadata(desk.path()).unwrap(), fs::metadata(&made).unwrap());
    assert_eq!((new.mode(), new.uid(), new.mtime()), (old.mode(), old.uid(), old.mtime()));
    let facts = facts(&made, &Control::new()).unwrap();
    assert_eq!(u64::from(facts.page_size) * facts.pages, new.len());
    assert_eq!(facts.user_version, 7);
    let rows = |name: &str| {
        let found: Vec<&Table> = facts.tables.iter().filter(|table| table.name == name).collect();
        found.first().map(|table| table.rows)
    };
    assert_eq!(rows("accounts"), Some(200));
    assert_eq!(rows("transfers"), Some(40));
    assert_eq!(rows("odd \"name\""), Some(0));
    assert_eq!(rows("texts"), None);
    // Nothing was left beside the copy by looking at it.
    let names: Vec<_> =
        fs::read_dir(desk.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().starts_with("copy-")), "{names:?}");
}

#[test]
fn what_did_not_change_lies_where_it_lay_in_the_next_copy() {
    let desk = Desk::new("WAL");
    let (first, second) = (desk.other("first"), desk.other("second"));
    copy(&desk.path(), &first, &Control::new(), &Silent).unwrap();
    desk.transfers(1..=1);
    copy(&desk.path(), &second, &Control::new(), &Silent).unwrap();
    let (first, second) = (fs::read(first).unwrap(), fs::read(second).unwrap());
    let pages = |bytes: &[u8]| bytes.chunks(4096).map(<[u8]>::to_vec).collect::<Vec<_>>();
    let differing = pages(&first).iter().zip(pages(&second)).filter(|(one, other)| **one != *other).count();
    assert!((1..10).contains(&differing), "{differing} of {} pages", first.len() / 4096);
}

#[test]
fn damage_is_found_and_what_is_no_database_is_told() {
    let desk = Desk::new("DELETE");
    let made = desk.other("copy");
    copy(&desk.path(), &made, &Control::new(), &Silent).unwrap();
    let mut bytes = fs::read(&made).unwrap();
    let page = 4096 * 3;
    bytes[page..page + 4096].fill(0xaa);
    fs::write(&made, &bytes).unwrap();
    let error = check(&made, &Control::new()).unwrap_err();
    assert_eq!(error.trouble, Trouble::Damaged, "{error}");
    let of = |name: &str, bytes: &[u8]| {
        let path = desk.other(name);
        fs::write(&path, bytes).unwrap();
        copy(&path, &desk.other("never"), &Control::new(), &Silent).unwrap_err()
    };
    assert_eq!(of("noise", &[7; 10_000]).trouble, Trouble::NoDatabase);
    assert_eq!(
        copy(&desk.other("gone"), &made, &Control::new(), &Silent).unwrap_err().trouble,
        Trouble::Files
    );
    assert_eq!(
        copy(desk.folder.path(), &made, &Control::new(), &Silent).unwrap_err().trouble,
        Trouble::NoDatabase
    );
}

#[test]
fn a_copy_that_is_cancelled_ends() {
    struct Cancels(Control);
    impl Events for Cancels {
        fn bytes_done(&self, _: u64) {
            self.0.cancel();
        }
    }
    let desk = Desk::new("WAL");
    for table in 0..4 {
        desk.bank
            .open()
            .execute_batch(&format!("CREATE TABLE more{table} AS SELECT * FROM accounts"))
            .unwrap();
    }
    let control = Control::new();
    let error = copy(&desk.path(), &desk.other("copy"), &control, &Cancels(control.clone())).unwrap_err();
    assert_eq!(error.trouble, Trouble::Interrupted);
}

#[test]
fn a_database_takes_the_place_of_another_one_which_is_kept_and_opens() {
    for mode in ["WAL", "DELETE"] {
        let desk = Desk::new(mode);
        let (made, aside) = (desk.other("copy"), desk.other("before"));
        copy(&desk.path(), &made, &Control::new(), &Silent).unwrap();
        {
            let opened = desk.bank.open();
            (1..=9).for_each(|number| desk.bank.transfer(&opened, number));
            // As a program leaves it that is killed: what it wrote last is beside the database.
            opened.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
        }
        assert_eq!(swap_in(&made, &desk.path(), &aside).unwrap(), Aside(Some(aside.clone())));
        assert_eq!((kept(&desk.path()), kept(&aside)), (0, 9));
        assert!(!made.exists());
    }
}

#[test]
fn a_database_that_is_open_elsewhere_is_not_replaced() {
    let desk = Desk::new("WAL");
    let made = desk.other("copy");
    copy(&desk.path(), &made, &Control::new(), &Silent).unwrap();
    let mut holder = std::process::Command::new("sleep")
        .arg("60")
        .stdin(fs::File::open(desk.path()).unwrap())
        .spawn()
        .unwrap();
    let error = swap_in(&made, &desk.path(), &desk.other("before")).unwrap_err();
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert_eq!(error.trouble, Trouble::Locked);
    assert!(error.to_string().contains("sleep"), "{error}");
    assert!(made.exists() && !desk.other("before").exists());
    assert_eq!(kept(&desk.path()), 0);
}

#[test]
fn a_database_that_is_locked_by_whoever_is_not_replaced() {
    for mode in ["WAL", "DELETE"] {
        let desk = Desk::new(mode);
        let made = desk.other("copy");
        copy(&desk.path(), &made, &Control::new(), &Silent).unwrap();
        // A connection of this process, which is not looked for among those that have it open.
        let opened = desk.bank.open();
        opened.execute_batch("BEGIN IMMEDIATE").unwrap();
        let error = swap_in(&made, &desk.path(), &desk.other("before")).unwrap_err();
        assert_eq!(error.trouble, Trouble::Locked, "{error}");
        drop(opened);
        assert!(made.exists() && !desk.other("before").exists());
        assert_eq!(kept(&desk.path()), 0);
    }
}

#[test]
fn one_that_cannot_be_opened_any_more_is_replaced_with_all_that_lies_beside_it() {
    let desk = Desk::new("WAL");
    let (made, aside) = (desk.other("copy"), desk.other("before"));
    copy(&desk.path(), &made, &Control::new(), &Silent).unwrap();
    fs::write(desk.path(), b"nothing that was ever a database").unwrap();
    let wal = PathBuf::from(format!("{}-wal", desk.path().display()));
    fs::write(&wal, b"rests").unwrap();
    swap_in(&made, &desk.path(), &aside).unwrap();
    assert_eq!(kept(&desk.path()), 0);
    assert_eq!(fs::read(&aside).unwrap(), b"nothing that was ever a database");
    assert_eq!(fs::read(desk.other("before-wal")).unwrap(), b"rests");
    // Where there is none at all, what one has left is not taken for that of the new one.
    let again = desk.other("again");
    copy(&desk.path(), &again, &Control::new(), &Silent).unwrap();
    fs::remove_file(desk.path()).unwrap();
    fs::write(&wal, b"rests").unwrap();
    swap_in(&again, &desk.path(), &desk.other("third")).unwrap();
    assert_eq!(kept(&desk.path()), 0);
    assert_eq!(fs::read(desk.other("third-wal")).unwrap(), b"rests");
}
