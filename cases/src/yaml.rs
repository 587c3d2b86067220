//! YAML as JSON, read as Envoy reads a file.

use std::collections::HashMap;

use granit_parser::{Event, Parser, StrInput};
use serde_json::{Map, Value};

use crate::scalar::{ReadBy, Scalar};

/// More values than any configuration has: names of anchors can stand for one another without end.
const MOST: usize = 1 << 20;

/// The only document of a text.
pub(crate) fn read(text: &str, by: ReadBy) -> Result<Value, String> {
    let mut documents = Documents {
        parser: Parser::new_from_str_with_options(
            text,
            granit_parser::options! { emit_comments: false },
        ),
        by,
        anchors: HashMap::new(),
        left: MOST,
    };
    let mut found = None;
    loop {
        match documents.next()? {
            Event::StreamEnd => return Ok(found.unwrap_or_default()),
            Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
            _ if found.is_some() => return Err("several documents".to_owned()),
            event => found = Some(documents.value(event)?),
        }
    }
}

struct Documents<'t> {
    parser: Parser<'t, StrInput<'t>>,
    by: ReadBy,
    anchors: HashMap<usize, Value>,
    /// How many values there may be yet.
    left: usize,
}

impl<'t> Documents<'t> {
    fn next(&mut self) -> Result<Event<'t>, String> {
        match self.parser.next_event() {
            Some(Ok((event, _))) => Ok(event),
            Some(Err(error)) => Err(error.to_string()),
            None => Ok(Event::StreamEnd),
        }
    }

    fn value(&mut self, event: Event<'t>) -> Result<Value, String> {
        let (value, anchor) = match event {
            Event::Alias(anchor) => {
                let value = self.anchors.get(&anchor).cloned().unwrap_or_default();
                self.count(size(&value))?;
                return Ok(value);
            }
            Event::Scalar(text, style, anchor, tag) => {
                let (text, tag) = (text.as_ref(), tag.as_deref());
                let value = Scalar { text, style, tag }.value(self.by);
                (value, anchor)
            }
            Event::SequenceStart(_, anchor, _) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        Event::SequenceEnd => break (Value::Array(items), anchor),
                        event => items.push(self.value(event)?),
                    }
                }
            }
            Event::MappingStart(_, anchor, _) => {
                let mut members = Map::new();
                loop {
                    match self.next()? {
                        Event::MappingEnd => break (Value::Object(members), anchor),
                        Event::Scalar(key, ..) => {
                            let event = self.next()?;
                            let value = self.value(event)?;
                            if members.insert(key.to_string(), value).is_some() {
                                return Err(format!("duplicate key `{key}`"));
                            }
                        }
                        _ => return Err("a key is a text, and one is none".to_owned()),
                    }
                }
            }
            _ => return Err("a value is missing".to_owned()),
        };
        self.count(1)?;
        if anchor > 0 {
            self.anchors.insert(anchor, value.clone());
        }
        Ok(value)
    }

    fn count(&mut self, values: usize) -> Result<(), String> {
        match self.left.checked_sub(values) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(format!("more than {MOST} values")),
        }
    }
}

/// How many values there are in one, itself among them.
fn size(value: &Value) -> usize {
    let within: usize = match value {
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(members) => members.values().map(size).sum(),
        _ => 0,
    };
    within.saturating_add(1)
}
