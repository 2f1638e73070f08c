//! People are told of what happens, once, and as often as it takes to reach them.

use std::time::Duration;

use backstay_model::link::News;
use backstay_model::{ProjectId, Role, RunState, Time};
use backstay_server::state::TlsChoice;
use serde_json::{Value, json};

use crate::receiver::{Receiver, SECRET};
use crate::records_in_store::{Setup, silent_node};
use crate::smtp::Smtp;
use crate::world::{Client, World};

/// A notifier that tells a receiver.
fn webhook(project: ProjectId, receiver: &Receiver, on: &[&str]) -> Value {
    json!({"project": project, "name": "hook", "on": on, "channel": {
        "type": "webhook", "url": format!("{}/hook", receiver.url), "secret": SECRET, "allow_private": true}})
}

async fn add(client: &Client, form: Value) -> String {
    let made = client.post("/api/v1/notifiers", form).await.expect(201);
    format!("/api/v1/notifiers/{}", made["id"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_run_is_told_until_it_arrives_and_so_is_that_all_is_well_again() {
    let world = World::new().await;
    let owner = world.owner().await;
    let node = silent_node(&world.store, world.home, "nas").await;
    let setup = Setup::new(&world, node, |_| {}).await;
    let receiver = Receiver::new(1).await;
    let on = ["failed", "warning", "missed", "trouble", "recovered"];
    add(&owner, webhook(world.home, &receiver, &on)).await;

    let failed = setup.ran(&world.store, RunState::Failed, 300).await;
    let got = receiver.until(2).await;
    assert_eq!(got[0].key(), got[1].key(), "both tries tell the same");
    assert_eq!(got[0].notice(), got[1].notice());
    let notice = got[1].notice();
    assert_eq!(notice["kind"], "failed");
    assert_eq!(notice["reason"], "the disk is full\n  because: no space left on device");
    assert_eq!(notice["hint"], "free some space");
    assert_eq!(notice["link"], format!("{}/runs/{}", world.server.url(), failed.id));
    assert_eq!(notice["node"]["name"], "nas");
    assert!(!got[1].text.contains(SECRET));

    setup.ran(&world.store, RunState::Completed, 200).await;
    assert_eq!(receiver.until(3).await[2].notice()["kind"], "recovered");
    let mut run = setup.run(RunState::Completed, Time::now());
    run.outcome.as_mut().unwrap().errors = 3;
    setup.tell(&world.store, News::Run { run: Box::new(run) }).await;
    let warning = receiver.until(4).await[3].notice();
    assert_eq!(warning["kind"], "warning");
    assert!(warning["reason"].as_str().unwrap().starts_with("3 items"), "{warning}");
    setup.tell(&world.store, News::Trouble { text: "the store is damaged".to_owned() }).await;
    assert_eq!(receiver.until(5).await[4].notice()["reason"], "the store is damaged");
    let missed =
        News::Missed { plan: setup.plan.id, due: Time::now(), more: 2, reason: "it was off".to_owned() };
    setup.tell(&world.store, missed).await;
    assert_eq!(receiver.until(6).await[5].notice()["kind"], "missed");
    setup.ran(&world.store, RunState::Completed, 0).await;
    setup.ran(&world.store, RunState::Cancelled, 0).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(receiver.got().len(), 6, "what is well is not told");
    assert!(world.store.events(9).await.unwrap().is_empty());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_over_one_catalog_tell_once() {
    let world = World::new().await;
    let second = World::serve(&world.folder, &world.store, TlsChoice::Automatic).await;
    let owner = world.owner().await;
    let receiver = Receiver::new(0).await;
    add(&owner, webhook(world.home, &receiver, &["failed"])).await;
    let setup = Setup::new(&world, silent_node(&world.store, world.home, "nas").await, |_| {}).await;
    for number in 0..20 {
        setup.ran(&world.store, RunState::Failed, number).await;
    }
    receiver.until(20).await;
    // The one that tells ends; the other one goes on.
    second.stop(Duration::from_secs(5)).await;
    setup.ran(&world.store, RunState::Failed, 0).await;
    let got = receiver.until(21).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(receiver.got().len(), 21);
    let keys: std::collections::BTreeSet<_> = got.iter().map(|received| received.key().to_owned()).collect();
    assert_eq!(keys.len(), 21);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_projects_own_notifiers_tell_of_what_they_are_for() {
    let world = World::new().await;
    let other = world.project("Other").await;
    let owner = world.program(Role::Owner, other).await;
    let (here, there) = (Receiver::new(0).await, Receiver::new(0).await);
    add(&world.owner().await, webhook(world.home, &here, &["failed"])).await;
    add(&owner, webhook(other, &there, &["missed"])).await;
    let setup = Setup::new(&world, silent_node(&world.store, other, "nas").await, |_| {}).await;
    setup.ran(&world.store, RunState::Failed, 0).await;
    let due = Time::now();
    let missed = News::Missed { plan: setup.plan.id, due, more: 0, reason: "it was off".to_owned() };
    setup.tell(&world.store, missed).await;
    assert_eq!(there.until(1).await[0].notice()["kind"], "missed");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!((here.got().len(), there.got().len()), (0, 1));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn notifiers_are_made_changed_and_removed_by_those_who_may() {
    let world = World::new().await;
    let (owner, admin) = (world.owner().await, world.program(Role::Admin, world.home).await);
    let operator = world.program(Role::Operator, world.home).await;
    let other = world.project("Other").await;
    let stranger = world.program(Role::Owner, other).await;
    let receiver = Receiver::new(0).await;
    let near = webhook(world.home, &receiver, &["failed"]);
    let list = "/api/v1/notifiers";
    assert_eq!(operator.post(list, near.clone()).await.problem(403), "forbidden");
    assert_eq!(operator.get(&format!("{list}?project={}", world.home)).await.problem(403), "forbidden");
    assert_eq!(stranger.post(list, near.clone()).await.problem(404), "not_found");
    assert_eq!(
        admin.post(list, near.clone()).await.problem(403),
        "forbidden",
        "an owner allows private addresses"
    );
    let path = add(&owner, near).await;
    let made = owner.get(&path).await.expect(200);
    assert_eq!((&made["channel"]["secret"], &made["revision"]), (&Value::Null, &json!(1)));
    assert_eq!(stranger.get(&path).await.problem(404), "not_found");
    assert_eq!(stranger.get(list).await.expect(200)["items"], json!([]));
    owner.post(&format!("{path}/test"), json!({})).await.expect(204);
    assert_eq!(receiver.until(1).await[0].notice()["kind"], "recovered");

    // What is far may be set by an admin; but what is near is not reached then.
    let mut changed = json!({"revision": 1, "name": "far", "on": ["failed", "failed"], "channel": {
        "type": "webhook", "url": format!("{}/hook", receiver.url)}});
    assert_eq!(admin.put(&path, changed.clone()).await.problem(403), "forbidden");
    let after = owner.put(&path, changed.clone()).await.expect(200);
    assert_eq!((&after["revision"], &after["on"]), (&json!(2), &json!(["failed"])));
    assert_eq!(owner.put(&path, changed.clone()).await.problem(409), "changed_meanwhile");
    let refused = admin.post(&format!("{path}/test"), json!({})).await;
    assert!(refused.body["detail"].as_str().unwrap().contains("this host itself"), "{refused:#?}");
    assert_eq!(refused.problem(422), "not_delivered");

    // The secret stayed; redirects are not followed.
    changed["revision"] = json!(2);
    changed["channel"]["allow_private"] = json!(true);
    owner.put(&path, changed.clone()).await.expect(200);
    owner.post(&format!("{path}/test"), json!({})).await.expect(204);
    receiver.until(2).await[1].notice();
    changed["revision"] = json!(3);
    changed["channel"]["url"] = json!(format!("{}/elsewhere", receiver.url));
    owner.put(&path, changed).await.expect(200);
    assert_eq!(owner.post(&format!("{path}/test"), json!({})).await.problem(422), "not_delivered");
    assert_eq!(receiver.got().len(), 2);

    let sealed = world.store.setting_sealed(&format!("notifiers:{}", world.home)).await.unwrap().unwrap();
    let stored = world.store.setting(&format!("notifiers:{}", world.home)).await.unwrap().unwrap();
    assert!(!sealed.contains(SECRET) && !stored.to_string().contains(SECRET));
    assert_eq!(operator.delete(&path).await.problem(403), "forbidden");
    admin.delete(&path).await.expect(204);
    assert_eq!(owner.get(&path).await.problem(404), "not_found");
    let entries = world.store.audit(&backstay_catalog::AuditFilter::default(), 100).await.unwrap();
    assert!(!format!("{entries:?}").contains(SECRET));
    let deeds = entries.iter().filter(|entry| entry.action.starts_with("notifier.")).count();
    assert_eq!(deeds, 9);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_for_the_servers_owners_and_get_the_notice_on_their_input() {
    let world = World::new().await;
    let (owner, other) = (world.owner().await, world.project("Other").await);
    let file = world.path("told");
    let form = |project: ProjectId, script: &str| {
        json!({"project": project, "name": "tell", "on": ["failed"], "channel": {
            "type": "command", "program": "/bin/sh", "args": ["-c", script]}})
    };
    let admin = world.program(Role::Admin, world.home).await;
    assert_eq!(admin.post("/api/v1/notifiers", form(world.home, "true")).await.problem(403), "forbidden");
    let owner_of_other = world.program(Role::Owner, other).await;
    assert_eq!(owner_of_other.post("/api/v1/notifiers", form(other, "true")).await.problem(403), "forbidden");

    let script = format!("cat > {0}.part && mv {0}.part {0}", file.display());
    let path = add(&owner, form(world.home, &script)).await;
    assert_eq!(admin.post(&format!("{path}/test"), json!({})).await.problem(403), "forbidden");
    let setup = Setup::new(&world, silent_node(&world.store, world.home, "nas").await, |_| {}).await;
    setup.ran(&world.store, RunState::Failed, 0).await;
    let end = std::time::Instant::now() + Duration::from_secs(30);
    while !file.exists() {
        assert!(std::time::Instant::now() < end, "nothing was told");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let told: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(told["notice"]["kind"], "failed");

    let broken = add(&owner, form(world.home, "echo no such list >&2; exit 7")).await;
    let refused = owner.post(&format!("{broken}/test"), json!({})).await;
    let detail = refused.body["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("exit status: 7") && detail.contains("no such list"), "{detail}");
    assert_eq!(refused.problem(422), "not_delivered");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_go_to_each_address_and_need_a_mail_server() {
    let world = World::new().await;
    let owner = world.owner().await;
    let form = |to: &str| json!({"name": "mail", "on": ["failed"], "channel": {"type": "email", "to": [to]}});
    assert_eq!(owner.post("/api/v1/notifiers", form("nobody")).await.problem(422), "invalid");
    let path = add(&owner, form("ada@example.org")).await;
    let refused = owner.post(&format!("{path}/test"), json!({})).await;
    assert!(refused.body["hint"].as_str().unwrap().contains("smtp"), "{refused:#?}");
    assert_eq!(refused.problem(422), "not_delivered");

    let smtp = Smtp::start().await;
    owner.put("/api/v1/settings/smtp", smtp.settings()).await.expect(200);
    let both = json!(["refused@example.org", "bob@example.org"]);
    let form = json!({"name": "mail", "on": ["failed"], "channel": {"type": "email", "to": both}});
    add(&owner, form).await;
    let setup = Setup::new(&world, silent_node(&world.store, world.home, "nas").await, |_| {}).await;
    let run = setup.ran(&world.store, RunState::Failed, 0).await;
    smtp.mail(1).await;
    let mails = smtp.mails();
    let to: std::collections::BTreeSet<_> = mails.iter().flat_map(|mail| mail.to.clone()).collect();
    assert_eq!(to.into_iter().collect::<Vec<_>>(), ["ada@example.org", "bob@example.org"]);
    let mail = &mails[0].content;
    for part in ["[Backstay] failed: Backup of", "the disk is full", "What to do: free some space"] {
        assert!(mail.contains(part), "{mail}");
    }
    assert!(mail.contains(&format!("{}/runs/{}", world.server.url(), run.id)), "{mail}");
    // The address that was refused is tried again by itself; the others are not told twice.
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert_eq!(smtp.mails().len(), 2);
    let waiting = world.store.due_notifications(Time::MAX, 9).await.unwrap();
    assert!(waiting.len() == 1 && waiting[0].attempts >= 2, "{waiting:#?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_silent_is_given_up_and_holds_nobody_up() {
    let world = World::new().await;
    let owner = world.owner().await;
    let receiver = Receiver::new(0).await;
    let mut silent = webhook(world.home, &receiver, &["failed"]);
    silent["channel"]["url"] = json!(format!("{}/silent", receiver.url));
    let path = add(&owner, silent).await;
    add(&owner, webhook(world.home, &receiver, &["failed"])).await;
    let setup = Setup::new(&world, silent_node(&world.store, world.home, "nas").await, |_| {}).await;
    let asked = std::time::Instant::now();
    setup.ran(&world.store, RunState::Failed, 0).await;
    receiver.until(1).await;
    assert!(asked.elapsed() < Duration::from_secs(8), "the silent one holds the other one up");
    let refused = owner.post(&format!("{path}/test"), json!({})).await;
    assert!(refused.body["detail"].as_str().unwrap().contains("did not answer within 10 s"), "{refused:#?}");
    assert_eq!(refused.problem(422), "not_delivered");
    let waiting = world.store.due_notifications(Time::MAX, 9).await.unwrap();
    assert_eq!(waiting.len(), 1, "it is tried again later");
    assert!(waiting[0].last_error.as_deref().unwrap().contains("did not answer"));
    world.stop().await;
}
