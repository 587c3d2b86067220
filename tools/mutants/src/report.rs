//! What the tool says in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use summary::Table;

use crate::mutant::Mutant;
use crate::trial::Verdict;

/// How many mutants of some files ended how.
#[derive(Clone, Copy, Default)]
struct Counts {
    unviable: usize,
    not_tried: usize,
    caught: usize,
    timed_out: usize,
    missed: usize,
}

impl Counts {
    fn add(&mut self, verdict: &Verdict) {
        let count = match verdict {
            Verdict::Unviable => &mut self.unviable,
            Verdict::NotTried => &mut self.not_tried,
            Verdict::Caught(_) => &mut self.caught,
            Verdict::TimedOut(_) => &mut self.timed_out,
            Verdict::Missed | Verdict::Unreached => &mut self.missed,
        };
        *count += 1;
    }

    fn row(&self, name: &str) -> [String; 8] {
        let Self {
            unviable,
            not_tried,
            caught,
            timed_out,
            missed,
        } = *self;
        let found = caught + timed_out;
        let viable = found + missed;
        let percent = match viable {
            0 => "-".to_owned(),
            _ => format!("{:.1}", 100.0 * found as f64 / viable as f64),
        };
        let mutants = viable + unviable + not_tried;
        let [mutants, unviable, not_tried, caught, timed_out, missed] =
            [mutants, unviable, not_tried, caught, timed_out, missed]
                .map(|count| count.to_string());
        [
            name.to_owned(),
            mutants,
            unviable,
            not_tried,
            caught,
            timed_out,
            missed,
            percent,
        ]
    }
}

/// A line for each file, and one for all.
pub(crate) fn table(verdicts: &[(&Mutant, Verdict)]) -> Table<8> {
    let heading = [
        "file",
        "mutants",
        "unviable",
        "not tried",
        "caught",
        "timeouts",
        "missed",
        "percent",
    ];
    let mut table = Table::new(heading);
    let mut files: BTreeMap<&str, Counts> = BTreeMap::new();
    let mut all = Counts::default();
    for (mutant, verdict) in verdicts {
        files.entry(&mutant.file).or_default().add(verdict);
        all.add(verdict);
    }
    for (file, counts) in files {
        table.row(counts.row(file));
    }
    table.row(all.row("all"));
    table
}

/// What became of a mutant, as a file has it.
#[derive(Serialize, Deserialize)]
struct Outcome {
    name: String,
    #[serde(flatten)]
    verdict: Verdict,
}

/// Writes what became of each.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn write(path: &Path, verdicts: &[(&Mutant, Verdict)]) -> Result<()> {
    let outcomes = verdicts.iter().map(|(mutant, verdict)| Outcome {
        name: mutant.name.clone(),
        verdict: verdict.clone(),
    });
    let text = serde_json::to_string_pretty(&outcomes.collect::<Vec<_>>())?;
    fs::write(path, text).with_context(|| path.display().to_string())
}

/// What was missed, as a file that [`write()`] wrote says.
///
/// # Errors
/// It is no such file.
pub(crate) fn missed(path: &Path) -> Result<BTreeSet<String>> {
    let text = fs::read(path).with_context(|| path.display().to_string())?;
    let outcomes: Vec<Outcome> = serde_json::from_slice(&text)?;
    let missed = outcomes
        .into_iter()
        .filter(|outcome| outcome.verdict.is_missed());
    Ok(missed.map(|outcome| outcome.name).collect())
}
