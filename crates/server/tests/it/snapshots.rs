//! Looking for things in snapshots, telling them apart, and changing single ones.

use backstay_model::{Role, RunKind};
use serde_json::{Value, json};

use crate::records_in_store::Setup;
use crate::world::{Client, World};

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_are_searched_compared_tagged_and_removed() {
    let mut world = World::new().await;
    let node = world.start_node().await;
    std::fs::create_dir_all(world.path("data/folder")).unwrap();
    std::fs::write(world.path("data/folder/file"), "content").unwrap();
    let setup = Setup::new(&world, node, |_| {}).await;
    let viewer = world.program(Role::Viewer, world.home).await;
    let operator = world.program(Role::Operator, world.home).await;
    let admin = world.program(Role::Admin, world.home).await;
    let back_up = async || {
        let path = format!("/api/v1/plans/{}/run", setup.plan.id);
        let queued = operator.post(&path, json!({"kind": RunKind::Backup})).await.expect(201);
        let run = format!("/api/v1/runs/{}", queued["runs"][0].as_str().unwrap());
        operator.until(&run, "done", |run| run["state"] == "completed").await;
    };
    back_up().await;
    std::fs::write(world.path("data/folder/file"), "more content").unwrap();
    std::fs::write(world.path("data/folder/page.html"), "<script>alert(1)</script>").unwrap();
    std::fs::write(world.path("data/folder/dot.png"), b"\x89PNG\r\n\x1a\n and so on").unwrap();
    std::fs::write(world.path("data/folder/noise"), [0, 1, 2, 3]).unwrap();
    back_up().await;
    let repository = format!("/api/v1/repositories/{}", setup.repository);
    let data = world.path("data/folder").display().to_string();

    let find = format!("{repository}/find?name=FIL");
    assert_eq!(viewer.get(&find).await.problem(403), "forbidden");
    let found = operator.get(&find).await.expect(200);
    let hits = found["items"].as_array().unwrap();
    assert_eq!((hits.len(), &hits[0]["folder"], &hits[0]["item"]["size"]), (2, &json!(data), &json!(12)));
    for odd in ["name=", "name=%20", "name=a/b", "name=x&limit=0", "name=x&limit=1001"] {
        assert_eq!(operator.get(&format!("{repository}/find?{odd}")).await.problem(422), "invalid", "{odd}");
    }

    let versions = operator.get(&format!("{repository}/versions?path={data}/file")).await.expect(200);
    let sizes: Vec<&Value> =
        versions["items"].as_array().unwrap().iter().map(|version| &version["item"]["size"]).collect();
    assert_eq!(sizes, [&json!(12), &json!(7)]);
    let old = versions["items"][1]["snapshots"][0]["id"].as_str().unwrap().to_owned();

    let compared = operator.get(&format!("{repository}/compare?from={old}&to=latest")).await.expect(200);
    assert_eq!(compared["grown"], json!({"items": 1, "bytes": 5}));
    assert_eq!(compared["added"]["items"], json!(3));
    assert_eq!(operator.get(&format!("{repository}/compare?from=x&to=latest")).await.problem(422), "invalid");

    let page = format!("{repository}/snapshots/{old}/folder?path={data}&limit=1&sort=size&descending=true");
    assert_eq!(operator.get(&page).await.expect(200)["total"], json!(1));
    assert_eq!(operator.get(&format!("{page}&name=none")).await.expect(200)["total"], json!(0));
    assert_eq!(operator.get(&page.replace("limit=1", "limit=0")).await.problem(422), "invalid");

    content(&operator, &viewer, &format!("{repository}/snapshots/latest"), &data).await;

    let tags = |snapshot: &str| format!("{repository}/snapshots/{snapshot}/tags");
    assert_eq!(viewer.post(&tags(&old), json!({"add": ["hold"]})).await.problem(403), "forbidden");
    let plan = format!("plan:{}", setup.plan.id);
    for odd in [json!({}), json!({"add": [""]}), json!({"add": ["a,b"]}), json!({"remove": [plan]})] {
        assert_eq!(operator.post(&tags(&old), odd.clone()).await.problem(422), "invalid", "{odd}");
    }
    let held = operator.post(&tags(&old), json!({"add": ["hold"]})).await.expect(200)["snapshot"].clone();
    let one = |snapshot: &Value| format!("{repository}/snapshots/{}", snapshot.as_str().unwrap());
    assert_eq!(operator.delete(&one(&held)).await.problem(403), "forbidden");
    assert_eq!(admin.delete(&one(&held)).await.problem(409), "conflict");
    let free = operator.post(&tags(held.as_str().unwrap()), json!({"remove": ["hold"]})).await.expect(200);
    admin.delete(&one(&json!("latest"))).await.problem(422);
    admin.delete(&one(&free["snapshot"])).await.expect(204);
    let left = operator.get(&format!("{repository}/snapshots")).await.expect(200);
    assert_eq!(left["items"].as_array().unwrap().len(), 1);

    let entries = world.store.audit(&backstay_catalog::AuditFilter::default(), 4).await.unwrap();
    let deeds: Vec<_> = entries.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(deeds, ["snapshot.list", "snapshot.remove", "snapshot.tag", "snapshot.tag"]);
    world.stop().await;
}

