//! What a run found, for people and for the documentation.

use std::fmt::{self, Write};
use std::fs;

use anyhow::{Context, Result, ensure};
use harness::workspace;

use crate::chart::{self, Plot};
use crate::memory::{self, Sample, Trend};
use crate::{requests, restarts, updates};

/// The page with the figures.
const DOCUMENT: &str = "docs/soak.md";

/// Where its plots are.
const FOLDER: &str = "docs/performance";

/// What a run found.
pub(crate) enum Found {
    Requests(requests::Run),
    Updates(updates::Run),
    Restarts(restarts::Run),
}

impl Found {
    /// It on a terminal.
    pub(crate) fn text(&self) -> String {
        match self.memory() {
            Some(memory) => format!("{}\n{}", self.sum(), memory.trend),
            None => self.section(),
        }
    }

    /// # Errors
    /// Memory is not flat, or more was lost than without the module.
    pub(crate) fn verdict(&self) -> Result<()> {
        match self {
            Self::Requests(requests::Run { trend, .. })
            | Self::Updates(updates::Run { trend, .. }) => {
                ensure!(trend.is_flat(), "memory is not flat: {trend}");
            }
            Self::Restarts(run) => {
                let (lost, without) = (run.with_module.lost, run.without.lost);
                ensure!(
                    lost <= without,
                    "{lost} requests were lost, without the module {without}: {:#?}",
                    run.with_module.errors
                );
            }
        }
        Ok(())
    }

    /// Renews its section of the page, and its plot.
    ///
    /// # Errors
    /// The page has no such section.
    pub(crate) fn renew(&self) -> Result<()> {
        let section = match self {
            Self::Requests(_) => "requests",
            Self::Updates(_) => "updates",
            Self::Restarts(_) => "restarts",
        };
        if let Some(plot) = self.memory() {
            let path = workspace().join(FOLDER).join(format!("soak-{section}.svg"));
            let drawing = chart::draw(&plot)?;
            fs::write(&path, drawing)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        write(section, &self.section())
    }

    /// Envoy's memory meanwhile; a restart begins anew.
    fn memory(&self) -> Option<Plot<'_>> {
        match self {
            Self::Requests(run) => Some(Plot {
                envoy: run.envoy,
                unit: "exchanges",
                times: run.right.values().sum(),
                samples: &run.samples,
                trend: &run.trend,
            }),
            Self::Updates(run) => Some(Plot {
                envoy: run.envoy,
                unit: "updates",
                times: run.updates.into(),
                samples: &run.samples,
                trend: &run.trend,
            }),
            Self::Restarts(_) => None,
        }
    }

    /// All in a sentence or two.
    fn sum(&self) -> String {
        match self {
            Self::Requests(run) => format!(
                "{} exchanges with Envoy {} in {} s: each ended as it had to, none was lost. Envoy computed for {} s.",
                grouped(run.right.values().sum()),
                run.envoy,
                run.elapsed.as_secs(),
                run.cpu.as_secs()
            ),
            Self::Updates(run) => format!(
                "{} updates of Envoy {} in {} s, a third each by LDS, RDS and CDS. Meanwhile it answered {} requests on {} \
                 connections: none was lost, and each met versions that were in force.",
                grouped(run.updates.into()),
                run.envoy,
                run.elapsed.as_secs(),
                grouped(run.answers),
                grouped(run.connections)
            ),
            Self::Restarts(run) => {
                format!("{} hot restarts of Envoy {}.", run.restarts, run.envoy)
            }
        }
    }

    fn section(&self) -> String {
        let tables = match self {
            Self::Requests(run) => {
                let mut text = self
                    .memory()
                    .map_or_else(String::new, |memory| memory_table(&memory));
                text += "\n| exchange | how many |\n|---|---|\n";
                for (kind, count) in &run.right {
                    let _written = writeln!(text, "| {} | {} |", kind.about(), grouped(*count));
                }
                text
            }
            Self::Updates(_) => self
                .memory()
                .map_or_else(String::new, |memory| memory_table(&memory)),
            Self::Restarts(run) => restarts_table(run),
        };
        format!("{}\n\n{tables}", self.sum())
    }
}

fn memory_table(memory: &Plot<'_>) -> String {
    let settled = memory::settled(memory.samples, memory.times);
    let of = |sample: Option<&Sample>, bytes: fn(&Sample) -> u64| {
        mebibytes(sample.map(bytes).unwrap_or_default() as f64)
    };
    let resident: fn(&Sample) -> u64 = |sample| sample.resident;
    let allocated: fn(&Sample) -> u64 = |sample| sample.allocated;
    let trend = memory.trend;
    let mut text =
        "| MiB | after the warm-up | the most | at the end | rise | bound |\n".to_owned();
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
    text
}

fn restarts_table(run: &restarts::Run) -> String {
    let mut text = "| | answered | connections | lost |\n|---|---|---|---|\n".to_owned();
    for (name, seen) in [
        ("with the module", &run.with_module),
        ("without", &run.without),
    ] {
        let row = [seen.answers, seen.connections, seen.lost].map(grouped);
        let _written = writeln!(text, "| {name} | {} |", row.join(" | "));
    }
    text
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
        for section in ["requests", "updates", "restarts"] {
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
