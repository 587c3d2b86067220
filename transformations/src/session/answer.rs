//! An answer that is read for its fields as it passes, whatever else is done to it, and settled once.

use std::rc::Rc;
use std::sync::Arc;

use super::exchange::Exchange;
use super::host::Host;
use super::run::{self, Condition, Running};
use super::{Action, Session};
use crate::fields::answer::{Ending, Reading, Wants};
use crate::headers::Snapshot;
use crate::languages::Values;
use crate::ops::Direction;
use crate::program::Program;
use crate::rejection::Rejection;

/// How far an answer is from being settled.
#[derive(Debug, Default)]
pub(super) enum Account {
    /// Nothing of it is read.
    #[default]
    Closed,
    /// It is on its way.
    Open(Box<Answer>),
}

/// An answer on its way.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) reading: Reading,
    pub(super) fields: Fields,
    /// Whether the usage is asked for that no field is taken of.
    counts_usage: bool,
}

/// What becomes of the fields of the answer.
#[derive(Debug)]
pub(super) enum Fields {
    /// There are none, or they have been settled.
    Settled,
    /// It depends on the body whether the pass does anything.
    Undecided(Box<Beginning>),
    /// They are settled when the answer ends.
    Expected(Box<Beginning>),
}

/// What fields take of an answer when it begins.
#[derive(Debug)]
pub(super) struct Beginning {
    /// The headers as they arrived.
    pub(super) headers: Rc<Snapshot>,
    /// What the expressions of the fields give, unless they read the body.
    pub(super) values: Values,
}

impl Answer {
    /// What the answer is read for.
    pub(super) fn wants<'p>(&self, program: &'p Program) -> Wants<'p> {
        match program.pass(Direction::Response) {
            Some(pass) if !pass.extraction.is_empty() => pass.extraction.wants(self.counts_usage),
            _ => Wants::usage(),
        }
    }
}

impl Exchange {
    /// Whether an answer is on its way that is read.
    #[inline]
    pub(super) fn reads_answer(&self) -> bool {
        matches!(self.account, Account::Open(_))
    }

    /// Whether nothing that may follow matters to the fields of the answer.
    pub(super) fn has_read_answer(&self) -> bool {
        match &self.account {
            Account::Closed => true,
            Account::Open(answer) => {
                answer.reading.is_over() && matches!(answer.fields, Fields::Settled)
            }
        }
    }

    /// Whether fields of the answer are still to come.
    pub(super) fn awaits_fields(&self) -> bool {
        match &self.account {
            Account::Closed => false,
            Account::Open(answer) => !matches!(answer.fields, Fields::Settled),
        }
    }

    /// The fields are settled, or there are none after all.
    pub(super) fn close_fields(&mut self) {
        if let Account::Open(answer) = &mut self.account {
            answer.fields = Fields::Settled;
        }
    }
}

impl Session {
    /// Whether an answer is read as it passes.
    #[inline]
    pub(super) fn accounts(&self) -> bool {
        let pass = self.program.pass(Direction::Response);
        self.listener.counts_usage() || pass.is_some_and(|pass| !pass.extraction.is_empty())
    }

    /// Begins to read an answer of which the headers have arrived; `end`: nothing follows. Returns the
    /// pass to run; `None`: there is none, or its condition does not hold.
    ///
    /// # Errors
    ///
    /// What to put in the answer's place where its condition fails.
    #[inline(never)]
    pub(super) fn begin_answer(
        &mut self,
        host: &mut dyn Host,
        end: bool,
        mut running: Running,
    ) -> Result<Option<Running>, Box<Rejection>> {
        let program = Arc::clone(&self.program);
        let pass = program.pass(Direction::Response);
        let mut fields = Fields::Settled;
        let mut applies = pass.is_some();
        if let Some(pass) = pass.filter(|pass| !pass.extraction.is_empty()) {
            self.exchange.extracted.get_or_insert_default();
            match run::condition(pass, host, &self.exchange) {
                Condition::Fails(failures) => {
                    host.report(&failures);
                    if let Some(rejection) = pass.rejection(&failures) {
                        return Err(rejection);
                    }
                    applies = false;
                }
                condition => {
                    running.condition_holds = matches!(condition, Condition::Holds);
                    let beginning = Box::new(run::beginning(pass, host, &self.exchange));
                    fields = if running.condition_holds || pass.when.is_none() {
                        Fields::Expected(beginning)
                    } else {
                        Fields::Undecided(beginning)
                    };
                }
            }
        }
        let counts_usage = self.listener.counts_usage();
        if counts_usage || !matches!(fields, Fields::Settled) {
            let mut answer = Answer {
                reading: Reading::default(),
                fields,
                counts_usage,
            };
            let bodiless = end || self.becomes_tunnel(host);
            if !bodiless {
                let wants = answer.wants(&program);
                answer.reading = wants.begin(host, &program.limits().of_bodies());
            }
            self.exchange.account = Account::Open(Box::new(answer));
        }
        Ok(applies.then_some(running))
    }

    /// Reads what has arrived of an answer before anything is done to it, and settles it at its end.
    #[inline(never)]
    pub(super) fn account(&mut self, host: &mut dyn Host, end: bool) -> Action {
        let direction = Direction::Response;
        if let Account::Open(answer) = &mut self.exchange.account {
            let wants = answer.wants(&self.program);
            wants.read(
                &mut answer.reading,
                &self.response_shown.fresh(host, direction),
            );
            if end {
                wants.end(&mut answer.reading, Ending::Whole);
            }
        }
        let action = self.advance(host, direction, end);
        if end || matches!(action, Action::Answer(_) | Action::Reset(_)) {
            self.settle(host);
        }
        action
    }

    /// Settles the answer, if it is on its way: if it has not ended, it has broken off.
    #[inline(never)]
    pub(super) fn settle(&mut self, host: &mut dyn Host) {
        let Account::Open(mut answer) = std::mem::take(&mut self.exchange.account) else {
            return;
        };
        let wants = answer.wants(&self.program);
        wants.end(&mut answer.reading, Ending::BrokenOff);
        self.exchange.usage = wants.usage_of(&answer.reading);
        if let (Fields::Expected(beginning), Some(pass)) =
            (answer.fields, self.program.pass(Direction::Response))
        {
            let failures = run::settle(pass, host, &mut self.exchange, &answer.reading, *beginning);
            if !failures.is_empty() {
                host.report(&failures);
            }
        }
    }
}
