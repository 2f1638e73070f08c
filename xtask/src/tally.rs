//! Counting tests from what `cargo test` prints.

use std::ops::AddAssign;

/// How many tests ran, and how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
}

impl Tally {
    /// Reads the line with which one test binary closes, `test result: ok. 3 passed; 0 failed; 1 ignored; …`; `None` for
    /// every other line.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let (_, counts) = line.trim().strip_prefix("test result: ")?.split_once(". ")?;
        let count = |word: &str| {
            counts.split("; ").find_map(|part| part.strip_suffix(word)?.strip_suffix(' ')?.parse().ok())
        };
        Some(Self { passed: count("passed")?, failed: count("failed")?, ignored: count("ignored")? })
    }

    /// Counts one check that is not a test of cargo's, such as the linter.
    pub(crate) fn check(&mut self, passed: bool) {
        if passed {
            self.passed += 1;
        } else {
            self.failed += 1;
        }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn reads_the_closing_line_of_a_test_binary() {
        let line = "test result: FAILED. 12 passed; 3 failed; 2 ignored; 0 measured; 7 filtered out; finished in 0.10s";
        assert_eq!(Tally::parse(line), Some(Tally { passed: 12, failed: 3, ignored: 2 }));
    }

    #[test]
    fn passes_over_every_other_line() {
        for line in
            ["", "running 3 tests", "test tests::reads ... ok", "test result: unknown", "3 passed; 1 failed"]
        {
            assert_eq!(Tally::parse(line), None, "{line:?}");
        }
    }
}
