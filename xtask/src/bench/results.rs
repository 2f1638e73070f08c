//! The raw results of a run, as they are kept in `bench/results/`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

use super::corpora::{Corpus, Description};
use super::engines::Engine;
use super::machine::{self, Machine};

#[derive(Serialize)]
pub(crate) struct Results {
    date: String,
    machine: Machine,
    /// `memory` or `disk`.
    place: &'static str,
    rounds: u32,
    pub(crate) engines: Vec<EngineVersion>,
    pub(crate) corpora: Vec<CorpusDescription>,
    pub(crate) samples: Vec<Sample>,
}

#[derive(Serialize)]
pub(crate) struct EngineVersion {
    pub(crate) name: &'static str,
    version: String,
}

#[derive(Serialize)]
pub(crate) struct CorpusDescription {
    pub(crate) name: &'static str,
    #[serde(flatten)]
    pub(crate) description: Description,
}

/// One work of one engine in one round.
#[derive(Serialize)]
pub(crate) struct Sample {
    pub(crate) corpus: &'static str,
    pub(crate) work: &'static str,
    pub(crate) engine: &'static str,
    pub(crate) round: u32,
    pub(crate) wall_seconds: f64,
    pub(crate) user_seconds: f64,
    pub(crate) system_seconds: f64,
    /// The largest resident set.
    pub(crate) peak_bytes: u64,
    /// The size of the repository afterwards, where the work changes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) repository_bytes: Option<u64>,
}

impl Results {
    pub(crate) fn new(on_disk: bool, rounds: u32, engines: &[Box<dyn Engine>]) -> Result<Self> {
        Ok(Self {
            date: machine::today()?,
            machine: Machine::describe()?,
            place: if on_disk { "disk" } else { "memory" },
            rounds,
            engines: engines
                .iter()
                .map(|engine| Ok(EngineVersion { name: engine.name(), version: engine.version()? }))
                .collect::<Result<_>>()?,
            corpora: Vec::new(),
            samples: Vec::new(),
        })
    }

    pub(crate) fn describe(&mut self, corpus: Corpus, description: Description) {
        self.corpora.push(CorpusDescription { name: corpus.name(), description });
    }

    /// Writes a new file into `folder`; gives its name.
    pub(crate) fn write(&self, folder: &Path) -> Result<String> {
        write_new(folder, &format!("{}-{}", self.date, slug(&self.machine.processor)), self)
    }
}

/// Writes results into a new file of `folder`; gives its name. An earlier file of the same day and machine stays.
pub(crate) fn write_new(folder: &Path, stem: &str, results: &impl Serialize) -> Result<String> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let name = std::iter::once(format!("{stem}.json"))
        .chain((2..).map(|number| format!("{stem}-{number}.json")))
        .find(|name| !folder.join(name).exists())
        .context("no name is free")?;
    let mut text = serde_json::to_string_pretty(results)?;
    text.push('\n');
    fs::write(folder.join(&name), text).with_context(|| format!("cannot write {name}"))?;
    Ok(name)
}

/// A name in lower case, with every run of other characters as one dash.
pub(crate) fn slug(name: &str) -> String {
    let words = name.split(|character: char| !character.is_ascii_alphanumeric());
    let words: Vec<String> = words.filter(|word| !word.is_empty()).map(str::to_ascii_lowercase).collect();
    words.join("-")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_processor_becomes_part_of_a_file_name() {
        assert_eq!(super::slug("AMD EPYC 7763 64-Core (TM) @ 2.4GHz"), "amd-epyc-7763-64-core-tm-2-4ghz");
    }
}
