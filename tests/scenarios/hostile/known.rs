//! What Envoy does by itself, whoever resumes or ends a message: no SDK can keep a filter from it and still let it hold
//! one. Each is as narrow as what is known of it, so that it hides nothing else.

use anyhow::{Context, Result, ensure};

use super::cases::{Case, Chain, Route};
use crate::stage::Stage;

/// What becomes of an exchange that a fault is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Effect {
    /// It may not end: it is played, and left after a glance.
    Hangs,
    /// It may be the end of Envoy: it is not played.
    Dies,
}

/// A fault of Envoy.
#[derive(Debug)]
struct Known {
    releases: &'static [&'static str],
    effect: Effect,
    /// Which exchanges have it.
    has: fn(&Case) -> bool,
    /// One that does; see CONTRIBUTING for how to play it.
    example: &'static str,
    /// What Envoy does.
    #[allow(dead_code)] // for who reads the list
    reason: &'static str,
}

const ALL: &[&str] = &["1.36.4", "1.37.0", "1.38.3", "1.39.3", "1.40.0"];

const KNOWN: &[Known] = &[
    Known {
        releases: &["1.36.4", "1.37.0", "1.38.3"],
        effect: Effect::Hangs,
        has: |case| begins_an_answer(case) && other_stops_all_of_the_response(case),
        example: "request_headers=schedule,stream_data;scheduled=end_with_data | \
                  Behind(\"response_headers=schedule,stop_all_and_watermark;scheduled=continue_response\") | \
                  Empty | (Http2, Chunks)",
        reason: "what follows a begun answer while another filter stops all of it is kept and never sent",
    },
    Known {
        releases: &["1.36.4"],
        effect: Effect::Dies,
        has: |case| cluster_holds_a_response(case) && listener_may_end_it(case),
        // Once in some hundred.
        example: "response_body=stop_and_buffer | Before(\"response_body=reset\") | Cluster | (Http1, Get)",
        reason: "a stream that a listener's filter ends while a cluster's filter holds its response is read once more",
    },
    Known {
        releases: ALL,
        effect: Effect::Dies,
        has: |case| cluster_holds_a_response(case) && response_grows(case),
        example: "response_trailers=append_big,stop | Alone | Cluster | (Http1, Whole)",
        reason: "above the client's high watermark Envoy stops reading from the upstream, which has ended its answer",
    },
    Known {
        releases: ALL,
        effect: Effect::Hangs,
        has: holds_within_a_resumption,
        example: "response_headers=schedule,stop_all_and_watermark;\
                  response_body=schedule,stop_and_buffer;scheduled=continue_response | \
                  Alone | Direct | (Http1, Get)",
        reason: "what a hook holds that runs within a resumption cannot be resumed before another hook of the stream",
    },
];

/// What is known to become of an exchange on this release.
pub(crate) fn effect(stage: &Stage, case: &Case) -> Option<Effect> {
    let release = stage.release.to_string();
    let known = KNOWN
        .iter()
        .filter(|known| known.releases.contains(&release.as_str()));
    known
        .filter(|known| (known.has)(case))
        .map(|known| known.effect)
        .max()
}

/// Whether each entry describes its example, and no exchange without a script.
pub(crate) fn check() -> Result<()> {
    for known in KNOWN {
        let case = Case::parse(known.example).context("no case")?;
        ensure!((known.has)(&case), "not described: {case}");
        let tame = Case {
            script: String::new(),
            chain: Chain::Alone,
            ..case
        };
        ensure!(!(known.has)(&tame), "described: {tame}");
    }
    Ok(())
}

/// The words of a script's hook.
fn words<'s>(script: &'s str, hook: &str) -> impl Iterator<Item = &'s str> {
    let hooks = script.split(';').filter_map(|part| part.split_once('='));
    let of_hook = hooks.filter(move |(name, _)| name.starts_with(hook));
    of_hook.flat_map(|(_, words)| words.split(','))
}

fn begins_an_answer(case: &Case) -> bool {
    ["request_", "scheduled", "callout_done"]
        .iter()
        .any(|hook| words(&case.script, hook).any(|word| word.starts_with("stream")))
}

fn other_stops_all_of_the_response(case: &Case) -> bool {
    let other = case.other().unwrap_or_default();
    words(other, "response_headers").any(|word| word.starts_with("stop_all"))
}

/// Its headers, or its body until the trailers.
fn cluster_holds_a_response(case: &Case) -> bool {
    matches!(case.route, Route::Cluster | Route::Retried)
        && words(&case.script, "response_").any(|word| word.starts_with("stop"))
}

/// The listener's filters have no script of their own where there is one only.
fn listener_may_end_it(case: &Case) -> bool {
    let ends = |script: &str| {
        script.split([';', ',', '=']).any(|word| {
            ["reply", "reset", "panic"]
                .iter()
                .any(|end| word.starts_with(end))
        })
    };
    case.chain != Chain::Alone && (ends(case.other().unwrap_or_default()) || ends(&case.script))
}

/// By more than a connection takes at once.
fn response_grows(case: &Case) -> bool {
    const WORDS: &[&str] = &["append_big", "replace_big", "replace_often", "long_headers"];
    let hooks = ["response_", "scheduled", "callout_done"];
    hooks
        .iter()
        .any(|hook| words(&case.script, hook).any(|word| WORDS.contains(&word)))
}

/// All that follows the headers is held, and then a part of it.
fn holds_within_a_resumption(case: &Case) -> bool {
    let holds = |hook: &str, how: &str| words(&case.script, hook).any(|word| word.starts_with(how));
    ["request_", "response_"].iter().any(|message| {
        let rest = ["body", "trailers"].map(|part| holds(&format!("{message}{part}"), "stop"));
        holds(&format!("{message}headers"), "stop_all") && rest.contains(&true)
    })
}
