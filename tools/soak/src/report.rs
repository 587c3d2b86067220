//! What a run found, for people and for the documentation.

use std::fmt::Write;
use std::fs;

use anyhow::{Context, Result};
use harness::workspace;

use crate::chart;
use crate::memory::{self, Trend};
use crate::requests::Run;

/// The page with the figures.
const DOCUMENT: &str = "docs/soak.md";

/// The plot that it shows.
const PLOT: &str = "docs/performance/soak.svg";

/// A run on a terminal.
pub(crate) fn text(run: &Run) -> String {
    let mut text = sum(run) + "\n";
    for (kind, count) in &run.right {
        let _written = writeln!(text, "  {kind:?}: {count}");
    }
    text + &trend(&run.trend)
}

/// Renews the section `requests` of the page, and its plot.
///
/// # Errors
/// The page has no such section.
pub(crate) fn renew(run: &Run) -> Result<()> {
    let plot = chart::draw(run)?;
    fs::write(workspace().join(PLOT), plot).with_context(|| format!("cannot write {PLOT}"))?;
    write("requests", &requests(run))
}

fn sum(run: &Run) -> String {
    let requests: u64 = run.right.values().sum();
    format!(
        "{} exchanges with Envoy {} in {} s, each answered right, none lost. Envoy computed for {} s",
        grouped(requests),
        run.envoy,
        run.elapsed.as_secs(),
        run.cpu.as_secs()
    )
}

/// How memory went.
pub(crate) fn trend(trend: &Trend) -> String {
    format!(
        "after the warm-up the resident memory rose by {} MiB, what is allocated by {} MiB; {} MiB is the bound",
        mebibytes(trend.resident),
        mebibytes(trend.allocated),
        mebibytes(trend.bound)
    )
}

fn requests(run: &Run) -> String {
    let requests: u64 = run.right.values().sum();
    let settled = memory::settled(&run.samples, requests);
    let first = settled.first();
    let highest = settled.iter().map(|sample| sample.resident).max();
    let row = |name: &str, value: String| format!("| {name} | {value} |\n");
    let mut text = format!("{}.\n\n| | |\n|---|---|\n", sum(run));
    for (name, bytes) in [
        (
            "resident after the warm-up, MiB",
            first.map(|sample| sample.resident),
        ),
        ("the most after that, MiB", highest),
        (
            "resident at the end, MiB",
            settled.last().map(|sample| sample.resident),
        ),
        (
            "allocated after the warm-up, MiB",
            first.map(|sample| sample.allocated),
        ),
        (
            "allocated at the end, MiB",
            settled.last().map(|sample| sample.allocated),
        ),
    ] {
        text += &row(name, mebibytes(bytes.unwrap_or_default() as f64));
    }
    for (name, bytes) in [
        (
            "rise of the line through the resident memory, MiB",
            run.trend.resident,
        ),
        (
            "rise of the line through what is allocated, MiB",
            run.trend.allocated,
        ),
        ("bound of both, MiB", run.trend.bound),
    ] {
        text += &row(name, mebibytes(bytes));
    }
    text += "\n| exchange | how many |\n|---|---|\n";
    for (kind, count) in &run.right {
        text += &row(kind.about(), grouped(*count));
    }
    text
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
    fn the_page_has_the_section() {
        let document = fs::read_to_string(workspace().join(DOCUMENT)).unwrap();
        let renewed = replace(&document, "requests", "new").unwrap();
        assert!(renewed.contains("-->\n\nnew\n\n<!-- end of"), "{renewed}");
        assert_eq!(replace(&document, "none", "new"), None);
    }

    #[test]
    fn counts_in_groups() {
        let texts = [7, 1000, 1_020_003].map(grouped);
        assert_eq!(texts, ["7", "1 000", "1 020 003"]);
    }
}
