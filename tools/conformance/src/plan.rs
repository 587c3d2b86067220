//! What is to be played: which cases share an Envoy, and which no Envoy can play.

use std::collections::BTreeMap;

use harness::{EnvoyRelease, Module};

use super::act::Act;
use super::batch::Batch;
use super::case::{Content, Entry};
use super::documented;
use super::report::{Outcome, Report};

/// The cases of some files on one release of Envoy.
pub struct Plan<'a> {
    /// In the order of the entries.
    pub parts: Vec<Part>,
    /// Those that parts are played in.
    pub batches: Vec<Batch<'a>>,
}

/// What becomes of an entry.
pub enum Part {
    /// It is played: its batch, and its place there.
    Played {
        /// Which of the plan's batches.
        batch: usize,
        /// Its place in the batch.
        place: usize,
    },
    /// It is not, and this comes of it.
    Known(Outcome),
}

impl<'a> Plan<'a> {
    /// Puts cases with one environment on one Envoy.
    pub fn of(entries: impl IntoIterator<Item = &'a Entry>, release: EnvoyRelease) -> Self {
        let mut batches: BTreeMap<BTreeMap<String, String>, (usize, Vec<Act<'a>>)> =
            BTreeMap::new();
        let mut parts = Vec::new();
        for (number, Entry { id, content }) in entries.into_iter().enumerate() {
            let act = match content {
                Err(error) => Err(Outcome::unplayed(id, error)),
                Ok(Content::Prose(prose)) => Err(Outcome::prose(id, prose)),
                Ok(Content::Golden(golden)) => Ok(Act::golden(number, id, golden)),
                Ok(Content::Case(case)) => {
                    Act::case(number, id, case, release).map_err(|reason| match case.ours {
                        true => Outcome::engine_only(id, &reason),
                        false => {
                            let differences = vec![format!("cannot express: {reason:#}")];
                            Outcome::new(id, differences).of(case)
                        }
                    })
                }
            };
            parts.push(match act {
                Err(outcome) => Part::Known(outcome),
                Ok(act) => {
                    let next = batches.len();
                    let (batch, acts) = batches
                        .entry(act.environment())
                        .or_insert_with(|| (next, Vec::new()));
                    acts.push(act);
                    Part::Played {
                        batch: *batch,
                        place: acts.len() - 1,
                    }
                }
            });
        }
        let mut batches: Vec<_> = batches.into_values().collect();
        batches.sort_by_key(|(number, _)| *number);
        let batches = batches.into_iter();
        Self {
            parts,
            batches: batches.map(|(_, acts)| Batch::new(acts, release)).collect(),
        }
    }

    /// Plays everything with this module, one after the other.
    pub async fn play(self, module: &Module) -> Report {
        let Self { parts, batches } = self;
        let mut outcomes: BTreeMap<usize, Outcome> = BTreeMap::new();
        let mut order: BTreeMap<(usize, usize), usize> = BTreeMap::new();
        for (number, part) in parts.into_iter().enumerate() {
            match part {
                Part::Known(outcome) => {
                    outcomes.insert(number, outcome);
                }
                Part::Played { batch, place } => {
                    order.insert((batch, place), number);
                }
            }
        }
        let mut batches: Vec<Option<Batch<'a>>> = batches.into_iter().map(Some).collect();
        for ((batch, place), number) in order {
            let Some(slot) = batches.get_mut(batch) else {
                continue;
            };
            let last = slot.as_ref().is_some_and(|batch| place + 1 == batch.len());
            if let Some(playing) = slot
                && let Some(outcome) = playing.play(place, module).await
            {
                outcomes.insert(number, outcome);
            }
            if last {
                // Its Envoy ends with it.
                *slot = None;
            }
        }
        Report {
            outcomes: outcomes.into_values().collect(),
            documented: documented::differences(),
        }
    }
}
