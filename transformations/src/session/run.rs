//! One pass over one message, in the order that kgateway fixed: condition, extract, edits, route cache.

use std::mem;
use std::rc::Rc;

use super::answer::{Account, Beginning, Fields};
use super::exchange::Exchange;
use super::host::Host;
use crate::config::OnFailure;
use crate::edits::patch::{Declared, Stream};
use crate::edits::{Before, Editing, Rule};
use crate::extent::Extent;
use crate::failure::{Failure, Outcome, Reason};
use crate::fields::{self, Reading};
use crate::headers::Snapshot;
use crate::languages::{BodyCache, ExpressionId, Phase, Seen, Values};
use crate::note::Note;
use crate::ops::{Direction, TransformationOps};
use crate::program::{Pass, Turn};
use crate::rejection::Rejection;

/// A pass over one message, before it runs.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) turn: Turn,
    pub(super) extent: Extent,
    /// What the headers say, if the extent comes of it: of few passes, and what runs is moved.
    pub(super) declared: Option<Box<Declared>>,
    /// The condition is known to hold.
    pub(super) condition_holds: bool,
    /// What was read of the request's body as it arrived; after the run, what still watches it.
    pub(super) reading: Option<Reading>,
}

impl Running {
    /// A pass of which the headers have arrived.
    pub(super) fn new(turn: Turn) -> Self {
        Self {
            turn,
            extent: Extent::Headers,
            declared: None,
            condition_holds: false,
            reading: None,
        }
    }
}

/// How a pass ended.
#[derive(Debug, Default)]
pub(super) struct Ended {
    /// What went wrong, in order.
    pub(super) failures: Vec<Failure>,
    /// What is done to the documents of a stream.
    pub(super) stream: Option<Box<Stream>>,
    /// Whether the host has to choose the route again.
    pub(super) chooses_route: bool,
    /// How many of the failures are those of fields; `None`: nothing was extracted.
    pub(super) field_failures: Option<usize>,
}

/// What the condition of a pass says before the body arrives.
#[derive(Debug)]
pub(super) enum Condition {
    /// It reads the body, or there is none.
    Open,
    Holds,
    /// It does not hold, and why if that is a failure.
    Fails(Vec<Failure>),
}

/// A pass going on.
struct Run<'r> {
    pass: &'r Pass,
    ops: &'r mut dyn TransformationOps,
    outcome: Outcome,
}

/// What the condition says before the body arrives. What was found out is not asked again.
#[inline]
pub(super) fn condition(pass: &Pass, host: &mut dyn Host, exchange: &Exchange) -> Condition {
    let reads_body = |phase| pass.expressions.phase_reads_body(phase, pass.direction);
    if pass.when.is_none() || reads_body(Phase::Condition) {
        return Condition::Open;
    }
    match Run::new(pass, host).ruled_out(exchange) {
        Some(mut outcome) => {
            make_known(pass, host, &mut outcome);
            Condition::Fails(outcome.failures)
        }
        None => Condition::Holds,
    }
}

/// What the fields of an answer take of it when it begins.
pub(super) fn beginning(pass: &Pass, host: &mut dyn Host, exchange: &Exchange) -> Beginning {
    let run = Run::new(pass, host);
    let message = run.snapshot(exchange);
    let reads_body = |phase| pass.expressions.phase_reads_body(phase, pass.direction);
    let values = if reads_body(Phase::Extraction) {
        Values::default()
    } else {
        run.values(
            Phase::Extraction,
            exchange,
            &message,
            false,
            &BodyCache::default(),
        )
    };
    Beginning {
        headers: message.unwrap_or_default(),
        values,
    }
}

/// Settles the fields of an answer that has gone on, and what waited for them.
pub(super) fn settle(
    pass: &Pass,
    host: &mut dyn Host,
    exchange: &mut Exchange,
    reading: &fields::answer::Reading,
    beginning: Beginning,
) -> Vec<Failure> {
    let mut run = Run::new(pass, host);
    run.settle(exchange, reading, beginning);
    let mut outcome = run.outcome;
    make_known(pass, host, &mut outcome);
    outcome.failures
}

