//! A sample of what `cargo xtask simulate` does at length: every operation meets every fault.

use backstay_simulator::{Counts, Fault, Selection, simulate};

/// Simulates a share of the faults of these seeds, all at once, and wants none to harm.
fn sample(seeds: std::ops::Range<u64>, one_in: u64) -> Counts {
    let simulated = std::thread::scope(|scope| {
        let selection = Selection { one_in, ..Selection::default() };
        let runs: Vec<_> = seeds.map(|seed| scope.spawn(move || simulate(seed, selection))).collect();
        runs.into_iter()
            .map(|run| run.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect::<Vec<_>>()
    });
    let mut counts = Counts::default();
    for report in simulated {
        let violations: Vec<String> = report.violations.iter().map(ToString::to_string).collect();
        assert!(violations.is_empty(), "{}", violations.join("\n"));
        counts.add(&report.counts);
    }
    counts
}

#[test]
fn nothing_is_lost_whatever_fails() {
    let counts = sample(1..7, 60);
    for operation in ["backup", "forget", "prune"] {
        assert!(counts.0.keys().any(|(met, _)| *met == operation), "{operation} met no fault");
    }
}

#[test]
fn every_fault_is_met_and_harms_nothing() {
    std::thread::scope(|scope| {
        for fault in Fault::OF_WRITES.into_iter().chain(Fault::OF_READS) {
            scope.spawn(move || {
                let report =
                    simulate(2, Selection { fault: Some(fault), one_in: 12, ..Selection::default() });
                let violations: Vec<String> = report.violations.iter().map(ToString::to_string).collect();
                assert!(violations.is_empty(), "{}", violations.join("\n"));
                assert!(!report.counts.0.is_empty(), "no operation met {fault}");
            });
        }
    });
}

#[test]
fn a_selection_replays_one_fault() {
    let selection =
        Selection { step: Some(1), at: Some(2), fault: Some(Fault::CrashAfter), ..Selection::default() };
    let report = simulate(3, selection);
    assert!(report.violations.is_empty());
    assert_eq!(report.counts.0.into_iter().collect::<Vec<_>>(), [(("backup", Fault::CrashAfter), 1)]);
}
