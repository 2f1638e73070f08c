//! Names of archives and folders.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use backstay_policy::BackupType;
use backstay_policy::naming::{DEFAULT_FOLDER, DEFAULT_NAME, Fields, Layout, NamingError, Pattern};
use jiff::Zoned;
use proptest::prelude::*;

fn time() -> Zoned {
    "2026-11-05T07:08:09+01:00[Europe/Berlin]".parse().unwrap()
}

fn fields(time: &Zoned) -> Fields<'_> {
    Fields {
        server: Some("db1.example.org"),
        database: Some("shop"),
        backup_type: BackupType::Incremental,
        plan: Some("every night"),
        host: Some("früh"),
        source: Some("mysql"),
        time,
    }
}

fn name(pattern: &str) -> String {
    Pattern::parse(pattern).unwrap().name(&fields(&time()), ".zip", &mut |_| false).unwrap()
}

#[test]
fn fields_are_filled_in() {
    assert_eq!(name("{server}_{database}-{type} {plan}"), "db1.example.org_shop-incremental every night.zip");
    assert_eq!(name("{host}.{source}.{date}"), "früh.mysql.2026-11-05.zip");
    assert_eq!(name("{date:%Y-%m-%d_%H%M%S}"), "2026-11-05_070809.zip");
    assert_eq!(name("{{{type}}}"), "{incremental}.zip");
    assert_eq!(name("Data"), "Data.zip");
    assert_eq!(name("Data {n}"), "Data 1.zip");
}

#[test]
fn the_defaults_are_as_documented() {
    let utc = time().with_time_zone(jiff::tz::TimeZone::UTC);
    let pattern = Pattern::parse(DEFAULT_NAME).unwrap();
    let name = pattern.name(&fields(&utc), ".tar.zst", &mut |_| false).unwrap();
    assert_eq!(name, "mysql-incremental-20261105T060809Z.tar.zst");
    assert_eq!(pattern.example(".zip").unwrap(), "mysql-full-20260131T230509Z.zip");
    assert_eq!(pattern.fields(), BTreeSet::from(["date", "source", "type"]));
    let layout = Layout::parse(DEFAULT_FOLDER).unwrap();
    assert_eq!(layout.folder(&fields(&utc)).unwrap(), "früh/every night");
    assert_eq!(layout.example().unwrap(), "web1/nightly");
}

#[test]
fn what_is_taken_is_numbered() {
    let time = time();
    let pattern = Pattern::parse("Data").unwrap();
    let mut taken = vec!["Data.zip".to_owned(), "Data-2.zip".to_owned()];
    let next = pattern.name(&fields(&time), ".zip", &mut |name| taken.iter().any(|one| one == name));
    assert_eq!(next.unwrap(), "Data-3.zip");
    let counting = Pattern::parse("{n}-{type}").unwrap();
    taken.push("1-incremental.zip".to_owned());
    let next = counting.name(&fields(&time), ".zip", &mut |name| taken.iter().any(|one| one == name));
    assert_eq!(next.unwrap(), "2-incremental.zip");
    let failed = pattern.name(&fields(&time), ".zip", &mut |_| true).unwrap_err();
    assert!(matches!(failed, NamingError::NoFreeName(_)), "{failed}");
}

#[test]
fn values_make_no_folders_and_no_options() {
    let time = time();
    let hostile = Fields {
        server: Some("../../etc/passwd"),
        database: Some("\u{202e}a\0b\n"),
        plan: Some(" "),
        host: Some("-rf"),
        source: Some(".."),
        ..fields(&time)
    };
    let name =
        |pattern: &str| Pattern::parse(pattern).unwrap().name(&hostile, ".zip", &mut |_| false).unwrap();
    assert_eq!(name("{server}"), "_.._etc_passwd.zip");
    assert_eq!(name("{database}"), "_a_b_.zip");
    assert_eq!(name("{plan}"), "none.zip");
    assert_eq!(name("{host}"), "rf.zip");
    assert_eq!(name("{source}"), "_.zip");
    let folder = |layout: &str| Layout::parse(layout).unwrap().folder(&hostile).unwrap();
    assert_eq!(folder("{source}/{server}/{host}"), "_/_.._etc_passwd/rf");
    assert_eq!(folder("/{source}//{plan}/"), "_/none");
    assert_eq!(folder("{date:%Y/%m}"), "2026/11");
    assert_eq!(folder(""), "");
}

