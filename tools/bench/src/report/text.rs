//! The tables on standard output.

use std::fmt::Write;

use super::answers::{per_event, within};
use super::comparison;
use super::figure::{count, number, size, with_deviation};
use crate::results::{Answers, Results};
use summary::Table;

/// Everything that was measured.
pub(crate) fn text(results: &Results) -> String {
    let mut text = heading(results) + &caution(results);
    if !results.cells.is_empty() {
        append(&mut text, &load(results));
    }
    if !results.first_byte.is_empty() {
        append(&mut text, &first_byte(results));
    }
    if !results.scale.is_empty() {
        append(&mut text, &scale(results));
    }
    if let Some(answers) = &results.answers {
        append(&mut text, &answers_under_load(answers));
        append(&mut text, &answers_passing(answers));
    }
    for (condition, rows) in &results.comparisons {
        append(&mut text, &comparison::text(*condition, rows));
    }
    if !results.instructions.is_empty() {
        append(&mut text, &instructions(results));
    }
    text
}

/// Where and how the figures came about.
fn heading(results: &Results) -> String {
    let machine = &results.machine;
    let placed = match machine.processors_split {
        true => "one for Envoy, one for load and upstream",
        false => "shared by Envoy, load and upstream",
    };
    let mut text = format!(
        "Envoy {}, one worker; commit {}, {}\n{}, {} processors ({placed}), Linux {}\nrounds: {} of {} s, {} connections\n",
        results.envoy,
        results.commit,
        results.date,
        machine.processor,
        machine.processors,
        machine.kernel,
        results.rounds,
        results.seconds,
        results.connections,
    );
    let of_answers = results.answers.iter().flat_map(|answers| &answers.left_out);
    for left_out in results.left_out.iter().chain(of_answers) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "left out: {}: {}", left_out.name, left_out.reason);
    }
    text
}

/// A word on figures not to trust.
fn caution(results: &Results) -> String {
    /// Less, and something else held Envoy up.
    const BUSY: f64 = 0.8;
    let answers = results.answers.iter().flat_map(|answers| &answers.cells);
    let busy = results.cells.iter().map(|cell| cell.envoy_busy);
    let busy: Vec<_> = busy.chain(answers.map(|cell| cell.envoy_busy)).collect();
    match busy.iter().filter(|busy| busy.median < BUSY).count() {
        0 => String::new(),
        count => format!(
            "caution: Envoy computed less than {:.0} % of the time in {count} of {} rows: is the machine busy?\n",
            BUSY * 100.0,
            busy.len()
        ),
    }
}

fn append(text: &mut String, table: &impl std::fmt::Display) {
    // Writing to a string cannot fail.
    let _ = write!(text, "\n{table}");
}

fn load(results: &Results) -> Table<11> {
    let mut table = Table::new([
        "body",
        "model",
        "filter",
        "CPU \u{b5}s",
        "over",
        "by \u{b5}s",
        "requests/s",
        "p50 \u{b5}s",
        "p99 \u{b5}s",
        "peak MiB",
        "busy",
    ]);
    for cell in &results.cells {
        let peer = results.peers.iter().find(|peer| peer.name == cell.peer);
        let over = cell.over_floor_microseconds;
        table.row([
            size(cell.body_bytes),
            cell.model.to_string(),
            cell.peer.clone(),
            with_deviation(cell.cpu_microseconds),
            peer.filter(|_| over.is_some())
                .map(|peer| peer.floor.clone())
                .unwrap_or_default(),
            over.map(with_deviation).unwrap_or_default(),
            number(cell.requests_per_second.median),
            number(cell.p50_microseconds.median),
            number(cell.p99_microseconds.median),
            number(cell.peak_memory_mebibytes.median),
            format!("{:.0} %", cell.envoy_busy.median * 100.0),
        ]);
    }
    table
}

fn first_byte(results: &Results) -> Table<4> {
    let mut table = Table::new([
        "slow client, filter",
        "model",
        "first byte at upstream ms",
        "whole exchange ms",
    ]);
    for row in &results.first_byte {
        table.row([
            row.peer.clone(),
            row.model.to_string(),
            with_deviation(row.milliseconds),
            with_deviation(row.whole_milliseconds),
        ]);
    }
    table
}

fn instructions(results: &Results) -> Table<5> {
    let mut table = Table::new([
        "body",
        "filter",
        "instructions per request",
        "in the module",
        "requests",
    ]);
    for row in &results.instructions {
        table.row([
            size(row.body_bytes),
            row.peer.clone(),
            count(row.per_request),
            count(row.in_module_per_request),
            row.requests.to_string(),
        ]);
    }
    table
}

fn scale(results: &Results) -> Table<5> {
    let mut table = Table::new(["per route", "routes", "ready ms", "memory MiB", "peak MiB"]);
    for row in &results.scale {
        table.row([
            row.name.clone(),
            row.routes.to_string(),
            with_deviation(row.ready_milliseconds),
            with_deviation(row.memory_mebibytes),
            with_deviation(row.peak_memory_mebibytes),
        ]);
    }
    table
}

fn answers_under_load(answers: &Answers) -> Table<9> {
    let mut table = Table::new([
        "answer",
        "filter",
        "CPU \u{b5}s",
        "over none \u{b5}s",
        "an event ns",
        "budget \u{b5}s",
        "answers/s",
        "p99 \u{b5}s",
        "busy",
    ]);
    for cell in &answers.cells {
        table.row([
            cell.answer.to_string(),
            cell.peer.clone(),
            with_deviation(cell.cpu_microseconds),
            cell.over_none_microseconds
                .map(with_deviation)
                .unwrap_or_default(),
            per_event(answers, cell).map(number).unwrap_or_default(),
            within(answers, cell),
            number(cell.answers_per_second.median),
            number(cell.p99_microseconds.median),
            format!("{:.0} %", cell.envoy_busy.median * 100.0),
        ]);
    }
    table
}

fn answers_passing(answers: &Answers) -> Table<5> {
    let mut table = Table::new([
        "stream, filter",
        "first event \u{b5}s",
        "passed",
        "early MiB",
        "most MiB",
    ]);
    for (first, endless) in answers.first_event.iter().zip(&answers.endless) {
        table.row([
            first.peer.clone(),
            with_deviation(first.microseconds),
            size(usize::try_from(endless.bytes).unwrap_or(usize::MAX)),
            number(endless.early_mebibytes),
            number(endless.most_mebibytes),
        ]);
    }
    table
}
