//! Numbers for Prometheus, of the projects that the caller may see.

use std::collections::HashMap;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use backstay_catalog::{RunTotal, StorageTotal};
use backstay_model::{Connection, Health, Node, NodeId, Project, ProjectId};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::common;
use crate::access::extract::Caller;
use crate::metrics::{self, Exposition, Metric};
use crate::problem::Problem;
use crate::state::AppState;

/// A node that was heard of within this time is up.
const UP: Duration = Duration::from_secs(60);

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(metrics))
}

/// Numbers for Prometheus: runs, queues, nodes, connections and storage. Send an API token as `Authorization: Bearer`.
#[utoipa::path(get, path = "/metrics", tag = "health",
    responses((status = 200, body = String, content_type = "text/plain")))]
async fn metrics(State(state): State<AppState>, caller: Caller) -> Result<Response, Problem> {
    let visible = common::visible(&caller, None)?;
    let mut projects = state.store.projects().await?;
    projects.retain(|project| visible.contains(&project.id));
    let (mut nodes, mut connections) = (Vec::new(), Vec::new());
    for project in &projects {
        nodes.extend(state.store.nodes(Some(project.id)).await?);
        connections.extend(state.store.connections(Some(project.id)).await?);
    }
    let totals = state.store.run_totals().await?;
    let mut storage = state.store.storage_totals().await?;
    storage.retain(|total| visible.contains(&total.project));
    let seen = Seen { now: state.now().as_second(), projects, nodes, connections, totals, storage };
    Ok(([(CONTENT_TYPE, metrics::CONTENT_TYPE)], seen.text()).into_response())
}

/// What the caller may see.
struct Seen {
    now: i64,
    projects: Vec<Project>,
    nodes: Vec<Node>,
    connections: Vec<Connection>,
    totals: Vec<RunTotal>,
    storage: Vec<StorageTotal>,
}

/// A number of a node; `None` where it is not known.
type Reading = fn(&Node) -> Option<f64>;

/// What each node says of its host.
const READINGS: &[(&str, &str, Reading)] = &[
    ("backstay_node_runs_pending", "Runs that wait on the node.", |node| heard(node, node.host.runs_pending)),
    ("backstay_node_runs_running", "Runs being executed on the node.", |node| {
        heard(node, node.host.runs_running)
    }),
    ("backstay_node_cpu_percent", "Share of processor time in use, of all cores.", |node| {
        heard(node, node.host.cpu_percent)
    }),
    ("backstay_node_load", "Load average of one minute.", |node| heard(node, node.host.load)),
    ("backstay_node_memory_total_bytes", "Memory of the host.", |node| size(node, node.host.memory_total)),
    ("backstay_node_memory_available_bytes", "Memory that could be used still.", |node| {
        size(node, node.host.memory_available)
    }),
    ("backstay_node_disk_total_bytes", "Size of the file system with the node's data folder.", |node| {
        size(node, node.host.disk_total)
    }),
    ("backstay_node_disk_free_bytes", "Free space there.", |node| size(node, node.host.disk_free)),
    ("backstay_node_last_seen_timestamp_seconds", "When the node was last heard of.", |node| {
        node.last_seen.map(|seen| seen.as_duration().as_secs_f64())
    }),
];

fn heard(node: &Node, value: impl Into<f64>) -> Option<f64> {
    node.last_seen.map(|_| value.into())
}

/// A number of bytes, to the precision that such numbers have.
#[allow(clippy::cast_precision_loss)]
fn size(node: &Node, bytes: u64) -> Option<f64> {
    heard(node, bytes as f64)
}

impl Seen {
    fn text(&self) -> String {
        let mut out = Exposition::default();
        self.of_server(&mut out);
        self.of_nodes(&mut out);
        self.of_runs(&mut out);
        self.of_connections(&mut out);
        self.of_storage(&mut out);
        out.into_text()
    }

    fn project(&self, id: ProjectId) -> &str {
        self.projects.iter().find(|project| project.id == id).map_or("", |project| &project.name)
    }

    fn of_server(&self, out: &mut Exposition) {
        out.gauge("backstay_build_info", "The version of the server.")
            .sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
        if let Some(bytes) = metrics::resident_memory() {
            out.gauge("process_resident_memory_bytes", "Memory that the server has in use.")
                .sample(&[], bytes);
        }
    }

