//! What is printed.

use std::collections::BTreeMap;
use std::fmt;

use super::case::Case;

/// What came of one case.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) id: String,
    /// Where its expectation comes from, for whoever must judge a failure.
    pub(crate) remark: String,
    /// Empty if it passed.
    pub(crate) differences: Vec<String>,
    /// What the case expects and nobody outside the filter can see.
    pub(crate) unseen: Vec<&'static str>,
}

impl Outcome {
    pub(crate) fn new(id: &str, differences: Vec<String>) -> Self {
        Self {
            id: id.to_owned(),
            remark: String::new(),
            differences,
            unseen: Vec::new(),
        }
    }

    /// The same, with what the case says of itself.
    pub(crate) fn of(mut self, case: &Case) -> Self {
        let origin = case.origin.clone();
        let version = case
            .min_version
            .as_ref()
            .map(|version| format!("since {version}"));
        let uncertain = case.uncertain.then(|| "uncertain".to_owned());
        let differs = case.oracle_differs.then(|| "kgateway differs".to_owned());
        let remarks: Vec<String> = [origin, version, uncertain, differs]
            .into_iter()
            .flatten()
            .collect();
        if !remarks.is_empty() {
            self.remark = format!(" [{}]", remarks.join(", "));
        }
        self
    }

    fn passed(&self) -> bool {
        self.differences.is_empty()
    }
}

/// All outcomes: a line for each failure, then what could not be seen, then the sum.
#[derive(Debug)]
pub(crate) struct Report(pub(crate) Vec<Outcome>);

impl Report {
    pub(crate) fn failed(&self) -> usize {
        self.0.iter().filter(|outcome| !outcome.passed()).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut unseen: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for outcome in &self.0 {
            for aspect in &outcome.unseen {
                unseen.entry(aspect).or_default().push(&outcome.id);
            }
            if !outcome.passed() {
                let differences = outcome.differences.join("; ").replace(['\r', '\n'], " ");
                writeln!(
                    formatter,
                    "FAIL {}{}: {differences}",
                    outcome.id, outcome.remark
                )?;
            }
        }
        for (aspect, ids) in unseen {
            writeln!(
                formatter,
                "not compared, for nobody outside sees it: {aspect} ({})",
                ids.join(", ")
            )?;
        }
        let failed = self.failed();
        write!(
            formatter,
            "{} passed, {failed} failed",
            self.0.len() - failed
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{Outcome, Report};

    #[test]
    fn the_last_line_is_the_sum() {
        let mut bad = Outcome::new("bad", vec!["a: expected\n1".into(), "b".into()]);
        bad.unseen.push("order");
        let report = Report(vec![Outcome::new("good", Vec::new()), bad]);
        assert_eq!(
            report.to_string(),
            "FAIL bad: a: expected 1; b\nnot compared, for nobody outside sees it: order (bad)\n1 passed, 1 failed"
        );
        assert_eq!(report.failed(), 1);
    }
}
