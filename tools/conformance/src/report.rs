//! What is printed.

use std::collections::BTreeMap;
use std::fmt;

use super::documented::Documented;
use super::reports::Prose;
use super::routing::Unmapped;
use super::take::Take;

/// What came of one case.
#[derive(Debug)]
pub struct Outcome {
    pub(crate) id: String,
    /// Where its expectation comes from, for whoever must judge a failure.
    pub(crate) remark: String,
    /// Empty if it passed.
    pub(crate) differences: Vec<String>,
    /// What the case expects and nobody outside the filter can see.
    pub(crate) unseen: Vec<&'static str>,
    /// Why no Envoy can play it, though the engine can.
    pub(crate) engine_only: Option<String>,
    /// What of it is a sentence, so that nobody can play it.
    pub(crate) prose: Vec<&'static str>,
    /// What it needs that this module has no words for.
    pub(crate) unmapped: Option<&'static str>,
}

impl Outcome {
    pub(crate) fn new(id: &str, differences: Vec<String>) -> Self {
        Self {
            id: id.to_owned(),
            remark: String::new(),
            differences,
            unseen: Vec::new(),
            engine_only: None,
            prose: Vec::new(),
            unmapped: None,
        }
    }

    /// A case that could not be played.
    pub(crate) fn unplayed(id: &str, reason: &anyhow::Error) -> Self {
        let mut outcome = Self::new(id, vec![format!("{reason:#}")]);
        outcome.unmapped = reason.downcast_ref().map(|Unmapped(word)| *word);
        outcome
    }

    /// A report that is no data.
    pub(crate) fn prose(id: &str, Prose(keys): &Prose) -> Self {
        let mut outcome = Self::new(id, Vec::new());
        outcome.prose.clone_from(keys);
        outcome
    }

    /// A case of the engine's that no Envoy can play.
    pub(crate) fn engine_only(id: &str, reason: &anyhow::Error) -> Self {
        let mut outcome = Self::new(id, Vec::new());
        outcome.engine_only = Some(format!("{reason:#}"));
        outcome
    }

    /// What is not as expected, a line each.
    pub fn differences(&self) -> &[String] {
        &self.differences
    }

    /// Why it was not played; `None` if it was.
    pub fn not_played(&self) -> Option<String> {
        match (&self.engine_only, self.prose.is_empty()) {
            (Some(reason), _) => Some(reason.clone()),
            (None, false) => Some(format!("prose: {}", self.prose.join(", "))),
            (None, true) => None,
        }
    }

    /// The same, with what the case says of itself.
    pub(crate) fn of(mut self, case: &Take) -> Self {
        self.remark.clone_from(&case.remark);
        self
    }
}

/// What to say of an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Passed,
    EngineOnly,
    Prose,
    Documented,
    Failed,
}

/// All outcomes: a line for each failure, then what differs on purpose and what could not be seen, then the sum.
#[derive(Debug)]
pub struct Report {
    pub(crate) outcomes: Vec<Outcome>,
    /// Cases that are to fail, because the module does something else on purpose.
    pub(crate) documented: Documented,
}

impl Report {
    /// How many cases failed.
    pub fn failed(&self) -> usize {
        let verdicts = self.outcomes.iter().map(|outcome| self.verdict(outcome));
        verdicts
            .filter(|verdict| *verdict == Verdict::Failed)
            .count()
    }

