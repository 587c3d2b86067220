//! Plays every exchange in every chain, and lists what differs.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Result, ensure};

use super::exchanges::{Exchange, Mode};
use super::facts::left_out;
use super::neighbours::{ALONE, Chain, IN_CLUSTER, OF_LISTENER, OF_ROUTE};
use super::rig::{Combination, Rig};
use super::views::{Seen, check_alone, check_beside};
use crate::stage::Stage;

/// What is wrong, by combination.
type Problems = BTreeMap<Combination, Vec<String>>;

pub(crate) async fn exchanges_beside_a_route(stage: &Stage) -> Result<()> {
    change_nothing(stage, "routes", OF_ROUTE).await
}

pub(crate) async fn exchanges_beside_filters(stage: &Stage) -> Result<()> {
    change_nothing(stage, "filters", OF_LISTENER).await
}

pub(crate) async fn exchanges_in_a_cluster(stage: &Stage) -> Result<()> {
    change_nothing(stage, "clusters", IN_CLUSTER).await
}

/// Plays every exchange alone and in each of these chains, and compares.
async fn change_nothing(stage: &Stage, what: &str, chains: &[Chain]) -> Result<()> {
    let started = Instant::now();
    let alone = play(stage, &[ALONE]).await?;
    let beside = play(stage, chains).await?;
    let mut problems: Problems = alone.died.into_iter().chain(beside.died).collect();
    for (&(chain, exchange), seen) in &alone.seen {
        note(
            &mut problems,
            (chain, exchange),
            check_alone(exchange, seen),
        );
    }
    for (&(chain, exchange), seen) in &beside.seen {
        if let Some(alone) = alone.seen.get(&(ALONE, exchange)) {
            let found = check_beside(chain, exchange, seen, alone);
            note(&mut problems, (chain, exchange), found);
        }
    }
    let (release, count) = (stage.release, beside.seen.len());
    eprintln!(
        "{release} {what}: {} chains, {count} combinations, {} of them differ, in {:.1?}",
        chains.len(),
        problems.len(),
        started.elapsed()
    );
    for (reason, count) in beside.left_out {
        eprintln!("{release} {what}: {count} combinations left out: {reason}");
    }
    let mut report = report(&problems);
    for ((chain, mode), count) in alone.malformed.into_iter().chain(beside.malformed) {
        report += &format!(
            "{chain} × {mode:?}: {count} connections to the upstream carried more than requests\n"
        );
    }
    ensure!(
        report.is_empty(),
        "{} combinations differ\n{report}",
        problems.len()
    );
    Ok(())
}

fn note(problems: &mut Problems, combination: Combination, found: Vec<String>) {
    if !found.is_empty() {
        problems.insert(combination, found);
    }
}

/// What was seen of some combinations, and what became of the others.
#[derive(Default)]
struct Played {
    seen: BTreeMap<Combination, Seen>,
    died: Problems,
    malformed: BTreeMap<(Chain, Mode), usize>,
    left_out: BTreeMap<&'static str, usize>,
}

/// Plays all at once. If Envoy dies of it, plays them again mode by mode, so that it is known which kills it.
async fn play(stage: &Stage, chains: &[Chain]) -> Result<Played> {
    let mut played = Played::default();
    let mut combinations = Vec::new();
    for &chain in chains {
        for exchange in Exchange::all() {
            match left_out(chain, exchange) {
                Some(reason) => *played.left_out.entry(reason).or_default() += 1,
                None => combinations.push((chain, exchange)),
            }
        }
    }
    if play_at_once(stage, chains, &combinations, &mut played).await? {
        return Ok(played);
    }
    for mode in Mode::ALL {
        let of_mode = |(_, exchange): &Combination| exchange.mode == mode;
        let of_mode: Vec<_> = combinations.iter().copied().filter(of_mode).collect();
        if !play_at_once(stage, chains, &of_mode, &mut played).await? {
            let death = || vec![format!("Envoy died while {mode:?} was played")];
            let died = of_mode
                .into_iter()
                .map(|combination| (combination, death()));
            played.died.extend(died);
        }
    }
    Ok(played)
}

/// Notes what was seen. False, and nothing, if Envoy has died.
async fn play_at_once(
    stage: &Stage,
    chains: &[Chain],
    combinations: &[Combination],
    played: &mut Played,
) -> Result<bool> {
    let rig = Rig::build(chains).await?;
    let running = rig.start(stage).await?;
    let seen = running.play(&rig, combinations).await?;
    if !running.envoy.is_alive() {
        return Ok(false);
    }
    played.seen.extend(seen);
    played.malformed.extend(rig.malformed());
    Ok(true)
}

/// How many combinations of each chain and mode fail, and then each by name, those together that fail alike.
fn report(problems: &Problems) -> String {
    let mut counts = BTreeMap::<String, usize>::new();
    let mut alike = BTreeMap::<(String, String), Vec<String>>::new();
    for (&(chain, exchange), problems) in problems {
        let name = format!("{chain} × {:?}", exchange.mode);
        *counts.entry(name.clone()).or_default() += 1;
        let which = format!("{:?} × {:?}", exchange.model, exchange.arrival);
        let names = alike.entry((name, problems.join("; "))).or_default();
        names.push(which);
    }
    let mut report = String::new();
    for (name, count) in counts {
        report += &format!("  {count:>2} of {name}\n");
    }
    for ((name, problems), which) in alike {
        report += &format!("{name}, {}: {problems}\n", which.join(", "));
    }
    report
}
