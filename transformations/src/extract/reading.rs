//! The reading of a request's body as it arrives.

use super::Unusable;
use super::content::Content;
use super::search::Search;
use super::wanted::{Format, Wanted};
use crate::coding::{self, Decoder};
use crate::failure::Reason;
use crate::json::Field;
use crate::limits::Limits;

/// How far a request's body has been read, and what it has said so far.
#[derive(Debug)]
pub(crate) struct Reading {
    format: Format,
    /// What the search reads through.
    decoder: Option<Decoder>,
    search: Result<Search, Unusable>,
    bytes: usize,
    /// The fields whose values the request was routed on: none may stand again with another.
    watched: u64,
}

/// What the body says of the fields that are looked for in its format.
#[derive(Debug)]
pub(super) enum Findings<'f> {
    /// There is no body.
    Absent,
    /// The fields of what has arrived; `ended`: no field can follow.
    Begun {
        format: Format,
        fields: &'f [Field],
        ended: bool,
    },
    /// The fields of the whole body.
    Whole { format: Format, fields: Vec<Field> },
    /// The body, or what has arrived of it, cannot be read.
    Unreadable { format: Format, error: Unusable },
}

impl Reading {
    pub(super) fn new(content: &Content, wanted: &Wanted, limits: &Limits) -> Self {
        let decoder = content.coding.map(|coding| Decoder::new(coding, limits));
        let (decoder, undecodable) = match decoder.transpose() {
            Ok(decoder) => (decoder, None),
            Err(error) => (None, Some(Unusable::from(error))),
        };
        let search = Search::new(&content.syntax, wanted, limits);
        Self {
            format: content.syntax.format(),
            decoder,
            search: undecodable.map_or(search, Err),
            bytes: 0,
            watched: 0,
        }
    }

    /// Reads the next bytes.
    pub(super) fn read(&mut self, wanted: &Wanted, bytes: &[u8]) {
        self.bytes = self.bytes.saturating_add(bytes.len());
        let Ok(search) = &mut self.search else {
            return;
        };
        let read = match &mut self.decoder {
            None => search.feed(wanted, bytes),
            Some(decoder) => decoder.feed(bytes, |bytes| search.feed(wanted, bytes)),
        };
        if let Err(error) = read {
            self.search = Err(error);
        }
    }

    /// How many bytes were read.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What is known while more may come.
    pub(super) fn begun(&self) -> Findings<'_> {
        let format = self.format;
        match &self.search {
            Err(error) => Findings::Unreadable {
                format,
                error: *error,
            },
            Ok(search) => Findings::Begun {
                format,
                fields: search.fields(),
                ended: search.ended(),
            },
        }
    }

    /// What is known when nothing more comes.
    pub(super) fn whole(self, wanted: &Wanted) -> Findings<'static> {
        if self.bytes == 0 {
            return Findings::Absent;
        }
        let format = self.format;
        let fields = self.search.and_then(|mut search| {
            if let Some(decoder) = self.decoder {
                decoder.finish(|bytes| search.feed(wanted, bytes))?;
            }
            search.finish(wanted)
        });
        match fields {
            Ok(fields) => Findings::Whole { format, fields },
            Err(error) => Findings::Unreadable { format, error },
        }
    }

    /// Goes on only to watch over the fields of this set; `None` when there is none, or nothing
    /// more can be read.
    pub(super) fn watch(mut self, routed_on: u64) -> Option<Self> {
        self.watched = routed_on;
        (routed_on != 0 && self.search.is_ok()).then_some(self)
    }

    /// The fields that are watched over, of those looked for in the format of the body.
    pub(super) fn watched(&self) -> u64 {
        self.watched
    }
}

impl From<coding::Error> for Unusable {
    fn from(error: coding::Error) -> Self {
        Unusable(Reason::from(error), error.detail())
    }
}

impl Findings<'_> {
    /// The format of the body.
    pub(super) fn format(&self) -> Option<Format> {
        match self {
            Findings::Absent => None,
            Findings::Begun { format, .. }
            | Findings::Whole { format, .. }
            | Findings::Unreadable { format, .. } => Some(*format),
        }
    }
}

/// The set that holds the field with this number alone. There are at most 64.
pub(super) fn only(number: usize) -> u64 {
    let shift = u32::try_from(number).unwrap_or(u32::MAX);
    1_u64.checked_shl(shift).unwrap_or_default()
}
