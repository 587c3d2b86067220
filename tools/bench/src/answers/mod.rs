//! Answers: what reading or editing them as they pass costs, against no filter.

mod body;
mod endless;
mod first_event;
mod peers;
mod proof;
mod upstream;

use std::time::Duration;

use anyhow::{Context, Result};
use harness::Bootstrap;

use super::load;
use super::peers::Origin;
use super::progress;
use super::results::{AnswerCell, AnswerPeer, Answers, Endless, FirstEvent, LeftOut};
use super::sample::Sample;
use super::stage::{Running, Stage, summary};
use peers::{NONE, PEERS, Peer};
use proof::LOG_FORMAT;
use upstream::AnswerUpstream;

pub(super) use body::Kind;

/// What to measure, and how thoroughly.
pub(super) struct Plan<'p> {
    /// The names of the peers, no filter beside them; none for all.
    pub(super) only: &'p [String],
    pub(super) rounds: usize,
    pub(super) time: Duration,
    /// What passes while the memory is looked at.
    pub(super) endless_bytes: u64,
}

/// The names that `--only` can have.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    PEERS.iter().map(|peer| peer.name)
}

/// Measures all of them.
///
/// # Errors
/// Envoy does not start, or does not answer.
pub(super) fn measure(stage: &Stage, plan: &Plan<'_>) -> Result<Answers> {
    let answering = Answering {
        stage,
        upstream: AnswerUpstream::start(stage.processors)?,
    };
    let (able, left_out) = answering.able(plan.only);
    let of_kind = |kind| able.iter().filter(move |peer| peer.is_for(kind));
    let described = Kind::ALL
        .into_iter()
        .flat_map(|kind| of_kind(kind).map(move |peer| describe(peer, kind)));
    let mut answers = Answers {
        events: body::EVENTS,
        stream_bytes: body::events().iter().map(String::len).sum(),
        json_bytes: body::completion().len(),
        peers: described.collect(),
        left_out,
        cells: answering.under_load(&able, plan)?,
        first_event: Vec::new(),
        endless: Vec::new(),
    };
    for peer in of_kind(Kind::Stream) {
        progress::show(format_args!("answers: first event, memory: {}", peer.name));
        let running = answering.envoy(peer, Access::NotLogged)?;
        let microseconds = first_event::measure(&running, plan.rounds)
            .with_context(|| format!("first event, {peer:?}"))?;
        answers.first_event.push(FirstEvent {
            peer: peer.name.to_owned(),
            microseconds,
        });
        let memory = endless::measure(&running, plan.endless_bytes)
            .with_context(|| format!("an endless stream, {peer:?}"))?;
        answers.endless.push(Endless {
            peer: peer.name.to_owned(),
            bytes: plan.endless_bytes,
            early_mebibytes: memory.early,
            most_mebibytes: memory.most,
        });
    }
    progress::show(format_args!(""));
    Ok(answers)
}

fn describe(peer: &Peer, kind: Kind) -> AnswerPeer {
    AnswerPeer {
        name: peer.name.to_owned(),
        about: peer.about.to_owned(),
        answer: kind,
        ours: peer.origin == Origin::Ours,
        budget_microseconds: peer.budget(kind),
    }
}

/// Where these measurements take place.
struct Answering<'s> {
    stage: &'s Stage,
    upstream: AnswerUpstream,
}

/// Whether Envoy writes an access log.
#[derive(Clone, Copy)]
enum Access {
    Logged,
    NotLogged,
}

/// What is measured in every round, with its samples by round.
struct Series {
    peer: Peer,
    kind: Kind,
    samples: Vec<Sample>,
}

impl Answering<'_> {
    /// The peers that do their work here, and why the others do not.
    fn able(&self, only: &[String]) -> (Vec<Peer>, Vec<LeftOut>) {
        let chosen = |peer: &&Peer| {
            only.is_empty() || peer.name == NONE || only.iter().any(|name| name == peer.name)
        };
        let (mut able, mut left_out) = (Vec::new(), Vec::new());
        for peer in PEERS.iter().filter(chosen) {
            progress::show(format_args!("answers: trying {}", peer.name));
            match self.obstacle(peer) {
                None => able.push(*peer),
                Some(reason) => {
                    eprintln!("left out of the answers: {peer:?}: {reason}");
                    let name = peer.name.to_owned();
                    left_out.push(LeftOut { name, reason });
                }
            }
        }
        (able, left_out)
    }

    fn obstacle(&self, peer: &Peer) -> Option<String> {
        peer.obstacle(self.stage.release).or_else(|| {
            let error = self.attempt(peer).err()?;
            Some(summary(&format!("{error:#}")).to_owned())
        })
    }

    fn attempt(&self, peer: &Peer) -> Result<()> {
        for kind in Kind::ALL.into_iter().filter(|kind| peer.is_for(*kind)) {
            let running = self.envoy(peer, Access::Logged)?;
            peer.proof.check(&running, kind)?;
        }
        Ok(())
    }

    fn envoy(&self, peer: &Peer, access: Access) -> Result<Running<'_>> {
        let bootstrap = Bootstrap::new().cluster("upstream", self.upstream.address);
        let bootstrap = match access {
            Access::Logged => bootstrap.access_log(LOG_FORMAT),
            Access::NotLogged => bootstrap,
        };
        let ours = (peer.origin == Origin::Ours).then_some(&self.stage.ours);
        self.stage.launch(&peer.add_to(bootstrap), ours)
    }

    /// Round by round, so that what changes on the machine meanwhile meets all alike.
    fn under_load(&self, able: &[Peer], plan: &Plan<'_>) -> Result<Vec<AnswerCell>> {
        let mut all = Vec::new();
        for kind in Kind::ALL {
            for &peer in able.iter().filter(|peer| peer.is_for(kind)) {
                let samples = Vec::new();
                all.push(Series {
                    peer,
                    kind,
                    samples,
                });
            }
        }
        let count = all.len();
        for round in 1..=plan.rounds {
            for (number, series) in (1..).zip(&mut all) {
                let Series { peer, kind, .. } = series;
                progress::show(format_args!(
                    "answers: round {round} of {}, {number} of {count}: {kind}, {}",
                    plan.rounds, peer.name
                ));
                let running = self.envoy(peer, Access::NotLogged)?;
                let sample = Sample::take(&running, &load::get(kind.path()), plan.time);
                let sample = sample.with_context(|| format!("{peer:?}, {kind} answers"))?;
                series.samples.push(sample);
            }
        }
        Ok(all.iter().map(|series| series.cell(&all)).collect())
    }
}

impl Series {
    fn cell(&self, all: &[Self]) -> AnswerCell {
        let mut series = all.iter();
        let none = series.find(|other| other.peer.name == NONE && other.kind == self.kind);
        let none = none.filter(|_| self.peer.name != NONE);
        let spread = |of| Sample::spread(&self.samples, of);
        AnswerCell {
            peer: self.peer.name.to_owned(),
            answer: self.kind,
            answers: self.samples.iter().map(|sample| sample.requests).sum(),
            cpu_microseconds: spread(|sample| sample.cpu_microseconds),
            over_none_microseconds: none.map(|none| Sample::over(&self.samples, &none.samples)),
            answers_per_second: spread(|sample| sample.requests_per_second),
            p99_microseconds: spread(|sample| sample.p99_microseconds),
            peak_memory_mebibytes: spread(|sample| sample.peak_memory_mebibytes),
            envoy_busy: spread(|sample| sample.envoy_busy),
        }
    }
}