/// Transforms one message.
///
/// # Errors
///
/// The answer in place of the message.
pub(super) fn run(
    pass: &Pass,
    host: &mut dyn Host,
    exchange: &mut Exchange,
    running: &mut Running,
    ended: &mut Ended,
) -> Result<(), Box<Rejection>> {
    let mut run = Run::new(pass, host);
    let ran = run.steps(exchange, running, ended);
    let mut outcome = run.outcome;
    if ended.chooses_route && ran.is_ok() {
        outcome.note(|| Note::RouteChosenAgain);
    }
    make_known(pass, host, &mut outcome);
    ended.failures = outcome.failures;
    ran?;
    pass.rejection(&ended.failures).map_or(Ok(()), Err)
}

/// Looks at the rules that headers decide, while the body is still to come. A rule that says nothing yet is
/// asked again with the others.
///
/// # Errors
///
/// The answer in place of the message, and what went wrong on the way to it.
pub(super) fn early_rules(
    pass: &Pass,
    host: &mut dyn Host,
    exchange: &Exchange,
) -> Result<(), (Box<Rejection>, Vec<Failure>)> {
    let rules = pass.early_rules();
    if rules.is_empty() {
        return Ok(());
    }
    let mut run = Run::new(pass, host);
    let message = run.snapshot(exchange);
    let cache = BodyCache::default();
    let ruled = run.rules(rules, exchange, Extent::Headers, &message, &cache);
    let mut outcome = run.outcome;
    ruled.map_err(|rejection| {
        make_known(pass, host, &mut outcome);
        (rejection, outcome.failures)
    })
}

/// Hands over what was noted, if anybody watches.
#[inline(always)]
fn make_known(pass: &Pass, host: &mut dyn Host, outcome: &mut Outcome) {
    if let Some(notes) = outcome.take_notes()
        && !notes.is_empty()
    {
        host.note(pass.direction, &notes);
    }
}

impl<'r> Run<'r> {
    fn new(pass: &'r Pass, host: &'r mut dyn Host) -> Self {
        Self {
            pass,
            outcome: Outcome::new(host.watches()),
            ops: host,
        }
    }

    /// What the condition has to say before the body arrives, if it does not hold.
    fn ruled_out(mut self, exchange: &Exchange) -> Option<Outcome> {
        let when = self.pass.when?;
        let message = self.snapshot(exchange);
        let cache = BodyCache::default();
        let values = self.values(Phase::Condition, exchange, &message, false, &cache);
        (!self.holds(when, &values)).then_some(self.outcome)
    }

    /// Runs the pass, step by step.
    ///
    /// # Errors
    ///
    /// The answer in place of the message.
    fn steps(
        &mut self,
        exchange: &mut Exchange,
        running: &mut Running,
        ended: &mut Ended,
    ) -> Result<(), Box<Rejection>> {
        let pass = self.pass;
        let cache = BodyCache::default();
        // Before any change: templates see the message as it arrived.
        let edits = !pass.edits.is_empty();
        if running.extent == Extent::TooLong {
            self.too_long();
        }
        let message = if edits || !pass.expressions.is_empty() {
            let message = self.snapshot(exchange);
            if !self.applies(exchange, running, &message, &cache) {
                running.reading = None;
                exchange.close_fields();
                return Ok(());
            }
            message
        } else {
            None
        };
        if running.turn == Turn::First && !pass.extraction.is_empty() {
            let before = self.outcome.failures.len();
            let extracted = match pass.direction {
                Direction::Request => self.extract(exchange, running, &message, &cache),
                Direction::Response => self.extract_answer(exchange, running, &message, &cache),
            };
            ended.field_failures = Some(self.outcome.failures.len().saturating_sub(before));
            extracted?;
        }
        if !pass.edits.reject.is_empty() {
            self.rules(
                &pass.edits.reject,
                exchange,
                running.extent,
                &message,
                &cache,
            )?;
        }
        if edits {
            ended.stream = self.edit(exchange, running, message, &cache)?;
        }
        ended.chooses_route = pass.clear_route_cache && running.turn == Turn::First;
        Ok(())
    }

    /// Whether the condition of the pass holds.
    #[inline(never)]
    fn applies(
        &mut self,
        exchange: &Exchange,
        running: &Running,
        message: &Option<Rc<Snapshot>>,
        cache: &BodyCache,
    ) -> bool {
        let Some(when) = self.pass.when else {
            return true;
        };
        match running.extent {
            _ if running.condition_holds => {
                self.note_condition(true);
                true
            }
            Extent::TooLong => false, // it reads the body, or it would be known
            extent => {
                let whole = extent == Extent::Whole;
                let values = self.values(Phase::Condition, exchange, message, whole, cache);
                self.holds(when, &values)
            }
        }
    }

