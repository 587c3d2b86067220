//! YAML and JSON as a tree whose every part knows where it stands.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use cases::scalar::{ReadBy, Scalar};
use granit_parser::{Event, Parser, ScalarStyle, Span};
use serde_json::Value;
use transformations::{Code, Diagnostic};

use crate::text::Text;

/// More parts than any configuration has: names of anchors can stand for one another without end.
const MOST_NODES: usize = 1 << 20;

/// A value, and the characters of its text that it takes.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) at: Range<usize>,
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Scalar {
        /// Without quotes and escapes.
        meaning: String,
        style: ScalarStyle,
        /// What it is to whom the text is given.
        value: Value,
    },
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_at: Range<usize>,
    pub(crate) value: Node,
}

/// What keeps a text from being read, and where.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub(crate) at: Range<usize>,
    pub(crate) diagnostic: Diagnostic,
}

/// Every document of a text, as whoever it is written for reads it: JSON as it is, if its file is not called YAML; a manifest
/// and cases with numbers of any kind; anything else as Envoy reads YAML.
///
/// # Errors
/// The text is neither YAML nor JSON, or has a key twice.
pub(crate) fn read(text: &Text) -> Result<Vec<Node>, Unreadable> {
    let by = text.read_by();
    let documents = read_by(text, by)?;
    if by == ReadBy::Kubernetes || !documents.iter().any(is_for_others) {
        return Ok(documents);
    }
    let pairs = documents
        .into_iter()
        .zip(read_by(text, ReadBy::Kubernetes)?);
    Ok(pairs
        .map(|(envoys, others)| {
            if is_for_others(&envoys) {
                others
            } else {
                envoys
            }
        })
        .collect())
}

/// Whether a document is no configuration of Envoy's.
fn is_for_others(document: &Node) -> bool {
    let is_manifest = document.get("apiVersion").is_some() && document.get("kind").is_some();
    is_manifest || document.get("cases").is_some()
}

fn read_by(text: &Text, by: ReadBy) -> Result<Vec<Node>, Unreadable> {
    let mut reader = Reader {
        parser: Parser::new_from_str_with_options(
            text.as_str(),
            granit_parser::options! { emit_comments: false },
        ),
        by,
        anchors: HashMap::new(),
        nodes: 0,
    };
    let mut documents = Vec::new();
    loop {
        let (event, span) = reader.next(text)?;
        match event {
            Event::StreamEnd => return Ok(documents),
            Event::StreamStart | Event::DocumentEnd => {}
            Event::DocumentStart(..) => reader.anchors.clear(),
            event => documents.push(reader.node(text, event, span)?),
        }
    }
}

struct Reader<'t> {
    parser: Parser<'t, granit_parser::StrInput<'t>>,
    by: ReadBy,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

impl<'t> Reader<'t> {
    /// The next event.
    fn next(&mut self, text: &Text) -> Result<(Event<'t>, Span), Unreadable> {
        match self.parser.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => {
                let at = error.marker().index();
                Err(unreadable(text, at..at + 1, &error.info()))
            }
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(&mut self, text: &Text, event: Event<'t>, span: Span) -> Result<Node, Unreadable> {
        let start = span.start.index();
        self.count(1, start)?;
        let (node, anchor) = match event {
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned();
                let node = node.unwrap_or(Node {
                    at: start..start,
                    kind: Kind::Map(Vec::new()),
                });
                self.count(node.size(), start)?;
                return Ok(node);
            }
            Event::Scalar(meaning, style, anchor, tag) => {
                let scalar = Scalar {
                    text: &meaning,
                    style,
                    tag: tag.as_deref(),
                };
                let value = scalar.value(self.by);
                let meaning = meaning.into_owned();
                let kind = Kind::Scalar {
                    meaning,
                    style,
                    value,
                };
                let at = start..span.end.index();
                (Node { at, kind }, anchor)
            }
            Event::SequenceStart(_, anchor, _) => {
                let mut items = Vec::new();
                let end = loop {
                    match self.next(text)? {
                        (Event::SequenceEnd, span) => break span.end.index(),
                        (event, span) => items.push(self.node(text, event, span)?),
                    }
                };
                let kind = Kind::List(items);
                (
                    Node {
                        at: start..end,
                        kind,
                    },
                    anchor,
                )
            }
            Event::MappingStart(_, anchor, _) => {
                let mut entries = Vec::new();
                let mut keys = BTreeSet::new();
                let end = loop {
                    match self.next(text)? {
                        (Event::MappingEnd, span) => break span.end.index(),
                        (event, span) => {
                            let entry = self.entry(text, event, span)?;
                            if !keys.insert(entry.key.clone()) {
                                return Err(twice(&entry));
                            }
                            entries.push(entry);
                        }
                    }
                };
                let kind = Kind::Map(entries);
                (
                    Node {
                        at: start..end,
                        kind,
                    },
                    anchor,
                )
            }
            _ => {
                return Err(unreadable(
                    text,
                    start..start + 1,
                    "a value is expected here",
                ));
            }
        };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn entry(&mut self, text: &Text, event: Event<'t>, span: Span) -> Result<Entry, Unreadable> {
        let key = self.node(text, event, span)?;
        let Kind::Scalar { meaning, .. } = key.kind else {
            return Err(unreadable(
                text,
                key.at,
                "a key is a text, and this is none",
            ));
        };
        let (event, span) = self.next(text)?;
        Ok(Entry {
            key: meaning,
            key_at: key.at,
            value: self.node(text, event, span)?,
        })
    }

    fn count(&mut self, nodes: usize, at: usize) -> Result<(), Unreadable> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes <= MOST_NODES {
            return Ok(());
        }
        let message = format!("the file has more than {MOST_NODES} values");
        let error = Diagnostic::error(Code::Range, "", message);
        Err(Unreadable {
            at: at..at + 1,
            diagnostic: error.help("write fewer, or use fewer aliases"),
        })
    }
}

