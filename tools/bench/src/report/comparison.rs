//! What was measured under other conditions: one table for each.

use super::figure::{number, size, with_deviation};
use super::markdown::{came_about, left_out, table};
use crate::comparison::Condition;
use crate::results::{Results, Row};
use crate::spread::Spread;

/// What small differences have to show, in microseconds.
const WANTED: f64 = 1.0;

/// Requests that may find no connection before a filter counts as too slow for the rate.
const MISSED: f64 = 0.01;

/// Envoy computing for more of the time than this has no room left: what it serves is all that it can.
const FULL: f64 = 0.95;

/// The section of a document.
pub(super) fn section(results: &Results, condition: Condition, rows: &[Row]) -> String {
    let (heading, lines) = lines(condition, rows);
    let workers = match condition {
        Condition::Workers => "",
        _ => " one worker;",
    };
    let mut parts = vec![
        came_about(results, workers, "") + &left_out(&results.left_out),
        table(&heading, lines.into_iter()),
    ];
    parts.extend(conclusion(condition, rows));
    parts.join("\n\n")
}

/// The same table for a terminal, and what follows from it.
pub(super) fn text(condition: Condition, rows: &[Row]) -> String {
    let (heading, lines) = lines(condition, rows);
    let mut text = format!("{condition}\n{}", table(&heading, lines.into_iter()));
    if let Some(conclusion) = conclusion(condition, rows) {
        text.push('\n');
        text.push_str(&conclusion);
    }
    text + "\n"
}

/// The head of the table, and its lines.
fn lines(condition: Condition, rows: &[Row]) -> (Vec<&'static str>, Vec<Vec<String>>) {
    match condition {
        Condition::Small => (SMALL.to_vec(), rows.iter().map(small).collect()),
        Condition::Rate => (RATE.to_vec(), rows.iter().map(rate).collect()),
        Condition::Workers => {
            let line = |row: &Row| workers(row, rows);
            (WORKERS.to_vec(), rows.iter().map(line).collect())
        }
        Condition::Protocols => (under("protocol"), rows.iter().map(saturated).collect()),
        Condition::Failover => (under("hosts"), rows.iter().map(saturated).collect()),
    }
}

const SMALL: [&str; 7] = [
    "filter",
    "CPU \u{b5}s",
    "over none \u{b5}s",
    "95 % of it \u{b5}s",
    "router's \u{b5}s",
    "rounds",
    "requests",
];

fn small(row: &Row) -> Vec<String> {
    vec![
        format!("`{}`", row.peer),
        with_deviation(row.cpu_microseconds),
        optional(row.cpu_over_none_microseconds),
        row.cpu_over_none_interval
            .map(|(low, high)| format!("{} to {}", number(low), number(high)))
            .unwrap_or_default(),
        router(row),
        row.rounds.to_string(),
        row.requests.to_string(),
    ]
}

const RATE: [&str; 12] = [
    "body",
    "rate",
    "filter",
    "p50 \u{b5}s",
    "over none",
    "p99 \u{b5}s",
    "over none",
    "p99.9 \u{b5}s",
    "over none",
    "CPU over none \u{b5}s",
    "busy",
    "requests",
];

fn rate(row: &Row) -> Vec<String> {
    let mut line = vec![
        size(row.body_bytes),
        row.setting.clone(),
        format!("`{}`", row.peer),
    ];
    if is_too_slow(row) {
        line.extend(vec!["too slow".to_owned(); 6]);
    } else {
        for (latency, over) in [
            (row.p50_microseconds, row.p50_over_none_microseconds),
            (row.p99_microseconds, row.p99_over_none_microseconds),
            (row.p999_microseconds, row.p999_over_none_microseconds),
        ] {
            line.extend([with_deviation(latency), optional(over)]);
        }
    }
    line.extend([
        optional(row.cpu_over_none_microseconds),
        busy(row),
        row.requests.to_string(),
    ]);
    line
}

