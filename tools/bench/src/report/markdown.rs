//! The generated sections of the documents.

use super::figure::{count, number, size, with_deviation};
use crate::body::Position;
use crate::first_byte::{PAUSE, PIECES};
use crate::peers::EXTRACT;
use crate::results::{Cell, LeftOut, Measured, Results};

/// Less than this, in microseconds, the method does not tell from nothing: no ratios to it.
pub(super) const NOISE: f64 = 1.0;

/// All figures, with charts and what they were measured on.
pub(super) fn figures(results: &Results) -> String {
    let mut parts = vec![provenance(results), legend(results)];
    if !results.cells.is_empty() {
        parts.push(
            "![CPU time per request by the size of its body](performance/cpu.svg)\n\n\
             ![CPU time over the floor by the size of the body](performance/overhead.svg)\n\n\
             ![Envoy's peak memory by the size of the body](performance/memory.svg)"
                .to_owned(),
        );
    }
    for model in [Position::Last, Position::First] {
        if results.cells.iter().any(|cell| cell.model == model) {
            parts.push(format!("### CPU time, `model` {model}"));
            parts.push(
                "Microseconds per request; over the floor where there is one below it.".to_owned(),
            );
            parts.push(by_size(results, model, |cell| {
                with_deviation(
                    cell.over_floor_microseconds
                        .unwrap_or(cell.cpu_microseconds),
                )
            }));
        }
    }
    if !results.cells.is_empty() {
        parts.push("### Requests per second, 99th percentile and memory, `model` last".to_owned());
        parts.push("Requests/s / p99 in microseconds / peak memory in MiB.".to_owned());
        parts.push(by_size(results, Position::Last, |cell| {
            format!(
                "{} / {} / {}",
                number(cell.requests_per_second.median),
                number(cell.p99_microseconds.median),
                number(cell.peak_memory_mebibytes.median)
            )
        }));
    }
    let asks_a_router = |cell: &Cell| cell.router_microseconds.median > 0.0;
    if results.cells.iter().any(asks_a_router) {
        parts.push("### The router's part of the CPU time, `model` last".to_owned());
        parts.push("Microseconds per request that are not Envoy's; they count above.".to_owned());
        parts.push(by_size(
            results,
            Position::Last,
            |cell| match asks_a_router(cell) {
                true => with_deviation(cell.router_microseconds),
                false => String::new(),
            },
        ));
    }
    if !results.first_byte.is_empty() {
        parts.push("### The first byte at the upstream".to_owned());
        parts.push(format!(
            "A client sends 1 MiB in {PIECES} pieces, {} ms apart. Milliseconds until the upstream has the first byte of the body.",
            PAUSE.as_millis()
        ));
        parts.push(first_byte(results));
    }
    if !results.scale.is_empty() {
        parts.push("### A configuration per route".to_owned());
        parts.push(scale(results));
    }
    if !results.instructions.is_empty() {
        parts.push("### Instructions per request, `model` last".to_owned());
        parts.push(
            "As callgrind counts them, all of Envoy's, and after the stroke those in the module itself. Nothing of the \
             kernel, and the wide instructions are AVX2."
                .to_owned(),
        );
        parts.push(instructions(results));
    }
    parts.join("\n\n")
}

/// What finding the model adds, and how many times ours that is.
pub(super) fn ratios(results: &Results) -> String {
    let ours = |cell: &Cell| {
        let ours = results.cell(EXTRACT, cell.body_bytes, cell.model)?;
        ours.over_floor_microseconds.map(|over| over.median)
    };
    let table = by_size(results, Position::Last, |cell| {
        let Some(over) = cell.over_floor_microseconds.map(|over| over.median) else {
            return String::new();
        };
        // A floor finds nothing.
        if is_floor(results, &cell.peer) {
            return String::new();
        }
        if over < NOISE {
            return "noise".to_owned();
        }
        match ours(cell).filter(|ours| *ours >= NOISE && over >= NOISE && cell.peer != EXTRACT) {
            Some(ours) => format!("{} ({}x)", number(over), number(over / ours)),
            None => number(over),
        }
    });
    format!(
        "CPU microseconds that finding `model`, last in the body, adds to a request on Envoy {}, over the floor, and how many times `{EXTRACT}`'s that is; {}.\n\n{table}",
        results.envoy, results.machine.processor
    )
}

