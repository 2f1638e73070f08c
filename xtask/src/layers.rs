//! Which crate may import which: the picture in ARCHITECTURE.md, held by a machine.
//!
//! Arrows point down only. The table below names every library crate with the crates that it may depend on; a crate that
//! is not in the table has no layer yet and fails the check. What a crate needs only for its tests (dev-dependencies) is
//! free: tests may look from above.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::workspace::{self, Workspace};

const CORE: &[&str] = &["backstay-core"];
const RULES: &[&str] = &["backstay-policy", "backstay-core"];
const MONGODUMP: &[&str] = &["backstay-mongodump"];
const NET: &[&str] = &["backstay-net"];
const MODEL: &[&str] = &["backstay-model", "backstay-vault"];
const PARTS: &[&str] =
    &["backstay-catalog", "backstay-sources", "backstay-archive", "backstay-engine", "backstay-storage"];
const NODE: &[&str] = &["backstay-node"];
const RECEIVER: &[&str] = &["backstay-receiver"];
const UI: &[&str] = &["backstay-ui"];
const SERVER: &[&str] = &["backstay-server"];

/// Each crate with the groups of our own crates that it may import.
const LAYERS: &[(&str, &[&[&str]])] = &[
    ("backstay-core", &[]),
    ("backstay-policy", &[CORE]),
    ("backstay-model", &[RULES]),
    ("backstay-vault", &[CORE]),
    ("backstay-mongodump", &[CORE]),
    ("backstay-net", &[RULES]),
    ("backstay-storage", &[NET, RULES]),
    ("backstay-engine", &[RULES]),
    ("backstay-sources", &[NET, MONGODUMP, RULES]),
    ("backstay-archive", &[MONGODUMP, RULES]),
    ("backstay-catalog", &[MODEL, RULES]),
    ("backstay-node", &[PARTS, MODEL, RULES]),
    ("backstay-receiver", &[RULES]),
    ("backstay-ui", &[]),
    ("backstay-server", &[UI, RECEIVER, NODE, PARTS, MODEL, RULES]),
    ("backstay-ffi", &[SERVER, RECEIVER, NODE, PARTS, MODEL, RULES]),
    ("backstay", &[SERVER, RECEIVER, NODE, PARTS, MODEL, RULES]),
    // Programs for developers: nothing imports them, and the floor of the benchmarks is a yardstick of its own.
    ("backstay-floor", &[]),
    ("backstay-bench-s3", &[NET]),
    ("backstay-simulator", &[PARTS, RULES]),
    ("xtask", &[PARTS, RULES]),
];

/// What the engine may never be built on: it knows no runtime, no HTTP, no database and no terminal.
const ENGINE_FORBIDS_CRATES: &[&str] = &["tokio", "hyper", "reqwest", "sqlx", "clap", "indicatif"];

/// What the engine's sources may not say: it knows no environment, and only a program may end the process.
const ENGINE_FORBIDS_WORDS: &[&str] = &["std::env", "process::exit"];

