//! What to do to one message, compiled.

use std::collections::BTreeSet;

use crate::config::{BodyMode, Limits, OnFailure, ParseAs};
use crate::edits::patch::{BodyKind, Declared, Fit, Stream};
use crate::edits::{Edits, Rule};
use crate::extent::Extent;
use crate::failure::{Failure, Outcome, Reason};
use crate::fields::Extraction;
use crate::languages::jinja::HeaderNeeds;
use crate::languages::{ExpressionId, Expressions, Seen};
use crate::ops::{Direction, TransformationOps};
use crate::rejection::Rejection;
use crate::settings::Settings;

/// Whose pass it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// That of the program which the exchange began with.
    First,
    /// That of the route which was chosen again. The fields are extracted and the route is settled.
    Rerouted,
}

/// What to do to one message, compiled.
#[derive(Debug)]
pub(crate) struct Pass {
    pub(crate) direction: Direction,
    /// The expression that says whether the pass does anything.
    pub(crate) when: Option<ExpressionId>,
    /// As it is written.
    pub(crate) on_failure: Option<OnFailure>,
    pub(crate) extraction: Extraction,
    pub(crate) edits: Edits,
    pub(crate) clear_route_cache: bool,
    /// As it is written.
    pub(crate) body_mode: Option<BodyMode>,
    pub(crate) needs: HeaderNeeds,
    pub(crate) expressions: Expressions,
    pub(crate) limits: Limits,
}

impl Pass {
    /// Whether the pass does nothing to any message.
    pub(crate) fn is_empty(&self) -> bool {
        self.extraction.is_empty()
            && self.edits.parse_as == ParseAs::AsString
            && self.edits.reject.is_empty()
            && self.edits.is_empty()
            && !self.clear_route_cache
    }

    /// Whether the body of the message is read.
    pub(crate) fn reads_body(&self, turn: Turn) -> bool {
        match self.edits.parse_as {
            ParseAs::None => false,
            ParseAs::AsJson => true,
            ParseAs::AsString => {
                self.edits.body.is_some()
                    || self.edits.patch.is_some()
                    || self.waits_for_fields(turn)
                    || self.expressions.reads_body(self.direction)
            }
        }
    }

    /// Whether a template or expression gives the body, as in kgateway's transformations.
    pub(crate) fn replaces_body(&self) -> bool {
        self.edits.body.is_some() || self.edits.parse_as == ParseAs::AsJson
    }

    /// Whether the message waits for fields that are in its body: an answer does so only if told to.
    pub(crate) fn waits_for_fields(&self, turn: Turn) -> bool {
        let waits = match self.direction {
            Direction::Request => turn == Turn::First,
            Direction::Response => self.body_mode == Some(BodyMode::Buffered),
        };
        waits && self.extraction.reads_body()
    }

    /// Whether the fields are known when the message is edited.
    pub(crate) fn knows_fields(&self) -> bool {
        !self.extraction.reads_body() || self.waits_for_fields(Turn::First)
    }

    /// Whether fields are looked for in a request's body as it arrives.
    pub(crate) fn reads_as_it_arrives(&self, turn: Turn) -> bool {
        self.direction == Direction::Request && self.waits_for_fields(turn)
    }

    /// Whether the message goes on as soon as its fields are known, not only at its end.
    pub(crate) fn streams(&self, turn: Turn) -> bool {
        self.body_mode == Some(BodyMode::Streamed) && self.reads_as_it_arrives(turn)
    }

    /// Whether the message is held for nothing but to edit its JSON.
    pub(crate) fn only_patches(&self) -> bool {
        self.edits.patch.is_some()
            && !self.waits_for_fields(Turn::First)
            && !self.expressions.reads_body(self.direction)
    }

    /// What the headers of a message say, if it is they that decide how much of it the pass works on
    /// while its body is still to come. A response that is only patched is held if it may be JSON;
    /// events are edited as they pass.
    pub(crate) fn declared(&self, ops: &dyn TransformationOps) -> Option<Declared> {
        self.only_patches()
            .then(|| Declared::of(ops, self.direction))
    }

    /// How much of a message the pass works on, of which this is declared.
    pub(crate) fn extent(&self, declared: Option<&Declared>, turn: Turn) -> Extent {
        let (Some(declared), Some(patch)) = (declared, &self.edits.patch) else {
            return Extent::Whole;
        };
        match declared.extent(patch, self.direction) {
            // A request whose route is chosen again may be held there.
            Extent::Documents
                if self.direction == Direction::Request
                    && (self.clear_route_cache || turn == Turn::Rerouted) =>
            {
                Extent::Whole
            }
            extent => extent,
        }
    }

    /// Edits the next bytes of a stream, with what the expressions see of the exchange; `end`: they
    /// are the last. Returns what goes on in their place.
    pub(crate) fn edit_stream(
        &self,
        stream: &mut Stream,
        chunks: &[&[u8]],
        end: bool,
        seen: &Seen<'_>,
    ) -> Option<(Vec<u8>, Outcome)> {
        let patch = self.edits.patch.as_ref()?;
        Some(stream.edit(chunks, end, patch, seen, &self.limits))
    }

    /// Whether the edits can apply to an answer that is called so and begins with this byte.
    pub(crate) fn fit(&self, kind: &BodyKind, first: u8) -> Fit {
        let patch = self.edits.patch.as_ref();
        patch.map_or(Fit::Other, |patch| patch.fit(kind, first))
    }

    /// A failure of the edits as a whole.
    pub(crate) fn patch_failure(&self, reason: Reason, detail: &str) -> Option<Failure> {
        let path = self.edits.patch.as_ref()?.path.clone();
        let detail = detail.to_owned();
        Some(Failure {
            reason,
            path,
            detail,
        })
    }

    /// The answer in place of a message for which something failed: it names what failed first, however the message
    /// is cut.
    pub(crate) fn rejection(&self, failures: &[Failure]) -> Option<Box<Rejection>> {
        let failure = failures.first()?;
        let rejects = self.on_failure == Some(OnFailure::Reject);
        rejects.then(|| Rejection::failed(self.direction, failure.reason))
    }

    /// The rules that headers decide, before any that something else does.
    pub(crate) fn early_rules(&self) -> &[Rule] {
        let rules = &self.edits.reject;
        if rules.is_empty() {
            return &[];
        }
        let early = rules.iter().take_while(|rule| rule.early).count();
        rules.get(..early).unwrap_or_default()
    }

    /// The headers that the pass may change.
    pub(crate) fn changed_headers(&self) -> impl Iterator<Item = &str> {
        let edited = self.edits.changed_headers();
        self.extraction.headers().chain(edited)
    }

    /// Whether the pass sets a header that the route is chosen by.
    pub(super) fn changes_route(&self, settings: &Settings) -> bool {
        let mut put = self.edits.put_headers();
        self.direction == Direction::Request
            && (self.extraction.sets_headers()
                || put.any(|header| settings.routing_headers.contains(&header.name)))
    }

    /// The headers that the pass sets and a route is chosen by, each once.
    pub(super) fn own_headers(&self, settings: &Settings) -> BTreeSet<String> {
        let put = self.edits.put_headers();
        let deciding = put
            .map(|header| header.name.as_str())
            .filter(|name| settings.routing_headers.contains(*name));
        let own = self.extraction.headers().chain(deciding);
        own.map(str::to_owned).collect()
    }
}
