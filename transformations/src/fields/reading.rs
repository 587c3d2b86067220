//! The reading of a request's body as it arrives.

use bodies::coding::{self, Codings, Decoder, Use};
use bodies::{FieldId, Finding, Limits};

use super::content::Content;
use super::search::Search;
use super::wanted::{Format, Wanted};
use crate::failure::Unusable;

/// How far a request's body has been read, and what it has said so far.
#[derive(Debug)]
pub(crate) struct Reading {
    format: Format,
    /// What the search reads through.
    decoder: Option<Box<Decoder>>,
    search: Result<Search, Unusable>,
    /// What the search came to grief on. What it had found until then stays.
    broken: Option<Unusable>,
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
        fields: &'f [Finding],
        ended: bool,
    },
    /// The fields of the whole body.
    Whole { format: Format, search: Search },
    /// The body, or what has arrived of it, cannot be read.
    Unreadable { format: Format, error: Unusable },
}

impl Reading {
    pub(super) fn new(content: &Content, wanted: &Wanted, limits: &Limits) -> Self {
        let decoder = content.codings.map(|codings| decoder(codings, limits));
        let (decoder, search) = match decoder.transpose() {
            Ok(decoder) => (decoder, Search::new(&content.syntax, wanted, limits)),
            Err(error) => (None, Err(Unusable::from(error))),
        };
        Self {
            format: content.syntax.format(),
            decoder,
            search,
            broken: None,
            bytes: 0,
            watched: 0,
        }
    }

    /// Reads the next bytes.
    pub(super) fn read(&mut self, wanted: &Wanted, bytes: &[u8]) {
        self.bytes = self.bytes.saturating_add(bytes.len());
        let (Ok(search), None) = (&mut self.search, self.broken) else {
            return;
        };
        let read = match &mut self.decoder {
            None => search.feed(wanted, bytes),
            Some(decoder) => decoder.feed(bytes, |bytes| search.feed(wanted, bytes)),
        };
        if let Err(error) = read {
            self.broken = Some(error);
            self.decoder = None;
        }
    }

    /// How many bytes were read.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What is known while more may come.
    pub(super) fn begun(&self) -> Findings<'_> {
        match self.broken {
            None => self.found(),
            Some(error) => Findings::Unreadable {
                format: self.format,
                error,
            },
        }
    }

    /// What was found, whatever came after it.
    pub(super) fn found(&self) -> Findings<'_> {
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

    /// Reads what the decoder has kept: nothing more comes.
    #[inline]
    pub(super) fn end(&mut self, wanted: &Wanted) {
        if let Some(decoder) = self.decoder.take() {
            self.end_decoder(*decoder, wanted);
        }
    }

    #[inline(never)]
    fn end_decoder(&mut self, decoder: Decoder, wanted: &Wanted) {
        if let Ok(search) = &mut self.search {
            self.broken = decoder
                .finish(|bytes| search.feed(wanted, bytes))
                .err()
                .or(self.broken);
        }
    }

    /// What is known when nothing more comes.
    #[inline(always)]
    pub(super) fn whole(mut self, wanted: &Wanted) -> Findings<'static> {
        if self.bytes == 0 {
            return Findings::Absent;
        }
        self.end(wanted);
        let format = self.format;
        let ended = self.broken.map_or(self.search, Err).and_then(|mut search| {
            search.end(wanted)?;
            Ok(search)
        });
        match ended {
            Ok(search) => Findings::Whole { format, search },
            Err(error) => Findings::Unreadable { format, error },
        }
    }

    /// As [`found`](Self::found), of a body of which nothing more matters.
    pub(super) fn settled(self) -> Findings<'static> {
        let format = self.format;
        match self.search {
            Ok(search) => Findings::Whole { format, search },
            Err(error) => Findings::Unreadable { format, error },
        }
    }

    /// Goes on only to watch over the fields of this set; false when there is none, or nothing more
    /// can be read.
    pub(super) fn watch(&mut self, routed_on: u64) -> bool {
        self.watched = routed_on;
        routed_on != 0 && self.search.is_ok() && self.broken.is_none()
    }

    /// The fields that are watched over, of those looked for in the format of the body.
    pub(super) fn watched(&self) -> u64 {
        self.watched
    }
}

/// Apart from the rest: few bodies are encoded, and a decoder is large.
#[inline(never)]
fn decoder(codings: Codings, limits: &Limits) -> Result<Box<Decoder>, coding::Error> {
    Decoder::new(codings, Use::Decides, limits).map(Box::new)
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

/// The set that holds this field alone. There are at most 64.
pub(super) fn only(field: FieldId) -> u64 {
    let shift = u32::try_from(field.index()).unwrap_or(u32::MAX);
    1_u64.checked_shl(shift).unwrap_or_default()
}
