//! Bodies, to every operation that takes one.

use backstay_model::Role;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::openapi::{Operation, operations};
use crate::world::{Client, World};

const JSON: &str = "application/json";
const LARGEST: usize = 1 << 20;
const NO_ID: &str = "01900000-0000-7000-8000-000000000000";
const SECRET: &str = "hunter2-or-so";

struct Answer {
    status: StatusCode,
    text: String,
}

async fn send(client: &Client, operation: &Operation, kind: &str, body: Vec<u8>) -> Answer {
    let path =
        operation.path.replace("{id}", NO_ID).replace("{person}", NO_ID).replace("{snapshot}", "latest");
    let response = client.bytes(operation.method.clone(), &path, kind, body).await;
    let status = response.status();
    let media = response.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
    let text = response.text().await.unwrap();
    let what = format!("{}: {status} {text}", operation.id);
    assert!(!status.is_server_error(), "{what}");
    if status.is_client_error() {
        assert_eq!(media.as_deref(), Some("application/problem+json"), "{what}");
        assert!(text.len() < 4096, "{}: an answer of {} bytes", operation.id, text.len());
    }
    Answer { status, text }
}

fn with_body() -> Vec<Operation> {
    let takers: Vec<_> =
        operations().into_iter().filter(|operation| operation.told.get("requestBody").is_some()).collect();
    assert!(takers.len() > 30, "{}", takers.len());
    takers
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_none_are_refused_by_every_operation() {
    let world = World::new().await;
    let owner = world.owner().await;
    let large = format!("\"{}\"", "a".repeat(LARGEST)).into_bytes();
    let nested = format!("{{\"name\": {}{}}}", "[".repeat(20_000), "]".repeat(20_000)).into_bytes();
    let cases: [(&str, &str, Vec<u8>, u16); 9] = [
        ("too large", JSON, large, 413),
        ("cut off", JSON, b"{\"name\": \"a".to_vec(), 400),
        ("nothing", JSON, Vec::new(), 400),
        ("of another kind", "text/plain", b"{}".to_vec(), 415),
        ("a form", "application/x-www-form-urlencoded", b"name=a".to_vec(), 415),
        ("no UTF-8", JSON, b"{\"name\": \"\xff\xfe\"}".to_vec(), 400),
        ("half a surrogate", JSON, b"{\"name\": \"\\ud800\"}".to_vec(), 400),
        ("two bodies", JSON, b"{} {}".to_vec(), 400),
        ("nested", JSON, nested, 400),
    ];
    for operation in with_body() {
        // It may be left out, or be null.
        let is_optional = operation.told["requestBody"]["required"] != true;
        for (what, kind, body, expected) in &cases {
            if is_optional && body.is_empty() {
                continue;
            }
            let answer = send(&owner, &operation, kind, body.clone()).await;
            let status = answer.status.as_u16();
            // A form may say first that it knows no such field, or that an account is missing one.
            let as_good = *expected == 400 && status == 422;
            assert!(status == *expected || as_good, "{} {what}: {status} {}", operation.id, answer.text);
        }
        for odd in ["null", "[]", "1e400", "-1", "\"a\"", "true", "{\"\":{}}", "[[[]]]", "{\"a\\u0000\":1}"] {
            if is_optional && odd == "null" {
                continue;
            }
            let answer = send(&owner, &operation, JSON, odd.into()).await;
            assert!(answer.status.is_client_error(), "{} {odd}: {}", operation.id, answer.text);
        }
    }
    world.stop().await;
}

/// The fields of an operation's form, as the document has them.
fn fields(operation: &Operation) -> Vec<String> {
    let document: Value = serde_json::from_str(&backstay_server::api::document()).unwrap();
    let schema = &operation.told["requestBody"]["content"][JSON]["schema"];
    let mut waiting = vec![schema.clone()];
    let mut fields = Vec::new();
    while let Some(schema) = waiting.pop() {
        if let Some(name) = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
            waiting.push(document["components"]["schemas"][name].clone());
        }
        for parts in ["allOf", "oneOf"] {
            waiting.extend(schema[parts].as_array().into_iter().flatten().cloned());
        }
        fields.extend(schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone()));
    }
    assert!(!fields.is_empty(), "{} has a form without fields", operation.id);
    fields
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_of_another_kind_are_refused_and_not_repeated() {
    let world = World::new().await;
    let project = world.project("here").await;
    let owner = world.program(Role::Owner, project).await;
    for operation in with_body() {
        for field in fields(&operation) {
            for value in [
                json!([SECRET]),
                json!({"type": SECRET}),
                json!({SECRET: {"password": SECRET}}),
                json!(SECRET),
                json!(u64::MAX),
                json!(i64::MIN),
                json!(1e308),
                json!(-0.5),
                json!(null),
                json!(true),
                json!("\u{0}\r\n\u{1b}[31m\u{202e}"),
            ] {
                let body = json!({ field.as_str(): value }).to_string();
                let answer = send(&owner, &operation, JSON, body.clone().into_bytes()).await;
                let told = answer.status.is_client_error() && answer.text.contains(SECRET);
                // What is no field and what is no duration is told: that is what has to be put right.
                let mistyped = ["unknown field", "write a duration", "is no number"];
                let mistyped = mistyped.iter().any(|text| answer.text.contains(text));
                let told = told && !mistyped;
                assert!(!told, "{} {body}: {}", operation.id, answer.text);
            }
            let twice = format!("{{\"{field}\": null, \"{field}\": null}}");
            let answer = send(&owner, &operation, JSON, twice.into_bytes()).await;
            assert!(answer.status.is_client_error(), "{} {field} twice: {}", operation.id, answer.text);
        }
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_none_are_refused() {
    let world = World::new().await;
    let owner = world.owner().await;
    let long = "ä".repeat(300_000);
    let names = [
        "",
        " ",
        "\u{0}",
        "a\u{0}b",
        "a\r\nSet-Cookie: x",
        "\u{1b}[2J",
        "a\u{7f}",
        "a\u{85}b",
        long.as_str(),
    ];
    for name in names {
        for (path, form) in [
            ("/api/v1/projects", json!({"name": name})),
            ("/api/v1/people", json!({"name": name, "email": "a@example.org"})),
            ("/api/v1/people", json!({"name": "a", "email": format!("{name}@example.org")})),
            ("/api/v1/people", json!({"name": "a", "email": format!("a@{name}")})),
            ("/api/v1/settings/smtp/test", json!({"to": format!("a@example.org{name}, b@example.org")})),
        ] {
            let reply = owner.post(path, form).await;
            assert_eq!(
                reply.problem(422),
                "invalid",
                "{path} {:?}",
                name.chars().take(9).collect::<String>()
            );
        }
    }
    let people = owner.get("/api/v1/people").await.expect(200);
    assert_eq!(people["items"].as_array().unwrap().len(), 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_and_queries_that_are_none_are_refused() {
    let world = World::new().await;
    let owner = world.owner().await;
    let long = "9".repeat(5_000);
    let odd = [
        "0",
        "-1",
        "..",
        "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "%00",
        "%0d%0aX-Evil:%201",
        "'%3b--",
        "%ff%fe",
        "%F0%9F%92%A9",
        "018f0000-0000-7000-8000-00000000000g",
        "9223372036854775808",
        "1e309",
        long.as_str(),
    ];
    let fetched = ["account_set_up", "events_stream"];
    for operation in operations().iter().filter(|operation| !fetched.contains(&operation.id.as_str())) {
        let parameters = operation.told["parameters"].as_array().cloned().unwrap_or_default();
        for value in odd {
            let mut paths = Vec::new();
            if operation.path.contains('{') {
                let path = ["{id}", "{person}", "{snapshot}"]
                    .iter()
                    .fold(operation.path.clone(), |path, name| path.replace(name, value));
                paths.push((path, true));
            }
            for parameter in parameters.iter().filter(|parameter| parameter["in"] == "query") {
                let path = operation.path.replace("{id}", NO_ID).replace("{snapshot}", "latest");
                paths.push((format!("{path}?{}={value}", parameter["name"].as_str().unwrap()), false));
            }
            for (path, is_id) in paths {
                let response = owner.bytes(operation.method.clone(), &path, JSON, b"{}".to_vec()).await;
                let status = response.status();
                assert!(response.headers().get("x-evil").is_none(), "{path}");
                assert!(!status.is_server_error(), "{} {path}: {status}", operation.method);
                // `..` is taken away by whoever sends it: another path is asked for.
                assert!(!is_id || value == ".." || status.is_client_error(), "{path}: {status}");
            }
        }
    }
    for method in ["PATCH", "TRACE", "BREW", "PROPFIND"] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        assert_eq!(owner.send(method, "/api/v1/plans", None).await.problem(405), "method_not_allowed");
    }
    world.stop().await;
}
