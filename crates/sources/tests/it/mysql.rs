//! An instance of MariaDB: where its files are, whether it runs, whether its tables are whole.

use std::fs;
use std::time::Duration;

use backstay_core::Control;
use backstay_sources::mysql::{
    Facts, Places, Product, Trouble, check_tables, config_files, process_of, wait_until_it_answers,
};
use backstay_sources::testing::Instance;

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn all_files_of_an_instance_are_found_wherever_they_are() {
    let Some(instance) = Instance::start_new() else { return };
    instance.fill(10);
    let facts = Facts::ask(&instance.access()).unwrap();
    assert_eq!(facts.product, Product::MariaDb);
    assert!(facts.version.starts_with("10.11."), "{}", facts.version);
    let binlog = facts.binlog.clone().unwrap();
    assert!(binlog.file.starts_with("log.") && binlog.position > 300 && binlog.gtid.is_some(), "{binlog:?}");
    let process = process_of(&facts.data_dir).unwrap().unwrap();
    assert_eq!(process.option("defaults-file"), Some(instance.configuration()));

    let parts = Places::of(&facts, Some(&process)).parts().unwrap();
    let below = |path: &str| instance.folder().join(path).canonicalize().unwrap();
    let has = |path: &str| parts.iter().any(|part| part.path == below(path));
    assert_eq!(parts[0].path, below("data"));
    for path in [
        "redo/ib_logfile0",
        "undo/undo001",
        "undo/undo002",
        "binlog/log.index",
        "outside/shop/elsewhere.ibd",
        "outside/the@0020archive/elsewhere.ibd",
        "my.cnf",
        "conf.d/more.cnf",
    ] {
        assert!(has(path), "{path}: {parts:#?}");
    }
    assert!(parts.iter().all(|part| part.path == below("data") || !part.path.starts_with(below("data"))));
    assert!(!has("error.log") && !has("tmp"), "{parts:#?}");
}

#[test]
fn a_link_in_the_data_directory_is_followed_to_tables_and_to_nothing_else() {
    let Some(instance) = Instance::start_new() else { return };
    instance.fill(10);
    let facts = Facts::ask(&instance.access()).unwrap();
    let places = Places::of(&facts, None);
    instance.manage("stop");
    let moved = instance.folder().join("moved");
    fs::rename(instance.data_dir().join("shop"), &moved).unwrap();
    std::os::unix::fs::symlink(&moved, instance.data_dir().join("shop")).unwrap();
    let schema = instance.data_dir().join("the@0020archive");
    let secret = instance.folder().join("secret");
    fs::write(&secret, "of somebody else").unwrap();
    std::os::unix::fs::symlink(&secret, schema.join("secret.MYD")).unwrap();
    fs::write(schema.join("secret.isl"), secret.to_str().unwrap()).unwrap();
    fs::write(schema.join("long.isl"), "/".repeat(10_000)).unwrap();
    let parts = places.parts().unwrap();
    let has = |path: &std::path::Path| parts.iter().any(|part| part.path == path.canonicalize().unwrap());
    assert!(has(&moved), "{parts:#?}");
    assert!(!has(&secret), "{parts:#?}");
    // A table's space in a schema that is elsewhere itself is found too.
    assert!(has(&instance.folder().join("outside/shop/elsewhere.ibd")), "{parts:#?}");
    instance.manage("start");
    wait_until_it_answers(&instance.access(), PATIENCE, &Control::new()).unwrap();
}

#[test]
fn whether_an_instance_runs_and_answers_is_told() {
    let Some(instance) = Instance::start_new() else { return };
    let (access, control) = (instance.access(), Control::new());
    assert!(wait_until_it_answers(&access, PATIENCE, &control).unwrap().starts_with("10.11."));
    let mut wrong = access.clone();
    wrong.password = "wrong".to_owned();
    let error = wait_until_it_answers(&wrong, PATIENCE, &control).unwrap_err();
    assert_eq!(error.trouble, Trouble::Denied, "{error}");
    assert!(!format!("{error} {error:?} {wrong:?}").contains("\"wrong\""), "{error:?}");

    instance.manage("stop");
    assert_eq!(process_of(&instance.data_dir()).unwrap(), None);
    let error = wait_until_it_answers(&access, Duration::from_millis(300), &control).unwrap_err();
    assert_eq!(error.trouble, Trouble::NoAnswer, "{error}");
    let cancelled = Control::new();
    cancelled.cancel();
    let error = wait_until_it_answers(&access, PATIENCE, &cancelled).unwrap_err();
    assert_eq!(error.trouble, Trouble::Interrupted, "{error}");
    instance.manage("start");
    wait_until_it_answers(&access, PATIENCE, &control).unwrap();
    assert!(process_of(&instance.data_dir()).unwrap().is_some());
}

#[test]
fn a_table_that_is_not_whole_is_named() {
    let Some(instance) = Instance::start_new() else { return };
    instance.fill(200);
    let (access, control) = (instance.access(), Control::new());
    let (tables, problems) = check_tables(&access, &control).unwrap();
    assert!(tables > 10 && problems.is_empty(), "{tables} {problems:?}");
    instance.manage("stop");
    let file = instance.data_dir().join("shop/myisam.MYD");
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    instance.manage("start");
    let (_, problems) = check_tables(&access, &control).unwrap();
    let named: Vec<_> = problems.iter().map(|problem| problem.table.as_str()).collect();
    assert_eq!(named, ["shop.myisam"], "{problems:?}");
}

#[test]
fn files_of_a_configuration_name_one_another_and_end() {
    let folder = tempfile::tempdir().unwrap();
    let first = folder.path().join("my.cnf");
    fs::create_dir(folder.path().join("more")).unwrap();
    fs::write(folder.path().join("more/b.cnf"), format!("!include {}\n", first.display())).unwrap();
    fs::write(folder.path().join("more/a.cnf"), "[mysqld]\n").unwrap();
    fs::write(folder.path().join("more/a.cnf.orig"), "[mysqld]\n").unwrap();
    let more = folder.path().join("more");
    fs::write(&first, format!("!include /nowhere\n!includedir {}\n!include /dev/zero\n", more.display()))
        .unwrap();
    let process = backstay_sources::mysql::Process {
        id: 1,
        arguments: vec!["mysqld".to_owned(), format!("--defaults-file={}", first.display())],
    };
    assert_eq!(config_files(Some(&process)), [first, more.join("a.cnf"), more.join("b.cnf")]);
}
