//! A dry run as people read it.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use serde_json::Value;

use crate::dry_run::{
    Answered, Became, Came, Exchange, HeaderChange, LeadsTo, Line, Outcome, Passage, Played,
    Routed, Sent, Step, Transcript,
};

const TITLE: Style = Style::new().bold();
const ADDED: Style = AnsiColor::Green.on_default();
const REMOVED: Style = AnsiColor::Red.on_default();
const FAILED: Style = AnsiColor::Yellow.on_default();
const QUIET: Style = Style::new().dimmed();

/// Steps of one message beyond this many are counted.
const STEPS: usize = 12;

/// Prints what came of an exchange, in the order in which it happened.
///
/// # Errors
/// The output is closed.
pub(super) fn write(out: &mut dyn Write, exchange: &Exchange) -> io::Result<()> {
    let named = exchange.first_route.is_some() || exchange.filters.len() > 1;
    if let Some(route) = &exchange.first_route {
        routed(out, "route", route)?;
    }
    let mut before = exchange.first_route.as_ref();
    for played in exchange.filters.iter().filter(|played| met(played)) {
        if played.of_cluster {
            by_route(out, exchange)?;
        }
        if named {
            filter(out, played)?;
        }
        passage(out, "request", &played.transcript.request)?;
        match (&played.route, before) {
            (Some(route), Some(before)) if route != before => {
                routed(out, "route chosen again", route)?
            }
            (None, _) if played.transcript.route_chosen_again => {
                writeln!(out, "  Envoy chooses the route again, by the headers above")?;
            }
            _ => {}
        }
        before = played.route.as_ref().or(before);
    }
    if !exchange.filters.iter().any(|played| played.of_cluster) {
        by_route(out, exchange)?;
    }
    if let Some(upstream) = &exchange.upstream {
        sent(out, upstream)?;
    }
    for played in exchange.filters.iter().rev() {
        let Some(response) = &played.transcript.response else {
            continue;
        };
        if named {
            filter(out, played)?;
        }
        passage(out, "response", response)?;
    }
    for played in &exchange.filters {
        rest(out, &played.transcript)?;
    }
    if let (true, Some(answer)) = (exchange.first_route.is_some(), &exchange.answer) {
        let status = answer.headers.iter().find(|(name, _)| name == ":status");
        let status = status.map(|(_, status)| status.as_str());
        let title = status.unwrap_or_default();
        writeln!(out, "{TITLE}the client gets {title}{TITLE:#}")?;
    }
    if !exchange.not_played.is_empty() {
        writeln!(out, "{TITLE}not played{TITLE:#}")?;
        for what in &exchange.not_played {
            writeln!(out, "  {QUIET}{what}{QUIET:#}")?;
        }
    }
    Ok(())
}

/// Whether the request has come to a filter.
fn met(played: &Played) -> bool {
    !played.transcript.request.steps.is_empty()
}

fn filter(out: &mut dyn Write, played: &Played) -> io::Result<()> {
    let whose = if played.of_cluster {
        "cluster's filter"
    } else {
        "filter"
    };
    writeln!(out, "{TITLE}{whose} `{}`{TITLE:#}", played.filter)
}

fn routed(out: &mut dyn Write, what: &str, route: &Routed) -> io::Result<()> {
    let Some(place) = &route.place else {
        return writeln!(out, "{TITLE}{what}: none, so Envoy answers 404{TITLE:#}");
    };
    let leads = match &route.leads_to {
        LeadsTo::Cluster(cluster) => format!("to the cluster `{cluster}`"),
        LeadsTo::Answer(status) => format!("Envoy answers {status}"),
        LeadsTo::Unknown => "to where is not played".to_owned(),
    };
    let index = place.rsplit('.').next().unwrap_or_default();
    let name = route.name.as_deref().unwrap_or(index);
    let host = route.virtual_host.as_deref().unwrap_or_default();
    let of = format!("`{name}` of the virtual host `{host}`");
    writeln!(out, "{TITLE}{what}: {leads}{TITLE:#}, by {of}")
}

fn sent(out: &mut dyn Write, sent: &Sent) -> io::Result<()> {
    let host = match sent.host.as_str() {
        "" => String::new(),
        host => format!(", at {host}"),
    };
    writeln!(
        out,
        "{TITLE}sent to the cluster `{}`{host}{TITLE:#}",
        sent.cluster
    )
}

/// What the route itself does to the request.
fn by_route(out: &mut dyn Write, exchange: &Exchange) -> io::Result<()> {
    if exchange.by_route.is_empty() {
        return Ok(());
    }
    writeln!(out, "{TITLE}the route{TITLE:#}")?;
    for change in &exchange.by_route {
        header(out, change)?;
    }
    Ok(())
}

