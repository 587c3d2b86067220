//! Every bound on what a message or a configuration may cost, its default and its reason.

use bodies::{DEFLATE_RATIO, JSON_DEPTH};
use diagnostics::{whole, whole_if_any};
use serde::Deserialize;

/// Bounds on what one message may cost, under the top-level key `limits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(expecting = "an object")]
#[serde(rename_all = "camelCase", default)]
pub struct Limits {
    /// How many arrays and objects of a body may be open at once. From 1 to 127: bodies parsed
    /// whole are parsed by a recursive parser, which stops there.
    /// Example: `limits: {jsonDepth: 64}`
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = JSON_DEPTH)))]
    #[serde(deserialize_with = "whole")]
    pub json_depth: usize,
    /// The longest value that `extract` takes, in bytes. From 1 to 65536: it becomes a header,
    /// and most servers refuse headers longer than 8 KiB.
    /// Example: `limits: {valueBytes: 1024}`
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 65536)))]
    #[serde(deserialize_with = "whole")]
    pub value_bytes: usize,
    /// The longest value that an edit gives a header, in bytes, all its lines together. From 1 to 65536: a server that
    /// refuses a header closes the connection, and with HTTP/2 the requests of others on it.
    /// Example: `limits: {headerBytes: 8192}`
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 65536)))]
    #[serde(deserialize_with = "whole")]
    pub header_bytes: usize,
    /// How many steps one template may take; about one for each expression it evaluates, and one for
    /// every two items or 32 to 256 bytes that filters, tests, comparisons and slices read. The
    /// expressions of a `patch` have as many together for each document.
    /// Example: `limits: {templateFuel: 100000}`
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    #[serde(deserialize_with = "whole")]
    pub template_fuel: u64,
    /// The most bytes one template may render, and all edits of one `patch` may put into a body: of events
    /// and lines that are edited as they pass, into each. A request whose `patch` needs more is answered 413.
    /// The expressions of one document may make as much together.
    /// Example: `limits: {renderedBytes: 1048576}`
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    #[serde(deserialize_with = "whole")]
    pub rendered_bytes: usize,
    /// The most bytes of a body to hold, at least 1. Absent: Envoy's buffer limit; of streamed requests
    /// 1 MiB at most. Envoy 1.36 and 1.37 do not report theirs: there it is 1 MiB, and Envoy's own
    /// for requests that are held whole. Over it a held request is answered 413, by HTTP/2 too. A held
    /// response goes on as it was, but for header edits that need no body. In a streamed request,
    /// fields that it has not shown by then count as missing. It may be above Envoy's limit. A body that
    /// an edit makes longer passes; before 1.38 a request's does so only where this is set.
    /// Example: `limits: {maxHeldBytes: 4194304}`
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    #[serde(deserialize_with = "whole_if_any")]
    pub max_held_bytes: Option<usize>,
    /// The most bytes that an encoded body (`content-encoding`) may stand for where one is read. What
    /// `patch`, expressions and templates read is decoded as a whole, so that for them the limit of
    /// what is held is one too; before Envoy 1.38 that is `maxHeldBytes`, or 1 MiB. What `extract` and
    /// `metrics` read of an answer may be longer, as far as `decodedRatio` lets it.
    /// Example: `limits: {decodedBytes: 8388608}`
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    #[serde(deserialize_with = "whole")]
    pub decoded_bytes: usize,
    /// The most bytes that each byte of an encoded body may stand for, on average, from 262144
    /// decoded bytes on. At least 1. Absent: 100. For what `extract` and `metrics` read of an answer,
    /// it counts from `decodedBytes` on. Absent, it is 1032 there, the most that gzip and deflate reach.
    /// Example: `limits: {decodedRatio: 20}`
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    #[serde(deserialize_with = "whole_if_any")]
    pub decoded_ratio: Option<usize>,
    /// The longest event or line that is held until it has arrived whole, for `patch`, `dropEvents` and
    /// `extract`, in bytes; also a document over several lines of a request that is called JSON Lines,
    /// and a message of AWS's event stream. From 1 to 16777216. `patch` leaves a longer one as it is, and
    /// a request with one is answered 413; `extract` reads it as it passes, but for a message of AWS's.
    /// Example: `limits: {eventBytes: 65536}`
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 16777216)))]
    #[serde(deserialize_with = "whole")]
    pub event_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            json_depth: JSON_DEPTH,
            value_bytes: 4096,
            header_bytes: 16 << 10,
            template_fuel: 1_000_000,
            rendered_bytes: 64 << 20,
            max_held_bytes: None,
            decoded_bytes: 64 << 20,
            decoded_ratio: None,
            event_bytes: 1 << 20,
        }
    }
}

impl Limits {
    /// Those of one body.
    pub(crate) fn of_bodies(&self) -> bodies::Limits {
        bodies::Limits {
            json_depth: self.json_depth,
            value_bytes: self.value_bytes,
            event_bytes: self.event_bytes,
            edit_bytes: self.rendered_bytes,
            decoded_bytes: self.decoded_bytes,
            decoded_ratio: self.decoded_ratio.unwrap_or(DECODED_RATIO),
            passing_ratio: self.decoded_ratio.unwrap_or(DEFLATE_RATIO),
        }
    }
}

/// What a streamed request holds at most, unless told: Envoy's own default buffer limit, so that
/// no body is answered 413 for being looked at.
pub const HELD_BYTES: usize = 1 << 20;

/// The most bytes that each byte of a held or routed body may stand for, unless told.
const DECODED_RATIO: usize = 100;

/// Most fields one configuration may extract.
pub(crate) const FIELDS: usize = 64;

/// Most names of parts, or of a form's fields, of one configuration: those seen are kept in 64-bit
/// sets.
pub(crate) const FORM_SOURCES: usize = 64;

/// Most lines that one edit gives a header: servers take about a hundred in all.
pub(crate) const HEADER_LINES: usize = 64;

/// The longest message of an answer of ours, in bytes: clients put it into logs and terminals.
pub(crate) const MESSAGE_BYTES: usize = 4096;

/// The longest body of an answer of ours, in bytes: Envoy holds it whole beside what it holds already.
pub(crate) const ANSWER_BYTES: usize = 1 << 20;
