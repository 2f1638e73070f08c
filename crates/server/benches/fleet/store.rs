//! What the server knows when it starts: a project, nodes with a plan each, a year of runs.

use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use backstay_catalog::{Credentials, ServerStore};
use backstay_model::connection::LocalSettings;
use backstay_model::link::{News, OutboxEntry};
use backstay_model::people::ApiToken;
use backstay_model::run::{Named, Outcome, Progress, RunDestination, Trigger};
use backstay_model::source::FilesSpec;
use backstay_model::*;
use backstay_vault::{RecordId, Sealed, Vault};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair, SanType};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::server::{SystemClock, SystemRandom, identity, open, vault};

macro_rules! new_id {
    ($kind:ident) => {
        $kind::new(&SystemClock, &SystemRandom)
    };
}

/// What there is to ask about.
pub(crate) struct Filled {
    pub(crate) token: String,
    pub(crate) agents: Vec<Agent>,
    /// The plan of the server's own node that is due every few seconds.
    pub(crate) often: PlanId,
    /// The plan of the server's own node that backs up what the load writes.
    pub(crate) large: PlanId,
    /// Some runs.
    pub(crate) runs: Vec<RunId>,
}

/// An agent, for the process that acts for it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Agent {
    /// A run of its plan, to be told of with another id.
    pub(crate) run: Run,
    /// Up to which number the server has its outbox.
    pub(crate) acknowledged: i64,
}

pub(crate) async fn fill(folder: &Path, agents: usize, runs: usize) -> Filled {
    let (store, vault, now) = (open(folder).await, vault(folder), Time::now());
    let project = Project { id: new_id!(ProjectId), name: "Fleet".to_owned(), created: now };
    store.create_project(&project).await.unwrap();
    store.add_setting("home_project", &json!(project.id), None).await.unwrap();
    let token = person(&store, project.id).await;

    let here = identity(folder);
    let key = here.key.public().to_string();
    node(&store, project.id, here.id, "here", &key, true).await;
    for name in ["small", "large"] {
        std::fs::create_dir_all(folder.join(name)).unwrap();
        std::fs::write(folder.join(name).join("letter"), "dear all").unwrap();
    }
    let own = Place { store: &store, vault: &vault, folder, project: project.id, node: here.id };
    let often = own.plan("small", Some("4s")).await.run.plan.unwrap().id;
    let large = own.plan("large", None).await.run.plan.unwrap().id;

    let (each, mut known, mut made) = (runs / agents, Vec::new(), Vec::new());
    for number in 0..agents {
        let id = new_id!(NodeId);
        node(&store, project.id, id, &format!("web-{number}"), &key, false).await;
        let place = Place { store: &store, vault: &vault, folder, project: project.id, node: id };
        let mut agent = place.plan(&format!("web-{number}"), Some("1d")).await;
        let entries: Vec<OutboxEntry> =
            (1..).zip(0..each).map(|(entry, run)| past(&agent.run, entry, run, each)).collect();
        if let Some(News::Run { run }) = entries.last().map(|entry| &entry.news) {
            made.push(run.id);
        }
        agent.acknowledged = store.ingest(id, 1, &entries).await.unwrap().acknowledged;
        known.push(agent);
    }
    store.close().await;
    Filled { token, agents: known, often, large, runs: made }
}

/// A run of the last year.
fn past(like: &Run, number: i64, run: usize, of: usize) -> OutboxEntry {
    let ago = 365 * 86_400 * i64::try_from(of - run).unwrap() / i64::try_from(of).unwrap();
    let created = Time::from_second(Time::now().as_second() - ago).unwrap();
    let state = if run % 20 == 7 { RunState::Failed } else { RunState::Completed };
    let run = Run {
        id: new_id!(RunId),
        created,
        state,
        started: Some(created),
        ended: Some(created),
        ..like.clone()
    };
    OutboxEntry { number, news: News::Run { run: Box::new(run) } }
}

async fn person(store: &ServerStore, project: ProjectId) -> String {
    let person = Person {
        id: new_id!(PersonId),
        name: "Ada".to_owned(),
        email: "ada@example.org".to_owned(),
        grants: vec![Grant { project, role: Role::Owner }],
        disabled: false,
        totp: false,
        created: Time::now(),
        last_sign_in: None,
    };
    store.create_person(&person, &Credentials::default()).await.unwrap();
    let key = format!("bst_{}", person.id);
    let token = ApiToken {
        id: new_id!(TokenId),
        person: person.id,
        name: "bench".to_owned(),
        role: Role::Owner,
        project: None,
        created: Time::now(),
        expires: None,
        last_used: None,
    };
    store.create_token(&token, &hexadecimal(key.as_bytes())).await.unwrap();
    key
}

async fn node(store: &ServerStore, project: ProjectId, id: NodeId, name: &str, key: &str, local: bool) {
    let node = Node {
        id,
        project,
        name: name.to_owned(),
        local,
        public_key: key.to_owned(),
        last_seen: None,
        host: HostState::default(),
        revoked: false,
        trouble: None,
        created: Time::now(),
    };
    store.create_node(&node, None).await.unwrap();
}

struct Place<'a> {
    store: &'a ServerStore,
    vault: &'a Vault,
    folder: &'a Path,
    project: ProjectId,
    node: NodeId,
}

