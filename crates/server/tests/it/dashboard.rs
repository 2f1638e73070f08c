//! The dashboard's page and files, as the server gives them.

use backstay_model::Role;

use crate::visitor::sign_in;
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn people_who_signed_in_get_the_dashboard_at_all_its_addresses() {
    let world = World::new().await;
    world.person("ada@example.org", &[(world.home, Role::Viewer)]).await;
    let ada = sign_in(&world, "ada@example.org").await.cookie_only;
    let browser = ada.clone().header("accept", "text/html,*/*;q=0.8");
    let home = browser.get("/").await;
    assert_eq!(home.headers["cache-control"], "no-cache");
    let policy = home.headers["content-security-policy"].to_str().unwrap().to_owned();
    for part in ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"] {
        assert!(policy.contains(part) && !policy.contains("unsafe"), "{policy}");
    }
    let page = home.expect(200);
    let has_npm = std::process::Command::new("npm").arg("--version").output().is_ok();
    let expected = if has_npm { r#"<div id="root">"# } else { "There is no dashboard in this build" };
    assert!(page.as_str().unwrap().contains(expected), "{page}");
    for deep in ["/runs?state=failed", "/runs/0197", "/nodes", "/somewhere/else"] {
        assert_eq!(browser.get(deep).await.expect(200), page, "{deep}");
        let stranger = world.nobody().header("accept", "text/html").get(deep).await;
        let location = stranger.headers["location"].to_str().unwrap().to_owned();
        assert_eq!(
            (stranger.status.as_u16(), location.starts_with("/sign-in?next=/")),
            (303, true),
            "{deep}"
        );
        // A program, and what is sent to the page, are not answered with it.
        assert_eq!(ada.get(deep).await.problem(404), "not_found", "{deep}");
        assert_eq!(browser.delete(deep).await.status, 404, "{deep}");
    }
    for other in [
        "/api/v1/nothing",
        "/assets/nothing.js",
        "/ui/nothing.js",
        "/ui/..%2findex.html",
        "/ui/%2e%2e%2ficon.svg",
    ] {
        assert_eq!(browser.get(other).await.problem(404), "not_found", "{other}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_kept_by_browsers_and_come_compressed_where_that_is_understood() {
    let world = World::new().await;
    for file in backstay_ui::FILES.iter().filter(|file| file.is_hashed()) {
        let path = format!("/{}", file.path);
        let plain = world.nobody().get(&path).await;
        assert!(plain.headers["cache-control"].to_str().unwrap().contains("immutable"), "{path}");
        assert_eq!(plain.headers.get("content-encoding"), None);
        assert_eq!(plain.headers["content-type"], file.kind());
        assert_eq!(plain.headers["vary"], "accept-encoding");
        let packed = world.nobody().header("accept-encoding", "br, gzip").open(&path).await;
        assert_eq!(packed.headers()["content-encoding"], "gzip");
        assert_eq!(packed.bytes().await.unwrap(), file.gzip);
        let refused = world.nobody().header("accept-encoding", "gzip;q=0").get(&path).await;
        assert_eq!(refused.headers.get("content-encoding"), None);
    }
    assert_eq!(world.nobody().get("/icon.svg").await.status, 200);
    world.stop().await;
}