/// Whether others are counted from this one.
pub(super) fn is_floor(results: &Results, peer: &str) -> bool {
    results.peers.iter().any(|other| other.floor == peer)
}

fn provenance(results: &Results) -> String {
    ran_on(results) + &left_out(&results.left_out)
}

/// What was measured, where, when and how often, with the connections of the load.
pub(super) fn ran_on(results: &Results) -> String {
    let load = format!(", {} connections", results.connections);
    came_about(results, " one worker;", &load)
}

/// Where, when and how often; `workers` and `load` are what the text has of Envoy's workers and of the load.
pub(super) fn came_about(results: &Results, workers: &str, load: &str) -> String {
    let machine = &results.machine;
    let mut text = format!(
        "Envoy {},{workers} {}, {} processors, Linux {}; {}, commit `{}`. Rounds: {} of {} s{load}; medians, and half \
         the distance between the extremes.",
        results.envoy,
        machine.processor,
        machine.processors,
        machine.kernel,
        results.date,
        results.commit,
        results.rounds,
        results.seconds,
    );
    if !machine.processors_split {
        text.push_str(" Envoy, load and upstream shared one processor.");
    }
    text
}

/// What was not measured, and why.
pub(super) fn left_out(left_out: &[LeftOut]) -> String {
    let sentence = |peer: &LeftOut| format!(" Left out: {} ({}).", peer.name, peer.reason);
    left_out.iter().map(sentence).collect()
}

/// What the names in the tables mean.
fn legend(results: &Results) -> String {
    let rows = results.peers.iter().map(|peer| {
        let floor = match peer.floor == peer.name {
            true => String::new(),
            false => format!("`{}`", peer.floor),
        };
        vec![format!("`{}`", peer.name), peer.about.clone(), floor]
    });
    table(&["name", "what", "floor"], rows)
}

/// A row per filter, a column per size.
fn by_size(results: &Results, model: Position, value: impl Fn(&Cell) -> String) -> String {
    let sizes = results.sizes();
    let names: Vec<String> = sizes.iter().map(|bytes| size(*bytes)).collect();
    let heading: Vec<&str> = std::iter::once("filter")
        .chain(names.iter().map(String::as_str))
        .collect();
    let row = |peer: &Measured| {
        let cells = sizes.iter().map(|size| {
            let cell = results.cell(&peer.name, *size, model);
            cell.map(&value).unwrap_or_default()
        });
        let cells: Vec<String> = cells.collect();
        // A floor of its own has nothing to say in a table of differences.
        let empty = cells.iter().all(String::is_empty);
        (!empty).then(|| {
            std::iter::once(format!("`{}`", peer.name))
                .chain(cells)
                .collect()
        })
    };
    table(&heading, results.peers.iter().filter_map(row))
}

fn first_byte(results: &Results) -> String {
    let cell = |peer: &str, model: Position| {
        let mut rows = results.first_byte.iter();
        let row = rows.find(|row| row.peer == peer && row.model == model);
        row.map(|row| with_deviation(row.milliseconds))
            .unwrap_or_default()
    };
    let rows = results.peers.iter().map(|peer| {
        vec![
            format!("`{}`", peer.name),
            cell(&peer.name, Position::First),
            cell(&peer.name, Position::Last),
        ]
    });
    table(&["filter", "`model` first", "`model` last"], rows)
}

fn instructions(results: &Results) -> String {
    let rows = &results.instructions;
    let mut sizes: Vec<usize> = rows.iter().map(|row| row.body_bytes).collect();
    sizes.dedup();
    let heading: Vec<String> = std::iter::once("filter".to_owned())
        .chain(sizes.iter().map(|bytes| size(*bytes)))
        .collect();
    let heading: Vec<&str> = heading.iter().map(String::as_str).collect();
    let cell = |peer: &str, size: usize| {
        let mut rows = rows.iter();
        let row = rows.find(|row| row.peer == peer && row.body_bytes == size);
        row.map_or(String::new(), |row| match row.in_module_per_request {
            0 => count(row.per_request),
            ours => format!("{} / {}", count(row.per_request), count(ours)),
        })
    };
    let lines = results.peers.iter().map(|peer| {
        let cells = sizes.iter().map(|size| cell(&peer.name, *size));
        std::iter::once(format!("`{}`", peer.name))
            .chain(cells)
            .collect()
    });
    table(&heading, lines)
}