    fn extract(
        &mut self,
        exchange: &mut Exchange,
        running: &mut Running,
        message: &Option<Rc<Snapshot>>,
        cache: &BodyCache,
    ) -> Result<(), Box<Rejection>> {
        let whole = running.extent == Extent::Whole;
        let values = self.values(Phase::Extraction, exchange, message, whole, cache);
        let extracted = self.pass.extraction.run(
            self.ops,
            &mut running.reading,
            &exchange.content,
            running.extent,
            &values,
            &mut self.outcome,
        )?;
        exchange.extracted = Some(extracted);
        Ok(())
    }

    /// Settles the fields of an answer that has arrived whole, or has nothing to read. Those of any
    /// other are settled when it ends.
    ///
    /// # Errors
    ///
    /// The answer in place of the message.
    #[inline(never)]
    fn extract_answer(
        &mut self,
        exchange: &mut Exchange,
        running: &Running,
        message: &Option<Rc<Snapshot>>,
        cache: &BodyCache,
    ) -> Result<(), Box<Rejection>> {
        let extraction = &self.pass.extraction;
        extraction.remove_headers(self.ops);
        let Account::Open(answer) = &mut exchange.account else {
            return Ok(());
        };
        let fields = mem::replace(&mut answer.fields, Fields::Settled);
        let (Fields::Undecided(beginning) | Fields::Expected(beginning)) = fields else {
            return Ok(());
        };
        if !answer.reading.is_over() {
            // What it would have said cannot be waited for.
            if running.extent == Extent::TooLong && extraction.rejects() {
                return Err(Rejection::too_long_answer());
            }
            answer.fields = Fields::Expected(beginning);
            return Ok(());
        }
        let phase_reads = self
            .pass
            .expressions
            .phase_reads_body(Phase::Extraction, self.pass.direction);
        let Account::Open(answer) = &exchange.account else {
            return Ok(());
        };
        let whole = running.extent == Extent::Whole;
        let evaluated =
            phase_reads.then(|| self.values(Phase::Extraction, exchange, message, whole, cache));
        let values = evaluated.as_ref().unwrap_or(&beginning.values);
        let found = extraction.settle_answer(
            self.ops,
            &answer.reading,
            &beginning.headers,
            true,
            values,
            &mut self.outcome,
        )?;
        exchange.extracted.get_or_insert_default().extend(found);
        Ok(())
    }

    /// Settles the fields of an answer that has gone on, and what waited for them.
    fn settle(
        &mut self,
        exchange: &mut Exchange,
        reading: &fields::answer::Reading,
        beginning: Beginning,
    ) {
        let Beginning { headers, values } = beginning;
        let found = self.pass.extraction.settle_answer(
            self.ops,
            reading,
            &headers,
            false,
            &values,
            &mut self.outcome,
        );
        // It cannot be rejected any more.
        exchange
            .extracted
            .get_or_insert_default()
            .extend(found.unwrap_or_default());
        let mut entries = self.pass.edits.metadata.iter();
        if !entries.any(|entry| entry.awaits_answer) {
            return;
        }
        let message = Some(headers);
        let values = self.values(
            Phase::Edits,
            exchange,
            &message,
            false,
            &BodyCache::default(),
        );
        let before = self.before(exchange, message, values);
        self.editing(&BodyCache::default()).settle(before);
    }

    /// Looks for a rule that holds.
    ///
    /// # Errors
    ///
    /// The answer in place of the message.
    #[inline(never)]
    fn rules(
        &mut self,
        rules: &[Rule],
        exchange: &Exchange,
        extent: Extent,
        message: &Option<Rc<Snapshot>>,
        cache: &BodyCache,
    ) -> Result<(), Box<Rejection>> {
        let direction = self.pass.direction;
        let whole = extent == Extent::Whole;
        let decided = self.values(Phase::Rules, exchange, message, whole, cache);
        for rule in rules {
            if extent == Extent::TooLong
                && self.pass.expressions.reads_body_in(rule.when, direction)
            {
                continue; // that it is too long is counted
            }
            match decided.holds(rule.when) {
                Ok(false) => {}
                Ok(true) => {
                    self.outcome.note(|| Note::Rule(rule.path.clone()));
                    let values = self.values(Phase::Edits, exchange, message, whole, cache);
                    let before = self.before(exchange, message.clone(), values);
                    return Err(self.editing(cache).rejection(rule, before, whole));
                }
                Err((reason, detail)) => {
                    self.outcome
                        .fail(reason, &format!("{}.when", rule.path), detail);
                    if self.pass.on_failure == Some(OnFailure::Reject) {
                        return Err(Rejection::failed(direction, reason));
                    }
                }
            }
        }
        Ok(())
    }

