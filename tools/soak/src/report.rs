//! What a run found, for people and for the documentation.

use std::fmt::{self, Write};
use std::fs;

use anyhow::{Context, Result};
use harness::workspace;

use crate::chart::{self, Plot};
use crate::memory::{self, Sample, Trend};
use crate::{requests, updates};

/// The page with the figures.
const DOCUMENT: &str = "docs/soak.md";

/// Where its plots are.
const FOLDER: &str = "docs/performance";

/// What a run found.
pub(crate) enum Found {
    Requests(requests::Run),
    Updates(updates::Run),
}

impl Found {
    /// It on a terminal.
    pub(crate) fn text(&self) -> String {
        format!("{}\n{}", self.sum(), self.trend())
    }

    /// How memory went.
    pub(crate) fn trend(&self) -> &Trend {
        match self {
            Self::Requests(run) => &run.trend,
            Self::Updates(run) => &run.trend,
        }
    }

    /// Renews its section of the page, and its plot.
    ///
    /// # Errors
    /// The page has no such section.
    pub(crate) fn renew(&self) -> Result<()> {
        let (section, envoy, unit) = match self {
            Self::Requests(run) => ("requests", run.envoy, "exchanges"),
            Self::Updates(run) => ("updates", run.envoy, "updates"),
        };
        let plot = chart::draw(&Plot {
            title: format!("Memory of Envoy {envoy} with the module, MiB"),
            unit,
            times: self.times(),
            samples: self.samples(),
        })?;
        let path = workspace().join(FOLDER).join(format!("soak-{section}.svg"));
        fs::write(&path, plot).with_context(|| format!("cannot write {}", path.display()))?;
        write(section, &self.section())
    }

    fn times(&self) -> u64 {
        match self {
            Self::Requests(run) => run.right.values().sum(),
            Self::Updates(run) => run.updates.into(),
        }
    }

    fn samples(&self) -> &[Sample] {
        match self {
            Self::Requests(run) => &run.samples,
            Self::Updates(run) => &run.samples,
        }
    }

    /// All in a sentence or two.
    fn sum(&self) -> String {
        let times = grouped(self.times());
        match self {
            Self::Requests(run) => format!(
                "{times} exchanges with Envoy {} in {} s: each ended as it had to, none was lost. Envoy computed for {} s.",
                run.envoy,
                run.elapsed.as_secs(),
                run.cpu.as_secs()
            ),
            Self::Updates(run) => format!(
                "{times} updates of Envoy {} in {} s, a third each by LDS, RDS and CDS. Meanwhile it answered {} requests on {} \
                 connections: none was lost, and each met versions that were in force.",
                run.envoy,
                run.elapsed.as_secs(),
                grouped(run.answers),
                grouped(run.connections)
            ),
        }
    }

    fn section(&self) -> String {
        let settled = memory::settled(self.samples(), self.times());
        let of = |sample: Option<&Sample>, bytes: fn(&Sample) -> u64| {
            mebibytes(sample.map(bytes).unwrap_or_default() as f64)
        };
        let resident: fn(&Sample) -> u64 = |sample| sample.resident;
        let allocated: fn(&Sample) -> u64 = |sample| sample.allocated;
        let trend = self.trend();
        let mut text =
            self.sum() + "\n\n| MiB | after the warm-up | the most | at the end | rise | bound |\n";
        text += "|---|---|---|---|---|---|\n";
        for (name, bytes, rise) in [
            ("resident", resident, trend.resident),
            ("allocated", allocated, trend.allocated),
        ] {
            let most = settled.iter().max_by_key(|sample| bytes(sample));
            let row = [
                of(settled.first(), bytes),
                of(most, bytes),
                of(settled.last(), bytes),
                mebibytes(rise),
                mebibytes(trend.bound),
            ];
            let _written = writeln!(text, "| {name} | {} |", row.join(" | "));
        }
        if let Self::Requests(run) = self {
            text += "\n| exchange | how many |\n|---|---|\n";
            for (kind, count) in &run.right {
                let _written = writeln!(text, "| {} | {} |", kind.about(), grouped(*count));
            }
        }
        text
    }
}

impl fmt::Display for Trend {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "after the warm-up resident memory rose by {} MiB, allocated memory by {} MiB; {} MiB is the bound",
            mebibytes(self.resident),
            mebibytes(self.allocated),
            mebibytes(self.bound)
        )
    }
}

/// Puts these contents between the marks of a section.
fn write(section: &str, contents: &str) -> Result<()> {
    let path = workspace().join(DOCUMENT);
    let document = fs::read_to_string(&path).with_context(|| format!("cannot read {DOCUMENT}"))?;
    let renewed = replace(&document, section, contents);
    let renewed = renewed.with_context(|| format!("{DOCUMENT} has no section {section:?}"))?;
    fs::write(&path, renewed).with_context(|| format!("cannot write {DOCUMENT}"))
}

/// The document with these contents in this section; `None` if it has no such section.
fn replace(document: &str, section: &str, contents: &str) -> Option<String> {
    let begin = format!("<!-- soak: {section} -->\n");
    let end = format!("<!-- end of soak: {section} -->");
    let (before, rest) = document.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!(
        "{before}{begin}\n{}\n\n{end}{after}",
        contents.trim()
    ))
}

fn mebibytes(bytes: f64) -> String {
    format!("{:.1}", bytes / f64::from(1 << 20))
}

/// A count with its digits in groups of three.
fn grouped(count: u64) -> String {
    match count {
        0..1000 => count.to_string(),
        _ => format!("{} {:03}", grouped(count / 1000), count % 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_the_sections() {
        let document = fs::read_to_string(workspace().join(DOCUMENT)).unwrap();
        for section in ["requests", "updates"] {
            let renewed = replace(&document, section, "new").unwrap();
            assert!(renewed.contains("-->\n\nnew\n\n<!-- end of"), "{renewed}");
        }
        assert_eq!(replace(&document, "none", "new"), None);
    }

    #[test]
    fn counts_in_groups() {
        let texts = [7, 1000, 1_020_003].map(grouped);
        assert_eq!(texts, ["7", "1 000", "1 020 003"]);
    }
}
