//! What to do to one message, compiled.

use bodies::coding::Coding;
use bodies::json::Selection;

use crate::config::{BodyMode, DynamicMetadata, ParseAs};
use crate::content;
use crate::exchange::Exchange;
use crate::extract::{Extraction, Reading};
use crate::failure::{Failure, Outcome, Reason, Reply};
use crate::jinja::Template;
use crate::limits::Limits;
use crate::needs::Needs;
use crate::ops::{Direction, TransformationOps};
use crate::patch::{self, Content, Events, Fit, Passage, Patch};

use super::expressions::{Expressions, Phase};
use super::run::Run;

/// How much of a message there is to work on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// The headers, and the whole body in the host's buffer.
    Whole,
    /// The headers, and what has been read of the body, which goes on before its end.
    Begun,
    /// The headers alone: the body is not read and not touched.
    Headers,
    /// The headers; the body follows piece by piece, through [`Pass::edit_events`].
    Events,
    /// The headers, of a body that is longer than may be held: what needs it is left out.
    TooLong,
}

/// Whose pass it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// That of the program which the exchange began with.
    First,
    /// That of the route which was chosen again. The fields are extracted and the route is settled.
    Rerouted,
}

/// A pass over one message, before it runs.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) turn: Turn,
    pub(crate) extent: Extent,
    /// The condition is known to hold.
    pub(crate) condition_holds: bool,
    /// What was read of the request's body as it arrived; after the run, what still watches it.
    pub(crate) reading: Option<Reading>,
}

impl Running {
    /// A pass of which the headers have arrived.
    pub(crate) fn new(turn: Turn) -> Self {
        Self {
            turn,
            extent: Extent::Headers,
            condition_holds: false,
            reading: None,
        }
    }
}

/// How a pass ended.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    /// What went wrong, in order.
    pub(crate) failures: Vec<Failure>,
    /// What is done to the events of an answer.
    pub(crate) events: Option<Box<Events>>,
    /// Whether the host has to choose the route again.
    pub(crate) chooses_route: bool,
}

/// What the condition of a pass says before the body arrives.
#[derive(Debug)]
pub(crate) enum Condition {
    /// It reads the body, or there is none.
    Open,
    Holds,
    /// It does not hold, and why if that is a failure.
    Fails(Vec<Failure>),
}

/// What to do to one message, compiled.
#[derive(Debug)]
pub(crate) struct Pass {
    pub(crate) direction: Direction,
    /// The number of the expression that says whether the pass does anything.
    pub(crate) when: Option<usize>,
    pub(crate) extraction: Extraction,
    pub(crate) parse_as: ParseAs,
    pub(crate) body: Option<Body>,
    pub(crate) patch: Option<Patch>,
    pub(crate) set: Vec<Header>,
    pub(crate) add: Vec<Header>,
    pub(crate) remove: Vec<String>,
    pub(crate) metadata: Vec<Metadata>,
    pub(crate) clear_route_cache: bool,
    pub(crate) body_mode: BodyMode,
    pub(crate) needs: Needs,
    /// What templates name of a JSON body.
    pub(crate) document: Selection,
    pub(crate) expressions: Expressions,
    pub(crate) limits: Limits,
}

/// What a value is made by.
#[derive(Debug)]
pub(crate) enum Formula {
    Template(Template),
    /// The number of an expression.
    Expression(usize),
}

impl Formula {
    pub(crate) fn template(&self) -> Option<&Template> {
        match self {
            Formula::Template(template) => Some(template),
            Formula::Expression(_) => None,
        }
    }

    pub(crate) fn template_mut(&mut self) -> Option<&mut Template> {
        match self {
            Formula::Template(template) => Some(template),
            Formula::Expression(_) => None,
        }
    }
}

/// The new body.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) path: String,
    pub(crate) formula: Formula,
    /// Whether the text says `body()`: only then does the function return anything.
    pub(crate) reads_text: bool,
    /// Whether the text says `context()`: only then does the function return anything.
    pub(crate) reads_context: bool,
}

/// A header edit.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) path: String,
    /// In lower case.
    pub(crate) name: String,
    /// `None`: an empty value.
    pub(crate) formula: Option<Formula>,
}

/// A dynamic metadata entry.
#[derive(Debug)]
pub(crate) struct Metadata {
    pub(crate) path: String,
    pub(crate) namespace: String,
    pub(crate) key: String,
    pub(crate) formula: Formula,
}

impl Pass {
    /// Whether the pass does nothing to any message.
    pub(crate) fn is_empty(&self) -> bool {
        self.extraction.is_empty()
            && self.parse_as == ParseAs::AsString
            && !self.edits()
            && !self.clear_route_cache
    }

    /// Whether the pass does more than extract fields.
    pub(crate) fn edits(&self) -> bool {
        self.parse_as == ParseAs::AsJson
            || self.body.is_some()
            || self.patch.is_some()
            || !self.set.is_empty()
            || !self.add.is_empty()
            || !self.remove.is_empty()
            || !self.metadata.is_empty()
    }