    /// Makes the edits. Apart from the rest: a pass that only extracts is the common one, and is
    /// through before the processor has fetched all this.
    #[inline(never)]
    fn edit(
        &mut self,
        exchange: &Exchange,
        running: &mut Running,
        message: Option<Rc<Snapshot>>,
        cache: &BodyCache,
    ) -> Result<Option<Box<Stream>>, Box<Rejection>> {
        let whole = running.extent == Extent::Whole;
        let values = self.values(Phase::Edits, exchange, &message, whole, cache);
        let before = self.before(exchange, message, values);
        let mut editing = self.editing(cache);
        editing.run(
            before,
            running.extent,
            running.declared.take().map(|declared| *declared),
        )
    }

    fn editing<'e>(&'e mut self, cache: &'e BodyCache) -> Editing<'e> {
        let pass = self.pass;
        Editing {
            direction: pass.direction,
            edits: &pass.edits,
            on_failure: pass.on_failure,
            expressions: &pass.expressions,
            limits: &pass.limits,
            cache,
            ops: self.ops,
            outcome: &mut self.outcome,
        }
    }

    /// The exchange as it is before the edits.
    fn before<'e>(
        &self,
        exchange: &'e Exchange,
        message: Option<Rc<Snapshot>>,
        values: Values,
    ) -> Before<'e> {
        Before {
            request: exchange.request.as_ref(),
            message,
            extracted: exchange.extracted.as_ref(),
            values,
            head: exchange.head,
            awaits_answer: exchange.awaits_fields(),
        }
    }

    /// Counts a body that is longer than may be held.
    fn too_long(&mut self) {
        let pass = self.pass;
        let path = pass.edits.body_path().unwrap_or(pass.direction.as_str());
        let detail = "the body is longer than may be held here; raise limits.maxHeldBytes";
        self.outcome.fail(Reason::Limit, path, detail);
    }

    /// The values of the expressions of a phase.
    #[inline]
    fn values(
        &self,
        phase: Phase,
        exchange: &Exchange,
        message: &Option<Rc<Snapshot>>,
        whole: bool,
        cache: &BodyCache,
    ) -> Values {
        if self.pass.expressions.has(phase) {
            self.evaluated(phase, exchange, message, whole, cache)
        } else {
            Values::default()
        }
    }

    #[inline(never)]
    fn evaluated(
        &self,
        phase: Phase,
        exchange: &Exchange,
        message: &Option<Rc<Snapshot>>,
        whole: bool,
        cache: &BodyCache,
    ) -> Values {
        let expressions = &self.pass.expressions;
        let none = Snapshot::default();
        let message = message.as_deref().unwrap_or(&none);
        let seen = Seen {
            ops: self.ops,
            direction: self.pass.direction,
            whole,
            request: exchange.request.as_deref().unwrap_or(&none),
            response: message,
            extracted: exchange.extracted.as_ref(),
            expressions,
            cache,
        };
        seen.evaluate(phase)
    }

    /// Whether the pass does anything. A condition that fails does not hold.
    fn holds(&mut self, when: ExpressionId, values: &Values) -> bool {
        let holds = values.holds(when).unwrap_or_else(|(reason, detail)| {
            let path = format!("{}.when", self.pass.direction.as_str());
            self.outcome.fail(reason, &path, detail);
            false
        });
        self.note_condition(holds);
        holds
    }

    fn note_condition(&mut self, holds: bool) {
        let direction = self.pass.direction;
        let note = || Note::Condition { direction, holds };
        self.outcome.note(note);
    }

    fn snapshot(&self, exchange: &Exchange) -> Option<Rc<Snapshot>> {
        let direction = self.pass.direction;
        if direction == Direction::Request {
            return exchange.request.clone();
        }
        let needed = &self.pass.needs.message;
        (!needed.is_empty()).then(|| Rc::new(Snapshot::take(self.ops, direction, needed)))
    }
}
