//! What there is of a message's body, and what its headers say of one that an edit has replaced.

use super::editing::Editing;
use super::patch::{BodyKind, Declared};
use crate::config::ParseAs;
use crate::failure::Reason;
use crate::headers::{self, DESCRIBING};
use crate::ops::{Direction, TransformationOps};

/// What there is of the body that the headers describe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// All of it.
    Whole,
    /// Ranges of it (RFC 9110 section 15.3.7): an edit would make another body of what a client puts
    /// together of them.
    Part,
    /// Nothing: the answer to HEAD, and 304 (RFC 9110 sections 9.3.2 and 15.4.5).
    Described,
    /// Nothing, nor is any described: 204 and 205. What is put where no body may be would be taken for
    /// the next message.
    Nothing,
}

impl Presence {
    /// That of an answer.
    fn of(ops: &dyn TransformationOps, head: bool) -> Self {
        let direction = Direction::Response;
        let status = ops.first_header_value(direction, ":status");
        match status.map(|(status, _)| status) {
            _ if head => Self::Described,
            Some(b"304") => Self::Described,
            Some(b"204" | b"205") => Self::Nothing,
            Some(b"206") if has_ranges(ops) => Self::Part,
            _ => Self::Whole,
        }
    }
}

fn has_ranges(ops: &dyn TransformationOps) -> bool {
    let direction = Direction::Response;
    let content_type = ops.first_header_value(direction, "content-type");
    ops.first_header_value(direction, "content-range").is_some()
        || content_type.is_some_and(|(value, _)| {
            let name = value.split(|byte| *byte == b';').next();
            name.is_some_and(|name| {
                name.trim_ascii()
                    .eq_ignore_ascii_case(b"multipart/byteranges")
            })
        })
}

impl Editing<'_> {
    /// What there is of the body, as far as the pass has to do with it.
    pub(super) fn presence(&self, head: bool, declared: Option<&Declared>) -> Presence {
        let concerned = || {
            self.edits.parse_as == ParseAs::AsJson
                || self.edits_body(declared)
                || self.expressions.reads_body(self.direction)
        };
        if self.direction == Direction::Response && concerned() {
            Presence::of(self.ops, head)
        } else {
            Presence::Whole
        }
    }

    /// Whether the body is edited if it is there, as far as its type tells.
    fn edits_body(&self, declared: Option<&Declared>) -> bool {
        self.edits.body.is_some()
            || self.edits.patch.as_ref().is_some_and(|patch| {
                let kind = match declared {
                    Some(declared) => declared.kind.clone(),
                    None => Declared::of(self.ops, self.direction).kind,
                };
                match kind {
                    BodyKind::Other => false,
                    BodyKind::Events | BodyKind::Lines => true,
                    BodyKind::Json | BodyKind::Unclear | BodyKind::Multipart(_) => {
                        !patch.edits.is_empty()
                    }
                }
            })
    }

    /// Whether the pass would change the body that an answer is a part of, and counts it.
    pub(super) fn refuse_part(&mut self, declared: Option<&Declared>) -> bool {
        let concerned = self.edits.parse_as == ParseAs::AsJson || self.edits_body(declared);
        if concerned {
            let path = self.edits.body_path().unwrap_or(self.direction.as_str());
            let detail = "the answer is a part of a body, which is left as it is";
            self.outcome.fail(Reason::PartialContent, path, detail);
        }
        concerned
    }

    /// Removes what the headers say of a body that is not there and that the edits might change.
    pub(super) fn describe_nothing(&mut self, declared: Option<&Declared>) {
        if self.edits_body(declared) {
            self.remove_untrue();
            self.ops.remove_header(self.direction, "content-length");
        }
    }

    /// Removes what the headers say of the bytes of a body that is replaced, but for its length. A
    /// strong entity tag changes whenever the bytes do; a weak one promises less and stays (RFC 9110
    /// section 8.8.1).
    pub(super) fn remove_untrue(&mut self) {
        let direction = self.direction;
        for name in DESCRIBING {
            if self.is_untrue(name) && !self.edits.remove.kept.iter().any(|own| own == name) {
                self.ops.remove_header(direction, name);
            }
        }
    }

    /// Whether one of [`DESCRIBING`] is not true of another body.
    fn is_untrue(&self, name: &str) -> bool {
        match name {
            "content-encoding" => headers::codings(self.ops, self.direction).is_some(),
            "etag" => {
                let tags = self.ops.header_values(self.direction, name);
                tags.iter().any(|tag| !tag.starts_with(b"W/"))
            }
            _ => true,
        }
    }
}