impl Place<'_> {
    /// A plan with all that it needs, which is due this often.
    async fn plan(&self, name: &str, every: Option<&str>) -> Agent {
        let (store, project, node, now, revision) = (self.store, self.project, self.node, Time::now(), 1);
        let path = |end: &str| self.folder.join(end).display().to_string();
        let connection = Connection {
            id: new_id!(ConnectionId),
            project,
            name: name.to_owned(),
            node,
            settings: ConnectionSettings::Local(LocalSettings { path: path("disks") }),
            status: ConnectionStatus { health: Health::Valid, checked: Some(now), reason: None },
            created: now,
            changed: now,
            revision,
        };
        store.create_connection(&connection, None).await.unwrap();
        let destination = Destination {
            id: new_id!(DestinationId),
            project,
            name: name.to_owned(),
            connection: connection.id,
            path: name.to_owned(),
            layout: Layout::PerNode,
            holds: backstay_model::Holds::Repository,
            created: now,
            changed: now,
            revision,
        };
        store.create_destination(&destination).await.unwrap();
        let repository = Repository {
            id: new_id!(RepositoryId),
            destination: destination.id,
            node: Some(node),
            path: "own".to_owned(),
            password: SecretText::default(),
            adopted: false,
            created: now,
        };
        let record = RecordId::new("repository", repository.id.to_string(), "secrets");
        let sealed = self.vault.seal(&record, br#"{"password": "open sesame"}"#, &SystemRandom).unwrap();
        store.create_repository(&repository, Some(&sealed.to_text())).await.unwrap();
        let spec = FilesSpec {
            paths: vec![path(name)],
            excludes: Vec::new(),
            exclude_if_present: Vec::new(),
            exclude_caches: false,
            exclude_larger_than: None,
            one_file_system: false,
        };
        let source = Source {
            id: new_id!(SourceId),
            project,
            name: name.to_owned(),
            node,
            spec: SourceSpec::Files(spec),
            created: now,
            changed: now,
            revision,
        };
        store.create_source(&source).await.unwrap();
        let mut spec = json!({ "name": name, "sources": [source.id], "destinations": [destination.id] });
        if let Some(every) = every {
            spec["schedule"] = json!({ "when": { "every": every } });
        }
        let spec = serde_json::from_value(spec).unwrap();
        let plan = Plan { id: new_id!(PlanId), project, spec, created: now, changed: now, revision };
        store.create_plan(&plan, "Ada").await.unwrap();
        let run = Run {
            id: new_id!(RunId),
            project,
            node,
            kind: RunKind::Backup,
            plan: Some(Named { id: plan.id, name: name.to_owned() }),
            source: Some(Named { id: source.id, name: name.to_owned() }),
            destinations: vec![RunDestination {
                id: destination.id,
                name: name.to_owned(),
                repository: repository.id,
                state: RunState::Completed,
                snapshot: None,
                copied: 0,
                bytes_added: 1 << 20,
                stored: None,
                free: None,
                cut_apart_from: None,
                error: None,
            }],
            from: None,
            restore: None,
            trigger: Trigger::Schedule,
            requested_by: None,
            state: RunState::Completed,
            intent: None,
            waiting: None,
            priority: limits::Priority::Normal,
            attempt: 1,
            due: Some(now),
            created: now,
            started: None,
            ended: None,
            progress: Progress::default(),
            outcome: Some(Outcome {
                files_new: 5,
                bytes: 1 << 30,
                bytes_added: 1 << 20,
                ..Outcome::default()
            }),
            error: None,
            revision: 1,
        };
        Agent { run, acknowledged: 0 }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Gives each agent what joining would have left on its host: a key, and a certificate of the server's authority.
pub(crate) async fn admit(folder: &Path, url: &str, filled: &Filled) {
    let (store, vault) = (open(folder).await, vault(folder));
    let setting = store.setting("agents_authority").await.unwrap().unwrap();
    let authority = setting["certificate"].as_str().unwrap();
    let sealed = store.setting_sealed("agents_authority").await.unwrap().unwrap();
    let record = RecordId::new("setting", "agents_authority", "key");
    let key = vault.open(&record, &Sealed::from_text(&sealed).unwrap()).unwrap();
    let key = KeyPair::from_pem(std::str::from_utf8(&key).unwrap()).unwrap();
    let issuer = Issuer::from_ca_cert_pem(authority, key).unwrap();
    for (number, agent) in filled.agents.iter().enumerate() {
        let node = agent.run.node;
        let own = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, node.to_string());
        let name = format!("{node}.agents.backstay.internal");
        params.subject_alt_names = vec![SanType::DnsName(name.as_str().try_into().unwrap())];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(&own, &issuer).unwrap();
        store.set_node_certificate(node, Some(&hexadecimal(certificate.der()))).await.unwrap();
        let kept = json!({
            "server": url, "authority": authority, "certificate": certificate.pem(), "key": own.serialize_pem(),
        });
        let home = folder.join(format!("fleet/{number}"));
        std::fs::create_dir_all(&home).unwrap();
        let mut options = std::fs::OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(home.join("agent.json")).unwrap();
        serde_json::to_writer(file, &kept).unwrap();
    }
    store.close().await;
    let file = std::fs::File::create(folder.join("fleet.json")).unwrap();
    serde_json::to_writer(std::io::BufWriter::new(file), &filled.agents).unwrap();
}
