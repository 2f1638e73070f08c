//! The pages for people without a session.

use backstay_model::Role;

use crate::visitor::sign_in;
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_is_sent_to_sign_in_and_a_program_is_told() {
    let world = World::new().await;
    let browser = world.nobody().header("accept", "text/html,*/*;q=0.8");
    let reply = browser.get("/").await;
    assert_eq!(
        (reply.status.as_u16(), &reply.headers["location"]),
        (303, &"/sign-in?next=/".parse().unwrap())
    );
    assert_eq!(world.nobody().get("/").await.problem(401), "unauthenticated");
    // There is nobody who could sign in.
    let reply = browser.get("/sign-in").await;
    assert_eq!((reply.status.as_u16(), &reply.headers["location"]), (303, &"/setup".parse().unwrap()));

    world.person("ada@example.org", &[(world.home, Role::Viewer)]).await;
    let next = async |query: &str| {
        let page = browser.get(&format!("/sign-in{query}")).await.expect(200);
        let page = page.as_str().unwrap().to_owned();
        page.split_once("data-next=\"").unwrap().1.split_once('"').unwrap().0.to_owned()
    };
    assert_eq!(next("").await, "/");
    assert_eq!(next("?next=/runs%3Fstate%3Dfailed").await, "/runs?state=failed");
    assert_eq!(next("?next=/a%22%3E%3Cscript%3E").await, "/a&quot;&gt;&lt;script&gt;");
    for foreign in ["//evil.example", "/%5Cevil.example", "https://evil.example", "/%09/evil.example", ""] {
        assert_eq!(next(&format!("?next={foreign}")).await, "/", "{foreign}");
    }
    assert_eq!(next("?next=/sign-in%3Fnext%3D/runs").await, "/", "signing in leads on, and not back");
    let signed_in = sign_in(&world, "ada@example.org")
        .await
        .client
        .header("accept", "text/html")
        .get("/sign-in?next=/runs")
        .await;
    assert_eq!((signed_in.status.as_u16(), &signed_in.headers["location"]), (303, &"/runs".parse().unwrap()));
    let page = browser.get("/sign-in").await.expect(200);
    assert_eq!(page.as_str().unwrap().contains(r#"id="passkey""#), cfg!(feature = "passkeys"));
    let german = browser.header("accept-language", "de-AT,de;q=0.9").get("/sign-in").await;
    assert_eq!(german.headers["content-language"], "de");
    assert!(german.body.as_str().unwrap().contains("<h1>Bei Backstay anmelden</h1>"), "{}", german.body);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_load_their_own_script_and_style_and_nothing_else() {
    let world = World::new().await;
    let nobody = world.nobody();
    for path in ["/setup", "/reset"] {
        let reply = nobody.get(path).await;
        let policy = reply.headers["content-security-policy"].to_str().unwrap().to_owned();
        for part in
            ["default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"]
        {
            assert!(policy.contains(part), "{policy}");
        }
        assert_eq!(reply.headers["cache-control"], "no-store");
        assert_eq!(reply.headers["x-frame-options"], "DENY");
        let page = reply.expect(200);
        let page = page.as_str().unwrap();
        // The policy forbids what is inline; so it would not work.
        for inline in ["<script>", "<style", " style=", " onclick=", "http://", "https://"] {
            assert!(!page.contains(inline), "{path}: {inline}");
        }
        assert!(page.contains("/assets/pages.css") && page.contains("/assets/pages.js"));
    }
    for (path, kind) in [("/assets/pages.css", "text/css"), ("/assets/pages.js", "text/javascript")] {
        let reply = nobody.get(path).await;
        assert!(reply.headers["content-type"].to_str().unwrap().starts_with(kind));
        reply.expect(200);
    }
    world.stop().await;
}