fn scale(results: &Results) -> String {
    let rows = results.scale.iter().map(|row| {
        vec![
            row.name.clone(),
            row.routes.to_string(),
            with_deviation(row.ready_milliseconds),
            with_deviation(row.memory_mebibytes),
            with_deviation(row.peak_memory_mebibytes),
        ]
    });
    let heading = [
        "each route has",
        "routes",
        "ready after ms",
        "memory MiB",
        "peak MiB",
    ];
    table(&heading, rows)
}

pub(super) fn table(heading: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut lines = vec![
        format!("| {} |", heading.join(" | ")),
        format!("|{}", "---|".repeat(heading.len())),
    ];
    lines.extend(rows.map(|row| format!("| {} |", row.join(" | "))));
    lines.join("\n")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::machine::Machine;
    use crate::spread::Spread;

    pub(in crate::report) fn results(over: &[(&str, Option<f64>)]) -> Results {
        let peers = over.iter().map(|(name, _)| Measured {
            name: (*name).to_owned(),
            about: String::new(),
            floor: "none".to_owned(),
            ours: *name == EXTRACT,
        });
        let cells = over.iter().map(|(name, over)| Cell {
            peer: (*name).to_owned(),
            body_bytes: 1 << 20,
            model: Position::Last,
            requests: 1,
            cpu_microseconds: Spread::of([100.0]),
            router_microseconds: Spread::default(),
            over_floor_microseconds: over.map(|over| Spread::of([over])),
            requests_per_second: Spread::default(),
            p50_microseconds: Spread::default(),
            p99_microseconds: Spread::default(),
            peak_memory_mebibytes: Spread::default(),
            envoy_busy: Spread::default(),
        });
        Results {
            date: String::new(),
            commit: String::new(),
            envoy: "1.40.0".to_owned(),
            machine: Machine {
                processor: "here".to_owned(),
                processors: 2,
                processors_split: true,
                kernel: String::new(),
            },
            seconds: 1.0,
            rounds: 1,
            connections: 8,
            peers: peers.collect(),
            left_out: Vec::new(),
            cells: cells.collect(),
            first_byte: Vec::new(),
            scale: Vec::new(),
            instructions: Vec::new(),
            answers: None,
            comparisons: std::collections::BTreeMap::new(),
        }
    }

    fn last_lines(text: &str, count: usize) -> Vec<&str> {
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len() - count..].to_vec()
    }

    #[test]
    fn ratios_are_to_ours_and_floors_are_left_out() {
        let text = ratios(&results(&[
            ("none", None),
            ("lua", Some(5000.0)),
            ("extract", Some(50.0)),
        ]));
        assert_eq!(
            last_lines(&text, 4),
            [
                "| filter | 1 MiB |",
                "|---|---|",
                "| `lua` | 5 000 (100x) |",
                "| `extract` | 50.0 |"
            ]
        );
    }

    #[test]
    fn noise_has_no_ratio() {
        let text = ratios(&results(&[
            ("none", None),
            ("lua", Some(5000.0)),
            ("extract", Some(-0.4)),
        ]));
        assert_eq!(
            last_lines(&text, 2),
            ["| `lua` | 5 000 |", "| `extract` | noise |"]
        );
    }

    #[test]
    fn the_part_of_a_router_has_a_table_of_its_own() {
        let mut results = results(&[("none", None), ("ext_proc", Some(150.0))]);
        assert!(!figures(&results).contains("router"));
        for cell in results.cells.iter_mut().skip(1) {
            cell.router_microseconds = Spread::of([24.0]);
        }
        let text = figures(&results);
        let (_, routers) = text.split_once("### The router's part").unwrap();
        assert!(routers.contains("| `ext_proc` | 24.0 |"), "{text}");
        assert!(!routers.contains("`none`"), "{text}");
    }

    #[test]
    fn all_figures_name_machine_and_peers() {
        let text = figures(&results(&[("none", None), ("lua", Some(5000.0))]));
        for part in ["here", "1.40.0", "| `none` | 100 |", "| `lua` | 5 000 |"] {
            assert!(text.contains(part), "no {part:?} in {text}");
        }
    }
}
