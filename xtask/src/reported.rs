//! What a command reports of its tests.

use std::io::{BufRead, BufReader, Write};
use std::mem;
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result};
use summary::Tally;

/// Runs a command, shows what it prints, and adds up what it reports of tests.
pub(crate) fn counted(command: &mut Command, shown: &mut impl Write) -> Result<Tally> {
    let program = command.get_program().to_owned();
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {}", program.display()))?;
    let printed = child.stdout.take().context("it has no output")?;
    let mut reported = Reported::default();
    for line in BufReader::new(printed).split(b'\n') {
        let line = line?;
        shown.write_all(&line)?;
        shown.write_all(b"\n")?;
        reported.line(&line);
    }
    Ok(reported.end(child.wait()?))
}

/// What a command has reported of its tests so far.
#[derive(Debug, Default)]
pub(crate) struct Reported {
    tally: Tally,
    /// How many of the tests to be reported next another player plays: they are not left out.
    elsewhere: usize,
}

impl Reported {
    /// Takes a line that it printed.
    pub(crate) fn line(&mut self, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        self.elsewhere += usize::from(Tally::is_played_elsewhere(&line));
        let mut reported = Tally::of_line(&line);
        if reported != Tally::default() {
            let elsewhere = mem::take(&mut self.elsewhere);
            reported.skipped = reported.skipped.saturating_sub(elsewhere);
        }
        self.tally += reported;
    }

    /// The sum, once it has ended.
    pub(crate) fn end(mut self, status: ExitStatus) -> Tally {
        if !status.success() && self.tally.failed == 0 {
            // A package did not compile, or a test program ended without a result.
            self.tally += Tally::FAILED;
        }
        self.tally
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::{Tally, counted};

    /// What a script reports. What it prints must not count as a result of these tests.
    fn shell(script: &str) -> Tally {
        let (mut command, mut shown) = (Command::new("sh"), Vec::new());
        counted(command.args(["-c", script]), &mut shown).unwrap()
    }

    #[test]
    fn what_a_command_reports_is_counted() {
        let both = "echo 'test result: ok. 2 passed; 0 failed; 1 ignored'; echo 3 passed, 0 failed, 0 skipped";
        assert_eq!(shell(both).to_string(), "5 passed, 0 failed, 1 skipped");
        assert_eq!(shell("echo building"), Tally::default());
    }

    /// What only one player can play is no skip: the other plays it.
    #[test]
    fn what_is_played_elsewhere_is_not_left_out() {
        let lines = "echo 'test [in memory only: a host] a::b ... ignored'; echo 'test c ... ignored'; \
                     echo 'test result: ok. 1 passed; 0 failed; 2 ignored; 0 measured'; \
                     echo 'test result: ok. 1 passed; 0 failed; 1 ignored; 0 measured'";
        assert_eq!(shell(lines).to_string(), "2 passed, 0 failed, 2 skipped");
    }

    #[test]
    fn a_command_that_fails_without_a_count_has_failed() {
        assert_eq!(shell("exit 3"), Tally::FAILED);
        let counts = "echo 0 passed, 2 failed, 0 skipped; exit 1";
        assert_eq!(shell(counts).to_string(), "0 passed, 2 failed, 0 skipped");
    }
}
