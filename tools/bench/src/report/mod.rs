//! What a run found out, for people.

mod answers;
mod bars;
mod chart;
mod comparison;
mod figure;
mod markdown;
mod section;
mod text;

use std::fs;

use anyhow::{Context, Result};
use harness::workspace;

use super::body::Position;
use super::results::{Cell, Results};
use chart::Line;

pub(super) use text::text;

/// The document with all figures. It has the sections `figures`, `ratios`, `answers`, and one for each condition.
const DOCUMENT: &str = "docs/performance.md";

/// Renews the generated sections of the document that this run has figures for, and the charts it shows.
///
/// # Errors
/// The run has nothing that a section shows, or lacks what its charts show.
pub(super) fn renew(results: &Results) -> Result<()> {
    let (mut sections, mut drawings) = (Vec::new(), Vec::new());
    let has_others = results.answers.is_some() || !results.comparisons.is_empty();
    if !has_others || !results.cells.is_empty() {
        drawings.extend(charts(results)?);
        sections.push(("figures", markdown::figures(results)));
        sections.push(("ratios", markdown::ratios(results)));
    }
    if let Some(answers) = &results.answers {
        drawings.push((answers::CHART, answers::chart(results, answers)?));
        sections.push(("answers", answers::section(results, answers)));
    }
    for (condition, rows) in &results.comparisons {
        let section = comparison::section(results, *condition, rows);
        sections.push((condition.name(), section));
    }
    let path = workspace().join(DOCUMENT);
    let mut document =
        fs::read_to_string(&path).with_context(|| format!("cannot read {DOCUMENT}"))?;
    for (section, contents) in &sections {
        document = section::replace(&document, section, contents)
            .with_context(|| format!("{DOCUMENT} has no section {section:?}"))?;
    }
    fs::write(&path, document).with_context(|| format!("cannot write {DOCUMENT}"))?;
    let folder = workspace().join("docs/performance");
    fs::create_dir_all(&folder)?;
    for (name, drawing) in drawings {
        let path = folder.join(name);
        fs::write(&path, drawing).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// File names and drawings.
fn charts(results: &Results) -> Result<[(&'static str, String); 3]> {
    let subtitle = format!(
        "Envoy {}, `model` last, {}",
        results.envoy, results.machine.processor
    );
    let draw = |title: &str, value: &dyn Fn(&Cell) -> Option<f64>| {
        let peers = results.peers.iter();
        let lines = peers.map(|peer| Line {
            label: peer.name.clone(),
            ours: peer.ours,
            points: points(results, &peer.name, value),
        });
        chart::draw(title, &subtitle, &lines.collect::<Vec<_>>())
    };
    let cpu = draw("CPU time per request, \u{b5}s", &|cell| {
        Some(cell.cpu_microseconds.median)
    })?;
    let overhead = draw(
        "CPU time over the floor, \u{b5}s (1 \u{b5}s or less: noise)",
        &|cell| {
            let over = cell.over_floor_microseconds?.median.max(markdown::NOISE);
            (!markdown::is_floor(results, &cell.peer)).then_some(over)
        },
    )?;
    let memory = draw("Envoy's peak memory, MiB", &|cell| {
        Some(cell.peak_memory_mebibytes.median)
    })?;
    Ok([
        ("cpu.svg", cpu),
        ("overhead.svg", overhead),
        ("memory.svg", memory),
    ])
}

fn points(results: &Results, peer: &str, value: &dyn Fn(&Cell) -> Option<f64>) -> Vec<(f64, f64)> {
    let mut sizes = results.sizes();
    sizes.sort_unstable();
    let points = sizes.into_iter().filter_map(|size| {
        let cell = results.cell(peer, size, Position::Last)?;
        Some((size as f64, value(cell)?))
    });
    points.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comparison::Condition;
    use crate::peers::EXTRACT;

    #[test]
    fn the_document_has_the_generated_sections() {
        let document = fs::read_to_string(workspace().join(DOCUMENT)).unwrap();
        let conditions = Condition::ALL.map(Condition::name);
        for name in ["figures", "ratios", "answers"]
            .into_iter()
            .chain(conditions)
        {
            let found = section::replace(&document, name, "x");
            assert!(found.is_some(), "{DOCUMENT} has no section {name:?}");
        }
    }

    /// What a filter adds to a request of 200 KiB, in times of what `extract` adds.
    fn times_at_200_kibibytes(document: &str, filter: &str) -> f64 {
        let (_, ratios) = document.split_once("<!-- bench: ratios -->").unwrap();
        let row = format!("| `{filter}` |");
        let row = ratios.lines().find(|line| line.starts_with(&row)).unwrap();
        let cell = row.split('|').nth(4).unwrap();
        let (_, times) = cell.split_once('(').unwrap();
        times.split_once('x').unwrap().0.parse().unwrap()
    }

    /// What a filter adds to a request of 200 KiB by each protocol, in microseconds.
    fn added_by_each_protocol(document: &str, filter: &str) -> Vec<f64> {
        let (_, protocols) = document.split_once("<!-- bench: protocols -->").unwrap();
        let (protocols, _) = protocols.split_once("<!-- end of bench").unwrap();
        let cells = protocols.lines().map(|line| line.split(" | ").collect());
        let of_filter = cells.filter(|cells: &Vec<&str>| {
            cells.first() == Some(&"| 200 KiB")
                && cells.get(2) == Some(&format!("`{filter}`").as_str())
        });
        of_filter
            .map(|cells| cells[4].split_once(" \u{b1}").unwrap().0.parse().unwrap())
            .collect()
    }

    /// The fewest and the most times of what `extract` adds that the strongest chain of Envoy's own filters does.
    fn times_by_protocol(document: &str) -> (f64, f64) {
        let theirs = added_by_each_protocol(document, "ai_protocol_manager-filter-state");
        let ours = added_by_each_protocol(document, EXTRACT);
        assert_eq!((theirs.len(), ours.len()), (4, 4));
        let times = theirs.iter().zip(ours).map(|(theirs, ours)| theirs / ours);
        times.fold((f64::INFINITY, 0.0), |(fewest, most), times| {
            (times.min(fewest), times.max(most))
        })
    }

    #[test]
    fn the_readme_quotes_the_figures_of_the_document() {
        let document = fs::read_to_string(workspace().join(DOCUMENT)).unwrap();
        let readme = fs::read_to_string(workspace().join("README.md")).unwrap();
        let [lua, metadata, transform] = ["lua", "json_to_metadata", "transform"]
            .map(|filter| times_at_200_kibibytes(&document, filter).round());
        let (fewest, most) = times_by_protocol(&document);
        for quoted in [
            format!("adds {fewest:.0} to {most:.0} times the CPU time"),
            format!("adds {lua} times the CPU time"),
            format!("add {metadata} and {transform} times the CPU time"),
        ] {
            assert!(readme.contains(&quoted), "README.md lacks {quoted:?}");
        }
    }
}
