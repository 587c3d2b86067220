//! Header and metadata edits.

use super::HeaderEdit;
use super::editing::Editing;
use super::view::View;
use crate::failure::{Reason, Reply};
use crate::headers;
use crate::ops::Direction;

impl Editing<'_> {
    pub(super) fn set(&mut self, header: &HeaderEdit, view: &View<'_>) -> Result<(), Box<Reply>> {
        let direction = self.direction;
        if let Some(value) = self.header_value(header, view)? {
            if header.name == ":method" && !self.keeps_framing(&value) {
                let detail = "the method cannot become HEAD or CONNECT, nor stop being it";
                self.outcome.fail(Reason::HeaderValue, &header.path, detail);
                return Ok(());
            }
            if self
                .ops
                .set_header(direction, &header.name, value.as_bytes())
            {
                return Ok(());
            }
            self.refused(&header.path);
        }
        // A message without its pseudo headers is none.
        if !header.name.starts_with(':') {
            self.ops.remove_header(direction, &header.name);
        }
        Ok(())
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

    pub(super) fn add(&mut self, header: &HeaderEdit, view: &View<'_>) -> Result<(), Box<Reply>> {
        if let Some(value) = self.header_value(header, view)?
            && !self
                .ops
                .add_header(self.direction, &header.name, value.as_bytes())
        {
            self.refused(&header.path);
        }
        Ok(())
    }

    fn refused(&mut self, path: &str) {
        self.outcome
            .fail(Reason::HeaderValue, path, "the host refused the header");
    }

    /// A value that is not empty and that a header can carry.
    fn header_value(
        &mut self,
        header: &HeaderEdit,
        view: &View<'_>,
    ) -> Result<Option<String>, Box<Reply>> {
        let Some(formula) = &header.formula else {
            return Ok(None);
        };
        let Some(value) = self.value(formula, &header.path, view)? else {
            return Ok(None);
        };
        let (reason, detail) = if value.len() > self.limits.header_bytes {
            (Reason::Limit, "the value is too long")
        } else if headers::valid_value_of(&header.name, &value) {
            return Ok(Some(value));
        } else {
            (Reason::HeaderValue, "the value cannot stand in this header")
        };
        self.outcome.fail(reason, &header.path, detail);
        Ok(None)
    }
}