/// Whether the filter cannot serve this rate: its latencies would only show for how long the load went on.
fn is_too_slow(row: &Row) -> bool {
    let due = row.requests + row.missed;
    row.missed as f64 > MISSED * due as f64 || row.envoy_busy.median > FULL
}

const WORKERS: [&str; 8] = [
    "body",
    "workers",
    "filter",
    "requests/s",
    "times one worker's",
    "CPU \u{b5}s",
    "over none \u{b5}s",
    "processors busy",
];

fn workers(row: &Row, rows: &[Row]) -> Vec<String> {
    let is_first = |other: &&Row| other.peer == row.peer && other.body_bytes == row.body_bytes;
    let one = rows.iter().find(is_first);
    let one = one.filter(|one| one.setting != row.setting);
    let times = one.map(|one| row.requests_per_second.median / one.requests_per_second.median);
    vec![
        size(row.body_bytes),
        row.setting.clone(),
        format!("`{}`", row.peer),
        with_deviation(row.requests_per_second),
        times.map(|times| format!("{times:.2}")).unwrap_or_default(),
        with_deviation(row.cpu_microseconds),
        optional(row.cpu_over_none_microseconds),
        format!("{:.2}", row.envoy_busy.median),
    ]
}

fn under(condition: &'static str) -> Vec<&'static str> {
    vec![
        "body",
        condition,
        "filter",
        "CPU \u{b5}s",
        "over none \u{b5}s",
        "requests/s",
        "p99 \u{b5}s",
        "busy",
    ]
}

fn saturated(row: &Row) -> Vec<String> {
    vec![
        size(row.body_bytes),
        row.setting.clone(),
        format!("`{}`", row.peer),
        with_deviation(row.cpu_microseconds),
        optional(row.cpu_over_none_microseconds),
        number(row.requests_per_second.median),
        number(row.p99_microseconds.median),
        busy(row),
    ]
}

fn optional(spread: Option<Spread>) -> String {
    spread.map(with_deviation).unwrap_or_default()
}

fn router(row: &Row) -> String {
    match row.router_microseconds.median {
        // Rounded, it is nothing.
        ..0.05 => String::new(),
        microseconds => number(microseconds),
    }
}

fn busy(row: &Row) -> String {
    format!("{:.0} %", row.envoy_busy.median * 100.0)
}

/// What the table shows together.
fn conclusion(condition: Condition, rows: &[Row]) -> Option<String> {
    if condition != Condition::Small {
        return None;
    }
    let counted = rows
        .iter()
        .filter(|row| row.cpu_over_none_microseconds.is_some());
    let widths: Option<Vec<f64>> = counted
        .map(|row| row.cpu_over_none_interval.map(|(low, high)| high - low))
        .collect();
    let widest = widths?.into_iter().max_by(f64::total_cmp)?;
    let verdict = match widest <= 2.0 * WANTED {
        true => "so a difference of 1 \u{b5}s shows",
        false => "so a difference of 1 \u{b5}s does not show: it takes more rounds",
    };
    Some(format!(
        "The widest of these intervals is {} \u{b5}s from end to end, {verdict}.",
        number(widest)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::markdown::tests::results;

    fn row(peer: &str, setting: &str, cpu_over_none: Option<[f64; 3]>) -> Row {
        let [median, low, high] = cpu_over_none.unwrap_or_default();
        let over = cpu_over_none.map(|_| Spread::of([median]));
        Row {
            setting: setting.to_owned(),
            peer: peer.to_owned(),
            body_bytes: 368,
            rounds: 40,
            requests: 4000,
            missed: 0,
            cpu_microseconds: Spread::of([70.0 + median]),
            router_microseconds: Spread::default(),
            cpu_over_none_microseconds: over,
            cpu_over_none_interval: cpu_over_none.map(|_| (low, high)),
            requests_per_second: Spread::of([14_000.0]),
            p50_microseconds: Spread::of([100.0 + median]),
            p99_microseconds: Spread::of([200.0 + median]),
            p999_microseconds: Spread::of([900.0 + median]),
            p50_over_none_microseconds: over,
            p99_over_none_microseconds: over,
            p999_over_none_microseconds: over,
            envoy_busy: Spread::of([0.5]),
        }
    }

    fn shown(condition: Condition, rows: &[Row], parts: &[&str]) {
        for text in [
            section(&results(&[]), condition, rows),
            text(condition, rows),
        ] {
            for part in parts {
                assert!(text.contains(part), "no {part:?} in {text}");
            }
        }
    }

    #[test]
    fn small_bodies_have_intervals_rounds_and_a_verdict() {
        let mut asked = row("ext_proc", "", Some([100.0, 99.0, 100.9]));
        asked.router_microseconds = Spread::of([21.0]);
        let rows = [
            row("none", "", None),
            row("extract", "", Some([6.0, 5.5, 6.4])),
            asked,
        ];
        shown(
            Condition::Small,
            &rows,
            &[
                "| `none` | 70.0 |  |  |  | 40 | 4000 |",
                "| `extract` | 76.0 | 6.0 | 5.5 to 6.4 |  | 40 | 4000 |",
                "| `ext_proc` | 170 | 100 | 99.0 to 101 | 21.0 | 40 | 4000 |",
                "is 1.9 \u{b5}s from end to end, so a difference of 1 \u{b5}s shows.",
            ],
        );
        let wide = [row("lua", "", Some([6.0, 2.0, 9.0]))];
        shown(Condition::Small, &wide, &["does not show"]);
        let mut few = row("lua", "", Some([6.0, 2.0, 9.0]));
        few.cpu_over_none_interval = None;
        let text = text(Condition::Small, &[few]);
        assert!(!text.contains("from end to end"), "{text}");
    }

    #[test]
    fn a_filter_too_slow_for_the_rate_has_no_latencies() {
        let rate = "4000 requests/s";
        let mut overrun = row("lua", rate, Some([80.0, 0.0, 0.0]));
        overrun.missed = 400;
        let mut full = row("transform", rate, Some([90.0, 0.0, 0.0]));
        full.envoy_busy = Spread::of([0.99]);
        let rows = [
            row("none", rate, None),
            row("extract", rate, Some([6.0, 0.0, 0.0])),
            overrun,
            full,
        ];
        let slow = "too slow | too slow | too slow | too slow | too slow | too slow";
        shown(
            Condition::Rate,
            &rows,
            &[
                "| 368 B | 4000 requests/s | `none` | 100 |  | 200 |  | 900 |  |  | 50 % | 4000 |",
                "| `extract` | 106 | 6.0 | 206 | 6.0 | 906 | 6.0 | 6.0 | 50 % | 4000 |",
                &format!("| `lua` | {slow} | 80.0 | 50 % | 4000 |"),
                &format!("| `transform` | {slow} | 90.0 | 99 % | 4000 |"),
            ],
        );
    }

    #[test]
    fn more_workers_are_compared_to_one() {
        let mut two = row("extract", "2", Some([6.0, 0.0, 0.0]));
        two.requests_per_second = Spread::of([21_000.0]);
        let rows = [row("extract", "1", Some([6.0, 0.0, 0.0])), two];
        shown(
            Condition::Workers,
            &rows,
            &[
                "| 368 B | 1 | `extract` | 14 000 |  | 76.0 | 6.0 | 0.50 |",
                "| 368 B | 2 | `extract` | 21 000 | 1.50 | 76.0 | 6.0 | 0.50 |",
            ],
        );
        let text = section(&results(&[]), Condition::Workers, &rows);
        assert!(!text.contains("one worker;"), "{text}");
    }

    #[test]
    fn protocols_and_hosts_are_named() {
        let rows = [row("extract", "HTTP/2, TLS", Some([6.0, 0.0, 0.0]))];
        let line = "| 368 B | HTTP/2, TLS | `extract` | 76.0 | 6.0 | 14 000 | 206 | 50 % |";
        shown(Condition::Protocols, &rows, &["| body | protocol |", line]);
        shown(Condition::Failover, &rows, &["| body | hosts |", line]);
    }
}
