//! The section about answers.

use anyhow::{Context, Result};

use super::bars::{self, Bar};
use super::figure::{count, number, size, with_deviation};
use super::markdown::{left_out, ran_on, table};
use crate::answers::Kind;
use crate::results::{AnswerCell, AnswerPeer, Answers, Results};

/// The file of the chart, beside the others.
pub(super) const CHART: &str = "answers.svg";

/// The figures, with what they were measured on.
pub(super) fn section(results: &Results, answers: &Answers) -> String {
    let passed = answers.endless.first().map_or(0, |row| row.bytes);
    let passed = size(usize::try_from(passed).unwrap_or(usize::MAX));
    let parts = [
        ran_on(results) + &left_out(&answers.left_out),
        what(answers),
        format!("![CPU time that answers cost over no filter](performance/{CHART})"),
        format!(
            "### A stream of {} events, {} bytes",
            answers.events,
            count(answers.stream_bytes as u64)
        ),
        cells(answers, Kind::Stream),
        format!(
            "### A JSON answer of {} bytes",
            count(answers.json_bytes as u64)
        ),
        cells(answers, Kind::Json),
        "### The first event, and memory".to_owned(),
        format!(
            "Microseconds from the request to the first event of a stream that goes on later; Envoy's resident memory in \
             MiB while one stream of {passed} passes, early and at its highest."
        ),
        passing(answers),
    ];
    parts.join("\n\n")
}

/// The nanoseconds that each event of a stream adds.
pub(super) fn per_event(answers: &Answers, cell: &AnswerCell) -> Option<f64> {
    let over = cell.over_none_microseconds?.median;
    (cell.answer == Kind::Stream).then(|| over * 1e3 / answers.events.max(1) as f64)
}

/// The budget, and whether the cost is within it: `20.0`, `20.0 (over)`; nothing without one.
pub(super) fn within(answers: &Answers, cell: &AnswerCell) -> String {
    let of_cell = |peer: &&AnswerPeer| peer.name == cell.peer && peer.answer == cell.answer;
    let budget = answers.peers.iter().find(of_cell);
    let budget = budget.and_then(|peer| peer.budget_microseconds);
    match (budget, cell.over_none_microseconds) {
        (Some(budget), Some(over)) if over.median > budget => format!("{} (over)", number(budget)),
        (Some(budget), _) => number(budget),
        (None, _) => String::new(),
    }
}

/// The chart: what each adds to a stream.
///
/// # Errors
/// Nothing was measured over no filter.
pub(super) fn chart(results: &Results, answers: &Answers) -> Result<String> {
    let of_stream = answers
        .cells
        .iter()
        .filter(|cell| cell.answer == Kind::Stream);
    let bars: Vec<Bar> = of_stream
        .filter_map(|cell| {
            let peer = answers.peers.iter().find(|peer| peer.name == cell.peer)?;
            Some(Bar {
                label: cell.peer.clone(),
                ours: peer.ours,
                value: cell.over_none_microseconds?.median,
            })
        })
        .collect();
    let title = format!(
        "CPU time over no filter, \u{b5}s for a stream of {} events",
        answers.events
    );
    let subtitle = format!("Envoy {}, {}", results.envoy, results.machine.processor);
    bars::draw(&title, &subtitle, &bars)
        .context("--report: only `none` was measured of the answers")
}

/// What the names in the tables mean, each once.
fn what(answers: &Answers) -> String {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for peer in &answers.peers {
        let row = vec![format!("`{}`", peer.name), peer.about.clone()];
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    table(&["name", "what"], rows.into_iter())
}

fn cells(answers: &Answers, kind: Kind) -> String {
    let mut heading = vec!["filter", "CPU \u{b5}s", "over none \u{b5}s"];
    if kind == Kind::Stream {
        heading.push("for an event ns");
    }
    heading.extend(["budget \u{b5}s", "answers/s", "p99 \u{b5}s", "peak MiB"]);
    let cells = answers.cells.iter().filter(|cell| cell.answer == kind);
    let rows = cells.map(|cell| {
        let over = cell.over_none_microseconds.map(with_deviation);
        let mut row = vec![
            format!("`{}`", cell.peer),
            with_deviation(cell.cpu_microseconds),
            over.unwrap_or_default(),
        ];
        if kind == Kind::Stream {
            row.push(per_event(answers, cell).map(number).unwrap_or_default());
        }
        row.extend([
            within(answers, cell),
            number(cell.answers_per_second.median),
            number(cell.p99_microseconds.median),
            number(cell.peak_memory_mebibytes.median),
        ]);
        row
    });
    table(&heading, rows)
}

fn passing(answers: &Answers) -> String {
    let rows = answers.first_event.iter().zip(&answers.endless);
    let rows = rows.map(|(first, endless)| {
        vec![
            format!("`{}`", first.peer),
            with_deviation(first.microseconds),
            number(endless.early_mebibytes),
            number(endless.most_mebibytes),
        ]
    });
    let heading = ["filter", "first event \u{b5}s", "early MiB", "most MiB"];
    table(&heading, rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::markdown::tests::results;
    use crate::results::{Endless, FirstEvent};
    use crate::spread::Spread;

    fn answers() -> Answers {
        let figures = [
            ("none", None, None),
            ("lua", Some(400.0), None),
            ("usage", Some(25.0), Some(20.0)),
        ];
        let peers = figures.iter().map(|(name, _, budget)| AnswerPeer {
            name: (*name).to_owned(),
            about: format!("what {name} is"),
            answer: Kind::Stream,
            ours: *name == "usage",
            budget_microseconds: *budget,
        });
        let cells = figures.iter().map(|(name, over, _)| AnswerCell {
            peer: (*name).to_owned(),
            answer: Kind::Stream,
            answers: 1,
            cpu_microseconds: Spread::of([100.0]),
            over_none_microseconds: over.map(|over| Spread::of([over])),
            answers_per_second: Spread::default(),
            p99_microseconds: Spread::default(),
            peak_memory_mebibytes: Spread::default(),
            envoy_busy: Spread::default(),
        });
        Answers {
            events: 200,
            stream_bytes: 55_000,
            json_bytes: 200 << 10,
            peers: peers.collect(),
            left_out: Vec::new(),
            cells: cells.collect(),
            first_event: vec![FirstEvent {
                peer: "none".to_owned(),
                microseconds: Spread::of([300.0]),
            }],
            endless: vec![Endless {
                peer: "none".to_owned(),
                bytes: 1 << 20,
                early_mebibytes: 60.0,
                most_mebibytes: 61.0,
            }],
        }
    }

    #[test]
    fn costs_have_events_and_budgets_beside_them() {
        let text = section(&results(&[]), &answers());
        for part in [
            "| `none` | 100 |  |  |  |",
            "| `lua` | 100 | 400 | 2 000 |  |",
            "| `usage` | 100 | 25.0 | 125 | 20.0 (over) |",
            "| `none` | 300 | 60.0 | 61.0 |",
            "| `usage` | what usage is |",
            "one stream of 1 MiB passes",
        ] {
            assert!(text.contains(part), "no {part:?} in {text}");
        }
    }

    #[test]
    fn the_chart_has_what_costs_something() {
        let drawing = chart(&results(&[]), &answers()).unwrap();
        for text in ["lua", "usage", "400", "25.0"] {
            assert!(drawing.contains(&format!("\n{text}\n")), "no {text:?}");
        }
        let nothing = Answers {
            cells: Vec::new(),
            ..answers()
        };
        chart(&results(&[]), &nothing).unwrap_err();
    }
}
