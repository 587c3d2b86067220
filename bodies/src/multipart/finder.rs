//! The values of named parts.

use super::part::{Length, Part};
use super::scanner::{Scanner, Visitor};
use super::{Delimiter, Error};
use crate::{Finding, Found};

/// Searches one body for the values of parts by their names. Files are no values.
#[derive(Clone, Debug)]
pub struct PartFinder {
    delimiter: Delimiter,
    scanner: Scanner,
    search: Search,
}

impl PartFinder {
    /// Searches for the values of `names` parts, of at most `value_bytes` each.
    pub fn new(delimiter: Delimiter, names: &[String], value_bytes: usize) -> Self {
        Self {
            delimiter,
            scanner: Scanner::default(),
            search: Search {
                value_bytes,
                fields: vec![Finding::default(); names.len()],
                wanted: None,
                length: Length::default(),
                value: Vec::new(),
            },
        }
    }

    /// Reads the next bytes of the body. `names` are those the finder was made for.
    ///
    /// # Errors
    ///
    /// The bytes so far cannot be read. The finder must not be used after that.
    pub fn feed(&mut self, names: &[String], bytes: &[u8]) -> Result<(), Error> {
        let mut visit = Visit {
            names,
            search: &mut self.search,
        };
        self.scanner.feed(&self.delimiter, &mut visit, bytes)
    }

    /// Whether no part can follow.
    pub fn ended(&self) -> bool {
        self.scanner.ended()
    }

    /// The fields as far as they are known, in the order of the names.
    pub fn fields(&self) -> &[Finding] {
        &self.search.fields
    }

    /// The body has ended: [`fields`](Self::fields) has them all.
    ///
    /// # Errors
    ///
    /// The last part has no end.
    pub fn end(&self) -> Result<(), Error> {
        if self.scanner.ended() {
            Ok(())
        } else {
            Err(Error::Invalid)
        }
    }
}

/// What is known so far.
#[derive(Clone, Debug)]
struct Search {
    value_bytes: usize,
    fields: Vec<Finding>,
    /// The number of the part in hand, if it is one of those looked for.
    wanted: Option<usize>,
    /// The length of the part in hand.
    length: Length,
    /// Its value, and one byte more when it is too long.
    value: Vec<u8>,
}

/// The search in one chunk.
struct Visit<'v> {
    names: &'v [String],
    search: &'v mut Search,
}

impl Visitor for Visit<'_> {
    fn part(&mut self, headers: &[u8]) -> Result<(), Error> {
        let part = Part::parse(headers)?;
        self.search.length = part.length;
        let name = part.name.filter(|_| !part.is_file);
        self.search.wanted =
            name.and_then(|name| self.names.iter().position(|wanted| *wanted == name));
        if self.search.wanted.is_some() && part.is_unclear {
            return Err(Error::Invalid);
        }
        Ok(())
    }

    fn content(&mut self, bytes: &[u8]) {
        let search = &mut *self.search;
        search.length.count(bytes.len());
        if search.wanted.is_some() {
            let room = search.value_bytes.saturating_add(1);
            let room = room.saturating_sub(search.value.len());
            let kept = bytes.get(..room).unwrap_or(bytes);
            search.value.extend_from_slice(kept);
        }
    }

    fn end(&mut self) -> Result<(), Error> {
        let search = &mut *self.search;
        search.length.check()?;
        let value = std::mem::take(&mut search.value);
        let Some(field) = search
            .wanted
            .take()
            .and_then(|wanted| search.fields.get_mut(wanted))
        else {
            return Ok(());
        };
        field.record(if value.len() > search.value_bytes {
            Found::TooLong
        } else {
            Found::String(String::from_utf8(value).map_err(|_| Error::Invalid)?)
        });
        Ok(())
    }
}
