//! Plays many exchanges, and finds out which of them harms Envoy.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::cases::Case;
use super::known::{self, Effect};
use super::rig::{Outcome, Rig, play};
use crate::stage::Stage;

/// How many exchanges are played before Envoy is looked at.
const BATCH: usize = 192;

/// How many are under way at once.
const AT_ONCE: usize = 64;

/// How many an Envoy plays before another takes its place: the upstreams keep what they record.
const SHIFT: usize = 8_000;

/// So many findings are enough to see what is wrong.
const ENOUGH: usize = 40;

/// So many exchanges before a death are shown.
const BEFORE: usize = 8;

/// So often a batch is played anew to find what of it harms Envoy.
const TRIES: usize = 100;

/// What became of some exchanges.
#[derive(Default)]
pub(crate) struct Report {
    played: usize,
    /// Those that Envoy is known not to survive.
    left_out: usize,
    findings: Vec<String>,
    words: BTreeSet<(String, String)>,
    /// Errors that Envoy logged, numbers left out.
    errors: BTreeMap<String, usize>,
}

/// Plays them in order, and fails with what was found.
pub(crate) async fn play_all(stage: &Stage, what: &str, cases: Vec<Case>) -> Result<()> {
    play_some(stage, what, cases, usize::MAX).await?;
    Ok(())
}

/// Plays the first `sample` of them, and gives which words ran in which hooks.
pub(crate) async fn play_some(
    stage: &Stage,
    what: &str,
    mut cases: Vec<Case>,
    sample: usize,
) -> Result<BTreeSet<(String, String)>> {
    let started = Instant::now();
    let product = cases.len();
    cases.truncate(sample);
    let mut report = Report::default();
    cases.retain_mut(|case| match known::effect(stage, case) {
        Some(Effect::Dies) => {
            report.left_out += 1;
            false
        }
        Some(Effect::Hangs) => {
            case.ends = false;
            true
        }
        None => true,
    });
    let mut rig = Rig::start(stage).await?;
    let mut since_start = 0;
    for batch in cases.chunks(BATCH) {
        if report.findings.len() >= ENOUGH {
            break;
        }
        if since_start >= SHIFT {
            report.words.extend(rig.words().await?);
            rig = Rig::start(stage).await?;
            since_start = 0;
        }
        let mut troubled = play_batch(&mut rig, batch, &mut report).await?;
        report.played += batch.len();
        since_start += batch.len();
        if report.played % (BATCH * 50) < BATCH {
            eprintln!(
                "{} {what}: {} of {}",
                stage.release,
                report.played,
                cases.len()
            );
        }
        if troubled.problems.is_empty() && troubled.hung.is_empty() {
            continue;
        }
        if !troubled.problems.is_empty() {
            rig = Rig::start(stage).await?;
            since_start = 0;
            troubled.hung = batch.to_vec();
        }
        let before = report.findings.len();
        single_out(stage, &mut rig, &troubled, &mut report).await?;
        if report.findings.len() == before && !troubled.problems.is_empty() {
            let (few, problems) = narrow(stage, troubled, &mut report).await?;
            let few: Vec<_> = few.iter().map(ToString::to_string).collect();
            report.find(format!(
                "only together:\n  {}\n    {}",
                few.join("\n  "),
                problems.join("\n    ")
            ));
            rig = Rig::start(stage).await?;
        }
    }
    report.words.extend(rig.words().await?);
    report.show(stage, what, product, started.elapsed());
    ensure!(
        report.findings.is_empty(),
        "{} findings\n{}",
        report.findings.len(),
        report.findings.join("\n")
    );
    Ok(report.words)
}

/// Plays some, so many times, and shows the log.
pub(crate) async fn play_named(stage: &Stage, cases: &[Case], times: usize) -> Result<()> {
    let level = if times == 1 { "debug" } else { "error" };
    let mut rig = Rig::start_with(stage, level).await?;
    let batch: Vec<Case> = (0..times).flat_map(|_| cases.to_vec()).collect();
    let mut report = Report::default();
    let troubled = play_batch(&mut rig, &batch, &mut report).await?;
    sleep(Duration::from_millis(300)).await;
    let status = rig.envoy.exit_status()?;
    let words = rig.words().await.unwrap_or_default();
    eprintln!(
        "{}\n{} hung, {status:?}, {words:?}",
        rig.envoy.log(),
        troubled.hung.len()
    );
    ensure!(
        status.is_none() && troubled.hung.is_empty(),
        "{:?}",
        troubled.problems
    );
    Ok(())
}

/// What a batch did.
struct Troubled {
    /// Those that should have ended.
    hung: Vec<Case>,
    /// What is wrong with Envoy since.
    problems: Vec<String>,
}

