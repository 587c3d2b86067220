//! A file with all of its mutants in it, each behind a question.

use std::ops::Range;

use crate::sites::Wrap;

/// The text of a file with mutants, and where each is.
#[derive(Debug)]
pub(crate) struct Schema {
    pub(crate) text: String,
    /// The bytes that only this mutant brings.
    written: Vec<(Range<usize>, u32)>,
    /// What is wrapped, with the mutants that do it. Outer ones first.
    around: Vec<(Range<usize>, Vec<u32>)>,
}

/// What a mutant has to do with a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Blame {
    /// It brings it.
    Writes,
    /// It is around it, and no other closer.
    Wraps,
}

/// What is written where a wrap begins or ends.
enum Edit<'w> {
    Close(&'w Wrap),
    Open(&'w Wrap),
}

impl Schema {
    /// The text with these wraps, outer ones first.
    pub(crate) fn new(text: &str, wraps: &[Wrap]) -> Self {
        let mut edits = Vec::new();
        for (order, wrap) in (1_isize..).zip(wraps) {
            // Where several begin, the outer one is first; where several end, the last.
            edits.push((wrap.range.start, order, Edit::Open(wrap)));
            edits.push((wrap.range.end, order.saturating_neg(), Edit::Close(wrap)));
        }
        // What is empty opens before it closes.
        edits.retain(|(at, _, edit)| !matches!(edit, Edit::Close(wrap) if wrap.range.start == *at));
        edits.sort_by_key(|(at, order, _)| (*at, *order));
        let mut schema = Self {
            text: String::new(),
            written: Vec::new(),
            around: Vec::new(),
        };
        let mut opened: Vec<usize> = Vec::new();
        let mut copied = 0;
        for (at, _, edit) in edits {
            schema
                .text
                .push_str(text.get(copied..at).unwrap_or_default());
            copied = at;
            match edit {
                Edit::Open(wrap) => schema.open(wrap, &mut opened),
                Edit::Close(wrap) => {
                    schema.text.push_str(&wrap.close);
                    let end = schema.text.len();
                    let wrapped = opened.pop().and_then(|index| schema.around.get_mut(index));
                    if let Some((range, _)) = wrapped {
                        range.end = end;
                    }
                }
            }
        }
        schema.text.push_str(text.get(copied..).unwrap_or_default());
        schema
    }

    fn open(&mut self, wrap: &Wrap, opened: &mut Vec<usize>) {
        let start = self.text.len();
        for (id, text) in &wrap.open {
            let from = self.text.len();
            self.text.push_str(text);
            self.written
                .extend(id.map(|id| (from..self.text.len(), id)));
        }
        if !wrap.range.is_empty() {
            opened.push(self.around.len());
        }
        let ids = wrap.open.iter().filter_map(|(id, _)| *id).collect();
        self.around.push((start..self.text.len(), ids));
    }

    /// The mutants that an error at these bytes is of, if any.
    pub(crate) fn blamed(&self, error: &Range<usize>) -> Option<(Blame, Vec<u32>)> {
        let holds = |range: &Range<usize>| range.start <= error.start && error.end <= range.end;
        if let Some((_, id)) = self.written.iter().find(|(range, _)| holds(range)) {
            return Some((Blame::Writes, vec![*id]));
        }
        let mut around = self.around.iter().rev();
        let (_, ids) = around.find(|(range, ids)| !ids.is_empty() && holds(range))?;
        Some((Blame::Wraps, ids.clone()))
    }
}

#[cfg(test)]
mod tests;
