//! An SDK that cannot kill Envoy: the hostile module does what a script says, in every hook, in every chain, on every
//! route. Envoy must live, answer others, and end what the script ends.

mod cases;
mod exits;
mod known;
mod products;
mod rig;
mod rows;
mod run;
mod words;

use std::env;

use anyhow::{Context, Result, ensure};

use exits::envoy_exits_while_threads_schedule;
use rows::{
    a_callout_to_a_cluster_that_refuses, a_response_resumed_before_it_is_there,
    an_answer_in_response_trailers, an_answer_that_cannot_begin, attributes_without_a_connection,
    the_route_chosen_again_in_a_cluster,
};

use crate::stage::{Scenario, Stage, scenarios};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    All attributes_without_a_connection,
    All the_route_chosen_again_in_a_cluster,
    All an_answer_in_response_trailers,
    All a_response_resumed_before_it_is_there,
    All an_answer_that_cannot_begin,
    All a_callout_to_a_cluster_that_refuses,
    All envoy_exits_while_threads_schedule,
    All every_call_in_every_hook,
    All every_pair_of_flows,
    All those_that_are_named,
];

/// How many exchanges of each product are played: a number, or `all`, which takes long.
const VARIABLE: &str = "RUSTFORMATIONS_HOSTILE";

/// Some seconds on each release.
const SAMPLE: usize = 400;

fn sample() -> usize {
    match env::var(VARIABLE) {
        Ok(value) if value == "all" => usize::MAX,
        Ok(value) => value.parse().unwrap_or(SAMPLE),
        Err(_) => SAMPLE,
    }
}

/// Whether more than a sample is played.
pub(crate) fn is_long() -> bool {
    sample() > SAMPLE
}

async fn every_call_in_every_hook(stage: &Stage) -> Result<()> {
    known::check()?;
    let words = run::play_some(stage, "calls", products::calls(), sample()).await?;
    if is_long() {
        let expected = products::expected_words(stage.release);
        let missing: Vec<_> = expected.difference(&words).collect();
        eprintln!("{}: never ran: {missing:?}", stage.release);
        ensure!(
            sample() < usize::MAX || missing.is_empty(),
            "never ran: {missing:?}"
        );
    }
    Ok(())
}

async fn every_pair_of_flows(stage: &Stage) -> Result<()> {
    run::play_some(stage, "pairs", products::pairs(), sample()).await?;
    Ok(())
}

/// Plays these exchanges, a line each as a report shows them, and shows the log.
const CASES_VARIABLE: &str = "RUSTFORMATIONS_HOSTILE_CASES";

/// How often; more than once at once, and with less in the log.
const TIMES_VARIABLE: &str = "RUSTFORMATIONS_HOSTILE_TIMES";

async fn those_that_are_named(stage: &Stage) -> Result<()> {
    let Ok(text) = env::var(CASES_VARIABLE) else {
        return Ok(());
    };
    let cases = text.lines().map(|line| {
        cases::Case::parse(line).with_context(|| format!("{CASES_VARIABLE}: no case: {line}"))
    });
    let cases = cases.collect::<Result<Vec<_>>>()?;
    let times = env::var(TIMES_VARIABLE).unwrap_or_default();
    run::play_named(stage, &cases, times.parse().unwrap_or(1)).await
}
