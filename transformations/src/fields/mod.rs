//! Fields taken out of a message: sources, aliases, defaults, and where the values go.

mod aliases;
pub(crate) mod answer;
mod compile;
mod content;
mod field;
mod lenient;
mod lookup;
mod number;
mod path;
mod reading;
mod rules;
mod search;
mod usage;
mod value;
mod wanted;

pub(crate) use compile::{compile, types};
pub(crate) use content::Content;
pub(crate) use reading::Reading;
pub(crate) use usage::ANSWER_POINTERS;
pub use usage::Usage;

use std::sync::OnceLock;

use bodies::Limits;

use field::Field;
use reading::Findings;
use rules::Rules;
use usage::Counts;
use wanted::Wanted;

use crate::config::OnFailure;
use crate::extent::Extent;
use crate::failure::Outcome;
use crate::languages::{Extracted, Values};
use crate::ops::{Direction, TransformationOps};
use crate::rejection::Rejection;

/// All the fields of one message, found in one pass over the body.
#[derive(Debug, Default)]
pub(crate) struct Extraction {
    /// What a request is searched for.
    wanted: Wanted,
    /// What is taken of an answer.
    rules: Rules,
    /// The same, and the usage that nobody asks for by a field.
    with_usage: OnceLock<(Rules, Counts)>,
    fields: Vec<Field>,
    limits: Limits,
}

impl Extraction {
    /// Whether there is nothing to extract.
    pub(crate) fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Whether a source is in the body.
    pub(crate) fn reads_body(&self) -> bool {
        !self.wanted.is_empty() || !self.rules.pointers.is_empty()
    }

    /// Whether a field is put in a header.
    pub(crate) fn sets_headers(&self) -> bool {
        self.headers().next().is_some()
    }

    /// Whether a field that is put in a header is not among those that were found.
    pub(crate) fn lacks_header(&self, extracted: &Extracted) -> bool {
        let found = |field: &Field| extracted.iter().any(|(name, _)| *name == *field.name);
        let mut put = self.fields.iter().filter(|field| field.header.is_some());
        put.any(|field| !found(field))
    }

    /// Whether a field may reject the request.
    pub(crate) fn rejects(&self) -> bool {
        self.fields.iter().any(Field::rejects)
    }

