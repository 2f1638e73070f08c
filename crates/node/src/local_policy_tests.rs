use super::*;
use std::os::unix::fs::{PermissionsExt, symlink};

fn policy(text: &str) -> LocalPolicy {
    LocalPolicy::parse(text, Path::new("/etc/policy.toml")).unwrap()
}

#[test]
fn an_agent_without_a_file_reads_and_no_more() {
    let policy = LocalPolicy::without_file(Mode::Agent, Path::new("/etc/x.toml"));
    assert!(policy.check_read(Path::new("/etc")).is_ok());
    let refused = policy.check_write(Path::new("/srv/x")).unwrap_err();
    assert_eq!(refused.to_string(), "the policy of this host does not allow restoring to /srv/x");
    assert!(refused.hint().contains("add \"/srv/x\" to `write` in /etc/x.toml"), "{}", refused.hint());
    assert!(policy.check_command(Path::new("/bin/true")).is_err());
    assert!(policy.check_variable("HOME").is_err());
    assert!(policy.check_service("cron.service").is_err());
    assert!(policy.check_container("db").is_err());
    assert!(!policy.allows_private_addresses());
}

#[test]
fn content_stays_on_the_host_if_its_owner_says_so() {
    assert!(policy("").check_download().is_ok());
    let refused = policy("downloads = false").check_download().unwrap_err();
    assert!(refused.to_string().contains("handing content"), "{refused}");
    assert!(refused.hint().contains("`downloads = true` in /etc/policy.toml"), "{}", refused.hint());
}

#[test]
fn the_local_node_may_do_what_its_user_may() {
    let policy = LocalPolicy::without_file(Mode::Local, Path::new("/etc/x.toml"));
    assert!(policy.check_write(Path::new("/")).is_ok());
    assert_eq!(policy.check_command(Path::new("/bin/x")).unwrap(), Path::new("/bin/x"));
    assert!(policy.check_variable("PATH").is_ok() && policy.allows_private_addresses());
}

#[test]
fn paths_are_judged_by_where_they_lead() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    for name in ["allowed/inner", "secret"] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    symlink(root.join("secret"), root.join("allowed/out")).unwrap();
    symlink(root.join("allowed"), root.join("in")).unwrap();
    symlink(root.join("nowhere"), root.join("allowed/dangling")).unwrap();
    symlink(root.join("allowed/loop"), root.join("allowed/loop")).unwrap();
    let allowed = root.join("allowed").display().to_string();
    let policy = policy(&format!("read = [{allowed:?}]\nwrite = [{allowed:?}]"));

    for inside in ["allowed", "allowed/inner", "allowed/new/deep", "in/inner", "allowed/../in/inner"] {
        let real = policy.check_write(&root.join(inside)).unwrap();
        assert!(real.starts_with(&allowed) && !real.to_string_lossy().contains(".."), "{inside}: {real:?}");
        assert!(policy.check_read(&root.join(inside)).is_ok() || inside == "in", "{inside}");
    }
    for outside in [
        "",
        "secret",
        "allowed/out",
        "allowed/out/x",
        "allowed/../secret",
        "allowed/inner/../../secret",
        "allowedly",
        "allowed/dangling",
        "allowed/dangling/x",
        "allowed/loop",
    ] {
        assert!(policy.check_write(&root.join(outside)).is_err(), "{outside}");
    }
    assert!(policy.check_write(Path::new("relative")).is_err());
    // A link that is backed up stays a link, and what it leads to is not read.
    assert!(policy.check_read(&root.join("allowed/out")).is_ok());
    assert!(policy.check_read(&root.join("allowed/out/x")).is_err());
    assert!(policy.check_read(&root.join("allowed/../secret")).is_err());
}

#[test]
fn folders_on_the_way_show_the_way_only() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    fs::create_dir_all(root.join("a/b/c")).unwrap();
    let policy = policy(&format!("read = [{:?}]", root.join("a/b").display().to_string()));
    let shown = policy.check_browse(&root).unwrap();
    assert_eq!(shown.names, Some(vec!["a".into()]));
    assert_eq!(policy.check_browse(&root.join("a/b/c")).unwrap().names, None);
    assert!(policy.check_browse(&root.join("x")).is_err());
}

#[test]
fn commands_are_known_by_the_file_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let real = folder.path().join("tool");
    fs::write(&real, "").unwrap();
    symlink(&real, folder.path().join("alias")).unwrap();
    let policy = policy(&format!("commands = [{:?}]", real.display().to_string()));
    assert_eq!(policy.check_command(&folder.path().join("alias")).unwrap(), real);
    assert!(policy.check_command(Path::new("/bin/sh")).is_err());
    assert!(policy.check_command(&folder.path().join("missing")).is_err());
}

#[test]
fn files_that_others_can_write_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policy.toml");
    assert!(LocalPolicy::load(&file, Mode::Agent).is_ok());
    fs::write(&file, "write = [\"/srv\"]\nprivate_addresses = true\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(LocalPolicy::load(&file, Mode::Agent).unwrap().allows_private_addresses());
    for mode in [0o664, 0o646] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        assert!(matches!(LocalPolicy::load(&file, Mode::Agent), Err(PolicyError::Unsafe { .. })), "{mode:o}");
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    assert!(matches!(LocalPolicy::load(&file, Mode::Agent), Err(PolicyError::Unsafe { .. })));
    // The folder itself is safe then, and the one above is not.
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    fs::set_permissions(&inner, fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(&file, inner.join("policy.toml")).unwrap();
    let refused = LocalPolicy::load(&inner.join("policy.toml"), Mode::Agent).unwrap_err();
    assert!(refused.to_string().contains("may be written by others (mode 0777)"), "{refused}");
    symlink(inner.join("policy.toml"), &file).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(LocalPolicy::load(&file, Mode::Agent).unwrap().allows_private_addresses());
}

#[test]
fn root_takes_no_file_of_others_and_others_take_their_own_and_roots() {
    let folder = tempfile::tempdir().unwrap();
    let metadata = |path: &Path| fs::metadata(path).unwrap();
    let mine = metadata(folder.path()).uid();
    let is_taken = |path: &Path, me| check_owner(path, &metadata(path), me).is_ok();
    assert!(is_taken(folder.path(), mine));
    assert_eq!(is_taken(folder.path(), mine.wrapping_add(1)), mine == 0);
    for me in [0, 1000] {
        assert!(is_taken(Path::new("/"), me), "what belongs to root is taken by all");
    }
    if mine == 0 {
        let file = folder.path().join("policy.toml");
        fs::write(&file, "").unwrap();
        std::os::unix::fs::chown(&file, Some(1234), None).unwrap();
        assert!(!is_taken(&file, 0) && is_taken(&file, 1234));
        let refused = LocalPolicy::load(&file, Mode::Agent).unwrap_err();
        assert!(refused.to_string().contains("belongs to user 1234"), "{refused}");
        std::os::unix::fs::chown(&file, Some(0), None).unwrap();
        let link = folder.path().join("link.toml");
        symlink(&file, &link).unwrap();
        assert!(LocalPolicy::load(&link, Mode::Agent).is_ok());
        std::os::unix::fs::lchown(&link, Some(1234), None).unwrap();
        assert!(LocalPolicy::load(&link, Mode::Agent).is_err());
    }
}

#[test]
fn what_has_no_meaning_is_refused() {
    for text in ["raed = []", "write = [\"srv\"]", "commands = [\"pg_dump\"]", "read = 1", "write = [\"*\"]"]
    {
        assert!(LocalPolicy::parse(text, Path::new("/x")).is_err(), "{text}");
    }
}
