//! Every operation of the API, walked through by everybody. The operations come from the document itself and who may do them
//! from a table that is written by hand, so that nothing new goes without.

mod table;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use backstay_model::command::{CommandError, CommandResult, Refusal};
use backstay_model::people::ApiToken;
use backstay_model::{Node, NodeId, ProjectId, Role, RunState, Time, TokenId};
use backstay_node::Identity;
use backstay_receiver::{Clients, NewClient, state_folder};
use serde_json::{Value, json};

use crate::openapi::{Operation, operations};
use crate::records_in_store::{Setup, silent_node};
use crate::visitor::sign_in;
use crate::world::{Client, SystemClock, SystemRandom, World, sha256};
use table::{Least, TABLE};

/// Those that nobody has to be known for.
const OPEN: [&str; 12] = [
    "account_ask_password_reset",
    "account_begin_passkey_sign_in",
    "account_confirm_password_reset",
    "account_oidc_about",
    "account_oidc_callback",
    "account_oidc_start",
    "account_passkey_sign_in",
    "account_set_up",
    "account_setup_state",
    "account_sign_in",
    "health_healthz",
    "health_readyz",
];

/// Somebody who tries everything.
#[derive(Clone)]
struct Caller {
    name: &'static str,
    client: Client,
    /// The role in the project.
    role: Option<Role>,
    owns_server: bool,
    is_token: bool,
}

impl Caller {
    fn token(name: &'static str, client: Client, role: Option<Role>) -> Self {
        Self { name, client, role, owns_server: false, is_token: true }
    }

    /// The status that refuses this caller; `None` when the operation is allowed.
    fn refused(&self, least: Least) -> Option<u16> {
        let by_role = |least: Role| match self.role {
            None => Some(404),
            Some(role) if role < least => Some(403),
            Some(_) => None,
        };
        match least {
            Least::Open | Least::Known => None,
            Least::SignedIn => self.is_token.then_some(403),
            Least::Role(least) => by_role(least),
            Least::RoleOrServer(_) if self.owns_server => None,
            Least::RoleOrServer(least) => by_role(least),
            Least::Server => (!self.owns_server).then_some(403),
            Least::ServerSignedIn => (!self.owns_server || self.is_token).then_some(403),
        }
    }
}