/// `cargo xtask layers`: prints each breach; true when there is none.
pub(crate) fn run(workspace: &Workspace) -> Result<bool> {
    let listing =
        workspace::read(workspace.cargo().args(["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: Metadata =
        serde_json::from_str(&listing).context("cannot read what cargo metadata wrote")?;

    let mut breaches = breaches(&metadata.packages);
    breaches.extend(forbidden_words(&workspace.root().join("crates/engine/src"))?);
    for breach in &breaches {
        eprintln!("layers: {breach}");
    }
    if breaches.is_empty() {
        println!("{} crates, each within its layer", metadata.packages.len());
    }
    Ok(breaches.is_empty())
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `None` for a normal dependency, else `dev` or `build`.
    kind: Option<String>,
    /// Set for what lies in the workspace.
    path: Option<PathBuf>,
}

/// Every dependency that the table forbids, as a sentence.
fn breaches(packages: &[Package]) -> Vec<String> {
    let mut found = Vec::new();
    for package in packages {
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == package.name) else {
            found.push(format!("{} has no layer; give it a line in xtask/src/layers.rs", package.name));
            continue;
        };
        for dependency in package.dependencies.iter().filter(|it| it.kind.as_deref() != Some("dev")) {
            let name = dependency.name.as_str();
            if dependency.path.is_some() && !allowed.iter().any(|group| group.contains(&name)) {
                found.push(format!("{} may not import {name}", package.name));
            }
            if package.name == "backstay-engine" && ENGINE_FORBIDS_CRATES.contains(&name) {
                found.push(format!("backstay-engine may not be built on {name}"));
            }
        }
    }
    found
}

/// Every line of code under `folder` that uses a forbidden word. Comments may name what they explain.
fn forbidden_words(folder: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let path = entry.with_context(|| format!("cannot list {}", folder.display()))?.path();
        if path.is_dir() {
            found.extend(forbidden_words(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text =
                fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            for (index, line) in text.lines().enumerate() {
                let code = line.split("//").next().unwrap_or_default();
                for word in ENGINE_FORBIDS_WORDS.iter().filter(|word| code.contains(**word)) {
                    found.push(format!("{}:{} uses {word}", path.display(), index + 1));
                }
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[(&str, Option<&str>, bool)]) -> Package {
        let dependencies = dependencies
            .iter()
            .map(|(name, kind, ours)| Dependency {
                name: (*name).to_owned(),
                kind: kind.map(str::to_owned),
                path: ours.then(PathBuf::new),
            })
            .collect();
        Package { name: name.to_owned(), dependencies }
    }

    #[test]
    fn what_lies_below_may_be_imported() {
        let engine = package("backstay-engine", &[("backstay-core", None, true), ("zstd", None, false)]);
        assert_eq!(breaches(&[engine]), Vec::<String>::new());
    }

    #[test]
    fn what_lies_beside_or_above_may_not() {
        let engine = package("backstay-engine", &[("backstay-storage", None, true)]);
        let core = package("backstay-core", &[("backstay-policy", Some("build"), true)]);
        assert_eq!(
            breaches(&[engine, core]),
            [
                "backstay-engine may not import backstay-storage",
                "backstay-core may not import backstay-policy"
            ]
        );
    }

    #[test]
    fn tests_may_look_from_above() {
        let engine = package(
            "backstay-engine",
            &[("backstay-storage", Some("dev"), true), ("tokio", Some("dev"), false)],
        );
        assert_eq!(breaches(&[engine]), Vec::<String>::new());
    }

    #[test]
    fn a_crate_without_a_layer_and_a_forbidden_runtime_are_named() {
        let found =
            breaches(&[package("backstay-new", &[]), package("backstay-engine", &[("tokio", None, false)])]);
        assert_eq!(found.len(), 2);
        assert!(found[0].contains("backstay-new has no layer"), "{found:?}");
        assert!(found[1].contains("built on tokio"), "{found:?}");
    }

    #[test]
    fn the_table_points_down_only() {
        for (place, (name, groups)) in LAYERS.iter().enumerate() {
            for below in groups.iter().flat_map(|group| group.iter()) {
                let found = LAYERS.iter().position(|(other, _)| other == below);
                assert!(found.is_some_and(|found| found < place), "{name} is listed above {below}");
            }
        }
    }

    #[test]
    fn words_are_found_in_code_and_not_in_comments() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("inner")).unwrap();
        let text = "// std::env is not for us\nlet home = std::env::var(\"HOME\");\n";
        fs::write(folder.path().join("inner/home.rs"), text).unwrap();
        let found = forbidden_words(folder.path()).unwrap();
        assert_eq!(found.len(), 1);
        assert!(found[0].ends_with("home.rs:2 uses std::env"), "{found:?}");
    }
}
