//! An SDK that cannot kill Envoy: the hostile module does what a script says, in every hook, in every chain, on every
//! route. Envoy must live, answer others, and end what the script ends.

mod cases;
mod rig;
mod run;
mod words;

use std::env;

use anyhow::{Context, Result};

use crate::stage::{Scenario, Stage, scenarios};

pub(crate) const SCENARIOS: &[Scenario] = scenarios![
    All every_call_in_every_hook,
    All every_pair_of_flows,
    All the_one_that_is_named,
];

/// Plays all there is, which takes long; every so-manieth exchange if it is a number.
const VARIABLE: &str = "RUSTFORMATIONS_HOSTILE";

/// A prime: every word, chain, route and message gets its turn.
const SAMPLE: usize = 1009;

/// Which part of a product is played: every so-manieth.
fn stride() -> usize {
    match env::var(VARIABLE) {
        Ok(value) if value == "all" => 1,
        Ok(value) => value.parse().unwrap_or(SAMPLE),
        Err(_) => SAMPLE,
    }
}

/// Whether more than a sample is played.
pub(crate) fn is_long() -> bool {
    stride() < SAMPLE
}

async fn every_call_in_every_hook(stage: &Stage) -> Result<()> {
    run::play_all(stage, "calls", cases::calls(stride())).await
}

async fn every_pair_of_flows(stage: &Stage) -> Result<()> {
    run::play_all(stage, "pairs", cases::pairs(stride())).await
}

/// Plays one exchange again, as a report shows it, and shows the log.
const ONE_VARIABLE: &str = "RUSTFORMATIONS_HOSTILE_CASE";

async fn the_one_that_is_named(stage: &Stage) -> Result<()> {
    let Ok(text) = env::var(ONE_VARIABLE) else {
        return Ok(());
    };
    let case = cases::Case::parse(&text).with_context(|| format!("{ONE_VARIABLE}: no case"))?;
    run::play_one(stage, &case).await
}