async fn play_batch(rig: &mut Rig, batch: &[Case], report: &mut Report) -> Result<Troubled> {
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    let mut playing = JoinSet::new();
    for case in batch.iter().cloned() {
        let permit = Arc::clone(&permits).acquire_owned().await?;
        let address = rig.address(case.listener())?;
        playing.spawn(async move {
            let outcome = play(&case, address).await;
            drop(permit);
            (outcome == Outcome::Hung).then_some(case)
        });
    }
    let hung = playing.join_all().await.into_iter().flatten().collect();
    let problems = look_at(rig, report).await;
    Ok(Troubled { hung, problems })
}

/// The smallest part found of a batch that still harms Envoy when it is played at once, on an Envoy of its own.
async fn narrow(
    stage: &Stage,
    troubled: Troubled,
    report: &mut Report,
) -> Result<(Vec<Case>, Vec<String>)> {
    let (mut few, mut problems) = (troubled.hung, troubled.problems);
    // Should this take too long, so much is known.
    eprintln!(
        "narrowing {} exchanges: {}",
        few.len(),
        problems.join("\n    ")
    );
    let (mut parts, mut tries) = (2, 0);
    while few.len() > 1 && tries < TRIES {
        let size = few.len().div_ceil(parts);
        let mut smaller = None;
        for at in (0..few.len()).step_by(size) {
            // All but a part: what takes more than one comes in any order.
            let rest: Vec<Case> = [&few[..at], &few[(at + size).min(few.len())..]].concat();
            for _again in 0..3 {
                tries += 1;
                let mut rig = Rig::start(stage).await?;
                let found = play_batch(&mut rig, &rest, report).await?.problems;
                if !found.is_empty() {
                    smaller = Some((rest.clone(), found));
                    break;
                }
            }
            if smaller.is_some() || tries >= TRIES {
                break;
            }
        }
        match smaller {
            Some(smaller) => {
                (few, problems) = smaller;
                parts = 2;
            }
            None if size == 1 || tries >= TRIES => break,
            None => parts *= 2,
        }
    }
    Ok((few, problems))
}

/// What is wrong with Envoy.
async fn look_at(rig: &mut Rig, report: &mut Report) -> Vec<String> {
    let mut problems = Vec::new();
    if let Err(error) = rig.answers().await {
        problems.push(format!("{error:#}"));
        // A death takes a moment to show.
        sleep(Duration::from_millis(300)).await;
    }
    match rig.envoy.exit_status() {
        Ok(None) => {}
        Ok(Some(status)) => problems.push(format!("died: {status}")),
        Err(error) => problems.push(format!("{error:#}")),
    }
    for line in rig.new_lines() {
        if is_harmful(&line) {
            problems.push(line);
        } else if line.contains("][error]") {
            *report.errors.entry(without_numbers(&line)).or_default() += 1;
        }
    }
    problems.truncate(30);
    problems
}

/// Plays them again one by one, and adds each that harms Envoy or hangs to the findings.
async fn single_out(
    stage: &Stage,
    rig: &mut Rig,
    troubled: &Troubled,
    report: &mut Report,
) -> Result<()> {
    for (at, case) in troubled.hung.iter().enumerate() {
        let outcome = play(case, rig.address(case.listener())?).await;
        sleep(Duration::from_millis(5)).await;
        let mut problems = look_at(rig, report).await;
        if outcome == Outcome::Hung {
            problems.push("hung".to_owned());
        }
        if problems.is_empty() {
            continue;
        }
        let mut text = format!("{case}\n    {}", problems.join("\n    "));
        if !rig.envoy.is_alive() {
            // An event may be due a while after its exchange.
            let before = &troubled.hung[at.saturating_sub(BEFORE)..at];
            for case in before.iter().rev() {
                let _infallible = write!(text, "\n  after {case}");
            }
            *rig = Rig::start(stage).await?;
        }
        report.find(text);
        if report.findings.len() >= ENOUGH {
            break;
        }
    }
    Ok(())
}

/// Whether a line of the log is one that no script may bring about.
fn is_harmful(line: &str) -> bool {
    let line = line.to_lowercase();
    let signs = [
        "[critical]",
        "assert",
        "envoy bug",
        "not on purpose",
        "backtrace",
    ];
    signs.iter().any(|sign| line.contains(sign))
}

fn without_numbers(line: &str) -> String {
    let text = line.splitn(5, ']').last().unwrap_or(line);
    let mut short: String = text
        .chars()
        .map(|char| if char.is_ascii_digit() { '#' } else { char })
        .collect();
    short.truncate(160.min(short.len()));
    short
}

impl Report {
    /// Shown at once: a long run may be ended before its end.
    fn find(&mut self, finding: String) {
        eprintln!("found: {finding}");
        self.findings.push(finding);
    }

    fn show(&self, stage: &Stage, what: &str, product: usize, took: Duration) {
        let mut text = format!(
            "{} {what}: {} of {product} exchanges, {} left out, {} words in hooks, {} findings, in {took:.1?}\n",
            stage.release,
            self.played,
            self.left_out,
            self.words.len(),
            self.findings.len(),
        );
        for (line, count) in &self.errors {
            let _infallible = writeln!(text, "  {count} x {line}");
        }
        eprint!("{text}");
    }
}
