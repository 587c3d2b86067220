//! The fields of an answer, whose documents are read as they pass.

use std::sync::OnceLock;

use bodies::coding::{Codings, Decoder, Use};
use bodies::content::MediaType;
use bodies::documents::{DocumentError, DocumentFinder, DocumentVisitor, Framing};
use bodies::json::PointerError;
use bodies::{Finding, Limits, coding};

use super::Extraction;
use super::field;
use super::rules::{Rules, Taken};
use super::usage::{Counts, Usage};
use crate::failure::{Outcome, Unusable};
use crate::headers::{self, HeaderNames, Snapshot};
use crate::languages::{Extracted, Values};
use crate::ops::{Direction, TransformationOps};
use crate::rejection::Rejection;

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// As it was meant to: what is incomplete is broken.
    Whole,
    /// The upstream, the host or the client broke it off.
    BrokenOff,
}

/// What an answer is read for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wants<'w> {
    rules: &'w Rules,
    /// The usage, if somebody asks for all of it.
    counts: Option<&'w Counts>,
}

impl Wants<'static> {
    /// The usage alone, where no field is taken.
    pub(crate) fn usage() -> Self {
        static USAGE: OnceLock<(Rules, Counts)> = OnceLock::new();
        let (rules, counts) =
            USAGE.get_or_init(|| Rules::default().with_usage().unwrap_or_default());
        Self {
            rules,
            counts: Some(counts),
        }
    }
}

impl Wants<'_> {
    /// Begins with an answer of which the headers have arrived.
    pub(crate) fn begin(self, ops: &dyn TransformationOps, limits: &Limits) -> Reading {
        Reading::new(ops, self.rules, limits)
    }

    /// Reads what has just arrived.
    #[inline]
    pub(crate) fn read(self, reading: &mut Reading, chunks: &[&[u8]]) {
        reading.read(self.rules, chunks);
    }

    /// Nothing more comes.
    pub(crate) fn end(self, reading: &mut Reading, ending: Ending) {
        reading.end(self.rules, ending);
    }

    /// The usage that the answer has reported, if all of it was asked for.
    pub(crate) fn usage_of(self, reading: &Reading) -> Option<Usage> {
        Some(self.counts?.of(&reading.said.taken))
    }
}

impl Rules {
    /// These rules, and those of all usage.
    ///
    /// # Errors
    ///
    /// There is no room for them.
    pub(super) fn with_usage(&self) -> Result<(Rules, Counts), PointerError> {
        let mut rules = self.clone();
        let counts = Counts::ruled(&mut rules)?;
        Ok((rules, counts))
    }
}

impl Extraction {
    /// What an answer is read for; `usage`: not only for the fields.
    pub(crate) fn wants(&self, usage: bool) -> Wants<'_> {
        if !usage {
            return Wants {
                rules: &self.rules,
                counts: None,
            };
        }
        let with_usage = || self.rules.with_usage().unwrap_or_default();
        let (rules, counts) = self.with_usage.get_or_init(with_usage);
        Wants {
            rules,
            counts: Some(counts),
        }
    }

    /// The headers of the answer that fields come from.
    pub(crate) fn source_headers(&self, names: &mut HeaderNames) {
        for source in self.fields.iter().flat_map(|field| &field.sources) {
            if let field::Source::Header(name) = source {
                names.name(name);
            }
        }
    }

    /// Takes the headers away that the fields set.
    pub(crate) fn remove_headers(&self, ops: &mut dyn TransformationOps) {
        for header in self.headers() {
            ops.remove_header(Direction::Response, header);
        }
    }

    /// Settles the fields of an answer and puts them where they belong. `headers` are those that it
    /// arrived with; `on_hold`: they have not gone on, and can be changed.
    ///
    /// # Errors
    ///
    /// What to put in the answer's place when a field rejects it.
    pub(crate) fn settle_answer(
        &self,
        ops: &mut dyn TransformationOps,
        reading: &Reading,
        headers: &Snapshot,
        on_hold: bool,
        values: &Values,
        outcome: &mut Outcome,
    ) -> Result<Extracted, Box<Rejection>> {
        let said = &reading.said;
        if let Some(Unusable(reason, detail)) = said.unreadable {
            outcome.fail(reason, "response.extract", detail);
        }
        let answer = field::Answer { said, headers };
        let mut extracted = Extracted::default();
        for field in &self.fields {
            let Some(value) = field.settle_answer(&answer, values, outcome)? else {
                continue;
            };
            if on_hold {
                field.set_headers(ops, value.as_str(), outcome);
            }
            field.set_metadata(ops, &value, outcome);
            extracted.insert(&field.name, value);
        }
        Ok(extracted)
    }
}