    /// Whether the body of the message is read.
    pub(crate) fn reads_body(&self, turn: Turn) -> bool {
        match self.parse_as {
            ParseAs::None => false,
            ParseAs::AsJson => true,
            ParseAs::AsString => {
                self.body.is_some()
                    || self.patch.is_some()
                    || self.reads_as_it_arrives(turn)
                    || self.expressions.reads_body(self.direction)
            }
        }
    }

    /// Whether fields are looked for in the body as it arrives.
    pub(crate) fn reads_as_it_arrives(&self, turn: Turn) -> bool {
        turn == Turn::First && self.extraction.reads_body()
    }

    /// Whether the message goes on as soon as its fields are known, not only at its end.
    pub(crate) fn streams(&self, turn: Turn) -> bool {
        self.body_mode == BodyMode::Streamed && self.reads_as_it_arrives(turn)
    }

    /// Whether the body is read for nothing but to edit its JSON.
    pub(crate) fn only_patches(&self) -> bool {
        self.patch.is_some()
            && !self.extraction.reads_body()
            && !self.expressions.reads_body(self.direction)
    }

    /// What the condition says before the body arrives. What was found out is not asked again.
    pub(crate) fn condition(
        &self,
        ops: &mut dyn TransformationOps,
        exchange: &Exchange,
    ) -> Condition {
        if self.when.is_none()
            || self
                .expressions
                .phase_reads_body(Phase::Condition, self.direction)
        {
            return Condition::Open;
        }
        match Run::new(self, ops).ruled_out(exchange) {
            Some(outcome) => Condition::Fails(outcome.failures),
            None => Condition::Holds,
        }
    }

    /// How much of a message, whose body is read and still to come, the pass works on. A response
    /// that is only patched is held if it may be JSON; events are edited as they pass.
    pub(crate) fn extent(&self, ops: &dyn TransformationOps) -> Extent {
        if !self.only_patches() {
            return Extent::Whole;
        }
        let coding = content::coding(ops, self.direction);
        match patch::content(ops, self.direction) {
            Content::Json | Content::Multipart(_) if coding != Some(Coding::Unknown) => {
                Extent::Whole
            }
            Content::Events if coding.is_none() => Extent::Events,
            _ => Extent::Headers,
        }
    }

    /// Edits the next bytes of a stream of events; `end`: they are the last. Returns what goes on
    /// in their place; an event that has not arrived whole is held.
    pub(crate) fn edit_events(
        &self,
        events: &mut Events,
        chunks: &[&[u8]],
        end: bool,
    ) -> Option<(Vec<u8>, Outcome)> {
        let mut passage = Passage::new(self.patch.as_ref()?, &self.limits);
        for chunk in chunks {
            events.feed(chunk, &mut passage);
        }
        if end {
            events.finish(&mut passage);
        }
        Some((passage.out, passage.outcome))
    }

    /// Whether the edits can apply to an answer that begins with this byte.
    pub(crate) fn fit(&self, ops: &dyn TransformationOps, first: u8) -> Fit {
        let patch = self.patch.as_ref();
        patch.map_or(Fit::Other, |patch| patch.fit(ops, self.direction, first))
    }

    /// A failure of the edits as a whole.
    pub(crate) fn patch_failure(&self, reason: Reason, detail: &str) -> Option<Failure> {
        let path = self.patch.as_ref()?.path.clone();
        let detail = detail.to_owned();
        Some(Failure {
            reason,
            path,
            detail,
        })
    }

    /// Whether there may be a new body.
    pub(crate) fn replaces_body(&self) -> bool {
        self.body.is_some()
    }

    /// The headers that the pass may change.
    pub(crate) fn changed_headers(&self) -> impl Iterator<Item = &str> {
        let set = self.set.iter().chain(&self.add);
        let set = set.map(|header| header.name.as_str());
        let removed = self.remove.iter().map(String::as_str);
        self.extraction.headers().chain(set).chain(removed)
    }

    /// Transforms one message.
    ///
    /// # Errors
    ///
    /// The answer in place of the message.
    pub(crate) fn run(
        &self,
        ops: &mut dyn TransformationOps,
        exchange: &mut Exchange,
        running: &mut Running,
        ended: &mut Ended,
    ) -> Result<(), Box<Reply>> {
        let mut run = Run::new(self, ops);
        let ran = run.steps(exchange, running, ended);
        ended.failures = run.outcome.failures;
        ran
    }

    /// Whether what makes a value needs the body.
    pub(super) fn needs_body(&self, formula: &Formula) -> bool {
        let reads = |number| self.expressions.reads_body_in(number, self.direction);
        match formula {
            Formula::Expression(number) => reads(*number),
            Formula::Template(template) => {
                let mut calls = template.calls();
                let mut expressions = template.expressions().iter();
                !template.undeclared().is_empty()
                    || calls.any(|name| ["body", "context"].contains(&name))
                    || expressions.any(|(text, _)| {
                        self.expressions.find(Phase::Edits, text).is_some_and(reads)
                    })
            }
        }
    }
}

impl Metadata {
    /// An entry of the configuration; `None` for one without namespace, key or value.
    pub(crate) fn text(entry: &DynamicMetadata) -> Option<&str> {
        let text = entry.value.string_value.as_deref()?;
        (!entry.namespace.is_empty() && !entry.key.is_empty() && !text.is_empty()).then_some(text)
    }
}
