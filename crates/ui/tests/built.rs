//! What the program carries is what `ui/` holds now.

#[path = "../src/sources.rs"]
mod sources;

use std::path::Path;

use backstay_ui::{FILES, FINGERPRINT, index};

#[test]
fn the_dashboard_is_there_and_not_stale() {
    let has_npm = std::process::Command::new("npm").arg("--version").output().is_ok();
    let on_ci = std::env::var("CI").is_ok_and(|value| value == "true" || value == "1");
    if !has_npm && !on_ci {
        assert!(FILES.is_empty() && FINGERPRINT.is_empty());
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui");
    let files = sources::files(&folder).unwrap();
    assert_eq!(
        FINGERPRINT,
        sources::fingerprint(&folder, &files).unwrap(),
        "it was built from something else"
    );
    let page = std::str::from_utf8(index().unwrap().plain).unwrap();
    let script = FILES.iter().find(|file| page.contains(&format!("src=\"/{}\"", file.path))).unwrap();
    assert!(script.is_hashed() && script.kind().starts_with("text/javascript"), "{}", script.path);
    // What a first visit loads is bounded.
    let scripts = FILES.iter().filter(|file| file.path.ends_with(".js") && page.contains(file.path));
    let bytes: usize = scripts.map(|file| file.gzip.len()).sum();
    assert!(bytes <= 250_000, "{bytes} bytes of script at first");
}