/// How far an answer has been read, and what its documents have said so far.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    progress: Progress,
    said: Said,
}

#[derive(Debug, Default)]
enum Progress {
    /// More may come.
    Open(Box<Search>),
    /// It has ended, or is nothing that is read.
    #[default]
    Over,
}

#[derive(Debug)]
struct Search {
    /// What the search reads through.
    decoder: Option<Decoder>,
    finder: DocumentFinder,
}

/// What the documents have said.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) taken: Taken,
    /// The first thing that could not be read.
    pub(super) unreadable: Option<Unusable>,
}

impl Reading {
    /// Begins with an answer of which the headers have arrived.
    fn new(ops: &dyn TransformationOps, rules: &Rules, limits: &Limits) -> Self {
        let mut reading = Self::of_nothing(rules);
        if rules.pointers.is_empty() {
            return reading;
        }
        let values = ops.header_values(Direction::Response, "content-type");
        let media_type = MediaType::of(values.first().copied().unwrap_or_default());
        let Some(framing) = Framing::of(media_type) else {
            return reading;
        };
        let codings = headers::codings(ops, Direction::Response);
        let decoder = codings.map(|codings| decoder(codings, limits));
        match decoder.transpose() {
            Ok(decoder) => {
                reading.progress = Progress::Open(Box::new(Search {
                    decoder,
                    finder: DocumentFinder::new(framing, &rules.pointers, limits),
                }));
            }
            // What nobody calls JSON may be encoded in any way.
            Err(_) if media_type == MediaType::Unclear => {}
            Err(error) => reading.said.unreadable = Some(error.into()),
        }
        reading
    }

    /// An answer whose body is not read.
    fn of_nothing(rules: &Rules) -> Self {
        Self {
            progress: Progress::Over,
            said: Said {
                taken: rules.nothing(),
                unreadable: None,
            },
        }
    }

    /// Whether nothing more is read.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.progress, Progress::Over)
    }

    /// Reads what has just arrived.
    fn read(&mut self, rules: &Rules, chunks: &[&[u8]]) {
        for chunk in chunks {
            let Progress::Open(search) = &mut self.progress else {
                return;
            };
            let Search { decoder, finder } = &mut **search;
            let mut visitor = Visit {
                rules,
                said: &mut self.said,
            };
            let decoded = match decoder {
                None => {
                    finder.feed(&rules.pointers, chunk, &mut visitor);
                    Ok(())
                }
                Some(decoder) => decoder.feed(chunk, |bytes| {
                    finder.feed(&rules.pointers, bytes, &mut visitor);
                    Ok::<_, coding::Error>(())
                }),
            };
            if let Err(error) = decoded {
                visitor.said.cannot_read(error.into());
                finder.finish(&rules.pointers, &mut visitor);
                self.progress = Progress::Over;
            }
        }
    }

    /// Nothing more comes.
    fn end(&mut self, rules: &Rules, ending: Ending) {
        let progress = std::mem::replace(&mut self.progress, Progress::Over);
        let Progress::Open(search) = progress else {
            return;
        };
        let Search {
            decoder,
            mut finder,
        } = *search;
        let unreadable = self.said.unreadable;
        let mut visitor = Visit {
            rules,
            said: &mut self.said,
        };
        let decoded = decoder.map(|decoder| {
            decoder.finish(|bytes| {
                finder.feed(&rules.pointers, bytes, &mut visitor);
                Ok::<_, coding::Error>(())
            })
        });
        finder.finish(&rules.pointers, &mut visitor);
        if let Some(Err(error)) = decoded {
            self.said.cannot_read(error.into());
        }
        if ending == Ending::BrokenOff {
            self.said.unreadable = unreadable;
        }
    }
}

impl Said {
    fn cannot_read(&mut self, unusable: Unusable) {
        self.unreadable.get_or_insert(unusable);
    }
}

/// Apart from the rest: few bodies are encoded.
#[inline(never)]
fn decoder(codings: Codings, limits: &Limits) -> Result<Decoder, coding::Error> {
    Decoder::new(codings, Use::Passes, limits)
}

struct Visit<'v> {
    rules: &'v Rules,
    said: &'v mut Said,
}

impl DocumentVisitor for Visit<'_> {
    fn document(&mut self, fields: &[Finding]) {
        self.rules.take(&mut self.said.taken, fields);
    }

    fn unreadable(&mut self, error: DocumentError) {
        self.said.cannot_read(error.into());
    }
}
