//! The document that describes the API: true of itself, and the same as the one that is committed.

use std::collections::HashSet;
use std::path::Path;

use serde_json::Value;

use crate::world::World;

const METHODS: [&str; 4] = ["get", "put", "post", "delete"];

/// An operation of the document.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) method: reqwest::Method,
    pub(crate) path: String,
    /// What is said of it.
    pub(crate) told: Value,
}

/// All operations, as the document has them.
pub(crate) fn operations() -> Vec<Operation> {
    let document: Value = serde_json::from_str(&backstay_server::api::document()).unwrap();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, told) in item.as_object().unwrap() {
            assert!(METHODS.contains(&method.as_str()), "{method} {path}");
            let method = method.to_uppercase().parse().unwrap();
            let id = told["operationId"].as_str().unwrap().to_owned();
            operations.push(Operation { id, method, path: path.clone(), told: told.clone() });
        }
    }
    operations
}

#[test]
fn the_committed_document_is_the_one_of_this_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let made = format!("{}\n", backstay_server::api::document());
    if std::env::var_os("BACKSTAY_RENEW").is_some_and(|renew| renew == "1") {
        std::fs::write(&path, &made).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == made,
        "docs/openapi.json is not what the API is now; renew it with `BACKSTAY_RENEW=1 cargo test -p backstay-server \
         --test it openapi`"
    );
}

#[test]
fn each_operation_has_a_name_of_its_own_and_says_what_it_needs_and_how_it_fails() {
    let operations = operations();
    assert!(operations.len() > 80, "{}", operations.len());
    let names: HashSet<_> = operations.iter().map(|operation| &operation.id).collect();
    let mut twice: Vec<_> = operations.iter().map(|operation| &operation.id).collect();
    twice.sort_unstable();
    assert_eq!(names.len(), operations.len(), "{twice:?}");
    for Operation { id, told, .. } in &operations {
        let security = told["security"].as_array().unwrap_or_else(|| panic!("{id} says not what it needs"));
        assert!(!security.is_empty(), "{id}");
        let responses = told["responses"].as_object().unwrap();
        let is_open = security.iter().any(|needs| needs.as_object().unwrap().is_empty());
        assert!(is_open || responses.contains_key("401"), "{id}");
        assert!(
            told["summary"].as_str().or(told["description"].as_str()).is_some_and(|text| !text.is_empty()),
            "{id}"
        );
        for (status, response) in responses {
            if status.starts_with(['4', '5']) {
                let content = response["content"].as_object().unwrap();
                assert!(content.contains_key("application/problem+json"), "{id} {status}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_gives_its_document_to_everybody() {
    let world = World::new().await;
    let given = world.nobody().get("/api/v1/openapi.json").await.expect(200);
    let made: Value = serde_json::from_str(&backstay_server::api::document()).unwrap();
    assert_eq!(given, made);
    world.stop().await;
}
