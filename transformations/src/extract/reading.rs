//! The search through a request's body as it arrives.

use crate::json::{self, Finder, Pointers};
use crate::limits::Limits;

/// How far a request's body has been read, and what it has said so far.
#[derive(Debug)]
pub(crate) struct Reading {
    finder: Finder,
    broken: Option<json::Error>,
    bytes: usize,
    /// The pointers whose values the request was routed on: none may stand again with another.
    watched: u64,
}

/// What the body says of the JSON fields.
#[derive(Debug)]
pub(super) enum Findings<'f> {
    /// There is no body.
    Absent,
    /// The fields of what has arrived; `ended`: no field can follow.
    Begun {
        fields: &'f [json::Field],
        ended: bool,
    },
    /// The fields of the whole body.
    Whole(Vec<json::Field>),
    /// The body, or what has arrived of it, is not JSON.
    Unreadable(json::Error),
}

impl Reading {
    pub(super) fn new(pointers: &Pointers, limits: &Limits) -> Self {
        Self {
            finder: Finder::new(pointers, limits),
            broken: None,
            bytes: 0,
            watched: 0,
        }
    }

    /// Reads the next bytes.
    pub(super) fn read(&mut self, pointers: &Pointers, bytes: &[u8]) {
        self.bytes = self.bytes.saturating_add(bytes.len());
        if self.broken.is_none() {
            self.broken = self.finder.feed(pointers, bytes).err();
        }
    }

    /// How many bytes were read.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What is known while more may come.
    pub(super) fn begun(&self) -> Findings<'_> {
        match self.broken {
            Some(error) => Findings::Unreadable(error),
            None => Findings::Begun {
                fields: self.finder.fields(),
                ended: self.finder.ended(),
            },
        }
    }

    /// What is known when nothing more comes.
    pub(super) fn whole(self, pointers: &Pointers) -> Findings<'static> {
        match self.broken {
            _ if self.bytes == 0 => Findings::Absent,
            Some(error) => Findings::Unreadable(error),
            None => match self.finder.finish(pointers) {
                Ok(fields) => Findings::Whole(fields),
                Err(error) => Findings::Unreadable(error),
            },
        }
    }

    /// Goes on only to watch over the pointers of this set; `None` when there is none, or nothing
    /// more can be read.
    pub(super) fn watch(mut self, routed_on: u64) -> Option<Self> {
        self.watched = routed_on;
        (routed_on != 0 && self.broken.is_none()).then_some(self)
    }

    /// The pointers that are watched over.
    pub(super) fn watched(&self) -> u64 {
        self.watched
    }
}

/// The set that holds this pointer alone. There are at most 64.
pub(super) fn only(number: usize) -> u64 {
    let shift = u32::try_from(number).unwrap_or(u32::MAX);
    1_u64.checked_shl(shift).unwrap_or_default()
}
