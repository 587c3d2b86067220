//! The mutants that no test finds, and why that is right.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::mutant::Mutant;
use crate::trial::Verdict;

/// Where they are listed.
pub(crate) const FILE: &str = "tools/mutants/survivors.yaml";

/// Those that are explained.
#[derive(Debug)]
pub(crate) struct Survivors(Vec<Survivor>);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Survivor {
    file: String,
    /// The line it begins on, without its indent: numbers of lines do not last.
    line: String,
    /// What cargo-mutants says is changed.
    change: String,
    /// Why no test can find it.
    #[serde(rename = "reason")]
    _reason: String,
}

impl Survivors {
    /// # Errors
    /// The list cannot be read.
    pub(crate) fn read(workspace: &Path) -> Result<Self> {
        let text = fs::read_to_string(workspace.join(FILE)).context(FILE)?;
        Ok(Self(serde_saphyr::from_str(&text).context(FILE)?))
    }

    /// Whether a mutant is explained.
    pub(crate) fn explain(&self, mutant: &Mutant, texts: &BTreeMap<String, String>) -> bool {
        self.0.iter().any(|survivor| survivor.is(mutant, texts))
    }

    /// The entries that are of no use: of files that were looked at, and of no mutant that survives.
    pub(crate) fn stale(
        &self,
        verdicts: &[(&Mutant, Verdict)],
        listed: &[Mutant],
        texts: &BTreeMap<String, String>,
    ) -> Vec<String> {
        let files: BTreeSet<&str> = texts.keys().map(String::as_str).collect();
        let mut stale = Vec::new();
        for survivor in self
            .0
            .iter()
            .filter(|survivor| files.contains(survivor.file.as_str()))
        {
            let mut tried = verdicts
                .iter()
                .filter(|(mutant, _)| survivor.is(mutant, texts))
                .peekable();
            let why = if tried.peek().is_some() {
                let survives = tried.any(|(_, verdict)| verdict.is_missed());
                (!survives).then_some("a test finds it")
            } else {
                let exists = listed.iter().any(|mutant| survivor.is(mutant, texts));
                (!exists).then_some("there is no such mutant")
            };
            if let Some(why) = why {
                stale.push(format!(
                    "{}: {}, at `{}`: {why}",
                    survivor.file, survivor.change, survivor.line
                ));
            }
        }
        stale
    }
}

impl Survivor {
    fn is(&self, mutant: &Mutant, texts: &BTreeMap<String, String>) -> bool {
        self.file == mutant.file
            && self.change == mutant.change()
            && texts
                .get(&mutant.file)
                .is_some_and(|text| mutant.line(text) == self.line)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::Survivors;
    use crate::mutant::{Genre, Mutant};
    use crate::trial::Verdict;

    const TEXT: &str = "fn f() {\n    a + b\n}\n";

    fn listed(line: &str) -> Survivors {
        let change = "replace a with b in f";
        let yaml = format!("[{{file: src/f.rs, line: {line}, change: {change}, reason: none}}]");
        Survivors(serde_saphyr::from_str(&yaml).unwrap())
    }

    #[test]
    fn an_entry_explains_a_survivor_and_nothing_else() {
        let texts = BTreeMap::from([("src/f.rs".to_owned(), TEXT.to_owned())]);
        let mutants = [Mutant::at(
            1,
            Genre::BinaryOperator,
            "fn f() {\n    a ",
            "-",
        )];
        let caught = Verdict::Caught("test".to_owned());
        for (line, verdict, explained, stale) in [
            ("a + b", Some(Verdict::Missed), true, None),
            ("a + b", Some(Verdict::Unreached), true, None),
            ("a + b", None, true, None),
            ("a + b", Some(caught), true, Some("a test finds it")),
            (
                "a + c",
                Some(Verdict::Missed),
                false,
                Some("there is no such mutant"),
            ),
        ] {
            let survivors = listed(line);
            assert_eq!(survivors.explain(&mutants[0], &texts), explained);
            let tried: Vec<_> = verdict
                .map(|verdict| (&mutants[0], verdict))
                .into_iter()
                .collect();
            let found = survivors.stale(&tried, &mutants, &texts);
            let why = found
                .first()
                .map(|found| found.rsplit(": ").next().unwrap());
            assert_eq!(why, stale);
        }
        let elsewhere = BTreeMap::from([("src/g.rs".to_owned(), TEXT.to_owned())]);
        let found = listed("a + c").stale(&[], &mutants, &elsewhere);
        assert_eq!(found, [""; 0], "that file is not looked at");
    }
}