    fn of_nodes(&self, out: &mut Exposition) {
        let mut agents = out.gauge("backstay_agents", "Agents that joined and were not shut out.");
        for project in &self.projects {
            let own = |node: &&Node| node.project == project.id && !node.local && !node.revoked;
            agents.sample(&[("project", &project.name)], self.nodes.iter().filter(own).count());
        }
        let mut up = out.gauge("backstay_node_up", "1 when the node was heard of within a minute.");
        for node in &self.nodes {
            let since = node.last_seen.map(|seen| self.now.saturating_sub(seen.as_second()));
            let is_up = since.is_some_and(|since| since <= UP.as_secs().cast_signed());
            up.sample(&self.of(node), u8::from(is_up));
        }
        let mut info = out.gauge("backstay_node_info", "The version and system of the node.");
        for node in self.nodes.iter().filter(|node| node.last_seen.is_some()) {
            let [project, name] = self.of(node);
            let host = &node.host;
            info.sample(&[project, name, ("version", &host.version), ("system", &host.system)], 1);
        }
        for (name, help, reading) in READINGS {
            let mut metric = out.gauge(name, help);
            for node in &self.nodes {
                if let Some(value) = reading(node).filter(|value| value.is_finite()) {
                    metric.sample(&self.of(node), value);
                }
            }
        }
    }

    fn of_runs(&self, out: &mut Exposition) {
        let nodes: HashMap<NodeId, &Node> = self.nodes.iter().map(|node| (node.id, node)).collect();
        let help = "Runs in the history, by kind and state. Those that retention forgets no longer count.";
        let mut runs = out.gauge("backstay_runs", help);
        for total in &self.totals {
            let Some(node) = nodes.get(&total.node).filter(|node| node.project == total.project) else {
                continue;
            };
            let [project, name] = self.of(node);
            let (kind, state) = (total.kind.name(), total.state.name());
            runs.sample(&[project, name, ("kind", kind), ("state", state)], total.runs);
        }
    }

    fn of_connections(&self, out: &mut Exposition) {
        let mut metric = out.gauge("backstay_connections", "Connections, by how the last attempt went.");
        for project in &self.projects {
            for (health, name) in
                [(Health::Valid, "valid"), (Health::Failing, "failing"), (Health::Unchecked, "unchecked")]
            {
                let own = |it: &&Connection| it.project == project.id && it.status.health == health;
                let number = self.connections.iter().filter(own).count();
                metric.sample(&[("project", &project.name), ("health", name)], number);
            }
        }
    }

    /// What is added up as runs end; what lies in a repository altogether only its node could find out.
    fn of_storage(&self, out: &mut Exposition) {
        let labels = |total: &StorageTotal| {
            let node = total.node.and_then(|id| self.nodes.iter().find(|node| node.id == id));
            let node = node.map_or_else(String::new, |node| node.name.clone());
            [self.project(total.project).to_owned(), total.name.clone(), total.repository.to_string(), node]
        };
        let each = |metric: &mut Metric<'_>, value: &dyn Fn(&StorageTotal) -> Option<i64>| {
            for total in &self.storage {
                let Some(value) = value(total) else { continue };
                let [project, destination, repository, node] = labels(total);
                let labels = [
                    ("project", &*project),
                    ("destination", &*destination),
                    ("repository", &*repository),
                    ("node", &*node),
                ];
                metric.sample(&labels, value);
            }
        };
        let help = "Bytes that backups have added to a repository, as stored.";
        let mut added = out.counter("backstay_repository_bytes_added_total", help);
        each(&mut added, &|total| Some(total.added.cast_signed()));
        let help = "Snapshots that backups have made in a repository.";
        let mut snapshots = out.counter("backstay_repository_snapshots_made_total", help);
        each(&mut snapshots, &|total| Some(total.snapshots.cast_signed()));
        let help = "When the last snapshot was made in a repository.";
        let mut last = out.gauge("backstay_repository_last_snapshot_timestamp_seconds", help);
        each(&mut last, &|total| total.last.map(|last| last.as_second()));
    }

    fn of<'a>(&'a self, node: &'a Node) -> [(&'static str, &'a str); 2] {
        [("project", self.project(node.project)), ("node", &node.name)]
    }
}