    /// The document that says that the case differs.
    fn document(&self, outcome: &Outcome) -> Option<&'static str> {
        let Documented { cases, words } = &self.documented;
        let word = outcome.unmapped.and_then(|word| words.get(word));
        cases.get(outcome.id.as_str()).or(word).copied()
    }

    fn verdict(&self, outcome: &Outcome) -> Verdict {
        let documented = self.document(outcome).is_some();
        match (outcome.differences.is_empty(), documented) {
            (true, false) if outcome.engine_only.is_some() => Verdict::EngineOnly,
            (true, false) if !outcome.prose.is_empty() => Verdict::Prose,
            (true, false) => Verdict::Passed,
            (false, true) => Verdict::Documented,
            // What is said to differ and does not: the document is wrong.
            (false, false) | (true, true) => Verdict::Failed,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut unseen: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut documented: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut engine_only: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut prose: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for outcome in &self.outcomes {
            if let Some(reason) = &outcome.engine_only {
                engine_only.entry(reason).or_default().push(&outcome.id);
            }
            if !outcome.prose.is_empty() {
                let keys = outcome.prose.join(", ");
                prose.entry(keys).or_default().push(&outcome.id);
            }
            for aspect in &outcome.unseen {
                unseen.entry(aspect).or_default().push(&outcome.id);
            }
            let verdict = self.verdict(outcome);
            let document = self.document(outcome).unwrap_or_default();
            if verdict == Verdict::Documented {
                documented.entry(document).or_default().push(&outcome.id);
            }
            if verdict == Verdict::Failed {
                let mut differences = outcome.differences.join("; ").replace(['\r', '\n'], " ");
                if differences.is_empty() {
                    differences = format!("it passes, but {document} says that it differs");
                }
                writeln!(
                    formatter,
                    "FAIL {}{}: {differences}",
                    outcome.id, outcome.remark
                )?;
            }
        }
        for (document, ids) in &documented {
            let ids = ids.join(", ");
            writeln!(formatter, "differ on purpose, see {document}: {ids}")?;
        }
        let documented: usize = documented.values().map(Vec::len).sum();
        for (aspect, ids) in unseen {
            writeln!(
                formatter,
                "not compared, for nobody outside sees it: {aspect} ({})",
                few(&ids)
            )?;
        }
        let in_memory: usize = engine_only.values().map(Vec::len).sum();
        for (reason, ids) in engine_only {
            let ids = ids.join(", ");
            writeln!(formatter, "played in memory only: {reason} ({ids})")?;
        }
        let sentences: usize = prose.values().map(Vec::len).sum();
        for (keys, ids) in prose {
            let ids = ids.join(", ");
            writeln!(formatter, "prose, which nobody can play: {keys} ({ids})")?;
        }
        let failed = self.failed();
        write!(
            formatter,
            "{} passed, {failed} failed",
            self.outcomes.len() - documented - in_memory - sentences - failed
        )
    }
}

/// The first of these, and how many more there are.
fn few(ids: &[&str]) -> String {
    /// How many are named.
    const NAMED: usize = 8;
    let named: Vec<&str> = ids.iter().take(NAMED).copied().collect();
    match ids.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Documented, Outcome, Report, Unmapped};

    #[test]
    fn the_last_line_is_the_sum() {
        let mut bad = Outcome::new("bad", vec!["a: expected\n1".into(), "b".into()]);
        bad.unseen.push("order");
        let purpose = Outcome::new("purpose", vec!["c".into()]);
        let stale = Outcome::new("stale", Vec::new());
        let lacking = |word| Outcome::unplayed("lacking", &Unmapped(word).into());
        let report = Report {
            outcomes: vec![
                Outcome::new("good", Vec::new()),
                bad,
                purpose,
                stale,
                lacking("known"),
                lacking("unknown"),
            ],
            documented: Documented {
                cases: [("purpose", "docs/a.md"), ("stale", "docs/a.md")].into(),
                words: [("known", "docs/b.md")].into(),
            },
        };
        assert_eq!(
            report.to_string(),
            "FAIL bad: a: expected 1; b\n\
             FAIL stale: it passes, but docs/a.md says that it differs\n\
             FAIL lacking: this module has no `unknown`\n\
             differ on purpose, see docs/a.md: purpose\n\
             differ on purpose, see docs/b.md: lacking\n\
             not compared, for nobody outside sees it: order (bad)\n\
             1 passed, 3 failed"
        );
        assert_eq!(report.failed(), 3);
    }
}