#[test]
fn a_pattern_that_cannot_be_used_says_why() {
    for (pattern, part) in [
        ("", "is empty"),
        ("{sever}", "{sever} is no field; the fields are {server}"),
        ("{date:}", "date format"),
        ("{type:%Y}", "is no field"),
        ("a{type", "a brace at byte 1"),
        ("type}", "a brace at byte 4"),
        ("a/b", "folders have a pattern of their own"),
        ("{date:%Y/%m}", "folders have a pattern of their own"),
        ("{date:%!}", "cannot be used"),
        ("a\nb", "control character"),
    ] {
        let error = Pattern::parse(pattern).unwrap_err().to_string();
        assert!(error.contains(part), "{pattern:?}: {error}");
    }
    for (layout, part) in [
        ("{n}", "counts names"),
        ("../{host}", "cannot have \"..\""),
        ("a/./b", "cannot have \".\""),
        ("a\\b", "cannot have"),
    ] {
        let error = Layout::parse(layout).unwrap_err().to_string();
        assert!(error.contains(part), "{layout:?}: {error}");
    }
    let long = "x".repeat(1025);
    assert_eq!(Pattern::parse(&long), Err(NamingError::TooLong(1025)));
}

fn is_fit(name: &str, most: usize) -> bool {
    !name.is_empty()
        && name.len() <= most
        && !name.starts_with(['.', '-'])
        && !name.chars().any(|c| c.is_control() || matches!(c, '/' | '\\'))
}

proptest! {
    #[test]
    fn every_value_makes_a_name_that_fits(
        server in any::<String>(), plan in "\\PC{0,300}", host in "[./\\\\ -]{0,9}", number in 1_usize..5,
    ) {
        let time = time();
        let fields = Fields { server: Some(&server), plan: Some(&plan), host: Some(&host), ..fields(&time) };
        for pattern in ["{server}", "{plan}", "{host}", "{plan}{n}", "{n}{plan}", "same"] {
            let pattern = Pattern::parse(pattern).unwrap();
            let mut taken = BTreeSet::new();
            for _ in 0..number {
                let name = pattern.name(&fields, ".tar.zst.age", &mut |name| taken.contains(name)).unwrap();
                prop_assert!(is_fit(&name, 255 - ".manifest.json".len()), "{}", name);
                prop_assert!(name.ends_with(".tar.zst.age"));
                prop_assert!(taken.insert(name));
            }
        }
        let layout = Layout::parse("{server}/{plan}/{host}").unwrap().folder(&fields).unwrap();
        let names: Vec<_> = layout.split('/').collect();
        prop_assert_eq!(names.len(), 3);
        prop_assert!(names.iter().all(|name| is_fit(name, 255)), "{}", layout);
    }

    #[test]
    fn made_up_patterns_do_no_harm(text in ".{0,60}", braces in "[{}a-z:%YmdHn/]{0,30}") {
        let time = time();
        for pattern in [&text, &braces] {
            if let Ok(pattern) = Pattern::parse(pattern) {
                let name = pattern.name(&fields(&time), ".zip", &mut |_| false).unwrap();
                prop_assert!(is_fit(&name, 255), "{}", name);
            }
            if let Ok(layout) = Layout::parse(pattern) {
                let folder = layout.folder(&fields(&time)).unwrap();
                prop_assert!(folder.is_empty() || folder.split('/').all(|name| is_fit(name, 255)), "{}", folder);
            }
        }
    }
}
