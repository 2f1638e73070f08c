//! The tables that a run prints: medians over the rounds, in Markdown.

use std::fmt::Write as _;

use super::engines::{FLOOR, OURS};
use super::results::{Results, Sample};

/// A figure of a sample, and how the table shows it.
struct Figure {
    title: &'static str,
    of: fn(&Sample) -> Option<f64>,
    decimals: usize,
}

const WALL: Figure = Figure { title: "wall, seconds", of: |sample| Some(sample.wall_seconds), decimals: 2 };
const REST: [Figure; 3] = [
    Figure {
        title: "processor, seconds",
        of: |sample| Some(sample.user_seconds + sample.system_seconds),
        decimals: 2,
    },
    Figure {
        title: "peak memory, MiB",
        of: |sample| Some(sample.peak_bytes as f64 / f64::from(1 << 20)),
        decimals: 0,
    },
    Figure {
        title: "repository, MB",
        of: |sample| sample.repository_bytes.map(|bytes| bytes as f64 / 1e6),
        decimals: 1,
    },
];

/// All tables of a run.
pub(crate) fn render(results: &Results) -> String {
    let mut text = String::new();
    for corpus in &results.corpora {
        let samples: Vec<&Sample> =
            results.samples.iter().filter(|sample| sample.corpus == corpus.name).collect();
        let engines: Vec<&str> = results.engines.iter().map(|engine| engine.name).collect();
        let _ = write!(text, "\n## {}: {}\n", corpus.name, corpus.description.what);
        for figure in std::iter::once(&WALL).chain(&REST) {
            render_figure(&mut text, &samples, &engines, figure);
        }
    }
    text.push('\n');
    text
}

fn render_figure(text: &mut String, samples: &[&Sample], engines: &[&str], figure: &Figure) {
    let _ = write!(text, "\n| {} | {} |", figure.title, engines.join(" | "));
    text.push_str(" ours : fastest peer | ours : floor |\n|---|");
    text.push_str(&"---:|".repeat(engines.len() + 2));
    text.push('\n');
    for work in works(samples) {
        let value = |engine: &str| median(samples, work, engine, figure);
        if engines.iter().all(|engine| value(engine).is_none()) {
            continue;
        }
        let _ = write!(text, "| {work} |");
        for engine in engines {
            let _ = write!(text, " {} |", show(value(engine), figure.decimals));
        }
        let peer = fastest_peer(samples, work, engines);
        let to_peer = ratio(value(OURS), peer.and_then(value));
        let _ = writeln!(text, " {} | {} |", show(to_peer, 2), show(ratio(value(OURS), value(FLOOR)), 2));
    }
}

/// The works that were measured, in the order in which they were done.
fn works<'a>(samples: &[&'a Sample]) -> Vec<&'a str> {
    let mut works = Vec::new();
    for sample in samples {
        if !works.contains(&sample.work) {
            works.push(sample.work);
        }
    }
    works
}

/// The peer with the least time on the wall, to which every other figure is compared too.
fn fastest_peer<'a>(samples: &[&Sample], work: &str, engines: &[&'a str]) -> Option<&'a str> {
    let peers = engines.iter().copied().filter(|&engine| engine != OURS && engine != FLOOR);
    peers
        .filter_map(|engine| Some((engine, median(samples, work, engine, &WALL)?)))
        .min_by(|one, other| one.1.total_cmp(&other.1))
        .map(|(engine, _)| engine)
}

fn median(samples: &[&Sample], work: &str, engine: &str, figure: &Figure) -> Option<f64> {
    let matching = samples.iter().filter(|sample| sample.work == work && sample.engine == engine);
    let mut values: Vec<f64> = matching.filter_map(|sample| (figure.of)(sample)).collect();
    values.sort_unstable_by(f64::total_cmp);
    let (low, high) = (values.get(values.len().checked_sub(1)? / 2)?, values.get(values.len() / 2)?);
    Some((low + high) / 2.0)
}

fn ratio(ours: Option<f64>, other: Option<f64>) -> Option<f64> {
    Some(ours? / other.filter(|&other| other > 0.0)?)
}

fn show(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.decimals$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(engine: &'static str, round: u32, wall_seconds: f64) -> Sample {
        Sample {
            corpus: "linux",
            work: "first backup",
            engine,
            round,
            wall_seconds,
            user_seconds: 2.0 * wall_seconds,
            system_seconds: 0.0,
            peak_bytes: 1 << 20,
            repository_bytes: None,
        }
    }

    #[test]
    fn shows_medians_and_compares_with_the_fastest_peer() {
        let samples = [
            sample(OURS, 1, 3.0),
            sample(OURS, 2, 9.0),
            sample(OURS, 3, 4.0),
            sample("slow", 1, 20.0),
            sample("quick", 1, 9.0),
            sample("quick", 2, 7.0),
            sample(FLOOR, 1, 2.0),
        ];
        let samples: Vec<&Sample> = samples.iter().collect();
        let mut text = String::new();
        render_figure(&mut text, &samples, &[OURS, "slow", "quick", "absent", FLOOR], &WALL);
        let row = text.lines().last().unwrap();
        assert_eq!(row, "| first backup | 4.00 | 20.00 | 8.00 | – | 2.00 | 0.50 | 2.00 |");
    }
}
