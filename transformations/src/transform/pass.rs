//! What to do to one message, compiled.

use crate::coding::Coding;
use crate::config::{BodyMode, DynamicMetadata, ParseAs};
use crate::exchange::Exchange;
use crate::extract::Extraction;
use crate::failure::Outcome;
use crate::jinja::Template;
use crate::json::Wanted;
use crate::limits::Limits;
use crate::needs::Needs;
use crate::ops::{Direction, TransformationOps};
use crate::patch::{self, Content, Passage, Patch};

use super::expressions::{Expressions, Phase};
use super::run::Run;

/// How much of a message there is to work on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// The headers, and the whole body in the host's buffer.
    Whole,
    /// The headers, and what [`Pass::read`] has read of the body, which goes on before its end.
    Begun,
    /// The headers alone: the body is not read and not touched.
    Headers,
    /// The headers; the body follows piece by piece, through [`Pass::edit_events`].
    Events,
}

/// What to do to one message, compiled.
#[derive(Debug)]
pub struct Pass {
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
    pub(crate) document: Wanted,
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

    /// Whether the message has to be held until its body has arrived whole.
    pub fn reads_body(&self) -> bool {
        match self.parse_as {
            ParseAs::None => false,
            ParseAs::AsJson => true,
            ParseAs::AsString => {
                self.body.is_some()
                    || self.patch.is_some()
                    || self.extraction.reads_body()
                    || self.expressions.reads_body(self.direction)
            }
        }
    }

    /// Whether the body can be read as it arrives, by [`Self::read`].
    pub fn reads_as_it_arrives(&self) -> bool {
        self.extraction.reads_body()
    }

    /// Whether the message goes on as soon as [`Self::is_decided`], not only at its end.
    pub fn streams(&self) -> bool {
        self.body_mode == BodyMode::Streamed && self.reads_body()
    }

    /// Reads the next bytes of the body, of which each is to be given once and in order. Who gives
    /// none leaves it to [`Self::run`] to read the host's buffer.
    pub fn read(&self, exchange: &mut Exchange, bytes: &[u8]) {
        self.extraction
            .read(&mut exchange.reading, &exchange.content, bytes);
    }

    /// Whether what was read settles everything that the pass takes from the body.
    pub fn is_decided(&self, ops: &dyn TransformationOps, exchange: &Exchange) -> bool {
        let reading = exchange.reading.as_ref();
        reading.is_some_and(|reading| self.extraction.is_decided(ops, reading))
    }

    /// Looks at what was read since a run with [`Extent::Begun`]. `ended`: the body has. A reply in
    /// the outcome means that the message must not go on: it holds a second value of a field that
    /// it was routed on, or what cannot be read and may hide one.
    pub fn check(&self, exchange: &mut Exchange, ended: bool) -> Outcome {
        let mut outcome = Outcome::default();
        let checked = self
            .extraction
            .check(&mut exchange.reading, ended, &mut outcome);
        outcome.reply = checked.err();
        outcome
    }

    /// The most bytes of a body to hold, if the configuration says: see
    /// [`Limits::max_held_bytes`].
    pub fn max_held_bytes(&self) -> Option<usize> {
        self.limits.max_held_bytes
    }

    /// What becomes of a message whose body is still to come if its condition, which does not read
    /// that, does not hold: nothing, and it need not be held. `None`: the pass has to run. What was
    /// found out is not asked again.
    pub fn rules_out(
        &self,
        ops: &mut dyn TransformationOps,
        exchange: &mut Exchange,
    ) -> Option<Outcome> {
        let phase = Phase::Condition;
        if self.when.is_none() || self.expressions.phase_reads_body(phase, self.direction) {
            return None;
        }
        let ruled_out = Run::new(self, ops).ruled_out(exchange);
        exchange.applies = ruled_out.is_none().then_some(self.direction);
        ruled_out
    }

    /// How much of a message, whose body is still to come, the pass works on. A response that is
    /// only patched is held if it may be JSON; events are edited as they pass.
    pub fn extent(&self, ops: &dyn TransformationOps) -> Extent {
        if !self.reads_body() {
            return Extent::Headers;
        }
        let read = self.extraction.reads_body() || self.expressions.reads_body(self.direction);
        if self.patch.is_none() || read {
            return Extent::Whole;
        }
        let coding = Coding::of(ops, self.direction);
        match patch::content(ops, self.direction) {
            Content::Json | Content::Multipart(_) if coding != Some(Coding::Unknown) => {
                Extent::Whole
            }
            Content::Events if coding.is_none() => Extent::Events,
            _ => Extent::Headers,
        }
    }

    /// Whether the body is edited event by event as it passes: the pass has run with
    /// [`Extent::Events`], and no template failed.
    pub fn edits_events(&self, exchange: &Exchange) -> bool {
        self.direction == Direction::Response && exchange.events.is_some()
    }

    /// Edits the next bytes of a stream of events; `end`: they are the last. Returns what goes on
    /// in their place; an event that has not arrived whole is held. `None`: these bytes go on as
    /// they are, see [`edits_events`](Self::edits_events).
    pub fn edit_events(
        &self,
        exchange: &mut Exchange,
        chunks: &[&[u8]],
        end: bool,
    ) -> Option<(Vec<u8>, Outcome)> {
        if !self.edits_events(exchange) {
            return None;
        }
        let patch = self.patch.as_ref()?;
        let events = exchange.events.as_mut()?;
        let mut passage = Passage::new(patch, &self.limits);
        for chunk in chunks {
            events.feed(chunk, &mut passage);
        }
        if end {
            events.finish(&mut passage);
        }
        Some((passage.out, passage.outcome))
    }

    /// Whether there may be a new body.
    pub(crate) fn replaces_body(&self) -> bool {
        self.body.is_some()
    }

    /// Transforms one message.
    pub fn run(
        &self,
        ops: &mut dyn TransformationOps,
        exchange: &mut Exchange,
        extent: Extent,
    ) -> Outcome {
        Run::new(self, ops).all(exchange, extent)
    }
}

impl Metadata {
    /// An entry of the configuration; `None` for one without namespace, key or value.
    pub(crate) fn text(entry: &DynamicMetadata) -> Option<&str> {
        let text = entry.value.string_value.as_deref()?;
        (!entry.namespace.is_empty() && !entry.key.is_empty() && !text.is_empty()).then_some(text)
    }
}
