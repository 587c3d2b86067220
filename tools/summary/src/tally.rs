//! How many tests passed, failed and were skipped.

use std::fmt;
use std::ops::AddAssign;

/// What became of tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Those that passed.
    pub passed: usize,
    /// Those that failed.
    pub failed: usize,
    /// Those that were left out.
    pub skipped: usize,
}

impl Tally {
    /// One that failed.
    pub const FAILED: Self = Self {
        passed: 0,
        failed: 1,
        skipped: 0,
    };

    /// One that was skipped.
    pub const SKIPPED: Self = Self {
        passed: 0,
        failed: 0,
        skipped: 1,
    };

    /// What a line of `cargo test` reports of a whole test program, or a tool of its checks as a [`Tally`] prints
    /// itself; all zero for every other line.
    #[must_use]
    pub fn of_line(line: &str) -> Self {
        // "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s"
        match line.strip_prefix("test result: ") {
            Some(counts) => Self::of_counts(counts.split([';', '.'])),
            None => Some(Self::of_counts(line.split(',')))
                .filter(|tally| tally.to_string() == line)
                .unwrap_or_default(),
        }
    }

    /// Whether a line of `cargo test` says that a case was ignored because only the other player can play it. There it
    /// is played, so that nothing is left out.
    #[must_use]
    pub fn is_played_elsewhere(line: &str) -> bool {
        let kind = line
            .strip_prefix("test [")
            .and_then(|line| line.split_once(']'));
        kind.is_some_and(|(kind, rest)| {
            let player = ["in memory only: ", "on Envoy only: "];
            player.iter().any(|player| kind.starts_with(player)) && rest.ends_with("... ignored")
        })
    }

    fn of_counts<'a>(counts: impl Iterator<Item = &'a str>) -> Self {
        let mut tally = Self::default();
        for count in counts {
            let Some((number, what)) = count.trim().split_once(' ') else {
                continue;
            };
            let number = number.parse().unwrap_or_default();
            match what {
                "passed" => tally.passed = number,
                "failed" => tally.failed = number,
                "ignored" | "skipped" => tally.skipped = number,
                _ => {}
            }
        }
        tally
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            passed,
            failed,
            skipped,
        } = self;
        write!(
            formatter,
            "{passed} passed, {failed} failed, {skipped} skipped"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn adds_what_test_programs_report() {
        let output = "\
running 2 tests
test a ... ok
test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.31s
error: test failed
test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 5.00s
";
        let mut tally = Tally::default();
        for line in output.lines() {
            tally += Tally::of_line(line);
        }
        assert_eq!(tally.to_string(), "15 passed, 2 failed, 1 skipped");
    }

    #[test]
    fn reads_what_it_prints_and_no_other_line() {
        let tally = Tally {
            passed: 20,
            failed: 1,
            skipped: 3,
        };
        assert_eq!(Tally::of_line(&tally.to_string()), tally);
        for line in [
            "20 passed, 1 failed",
            "note: 1 failed",
            "",
            "1 passed, x failed, 0 skipped",
        ] {
            assert_eq!(Tally::of_line(line), Tally::default(), "{line}");
        }
    }
}
