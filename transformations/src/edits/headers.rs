//! Header and metadata edits.

use super::editing::Editing;
use super::view::View;
use super::{Formula, HeaderEdit};
use crate::config::HEADER_LINES;
use crate::failure::Reason;
use crate::headers;
use crate::ops::Direction;
use crate::rejection::Rejection;

impl Editing<'_> {
    pub(super) fn set(
        &mut self,
        header: &HeaderEdit,
        view: &View<'_>,
    ) -> Result<(), Box<Rejection>> {
        let direction = self.direction;
        let lines = self.lines(header, view)?;
        if let Some(first) = lines.first() {
            if let Some((reason, detail)) = self.objection(header, &lines) {
                if self.has(header, &lines) {
                    return Ok(());
                }
                self.outcome.fail(reason, &header.path, detail);
            } else if header.name == ":method" && !self.keeps_framing(first) {
                let detail = "the method cannot become HEAD or CONNECT, nor stop being it";
                self.outcome.fail(Reason::HeaderValue, &header.path, detail);
                return Ok(());
            } else if lines.len() > 1 && !self.ops.keeps_lines_apart(direction, &header.name) {
                let detail = "this host cannot set several lines: the header stays as it was";
                self.outcome.fail(Reason::HeaderValue, &header.path, detail);
                return Ok(());
            } else if self.put(header, &lines) || self.has(header, &lines) {
                self.done(&header.path);
                return Ok(());
            } else {
                self.refused(&header.path);
            }
        }
        // A message without its pseudo headers is none.
        if !header.name.starts_with(':') {
            self.ops.remove_header(direction, &header.name);
        }
        Ok(())
    }

    /// Puts lines in place of all that a header has; whether the host did it.
    fn put(&mut self, header: &HeaderEdit, lines: &[String]) -> bool {
        let mut first = true;
        lines.iter().all(|line| {
            let (name, line) = (&header.name, line.as_bytes());
            match std::mem::take(&mut first) {
                true => self.ops.set_header(self.direction, name, line),
                false => self.ops.add_header(self.direction, name, line),
            }
        })
    }

    /// Whether a header has these lines already: to set them again is no failure.
    fn has(&self, header: &HeaderEdit, lines: &[String]) -> bool {
        let values = self.ops.header_values(self.direction, &header.name);
        let lines = lines.iter().map(String::as_bytes);
        lines.eq(values)
    }

    /// Whether a request of this method has an answer that is framed as it was going to be: after
    /// HEAD and CONNECT no body follows, whatever the headers say (RFC 9110 sections 9.3.2, 9.3.6).
    fn keeps_framing(&self, method: &str) -> bool {
        let frames = |method: &[u8]| {
            let of_its_own = |name: &[u8]| method.eq_ignore_ascii_case(name);
            of_its_own(b"HEAD") || of_its_own(b"CONNECT")
        };
        let before = self.ops.header_values(Direction::Request, ":method");
        before == [method.as_bytes()]
            || !(frames(method.as_bytes()) || before.iter().any(|method| frames(method)))
    }

    pub(super) fn add(
        &mut self,
        header: &HeaderEdit,
        view: &View<'_>,
    ) -> Result<(), Box<Rejection>> {
        let lines = self.lines(header, view)?;
        if let Some((reason, detail)) = self.objection(header, &lines) {
            self.outcome.fail(reason, &header.path, detail);
            return Ok(());
        }
        for line in &lines {
            if self
                .ops
                .add_header(self.direction, &header.name, line.as_bytes())
            {
                self.done(&header.path);
            } else {
                self.refused(&header.path);
            }
        }
        Ok(())
    }

    fn refused(&mut self, path: &str) {
        self.outcome
            .fail(Reason::HeaderValue, path, "the host refused the header");
    }

    /// The lines that an edit makes, none of them empty: one, or one for each item of a list.
    pub(super) fn lines(
        &mut self,
        header: &HeaderEdit,
        view: &View<'_>,
    ) -> Result<Vec<String>, Box<Rejection>> {
        match &header.formula {
            None => Ok(Vec::new()),
            Some(Formula::Expression(id)) if self.expressions.makes_list(*id) => {
                Ok(view.values.lines(*id).unwrap_or_else(|(reason, detail)| {
                    self.outcome.fail(reason, &header.path, detail);
                    Vec::new()
                }))
            }
            Some(formula) => {
                let line = self.value(formula, &header.path, view)?;
                Ok(line.into_iter().collect())
            }
        }
    }

    /// Why a header cannot have these lines.
    pub(super) fn objection(
        &self,
        header: &HeaderEdit,
        lines: &[String],
    ) -> Option<(Reason, &'static str)> {
        let bytes = lines.iter().map(String::len).fold(0, usize::saturating_add);
        if bytes > self.limits.header_bytes {
            Some((Reason::Limit, "the value is too long"))
        } else if lines.len() > HEADER_LINES {
            Some((Reason::Limit, "the list has too many items"))
        } else if lines.len() > 1 && header.name.starts_with(':') {
            let detail = "a message has each pseudo header once, and the list has several items";
            Some((Reason::HeaderValue, detail))
        } else {
            let valid = |line: &String| headers::valid_value_of(&header.name, line);
            let detail = "the value cannot stand in this header";
            (!lines.iter().all(valid)).then_some((Reason::HeaderValue, detail))
        }
    }
}