fn twice(entry: &Entry) -> Unreadable {
    let message = format!("duplicate key `{}`", entry.key);
    Unreadable {
        at: entry.key_at.clone(),
        diagnostic: Diagnostic::error(Code::Schema, "", message).help("remove one of the two"),
    }
}

/// What the parser reports, with the way out where braces of a template may be the reason.
fn unreadable(text: &Text, at: Range<usize>, message: &str) -> Unreadable {
    let line = text.place(at.start).line;
    let line = text.as_str().lines().nth(line.saturating_sub(1));
    let template = line.is_some_and(|line| line.contains("{{") || line.contains("{%"));
    let help = if template {
        "put the template in quotes, as in `value: \"{{ model }}\"`: in YAML, braces begin a mapping"
    } else {
        "check the quotes, the brackets and the indentation here and on the line before"
    };
    let error = Diagnostic::error(
        Code::Syntax,
        "",
        format!("neither YAML nor JSON: {message}"),
    );
    Unreadable {
        at,
        diagnostic: error.help(help),
    }
}

impl Node {
    /// How many values there are in it, itself among them.
    fn size(&self) -> usize {
        let within: usize = match &self.kind {
            Kind::Scalar { .. } => 0,
            Kind::List(items) => items.iter().map(Node::size).sum(),
            Kind::Map(entries) => entries.iter().map(|entry| entry.value.size()).sum(),
        };
        within + 1
    }

    /// The entries of a map; none of anything else.
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The same map without a key.
    pub(crate) fn without(&self, key: &str) -> Self {
        let rest = self.entries().iter().filter(|entry| entry.key != key);
        let kind = Kind::Map(rest.cloned().collect());
        Self {
            kind,
            ..self.clone()
        }
    }

    /// The items of a list; none of anything else.
    pub(crate) fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }

    /// The entry of a key, which Envoy takes in either spelling.
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        let spelled = |entry: &&Entry| entry.key == key || is_camel_of(&entry.key, key);
        self.entries().iter().find(spelled)
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// What a scalar means.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { meaning, .. } => Some(meaning),
            _ => None,
        }
    }

    /// The same as JSON.
    pub(crate) fn value(&self) -> Value {
        match &self.kind {
            Kind::Scalar { value, .. } => value.clone(),
            Kind::List(items) => items.iter().map(Node::value).collect(),
            Kind::Map(entries) => {
                let members = entries.iter();
                members
                    .map(|entry| (entry.key.clone(), entry.value.value()))
                    .collect()
            }
        }
    }
}

/// Whether `written` is `key` as JSON spells it: `filterConfig` for `filter_config`.
fn is_camel_of(written: &str, key: &str) -> bool {
    let plain = |name: &str| name.replace('_', "").to_ascii_lowercase();
    !written.contains('_') && plain(written) == plain(key)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::file::File;

    fn values(text: &str) -> Vec<Value> {
        let documents = read(&Text::of_file(File::unnamed(text))).unwrap();
        documents.iter().map(Node::value).collect()
    }

    #[test]
    fn values_are_what_envoy_makes_of_them() {
        for (text, value) in [
            ("a: yes", json!({"a": true})),
            ("a: 'yes'", json!({"a": "yes"})),
            ("a: ! yes", json!({"a": "yes"})),
            ("a: !!str yes", json!({"a": true})),
            ("a: !!int '5'", json!({"a": 5})),
            ("a: !!null ''", json!({"a": ""})),
            ("a: |-\n  5", json!({"a": "5"})),
            ("a: 5", json!({"a": 5})),
            ("a: -1.5e3", json!({"a": "-1.5e3"})),
            ("{\"a\": -1.5e3}", json!({"a": -1500.0})),
            ("a: 10.0.0.0/8", json!({"a": "10.0.0.0/8"})),
            ("a: 1.2.3", json!({"a": "1.2.3"})),
            ("a:", json!({"a": null})),
            ("{\"a\":\t[1,\n\t\"b\"]}", json!({"a": [1, "b"]})),
            ("a: &x {b: 1}\nc: *x", json!({"a": {"b": 1}, "c": {"b": 1}})),
        ] {
            assert_eq!(values(text), [value], "{text}");
        }
        assert_eq!(values("# nothing\n"), Vec::<Value>::new());
        assert_eq!(
            values("a: 1\n---\nb: 2\n"),
            [json!({"a": 1}), json!({"b": 2})]
        );
    }

    #[test]
    fn a_manifest_and_cases_keep_their_numbers() {
        assert_eq!(
            values("a: 0.5\n---\napiVersion: v1\nkind: X\na: 0.5\n---\ncases: []\na: !!str 5\n"),
            [
                json!({"a": "0.5"}),
                json!({"apiVersion": "v1", "kind": "X", "a": 0.5}),
                json!({"cases": [], "a": "5"}),
            ]
        );
    }

    #[test]
    fn aliases_cannot_multiply_without_end() {
        let mut bomb = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n".to_owned();
        for n in 1..10 {
            let before = n - 1;
            let list = vec![format!("*a{before}"); 10].join(", ");
            bomb.push_str(&format!("a{n}: &a{n} [{list}]\n"));
        }
        let error = read(&Text::of_file(File::unnamed(&bomb))).unwrap_err();
        assert_eq!(error.diagnostic.code, Code::Range);
    }
}