    /// How templates and expressions call the fields.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|field| &*field.name)
    }

    /// The headers that belong to the fields.
    pub(crate) fn headers(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().flat_map(Field::headers)
    }

    /// The headers of the fields that do not reject a message which they are invalid in.
    pub(crate) fn unsure_headers(&self) -> impl Iterator<Item = &str> {
        let fields = self.fields.iter();
        let unsure = fields.filter(|field| field.on_invalid == OnFailure::Continue);
        unsure.flat_map(Field::headers)
    }

    /// What a request's headers say of its body, as far as it matters here.
    pub(crate) fn content(&self, ops: &dyn TransformationOps) -> Content {
        Content::of(ops, &self.wanted)
    }

    /// Says that the body goes on as soon as the fields are known.
    pub(crate) fn stream(&mut self) {
        self.wanted.first_suffices = !self.fields.iter().any(Field::refuses_second);
    }

    /// Reads the next bytes of the body.
    pub(crate) fn read(&self, reading: &mut Option<Reading>, content: &Content, bytes: &[u8]) {
        reading
            .get_or_insert_with(|| Reading::new(content, &self.wanted, &self.limits))
            .read(&self.wanted, bytes);
    }

    /// Reads the next bytes of a body that has gone on.
    pub(crate) fn read_on(&self, reading: &mut Reading, bytes: &[u8]) {
        reading.read(&self.wanted, bytes);
    }

    /// Whether what was read settles every field, whatever follows: a value was found, or none can
    /// come any more, or the body is broken. A second value that says something else may still
    /// follow: see [`Self::check`].
    pub(crate) fn is_decided(&self, ops: &dyn TransformationOps, reading: &Reading) -> bool {
        self.settle(&self.begun(ops, reading), ops)
    }

    fn settle(&self, findings: &Findings<'_>, ops: &dyn TransformationOps) -> bool {
        let mut fields = self.fields.iter();
        fields.all(|field| field.is_decided(findings, ops))
    }

    /// Whether what was found is all that matters, whatever is wrong with what came after it: else
    /// it would matter how much of the body came at once.
    fn is_satisfied(&self, ops: &dyn TransformationOps, reading: &Reading) -> bool {
        self.wanted.first_suffices && self.settle(&reading.found(), ops)
    }

    /// What is known of a body that goes on before its end.
    fn begun<'r>(&self, ops: &dyn TransformationOps, reading: &'r Reading) -> Findings<'r> {
        if self.is_satisfied(ops, reading) {
            reading.found()
        } else {
            reading.begun()
        }
    }

    /// Finds the fields and puts them where they belong.
    ///
    /// # Errors
    ///
    /// The answer to give when a field rejects the request.
    pub(crate) fn run(
        &self,
        ops: &mut dyn TransformationOps,
        reading: &mut Option<Reading>,
        content: &Content,
        extent: Extent,
        values: &Values,
        outcome: &mut Outcome,
    ) -> Result<Extracted, Box<Rejection>> {
        let findings = match extent {
            Extent::Headers | Extent::Documents | Extent::TooLong => Findings::Absent,
            Extent::Begun => match reading {
                Some(reading) => self.begun(ops, reading),
                None => Findings::Absent,
            },
            Extent::Whole => self.whole(ops, content, reading.take()),
        };
        let mut extracted = Extracted::default();
        let mut routed_on = 0;
        for field in &self.fields {
            let settled = field.settle(&findings, ops, values, outcome)?;
            routed_on |= settled.routed_on;
            let Some(value) = settled.value else {
                continue;
            };
            field.set_headers(ops, value.as_str(), outcome);
            field.set_metadata(ops, &value, outcome);
            extracted.insert(&field.name, value);
        }
        if reading.as_mut().is_some_and(|read| !read.watch(routed_on)) {
            *reading = None;
        }
        Ok(extracted)
    }

    /// Looks, in a body that has gone on before its end, for what would have kept it from being
    /// routed as it was: a second value of a field, or an end of all reading. `ended`: nothing more
    /// comes. The reading is over when there is nothing more to look for.
    ///
    /// # Errors
    ///
    /// The answer to give in place of the request that can no longer be routed otherwise.
    pub(crate) fn check(
        &self,
        reading: &mut Option<Reading>,
        ended: bool,
        outcome: &mut Outcome,
    ) -> Result<(), Box<Rejection>> {
        let Some(read) = reading.take() else {
            return Ok(());
        };
        let watched = read.watched();
        if ended {
            return self.contradiction(watched, &read.whole(&self.wanted), outcome);
        }
        self.contradiction(watched, &read.begun(), outcome)?;
        *reading = Some(read);
        Ok(())
    }

    fn contradiction(
        &self,
        watched: u64,
        findings: &Findings<'_>,
        outcome: &mut Outcome,
    ) -> Result<(), Box<Rejection>> {
        let mut fields = self.fields.iter();
        fields.try_for_each(|field| field.check(watched, findings, outcome))
    }

    /// The fields of a body that has arrived whole: as they were read on its way, if nobody has
    /// changed it since.
    fn whole(
        &self,
        ops: &dyn TransformationOps,
        content: &Content,
        reading: Option<Reading>,
    ) -> Findings<'static> {
        if !self.reads_body() {
            return Findings::Absent;
        }
        let held = |reading: &Reading| reading.bytes() == ops.body_size(Direction::Request);
        let mut reading = reading.filter(held).unwrap_or_else(|| {
            let mut reading = Reading::new(content, &self.wanted, &self.limits);
            for chunk in ops.body_chunks(Direction::Request) {
                reading.read(&self.wanted, chunk);
            }
            reading
        });
        reading.end(&self.wanted);
        if reading.bytes() > 0 && self.is_satisfied(ops, &reading) {
            return reading.settled();
        }
        reading.whole(&self.wanted)
    }
}
