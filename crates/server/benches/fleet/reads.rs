//! People who read: a hundred questions a second, of ten kinds in turn.

use std::path::Path;
use std::time::{Duration, Instant};

use backstay_model::{PlanId, RunId, Time};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::store::Filled;

const EVERY: Duration = Duration::from_millis(10);

/// Somebody with a token.
#[derive(Clone)]
pub(crate) struct Reader {
    http: reqwest::Client,
    base: String,
    token: String,
    subjects: Vec<(String, String, String)>,
    runs: Vec<RunId>,
    often: PlanId,
    pub(crate) large: PlanId,
}

/// How long answers took, each with its kind of question.
pub(crate) struct Times(Vec<(&'static str, Duration)>);

impl Times {
    pub(crate) fn figures(&self) -> Value {
        let mut kinds: Vec<&'static str> = self.0.iter().map(|(kind, _)| *kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let of = |wanted: Option<&str>| {
            let mut times: Vec<Duration> = self
                .0
                .iter()
                .filter(|(kind, _)| wanted.is_none_or(|wanted| wanted == *kind))
                .map(|(_, time)| *time)
                .collect();
            times.sort_unstable();
            let millis = |place: usize| times[place.min(times.len() - 1)].as_secs_f64() * 1000.0;
            json!({
                "answers": times.len(),
                "p50_ms": millis(times.len() / 2),
                "p99_ms": millis(times.len() * 99 / 100),
                "most_ms": millis(times.len() - 1),
            })
        };
        let each: serde_json::Map<String, Value> =
            kinds.iter().map(|kind| ((*kind).to_owned(), of(Some(kind)))).collect();
        json!({ "all": of(None), "each": each })
    }
}

impl Reader {
    pub(crate) fn new(url: &str, filled: &Filled) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http =
            reqwest::Client::builder().no_proxy().tls_danger_accept_invalid_certs(true).build().unwrap();
        let subjects = filled.agents.iter().map(|agent| {
            let run = &agent.run;
            let plan = run.plan.as_ref().unwrap().id.to_string();
            (plan, run.node.to_string(), run.destinations[0].id.to_string())
        });
        Self {
            http,
            base: format!("{url}/api/v1"),
            token: filled.token.clone(),
            subjects: subjects.collect(),
            runs: filled.runs.clone(),
            often: filled.often,
            large: filled.large,
        }
    }

    fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token)
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.request(reqwest::Method::GET, path).send().await.unwrap();
        answer.error_for_status().unwrap().json().await.unwrap()
    }

    /// Runs a plan now, and waits until that is done.
    pub(crate) async fn back_up(&self, plan: PlanId) {
        let path = format!("/plans/{plan}/run");
        let answer = self.request(reqwest::Method::POST, &path).json(&json!({})).send().await.unwrap();
        let queued: Value = answer.error_for_status().unwrap().json().await.unwrap();
        let path = format!("/runs/{}", queued["runs"][0].as_str().unwrap());
        loop {
            let run = self.get(&path).await;
            match run["state"].as_str().unwrap() {
                "completed" => return,
                "failed" | "cancelled" => panic!("{run:#}"),
                _ => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
    }

    /// Waits until so many agents were heard of.
    pub(crate) async fn until_seen(&self, agents: usize) {
        let end = Instant::now() + Duration::from_secs(180);
        loop {
            let nodes = self.get("/nodes").await;
            let nodes = nodes["items"].as_array().unwrap();
            let seen =
                nodes.iter().filter(|node| node["local"] != true && !node["last_seen"].is_null()).count();
            if seen >= agents {
                return;
            }
            assert!(Instant::now() < end, "{seen} agents of {agents} were heard of");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    fn question(&self, number: usize) -> (&'static str, String) {
        let (plan, node, destination) = &self.subjects[number * 7919 % self.subjects.len()];
        let month = Time::from_second(Time::now().as_second() - 30 * 86_400).unwrap();
        match number % 10 {
            0 => ("runs", "/runs?limit=50".to_owned()),
            1 => ("runs that failed", "/runs?state=failed&limit=50".to_owned()),
            2 => ("runs of a plan", format!("/runs?plan={plan}&limit=50")),
            3 => {
                ("runs of a node that are done", format!("/runs?node={node}&state=completed,failed&limit=50"))
            }
            4 => ("runs to a destination", format!("/runs?destination={destination}&kind=backup&limit=50")),
            5 => ("counts", "/runs/counts".to_owned()),
            6 => ("counts of a month", format!("/runs/counts?since={month}")),
            7 => ("a run", format!("/runs/{}", self.runs[number * 7919 % self.runs.len()])),
            8 => ("plans", "/plans".to_owned()),
            _ => ("nodes", "/nodes".to_owned()),
        }
    }

    /// Asks for so long, each question at its moment.
    pub(crate) async fn read_for(&self, time: Duration) -> Times {
        let (begun, mut under_way, mut times) = (Instant::now(), JoinSet::new(), Vec::new());
        let mut number = 0;
        while begun.elapsed() < time {
            let moment = begun + EVERY * u32::try_from(number).unwrap();
            tokio::time::sleep_until(moment.into()).await;
            let (kind, path) = self.question(number);
            let request = self.request(reqwest::Method::GET, &path);
            under_way.spawn(async move {
                let answer = request.send().await.unwrap().error_for_status().unwrap();
                answer.bytes().await.unwrap();
                (kind, moment.elapsed())
            });
            number += 1;
            while let Some(done) = under_way.try_join_next() {
                times.push(done.unwrap());
            }
        }
        while let Some(done) = under_way.join_next().await {
            times.push(done.unwrap());
        }
        Times(times)
    }

    /// How late runs of the plan that is due all the time began, until there are enough.
    pub(crate) async fn starts(&self, enough: usize) -> Value {
        loop {
            let path = format!("/runs?plan={}&state=completed&limit=200", self.often);
            let runs = self.get(&path).await;
            let moment =
                |run: &Value, name: &str| run[name].as_str().map(|text| text.parse::<Time>().unwrap());
            let mut late: Vec<f64> = runs["items"]
                .as_array()
                .unwrap()
                .iter()
                .filter_map(|run| {
                    Some(moment(run, "started")?.duration_since(moment(run, "due")?).as_secs_f64())
                })
                .collect();
            if late.len() >= enough {
                late.sort_unstable_by(f64::total_cmp);
                return json!({
                    "starts": late.len(),
                    "p50": late[late.len() / 2],
                    "p99": late[late.len() * 99 / 100],
                    "most": late[late.len() - 1],
                });
            }
            tokio::time::sleep(Duration::from_secs(4)).await;
        }
    }

    /// What the process of the agents counted.
    pub(crate) fn agents_trouble(&self, folder: &Path) -> Value {
        serde_json::from_slice(&std::fs::read(folder.join("agents-told.json")).unwrap()).unwrap()
    }
}