/// Takes content out, and looks at it.
async fn content(operator: &Client, viewer: &Client, snapshot: &str, data: &str) {
    assert_eq!(viewer.get(&format!("{snapshot}/file?path={data}/file")).await.problem(403), "forbidden");
    let take = async |what: &str, name: &str| {
        let response = operator.open(&format!("{snapshot}/{what}?path={data}{name}")).await;
        let header = |name: &str| {
            response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
        };
        let told = ["content-type", "content-disposition", "content-security-policy"].map(header);
        (response.status().as_u16(), told, response.bytes().await.unwrap().to_vec())
    };
    let (status, [kind, disposition, policy], bytes) = take("file", "/page.html").await;
    assert_eq!((status, bytes.as_slice()), (200, b"<script>alert(1)</script>".as_slice()));
    assert_eq!((kind.as_str(), policy.as_str()), ("application/octet-stream", "sandbox; default-src 'none'"));
    assert_eq!(disposition, "attachment; filename*=UTF-8''page.html");
    let (status, [kind, disposition, _], bytes) = take("zip", "").await;
    assert_eq!(
        (status, kind.as_str(), disposition.as_str()),
        (200, "application/zip", "attachment; filename*=UTF-8''folder.zip")
    );
    assert!(bytes.starts_with(b"PK") && bytes.len() > 100);

    let (status, [_, disposition, _], bytes) = take("zip", &format!("/noise&path={data}/page.html")).await;
    assert!(status == 200 && disposition.contains("snapshot%20"), "{disposition}");
    let holds = |name: &[u8]| bytes.windows(name.len()).any(|window| window == name);
    assert!(holds(b"page.html") && holds(b"noise") && !holds(b"dot.png"));
    let too_many = format!("{snapshot}/zip?{}", "path=/a&".repeat(1001));
    assert_eq!(operator.get(&too_many).await.problem(422), "invalid");
    operator.get(&format!("{snapshot}/zip")).await.problem(400);

    // A page is shown as the text that it is.
    let (status, [kind, _, policy], bytes) = take("preview", "/page.html").await;
    assert_eq!((status, kind.as_str(), bytes.len()), (200, "text/plain; charset=utf-8", 25));
    assert!(policy.starts_with("sandbox"));
    assert_eq!(take("preview", "/dot.png").await.1[0], "image/png");
    assert_eq!(
        operator.get(&format!("{snapshot}/preview?path={data}/noise")).await.problem(415),
        "no_preview"
    );
    for what in ["file", "preview"] {
        let refused = operator.get(&format!("{snapshot}/{what}?path={data}")).await;
        assert!(refused.body["detail"].as_str().unwrap().contains("is no file"), "{}", refused.body);
    }
    assert_eq!(operator.get(&format!("{snapshot}/file?path=relative")).await.problem(422), "invalid");
}
