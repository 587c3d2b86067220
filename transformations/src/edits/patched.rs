//! The step that edits a body, or prepares the edits of events.

use std::borrow::Cow;

use bodies::coding::{self, Coding};
use bodies::{Beginning, Change};

use super::editing::Editing;
use super::patch::{self, BodyKind, Declared, Events, Fit, Passage, Patch};
use super::view::View;
use crate::config::Limits;
use crate::config::limits::HELD_BYTES;
use crate::extent::Extent;
use crate::failure::{Outcome, Reason, Reply, Unusable};
use crate::ops::Direction;

impl Editing<'_> {
    /// Edits a whole body. Of a stream of events that is to come, what is done to each.
    ///
    /// # Errors
    ///
    /// The answer to a request that stands for more than may be held.
    pub(super) fn patch(
        &mut self,
        patch: &Patch,
        extent: Extent,
        declared: Option<Declared>,
        view: &View<'_>,
    ) -> Result<Option<Events>, Box<Reply>> {
        let direction = self.direction;
        if extent == Extent::Whole && self.ops.body_size(direction) == 0 {
            return Ok(None);
        }
        if extent == Extent::TooLong {
            return Ok(None);
        }
        let Declared { kind, coding } =
            declared.unwrap_or_else(|| Declared::of(self.ops, direction));
        match (&kind, extent) {
            (BodyKind::Other, _) => {}
            (BodyKind::Events, _) if coding.is_some() => {
                let detail = "events that are encoded are not edited";
                self.outcome
                    .fail(Reason::ContentEncoding, &patch.path, detail);
            }
            (_, Extent::Headers) if coding == Some(Coding::Unknown) => {
                let Unusable(reason, detail) = coding::Error::Unknown.into();
                self.outcome.fail(reason, &patch.path, detail);
            }
            (BodyKind::Json | BodyKind::Unclear, Extent::Whole) => {
                if !self.fits(patch, &kind, coding) {
                    return Ok(None);
                }
                let Some(changes) = self.changes(patch, view) else {
                    return Ok(None);
                };
                self.edit_body(patch, coding, |body, limits, outcome| {
                    patch.edited(body, &changes, limits, outcome)
                })?;
            }
            (BodyKind::Multipart(None), Extent::Whole) => {
                let detail = "the content-type has no boundary that all would read in the same way";
                self.outcome
                    .fail(Reason::MultipartInvalid, &patch.path, detail);
            }
            (BodyKind::Multipart(Some(delimiter)), Extent::Whole) => {
                let Some(changes) = self.changes(patch, view) else {
                    return Ok(None);
                };
                self.edit_body(patch, coding, |body, limits, outcome| {
                    patch.edited_parts(body, delimiter, &changes, limits, outcome)
                })?;
            }
            (BodyKind::Events, Extent::Whole) => {
                let Some(changes) = self.changes(patch, view) else {
                    return Ok(None);
                };
                let mut events = Events::new(changes, self.limits);
                self.edit_body(patch, coding, |body, limits, outcome| {
                    let mut passage = Passage::new(patch, limits);
                    events.feed(body, &mut passage);
                    events.finish(&mut passage);
                    outcome.failures.append(&mut passage.outcome.failures);
                    Some(passage.out)
                })?;
            }
            (BodyKind::Events, Extent::Events) => {
                let Some(changes) = self.changes(patch, view) else {
                    return Ok(None);
                };
                self.ops.remove_header(direction, "content-length");
                return Ok(Some(Events::new(changes, self.limits)));
            }
            (BodyKind::Json | BodyKind::Unclear | BodyKind::Multipart(_) | BodyKind::Events, _) => {
            }
        }
        Ok(None)
    }

    /// Whether any edit can apply to the body, as far as its first byte tells. A request is called
    /// anything, and is looked at whole.
    fn fits(&mut self, patch: &Patch, kind: &BodyKind, coding: Option<Coding>) -> bool {
        let direction = self.direction;
        if direction == Direction::Request {
            return true;
        }
        let limits = self.limits.of_bodies();
        let first = Beginning::of(coding, &limits).and_then(|mut beginning| {
            match beginning.feed(&self.ops.body_chunks(direction))? {
                None => beginning.end(),
                first => Ok(first),
            }
        });
        let fit = match first {
            Ok(Some(first)) => patch.fit(kind, first),
            // White space alone.
            Ok(None) if *kind == BodyKind::Json => Fit::Fits,
            Ok(None) => Fit::Other,
            Err(error) => {
                let Unusable(reason, detail) = error.into();
                self.outcome.fail(reason, &patch.path, detail);
                Fit::Other
            }
        };
        if fit == Fit::Broken {
            self.outcome
                .fail(Reason::JsonInvalid, &patch.path, patch::NOT_JSON);
        }
        fit == Fit::Fits
    }

    /// What the edits do to this message; `None` when a template fails: the message stays as it is.
    fn changes(&mut self, patch: &Patch, view: &View<'_>) -> Option<Vec<Change>> {
        let limits = self.limits;
        let mut room = limits.rendered_bytes;
        let mut changes = Vec::with_capacity(patch.edits.len());
        for edit in &patch.edits {
            let rendered = match edit.template() {
                Some(template) => self.rendered(template, &edit.path, view)?,
                None => String::new(),
            };
            let Some(left) = room.checked_sub(rendered.len()) else {
                let detail = "the edits render too much";
                self.outcome.fail(Reason::Limit, &edit.path, detail);
                return None;
            };
            room = left;
            match edit.change(rendered, limits) {
                Ok(change) => changes.push(change),
                Err(error) => {
                    let detail = error.to_string();
                    self.outcome.fail(Reason::Render, &edit.path, detail);
                    return None;
                }
            }
        }
        Some(changes)
    }

    /// Puts what `edit` makes of the body in its place. A body that was encoded is not any more.
    ///
    /// # Errors
    ///
    /// As [`patch`](Self::patch).
    fn edit_body(
        &mut self,
        patch: &Patch,
        coding: Option<Coding>,
        edit: impl FnOnce(&[u8], &Limits, &mut Outcome) -> Option<Vec<u8>>,
    ) -> Result<(), Box<Reply>> {
        let direction = self.direction;
        let chunks = self.ops.body_chunks(direction);
        let body = match (coding, chunks.as_slice()) {
            (None, [one]) => Cow::Borrowed(*one),
            (None, several) => Cow::Owned(several.concat()),
            (Some(coding), chunks) => {
                let limits = self.decoded_limits();
                match coding::decoded(chunks, coding, &limits) {
                    Ok(body) => Cow::Owned(body),
                    Err(error) => {
                        let Unusable(reason, detail) = error.into();
                        self.outcome.fail(reason, &patch.path, detail);
                        let too_large =
                            error == coding::Error::TooMuch && direction == Direction::Request;
                        return if too_large {
                            Err(Reply::too_large())
                        } else {
                            Ok(())
                        };
                    }
                }
            }
        };
        let Some(edited) = edit(&body, self.limits, self.outcome) else {
            return Ok(());
        };
        if !self.put_body(&edited) {
            self.outcome
                .fail(Reason::Render, &patch.path, "the host refused the body");
            return Ok(());
        }
        if coding.is_some() {
            self.ops.remove_header(direction, "content-encoding");
        }
        // A message without a length is framed in another way, and may have trailers.
        let announced = self.ops.header_values(direction, "content-length");
        if !announced.is_empty() {
            let length = edited.len().to_string();
            self.ops
                .set_header(direction, "content-length", length.as_bytes());
        }
        Ok(())
    }

    /// The limits of a body that goes on decoded: it is as long in the host's buffer, where one that
    /// was never encoded could not be longer either.
    fn decoded_limits(&self) -> bodies::Limits {
        let limits = self.limits;
        let held = match (limits.max_held_bytes, self.ops.buffer_limit()) {
            (Some(most), _) => most,
            (None, Some(0)) => usize::MAX,
            (None, Some(limit)) => usize::try_from(limit).unwrap_or(usize::MAX),
            (None, None) => HELD_BYTES,
        };
        bodies::Limits {
            decoded_bytes: limits.decoded_bytes.min(held),
            ..limits.of_bodies()
        }
    }
}
