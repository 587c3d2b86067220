//! The step that edits a body, or prepares the edits of events.

use std::cell::Cell;
use std::rc::Rc;

use bodies::Beginning;
use bodies::coding::{self, Codings};
use bodies::json;

use super::editing::Editing;
use super::patch::{
    self, BodyKind, Condition, Declared, Editor, Fit, Patch, Ready, ReadyEdit, Source, Stream,
    Text, Walks,
};
use super::view::View;
use crate::config::Limits;
use crate::extent::Extent;
use crate::failure::{Outcome, Reason, Unusable};
use crate::headers::Snapshot;
use crate::languages::jinja::Template;
use crate::languages::{BodyCache, ExpressionId, Seen};
use crate::ops::Direction;
use crate::rejection::Rejection;

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
    ) -> Result<Option<Stream>, Box<Rejection>> {
        let direction = self.direction;
        if extent == Extent::Whole && self.ops.body_size(direction) == 0 {
            return Ok(None);
        }
        if extent == Extent::TooLong {
            return Ok(None);
        }
        let Declared { kind, codings } =
            declared.unwrap_or_else(|| Declared::of(self.ops, direction));
        let is_stream = matches!(kind, BodyKind::Events | BodyKind::Lines);
        if patch.edits.is_empty() && !is_stream {
            return Ok(None);
        }
        match (&kind, extent) {
            (BodyKind::Other, _) => {}
            (BodyKind::Events | BodyKind::Lines, Extent::Headers | Extent::Documents)
                if direction == Direction::Response && codings.is_some() =>
            {
                let detail = "events and lines that are encoded are not edited";
                self.outcome
                    .fail(Reason::ContentEncoding, &patch.path, detail);
            }
            (_, Extent::Headers) if codings.is_some_and(|codings| !codings.are_known()) => {
                let Unusable(reason, detail) = coding::Error::Unknown.into();
                self.outcome.fail(reason, &patch.path, detail);
            }
            (BodyKind::Json | BodyKind::Unclear, Extent::Whole) => {
                if !self.fits(patch, &kind, codings) {
                    return Ok(None);
                }
                let Some(ready) = self.ready(patch, view) else {
                    return Ok(None);
                };
                self.edit_body(patch, view, |body, seen, limits| {
                    let mut walks = Walks::default();
                    let mut editor = Editor::new(patch, &ready, &mut walks, seen, limits);
                    (editor.edited(body), editor.outcome)
                })?;
            }
            (BodyKind::Multipart(delimiter), Extent::Whole) => {
                let ready = self.ready(patch, view);
                let Some(ready) = ready.filter(|ready| !ready.is_idle()) else {
                    return Ok(None);
                };
                self.edit_body(patch, view, |body, seen, limits| {
                    let mut walks = Walks::default();
                    let mut editor = Editor::new(patch, &ready, &mut walks, seen, limits);
                    (editor.edited_form(body, delimiter.as_ref()), editor.outcome)
                })?;
            }
            (BodyKind::Events | BodyKind::Lines, Extent::Whole) => {
                let Some(stream) = self.stream(patch, &kind, view) else {
                    return Ok(None);
                };
                let mut stream = stream.within(Rc::new(Cell::new(self.limits.rendered_bytes)));
                self.edit_body(patch, view, |body, seen, limits| {
                    let (edited, outcome) = stream.edit(&[body], true, patch, seen, limits);
                    (Some(edited), outcome)
                })?;
            }
            (BodyKind::Events | BodyKind::Lines, Extent::Documents) => {
                let Some(mut stream) = self.stream(patch, &kind, view) else {
                    return Ok(None);
                };
                stream.message = view.message.clone();
                self.done(&patch.path);
                self.remove_untrue();
                self.ops.remove_header(direction, "content-length");
                return Ok(Some(stream));
            }
            (
                BodyKind::Json
                | BodyKind::Unclear
                | BodyKind::Multipart(_)
                | BodyKind::Events
                | BodyKind::Lines,
                _,
            ) => {}
        }
        Ok(None)
    }

    /// What is done to each document of a stream; `None` when a template fails: the message stays as
    /// it is.
    fn stream(&mut self, patch: &Patch, kind: &BodyKind, view: &View<'_>) -> Option<Stream> {
        let ready = self.ready(patch, view)?;
        Some(match kind {
            BodyKind::Lines => Stream::lines(ready, self.limits),
            _ => Stream::events(ready, self.limits),
        })
    }

    /// Whether any edit can apply to the body, as far as its first byte tells. A request is called
    /// anything, and is looked at whole.
    fn fits(&mut self, patch: &Patch, kind: &BodyKind, codings: Option<Codings>) -> bool {
        let direction = self.direction;
        if direction == Direction::Request {
            return true;
        }
        let limits = self.limits.of_bodies();
        let first = Beginning::of(codings, &limits).and_then(|mut beginning| {
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

    /// The edits of this message; `None` when a template fails: the message stays as it is.
    fn ready(&mut self, patch: &Patch, view: &View<'_>) -> Option<Ready> {
        let mut ready = Ready::default();
        let mut room = self.limits.rendered_bytes;
        for edit in &patch.edits {
            let condition = match edit.when {
                Some(when) => self.condition(when, &format!("{}.when", edit.path), view),
                None => Condition::Always,
            };
            let text = match condition {
                Condition::Never => None,
                _ => self.text(edit, &mut room, view)?,
            };
            ready.edits.push(match text {
                Some(text) => ReadyEdit { condition, text },
                None => ReadyEdit::NONE,
            });
        }
        for drop in &patch.drops {
            ready
                .drops
                .push(self.condition(drop.when, &drop.path, view));
        }
        Some(ready)
    }

    /// What a condition says before any document of the message. One that fails does not hold.
    fn condition(&mut self, when: ExpressionId, path: &str, view: &View<'_>) -> Condition {
        if self.expressions.is_about_document(when) {
            return Condition::Asked(when);
        }
        match view.values.holds(when) {
            Ok(true) => Condition::Always,
            Ok(false) => Condition::Never,
            Err((reason, detail)) => {
                self.outcome.fail(reason, path, detail);
                Condition::Never
            }
        }
    }

    /// What an edit puts; `None` for nothing.
    ///
    /// # Errors
    ///
    /// As an outer `None`: a template fails, or does not render what it has to.
    fn text(
        &mut self,
        edit: &patch::Edit,
        room: &mut usize,
        view: &View<'_>,
    ) -> Option<Option<Text>> {
        let limits = self.limits;
        let text = match &edit.source {
            None => return Some(Some(Text::Known(String::new()))),
            Some(Source::Cel(id)) if self.expressions.is_about_document(*id) => {
                return Some(Some(Text::Asked(*id)));
            }
            Some(Source::Cel(id)) => match view.values.json(*id, limits) {
                Ok(Some(text)) => text,
                Ok(None) => return Some(None),
                Err((reason, detail)) => {
                    self.outcome.fail(reason, &edit.path, detail);
                    return Some(None);
                }
            },
            Some(Source::Value(template) | Source::Json(template)) => {
                let rendered = self.rendered(template, &edit.path, view)?;
                let constant = matches!(template, Template::Text(_));
                if rendered.is_empty() && !constant {
                    return Some(None);
                }
                if matches!(edit.source, Some(Source::Value(_))) {
                    json::quoted(&rendered)
                } else {
                    match patch::json_text(&rendered, limits) {
                        Ok(text) => text,
                        Err(error) => {
                            let detail = error.to_string();
                            self.outcome.fail(Reason::Render, &edit.path, detail);
                            return None;
                        }
                    }
                }
            }
        };
        let Some(left) = room.checked_sub(text.len()) else {
            let detail = "the edits render too much";
            self.outcome.fail(Reason::Limit, &edit.path, detail);
            return None;
        };
        *room = left;
        Some(Some(Text::Known(text)))
    }

    /// Puts what `edit` makes of the body in its place. A body that was encoded is not any more.
    ///
    /// # Errors
    ///
    /// As [`patch`](Self::patch).
    fn edit_body(
        &mut self,
        patch: &Patch,
        view: &View<'_>,
        edit: impl FnOnce(&[u8], &Seen<'_>, &Limits) -> (Option<Vec<u8>>, Outcome),
    ) -> Result<(), Box<Rejection>> {
        let direction = self.direction;
        let body = match self.cache.body.bytes(self.ops, direction, self.limits) {
            Ok(body) => body,
            Err(error) => {
                let Unusable(reason, detail) = error.into();
                self.outcome.fail(reason, &patch.path, detail);
                return match (error, direction) {
                    (coding::Error::TooMuch, Direction::Request) => Err(Rejection::too_large()),
                    _ => Ok(()),
                };
            }
        };
        let (cache, none) = (BodyCache::default(), Snapshot::default());
        let seen = Seen {
            ops: &*self.ops,
            direction,
            whole: false,
            request: view.request.map_or(&none, |request| request),
            response: view.message.as_deref().unwrap_or(&none),
            extracted: view.extracted,
            expressions: self.expressions,
            cache: &cache,
        };
        let (edited, outcome) = edit(body, &seen, self.limits);
        self.outcome.failures.extend(outcome.failures);
        let Some(edited) = edited else {
            return Ok(());
        };
        if !self.put_body(&edited) {
            self.outcome
                .fail(Reason::Render, &patch.path, "the host refused the body");
            return Ok(());
        }
        self.done(&patch.path);
        self.remove_untrue();
        // A message without a length is framed in another way, and may have trailers.
        let announced = self.ops.header_values(direction, "content-length");
        if !announced.is_empty() {
            let length = edited.len().to_string();
            self.ops
                .set_header(direction, "content-length", length.as_bytes());
        }
        Ok(())
    }
}
