//! `check`: is everything there, and as it was written?

use backstay_engine::check::{CheckOptions, CheckReport, ReadData, check};

use crate::app::App;
use crate::args::Check;
use crate::choose;
use crate::failure::{Failure, Outcome};
use crate::json::check::{Error, Summary};
use crate::repository::{Access, Opened, Place};
use crate::terminal::StepProgress;

pub(super) fn run(app: &App, args: &Check) -> Outcome {
    let outcome = run_check(app, args);
    if app.console.is_json() {
        app.console.message(&match &outcome {
            Ok(report) => Summary {
                message_type: "summary",
                num_errors: report.errors() as u64,
                broken_packs: broken_packs(report),
                suggest_repair_index: report.suggest_repair_index,
                suggest_prune: report.suggest_prune,
            },
            Err(_) => Summary { message_type: "summary", num_errors: 1, ..Summary::default() },
        });
    }
    let report = outcome?;
    if report.errors() > 0 {
        return Err(Failure::fatal("repository contains errors"));
    }
    app.console.say("no errors were found");
    Ok(())
}

/// Packs of which something may be saved.
fn broken_packs(report: &CheckReport) -> Option<Vec<String>> {
    let there = report.broken_packs.iter().filter(|id| !report.missing_packs.contains(id));
    let packs: Vec<_> = there.map(ToString::to_string).collect();
    (!packs.is_empty()).then_some(packs)
}

fn run_check(app: &App, args: &Check) -> Outcome<CheckReport> {
    let read_data = match (&args.read_data_subset, args.read_data) {
        (Some(subset), _) => parse_subset(subset)?,
        (None, true) => ReadData::All,
        (None, false) => ReadData::Nothing,
    };
    let mut place = Place::main(app);
    if !args.with_cache {
        // What is checked is the repository, not the copy of it.
        place = place.caching_anew();
    }
    let access = if app.settings.no_lock { Access::Unlocked } else { Access::Exclusive };
    if access == Access::Exclusive {
        app.console.say("create exclusive lock for repository");
    }
    let repository = Opened::open_at(app, &place, access)?;
    let filter = args.choice.filter();
    let snapshots = match args.snapshots.is_empty() && filter.is_empty() {
        true => None,
        false => {
            let chosen = choose::several(app, &repository, &args.snapshots, &filter)?;
            if chosen.is_empty() {
                return Err(Failure::fatal("no snapshot was chosen, so nothing would be checked")
                    .hint("`snapshots` lists what there is"));
            }
            Some(chosen.iter().map(|entry| entry.id).collect())
        }
    };
    let progress = StepProgress::start(&app.console);
    let options = CheckOptions { read_data, snapshots, check_unused: false };
    let report =
        check(repository.engine(), &options, &progress).map_err(|error| repository.explain(error.into()))?;
    progress.finish();
    print_findings(app, &report);
    Ok(report)
}

fn print_findings(app: &App, report: &CheckReport) {
    let console = &app.console;
    for finding in &report.findings {
        match (finding.is_error, console.is_json()) {
            (true, true) => console.error_message(&Error { message_type: "error", message: &finding.text }),
            (true, false) => console.complain(format!("error: {}", finding.text)),
            (false, _) => console.say(&finding.text),
        }
    }
    if console.is_json() {
        return;
    }
    if let Some(packs) = broken_packs(report) {
        console.complain(format!(
            "\nThe repository contains damaged pack files. Save what is whole in them, then repair the snapshots:\n\n\
             backstay repair packs {}\nbackstay repair snapshots --forget\n",
            packs.join(" ")
        ));
    }
    if !report.missing_packs.is_empty() {
        console.complain(
            "\nPack files are missing. If there is a copy of the repository, bring them back from it. If not:\n\n\
             backstay repair index               forgets what was in them\n\
             backstay backup --force PATH        stores again what the sources still have\n\
             backstay repair snapshots --forget  last of all: takes what is lost out of the snapshots\n",
        );
    } else if report.suggest_repair_index {
        console.complain("hint: run `backstay repair index` to put the index right");
    }
    if report.suggest_recover {
        console.complain(
            "hint: there is data but no snapshot. If snapshots should be here, run `backstay repair index` and then `backstay recover`; \
             if not, `backstay prune` tidies up",
        );
    } else if report.suggest_prune {
        console.say("hint: this is not critical; `backstay prune` tidies up");
    }
}

/// Reads `n/t`, a percentage or a size.
fn parse_subset(text: &str) -> Outcome<ReadData> {
    let invalid = |why: &str| {
        Failure::fatal(format!("check flag --read-data-subset={text}: {why}"))
            .hint("give a part as 1/10, a percentage as 2.5%, or a size as 500M")
    };
    if let Some((number, parts)) = text.split_once('/') {
        let (Ok(number), Ok(parts)) = (number.parse::<u64>(), parts.parse::<u64>()) else {
            return Err(invalid("not two numbers"));
        };
        if number == 0 || number > parts || parts > 256 {
            return Err(invalid("n/t must be positive, n <= t and t at most 256"));
        }
        return Ok(ReadData::Part { number, parts });
    }
    if let Some(percent) = text.strip_suffix('%') {
        let percent: f64 = percent.parse().map_err(|_| invalid("not a number"))?;
        return match percent > 0.0 && percent <= 100.0 {
            true => Ok(ReadData::Percent(percent)),
            false => Err(invalid("a percentage must be above 0.0% and at most 100.0%")),
        };
    }
    match crate::format::parse_bytes(text) {
        Ok(0) => Err(invalid("a size must be above 0")),
        Ok(size) => Ok(ReadData::Bytes(size)),
        Err(why) => Err(invalid(&why)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subsets_are_parts_percentages_or_sizes() {
        let read = |text: &str| parse_subset(text).ok();
        assert_eq!(read("2/5"), Some(ReadData::Part { number: 2, parts: 5 }));
        assert_eq!(read("2.5%"), Some(ReadData::Percent(2.5)));
        assert_eq!(read("10M"), Some(ReadData::Bytes(10 << 20)));
        for text in ["0/5", "6/5", "1/257", "0%", "101%", "NaN%", "0", "x", ""] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