/// What came of an exchange besides its messages.
fn rest(out: &mut dyn Write, transcript: &Transcript) -> io::Result<()> {
    if let Some(reply) = &transcript.reply {
        answered(out, reply)?;
    }
    if let Some(details) = &transcript.reset {
        writeln!(out, "{FAILED}the stream is reset: {details}{FAILED:#}")?;
    }
    if !transcript.metadata.is_empty() {
        writeln!(out, "{TITLE}dynamic metadata{TITLE:#}")?;
        for entry in &transcript.metadata {
            writeln!(
                out,
                "  {} / {}: {}",
                entry.namespace,
                entry.key,
                shown(&entry.value)
            )?;
        }
    }
    if !transcript.metrics.is_empty() {
        writeln!(out, "{TITLE}metrics{TITLE:#}")?;
        for (series, value) in &transcript.metrics {
            writeln!(out, "  {series} +{value}")?;
        }
    }
    if !transcript.failures.is_empty() {
        writeln!(out, "{TITLE}failures{TITLE:#}")?;
        for failure in &transcript.failures {
            writeln!(out, "  {FAILED}{failure}{FAILED:#}")?;
        }
    }
    Ok(())
}

fn passage(out: &mut dyn Write, what: &str, passage: &Passage) -> io::Result<()> {
    writeln!(out, "{TITLE}{what} {}{TITLE:#}", passage.title)?;
    steps(out, &passage.steps)?;
    for note in &passage.notes {
        writeln!(out, "  {note}")?;
    }
    for change in &passage.headers {
        header(out, change)?;
    }
    let differs = passage.bytes_before != passage.bytes_after || !passage.body.is_empty();
    if differs && passage.outcome != Outcome::Stopped {
        writeln!(
            out,
            "  body: {} bytes become {}",
            passage.bytes_before, passage.bytes_after
        )?;
    }
    for line in &passage.body {
        match line {
            Line::Same(text) => writeln!(out, "    {QUIET}  {text}{QUIET:#}")?,
            Line::Removed(text) => writeln!(out, "    {REMOVED}- {text}{REMOVED:#}")?,
            Line::Added(text) => writeln!(out, "    {ADDED}+ {text}{ADDED:#}")?,
            Line::Gap => writeln!(out, "    {QUIET}  …{QUIET:#}")?,
        }
    }
    match passage.outcome {
        Outcome::Unchanged => writeln!(out, "  goes on unchanged"),
        Outcome::Changed => writeln!(out, "  goes on changed"),
        Outcome::Stopped => writeln!(out, "  goes no further"),
    }
}

/// When what came, and what became of it.
fn steps(out: &mut dyn Write, steps: &[Step]) -> io::Result<()> {
    let mut before = 0;
    for (index, step) in steps.iter().enumerate() {
        let left = steps.len().saturating_sub(index);
        if index + 1 >= STEPS && left > 1 {
            writeln!(out, "  {QUIET}… and {left} pieces more{QUIET:#}")?;
            break;
        }
        let came = match step.came {
            Came::Headers => "headers".to_owned(),
            Came::Body => format!("body up to byte {}", step.arrived),
            Came::Trailers => "trailers".to_owned(),
        };
        let became = match step.became {
            Became::Held => "held".to_owned(),
            Became::Stopped => "goes no further".to_owned(),
            Became::Passed(gone) if step.came == Came::Body && gone > before => {
                let new = gone.saturating_sub(before);
                before = gone;
                format!("{new} bytes go on")
            }
            Became::Passed(_) => "passes".to_owned(),
        };
        writeln!(
            out,
            "  {QUIET}{:>6} ms  {came}: {became}{QUIET:#}",
            step.at_ms
        )?;
    }
    Ok(())
}

fn header(out: &mut dyn Write, change: &HeaderChange) -> io::Result<()> {
    let HeaderChange {
        name,
        before,
        after,
    } = change;
    for line in before {
        writeln!(out, "  {REMOVED}- {name}: {line}{REMOVED:#}")?;
    }
    for line in after {
        writeln!(out, "  {ADDED}+ {name}: {line}{ADDED:#}")?;
    }
    Ok(())
}

fn answered(out: &mut dyn Write, reply: &Answered) -> io::Result<()> {
    writeln!(
        out,
        "{TITLE}answer in its place: {}{TITLE:#} ({})",
        reply.status, reply.details
    )?;
    for (name, value) in &reply.headers {
        writeln!(out, "  {name}: {value}")?;
    }
    writeln!(out, "  {}", reply.body)
}

/// A value of metadata. A number that is whole has no fraction, as in Envoy's access log.
fn shown(value: &Value) -> String {
    match value {
        Value::Number(number) if number.is_f64() => number
            .as_f64()
            .map_or_else(|| number.to_string(), |number| number.to_string()),
        value => value.to_string(),
    }
}