/// What the table says, with ids of records that are there.
pub(crate) struct Ground(HashMap<&'static str, String>);

impl Ground {
    /// Makes a node with everything on it, whose questions are answered with a refusal.
    pub(crate) async fn new(world: &World, project: ProjectId, owner: &Client) -> Self {
        let new = NodeId::new(&SystemClock, &SystemRandom).to_string();
        let node = silent_node(&world.store, project, &new).await;
        let known = world.store.node(node).await.unwrap().unwrap();
        let folder = world.path("key");
        std::fs::create_dir_all(&folder).unwrap();
        let identity = Identity::open_or_make(&folder, "walk", &SystemClock, &SystemRandom).unwrap();
        let public_key = identity.key.public().to_string();
        world.store.update_node(&Node { public_key, ..known }).await.unwrap();
        answer_for(world, node);
        let setup = Setup::new(world, node, |_| {}).await;
        let run = setup.ran(&world.store, RunState::Running, 60).await;
        // A project has so many notifiers at most.
        let notifiers = owner.get(&format!("/api/v1/notifiers?project={project}")).await.expect(200);
        for known in notifiers["items"].as_array().unwrap() {
            owner.delete(&format!("/api/v1/notifiers/{}", known["id"].as_str().unwrap())).await.expect(204);
        }
        let notifier = json!({"project": project, "name": new, "on": ["failed"],
            "channel": {"type": "email", "to": ["a@example.org"]}});
        let notifier = owner.post("/api/v1/notifiers", notifier).await.expect(201);
        let hour = Duration::from_secs(3600);
        world.server.join_token(project, Some(new.clone()), None, "test", hour).await.unwrap();
        let tokens = owner.get(&format!("/api/v1/nodes/tokens?project={project}")).await.expect(200);
        let token = tokens["items"].as_array().unwrap().iter().find(|token| token["name"] == new.as_str());
        let person = world.person(&format!("{new}@example.com"), &[(project, Role::Viewer)]).await;
        let receiver = world.path("receiver");
        if receiver.exists() {
            let clients = Clients::new(&state_folder(&receiver).unwrap());
            let client = NewClient { name: new.clone(), ..NewClient::default() };
            clients.add(client, Time::now(), &SystemRandom).unwrap();
        }
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self(HashMap::from([
            ("PROJECT", project.to_string()),
            ("NODE", node.to_string()),
            ("SOURCE", setup.source.id.to_string()),
            ("CONNECTION", setup.destination.connection.to_string()),
            ("DESTINATION", setup.destination.id.to_string()),
            ("REPOSITORY", setup.repository.to_string()),
            ("PLAN", setup.plan.id.to_string()),
            ("RUN", run.id.to_string()),
            ("NOTIFIER", text(&notifier["id"])),
            ("JOIN", text(&token.unwrap()["id"])),
            ("PERSON", person.id.to_string()),
            ("TOKEN", TokenId::new(&SystemClock, &SystemRandom).to_string()),
            ("SESSION", sha256(&new)),
            ("CLIENT", new),
        ]))
    }

    fn filled(&self, text: &str) -> String {
        let new = format!("new-{}", TokenId::new(&SystemClock, &SystemRandom));
        let text = text.replace("$NEW", &new);
        self.0.iter().fold(text, |text, (name, id)| text.replace(&format!("${name}"), id))
    }

    /// The address of an operation.
    pub(crate) fn path(&self, operation: &Operation, query: &str) -> String {
        let path = operation.path.trim_start_matches("/api/v1");
        let of = [
            ("/nodes/tokens/", "$JOIN"),
            ("/nodes/", "$NODE"),
            ("/me/sessions/", "$SESSION"),
            ("/me/passkeys/", "$TOKEN"),
            ("/me/tokens/", "$TOKEN"),
            ("/connections/", "$CONNECTION"),
            ("/destinations/", "$DESTINATION"),
            ("/notifiers/", "$NOTIFIER"),
            ("/people/", "$PERSON"),
            ("/plans/", "$PLAN"),
            ("/projects/", "$PROJECT"),
            ("/repositories/", "$REPOSITORY"),
            ("/runs/", "$RUN"),
            ("/sources/", "$SOURCE"),
        ];
        let id = of.iter().find(|(begin, _)| path.starts_with(begin)).map_or("", |(_, id)| id);
        let path =
            operation.path.replace("{id}", id).replace("{person}", "$PERSON").replace("{name}", "$CLIENT");
        let path = self.filled(&format!("{}{query}", path.replace("{snapshot}", "5ca1ab1e")));
        assert!(!path.contains(['{', '$']), "{path}: the test does not know these ids");
        path
    }
}

/// A node that says no to whatever it is asked, until its test ends.
fn answer_for(world: &World, node: NodeId) {
    let store = world.store.clone();
    tokio::spawn(async move {
        let no = || CommandError { kind: Refusal::Failed, message: "not now".to_owned(), hint: None };
        while let Ok(commands) = store.take_commands(node, Time::now(), Duration::from_secs(60)).await {
            let results: Vec<_> =
                commands.iter().map(|command| CommandResult { id: command.id, answer: Err(no()) }).collect();
            if store.settle_commands(node, &results).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
}

/// Sends one; gives the status and the kind of problem.
async fn send(client: &Client, ground: &Ground, operation: &Operation) -> (u16, String) {
    let (_, _, query, body) = row(operation);
    let path = ground.path(operation, query);
    if operation.id == "events_stream" {
        let response = client.open(&path).await;
        let status = response.status().as_u16();
        let kind = if status == 200 { String::new() } else { response.text().await.unwrap() };
        return (status, kind);
    }
    let body = body.map(|body| serde_json::from_str(&ground.filled(body)).unwrap());
    let reply = client.send(operation.method.clone(), &path, body).await;
    let kind = reply.body["type"].as_str().unwrap_or_default().trim_start_matches("urn:backstay:problem:");
    (reply.status.as_u16(), kind.to_owned())
}

fn row(operation: &Operation) -> table::Row {
    let row = TABLE.iter().find(|(id, ..)| *id == operation.id);
    *row.unwrap_or_else(|| panic!("{} is missing in the table of who may do what", operation.id))
}

fn least(operation: &Operation) -> Least {
    row(operation).1
}

fn was_let_in(id: &str, by: &str, (status, kind): &(u16, String)) {
    let bad = matches!(*status, 400 | 401 | 403 | 404 | 405 | 415) || *status >= 500;
    // What is there is what one has oneself; nothing is set.
    let nothing = [
        "account_end_session",
        "account_remove_passkey",
        "account_remove_token",
        "people_unlink",
        "settings_oidc",
        "settings_remove_oidc",
        "settings_remove_smtp",
        "settings_smtp",
    ];
    let fine = *status == 404 && nothing.contains(&id);
    // Wrong proofs, told from wrong forms.
    let proof =
        ["account_begin_passkey", "account_change_password", "account_remove_totp", "account_confirm_totp"];
    let form = *status == 422 && kind == "invalid" && !proof.contains(&id);
    assert!((!bad || fine) && !form, "{id} by {by}: {status} {kind}");
}

/// A token of somebody's, limited to a role and a project.
async fn limited(
    world: &World,
    grants: &[(ProjectId, Role)],
    role: Role,
    project: Option<ProjectId>,
) -> Client {
    let id = TokenId::new(&SystemClock, &SystemRandom);
    let person = world.person(&format!("{id}@example.net"), grants).await.id;
    let key = format!("bst_{id}");
    let created = Time::now();
    let token = ApiToken {
        id,
        person,
        name: "limited".to_owned(),
        role,
        project,
        created,
        expires: None,
        last_used: None,
    };
    world.store.create_token(&token, &sha256(&key)).await.unwrap();
    world.nobody().header("authorization", &format!("Bearer {key}"))
}

#[test]
fn the_table_and_the_document_have_the_same_operations() {
    let operations = operations();
    let listed: HashSet<_> = TABLE.iter().map(|(id, ..)| *id).collect();
    let there: HashSet<_> = operations.iter().map(|operation| operation.id.as_str()).collect();
    assert_eq!(listed.difference(&there).collect::<Vec<_>>(), [] as [&&str; 0], "gone from the API");
    assert_eq!(there.difference(&listed).collect::<Vec<_>>(), [] as [&&str; 0], "missing in the table");
    assert_eq!(listed.len(), TABLE.len(), "twice in the table");
    for operation in &operations {
        let least = least(operation);
        assert_eq!(OPEN.contains(&operation.id.as_str()), least == Least::Open, "{}", operation.id);
        let needs = operation.told["security"].as_array().unwrap();
        let open = needs.iter().any(|needs| needs == &json!({}));
        let by_token = needs.iter().any(|needs| needs.get("token").is_some());
        assert_eq!(open, least == Least::Open, "{}: what the document says", operation.id);
        let signed_in = matches!(least, Least::SignedIn | Least::ServerSignedIn);
        assert_eq!(by_token, !open && !signed_in, "{}: what the document says of tokens", operation.id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_is_refused_everywhere_and_changes_nothing() {
    let world = World::with_receiver(0).await;
    let (project, other) = (world.project("here").await, world.project("there").await);
    let owner = world.program(Role::Owner, project).await;
    let ground = Ground::new(&world, project, &owner).await;
    world.person("home@example.org", &[(world.home, Role::Owner)]).await;
    let session = sign_in(&world, "home@example.org").await;
    let both = [(project, Role::Owner), (other, Role::Owner)];
    let mut callers = vec![
        Caller::token("viewer", world.program(Role::Viewer, project).await, Some(Role::Viewer)),
        Caller::token("operator", world.program(Role::Operator, project).await, Some(Role::Operator)),
        Caller::token("admin", world.program(Role::Admin, project).await, Some(Role::Admin)),
        Caller::token("owner", owner, Some(Role::Owner)),
        Caller::token("owner of another project", world.program(Role::Owner, other).await, None),
        Caller::token(
            "token for another project",
            limited(&world, &both, Role::Owner, Some(other)).await,
            None,
        ),
        Caller::token(
            "token for viewing",
            limited(&world, &both, Role::Viewer, None).await,
            Some(Role::Viewer),
        ),
        Caller { owns_server: true, ..Caller::token("owner of the server", world.owner().await, None) },
    ];
    let admin_at_home = world.program(Role::Admin, world.home).await;
    callers.push(Caller::token("admin at home", admin_at_home, None));
    callers.push(Caller {
        name: "session of the owner of the server",
        client: session.client.clone(),
        role: None,
        owns_server: true,
        is_token: false,
    });
    let before = world.store.verify_audit().await.unwrap().good;
    for operation in operations().iter().filter(|operation| least(operation) != Least::Open) {
        let id = &operation.id;
        let (status, kind) = send(&world.nobody(), &ground, operation).await;
        assert_eq!((status, kind.contains("unauthenticated")), (401, true), "{id} by nobody");
        let bogus = world.nobody().header("authorization", "Bearer bst_bogus");
        assert_eq!(send(&bogus, &ground, operation).await.0, 401, "{id} by a token that is none");
        if !operation.method.is_safe() {
            let answer = send(&session.cookie_only, &ground, operation).await;
            assert_eq!(answer, (403, "csrf".to_owned()), "{id} without a CSRF token");
            let elsewhere = session.cookie_only.clone().header("sec-fetch-site", "cross-site");
            assert_eq!(send(&elsewhere, &ground, operation).await.0, 403, "{id} from another site");
        }
        for caller in &callers {
            let Some(expected) = caller.refused(least(operation)) else { continue };
            let (status, kind) = send(&caller.client, &ground, operation).await;
            assert_eq!(status, expected, "{id} by {}: {kind}", caller.name);
        }
    }
    assert_eq!(
        world.store.verify_audit().await.unwrap().good,
        before,
        "somebody who was refused did something"
    );
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_is_let_in_everywhere() {
    let world = World::with_receiver(0).await;
    let project = world.project("here").await;
    let owner = world.program(Role::Owner, project).await;
    let mut ground = Ground::new(&world, project, &owner).await;
    let mut callers = Vec::new();
    for (name, role) in [
        ("viewer", Role::Viewer),
        ("operator", Role::Operator),
        ("admin", Role::Admin),
        ("owner", Role::Owner),
    ] {
        callers.push(Caller::token(name, world.program(role, project).await, Some(role)));
    }
    callers.push(Caller {
        owns_server: true,
        ..Caller::token("owner of the server", world.owner().await, None)
    });
    for operation in operations() {
        let (id, least) = (&operation.id, least(&operation));
        if least == Least::Open {
            let (status, kind) = send(&world.nobody(), &ground, &operation).await;
            assert!(
                status < 500 && kind != "unauthenticated" && status != 404,
                "{id} by nobody: {status} {kind}"
            );
            continue;
        }
        let mut allowed: Vec<_> =
            callers.iter().filter(|caller| caller.refused(least).is_none()).cloned().collect();
        if matches!(least, Least::SignedIn | Least::ServerSignedIn) {
            // Some of these end the session.
            let email = format!("{}@example.org", TokenId::new(&SystemClock, &SystemRandom));
            world.person(&email, &[(world.home, Role::Owner)]).await;
            let client = sign_in(&world, &email).await.client;
            let name = "session of an owner of the server";
            allowed.push(Caller { name, client, role: None, owns_server: true, is_token: false });
        }
        assert!(!allowed.is_empty(), "{id}: nobody may do that");
        for caller in allowed {
            let answer = send(&caller.client, &ground, &operation).await;
            was_let_in(id, caller.name, &answer);
            if !operation.method.is_safe() {
                ground = Ground::new(&world, project, &owner).await;
            }
        }
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_of_another_project_in_a_body_are_no_way_in() {
    let world = World::new().await;
    let (mine, theirs) = (world.project("mine").await, world.project("theirs").await);
    let me = world.program(Role::Owner, mine).await;
    let their_owner = world.program(Role::Owner, theirs).await;
    let (my, their) = (Ground::new(&world, mine, &me).await, Ground::new(&world, theirs, &their_owner).await);
    let body = |text: &str| serde_json::from_str::<Value>(&their.filled(&my.mine(text))).unwrap();
    let local = r#""settings": {"type": "local", "path": "/srv"}"#;
    let attempts = [
        ("POST", "/connections", format!(r#"{{"project": "@PROJECT", "name": "a", "node": "$NODE", {local}}}"#)),
        ("POST", "/connections/google/device", r#"{"project": "@PROJECT", "name": "a", "node": "$NODE", "settings": {"client_id": "a", "client_secret": "b"}}"#.into()),
        ("POST", "/connections/$CONNECTION/google/device", "{}".into()),
        ("PUT", "/connections/@CONNECTION", format!(r#"{{"name": "a", "node": "$NODE", "revision": 1, {local}}}"#)),
        ("POST", "/sources", r#"{"project": "@PROJECT", "name": "a", "node": "$NODE", "spec": {"type": "files", "paths": ["/"]}}"#.into()),
        ("PUT", "/sources/@SOURCE", r#"{"name": "a", "node": "$NODE", "revision": 1, "spec": {"type": "files", "paths": ["/"]}}"#.into()),
        ("POST", "/destinations", r#"{"project": "@PROJECT", "name": "a", "connection": "$CONNECTION"}"#.into()),
        ("PUT", "/destinations/@DESTINATION", r#"{"name": "a", "connection": "$CONNECTION", "path": "", "layout": "per_node", "holds": {"type": "repository"}, "revision": 1}"#.into()),
        ("POST", "/plans", r#"{"project": "@PROJECT", "name": "a", "sources": ["$SOURCE"], "destinations": ["@DESTINATION"]}"#.into()),
        ("POST", "/plans", r#"{"project": "@PROJECT", "name": "a", "sources": ["@SOURCE"], "destinations": ["$DESTINATION"]}"#.into()),
        ("PUT", "/plans/@PLAN", r#"{"revision": 1, "name": "a", "sources": ["$SOURCE"], "destinations": ["@DESTINATION"]}"#.into()),
        ("POST", "/repositories/adopt", r#"{"destination": "@DESTINATION", "node": "$NODE", "password": "x"}"#.into()),
        ("POST", "/repositories/adopt", r#"{"destination": "$DESTINATION", "node": "@NODE", "password": "x"}"#.into()),
        ("POST", "/restores", r#"{"repository": "@REPOSITORY", "node": "$NODE", "snapshot": "latest", "target": "/"}"#.into()),
        ("POST", "/restores", r#"{"repository": "$REPOSITORY", "node": "@NODE", "snapshot": "latest", "target": "/"}"#.into()),
        ("GET", "/repositories/@REPOSITORY/snapshots?node=$NODE", "null".into()),
        ("DELETE", "/projects/@PROJECT/people/$PERSON", "null".into()),
        ("GET", "/runs?project=$PROJECT", "null".into()),
        ("GET", "/log?project=$PROJECT", "null".into()),
    ];
    for (method, path, text) in attempts {
        let path = format!("/api/v1{}", their.filled(&my.mine(path)));
        let sent = Some(body(&text)).filter(|sent| !sent.is_null());
        let reply = me.send(method.parse().unwrap(), &path, sent).await;
        assert!(matches!(reply.status.as_u16(), 404 | 422), "{method} {path} {text}: {reply:#?}");
    }
    // Filters by ids of others find nothing.
    for filter in ["plan=$PLAN", "source=$SOURCE", "destination=$DESTINATION", "node=$NODE"] {
        let path = their.filled(&format!("/api/v1/runs?{filter}"));
        assert_eq!(me.get(&path).await.expect(200)["items"], json!([]), "{path}");
    }
    for filter in ["plan=$PLAN", "run=$RUN"] {
        let path = their.filled(&format!("/api/v1/log?{filter}"));
        assert_eq!(me.get(&path).await.expect(200)["items"], json!([]), "{path}");
    }
    let path = their.filled("/api/v1/repositories?destination=$DESTINATION");
    assert_eq!(me.get(&path).await.expect(200)["items"], json!([]));
    world.stop().await;
}

impl Ground {
    /// Fills in what is written `@NAME`.
    fn mine(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, id)| text.replace(&format!("@{name}"), id))
    }
}
