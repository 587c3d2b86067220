//! Whether a value is the one expected: the one matcher of every case, whoever plays it.

use std::collections::BTreeMap;
use std::fmt;

use fancy_regex::Regex;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::bytes::{Bytes, Form, unzipped};
use crate::multipart::{PartMatcher, parts};

/// Conditions that must hold together; there is at least one.
#[derive(Clone, Debug)]
pub struct Matcher(pub Vec<Condition>);

/// What a value is to be.
#[derive(Clone, Debug)]
pub enum Condition {
    /// These bytes.
    Exact(Vec<u8>),
    /// This text, but for white space at both ends.
    Trimmed(String),
    /// This is a part of it.
    Contains(String),
    /// The expression matches somewhere in it.
    Regex(Box<Regex>),
    /// The same JSON.
    Json(Value),
    /// JSON whose objects may hold more.
    JsonContains(Value),
    /// A form of these fields; a list for one that stands several times.
    Form(BTreeMap<String, Value>),
    /// multipart/form-data of these parts.
    Multipart(Vec<PartMatcher>),
    /// gzip of what this matches.
    Unzipped(Box<Matcher>),
    /// As it arrived.
    Unchanged,
    /// Not as it arrived, and not empty.
    Changed,
    /// There is no message.
    Gone,
    /// One of these matches.
    OneOf(Vec<Matcher>),
    /// This does not match.
    Not(Box<Matcher>),
}

/// The lines of a header.
#[derive(Clone, Debug)]
pub enum Field {
    /// There is none.
    Absent,
    /// There is one, and it matches.
    One(Matcher),
    /// There are these, in this order.
    Lines(Vec<Matcher>),
    /// One of these holds.
    OneOf(Vec<Field>),
    /// No line matches; there may be none.
    Never(Matcher),
    /// All of these hold.
    All(Vec<Field>),
}

impl Matcher {
    /// A matcher of exactly these bytes.
    pub fn exact(bytes: impl Into<Vec<u8>>) -> Self {
        Self(vec![Condition::Exact(bytes.into())])
    }

    /// Whether it matches. `arrived` is what went into the filter.
    pub fn matches(&self, value: &[u8], arrived: &[u8]) -> bool {
        self.0.iter().all(|one| one.holds(value, arrived))
    }
}

impl Matcher {
    /// Whether there may be no message.
    pub(crate) fn allows_none(&self) -> bool {
        self.0.iter().any(|condition| match condition {
            Condition::Gone => true,
            Condition::OneOf(matchers) => matchers.iter().any(Self::allows_none),
            _ => false,
        })
    }
}

impl Condition {
    fn holds(&self, value: &[u8], arrived: &[u8]) -> bool {
        let text = || std::str::from_utf8(value).ok();
        let json = || serde_json::from_slice::<Value>(value).ok();
        match self {
            Self::Exact(bytes) => value == bytes,
            Self::Trimmed(wanted) => text().is_some_and(|text| text.trim() == wanted.trim()),
            Self::Contains(part) => text().is_some_and(|text| text.contains(part.as_str())),
            Self::Regex(regex) => text().is_some_and(|text| regex.is_match(text).unwrap_or(false)),
            Self::Json(wanted) => json().is_some_and(|json| json == *wanted),
            Self::JsonContains(part) => json().is_some_and(|whole| includes(&whole, part)),
            Self::Form(wanted) => form(value).as_ref() == Some(wanted),
            Self::Multipart(wanted) => parts(value).is_some_and(|parts| {
                let pairs = || wanted.iter().zip(&parts);
                wanted.len() == parts.len() && pairs().all(|(one, part)| one.is_met_by(part))
            }),
            Self::Unzipped(plain) => {
                unzipped(value).is_some_and(|unzipped| plain.matches(&unzipped, arrived))
            }
            Self::Unchanged => value == arrived,
            Self::Changed => value != arrived && !value.is_empty(),
            Self::Gone => false,
            Self::OneOf(matchers) => matchers.iter().any(|one| one.matches(value, arrived)),
            Self::Not(matcher) => !matcher.matches(value, arrived),
        }
    }
}

impl Field {
    /// Whether the lines of a header are as expected.
    pub fn is_met_by(&self, lines: &[Vec<u8>]) -> bool {
        match self {
            Self::Absent => lines.is_empty(),
            Self::One(matcher) => match lines {
                [line] => matcher.matches(line, b""),
                _ => false,
            },
            Self::Lines(matchers) => {
                let pairs = || matchers.iter().zip(lines);
                matchers.len() == lines.len() && pairs().all(|(one, line)| one.matches(line, b""))
            }
            Self::OneOf(fields) => fields.iter().any(|field| field.is_met_by(lines)),
            Self::All(fields) => fields.iter().all(|field| field.is_met_by(lines)),
            Self::Never(matcher) => !lines.iter().any(|line| matcher.matches(line, b"")),
        }
    }
}

impl Field {
    /// The lines that are expected, where each is written out.
    fn exact_lines(&self) -> Option<Vec<&[u8]>> {
        let Self::Lines(lines) = self else {
            return None;
        };
        let lines = lines.iter().map(|line| match line.0.as_slice() {
            [Condition::Exact(bytes)] => Some(bytes.as_slice()),
            _ => None,
        });
        lines.collect()
    }

    /// Whether one line holds what is expected as several, a comma between them.
    pub(crate) fn is_met_joined(&self, lines: &[Vec<u8>]) -> bool {
        if let Self::OneOf(fields) = self {
            return fields.iter().any(|field| field.is_met_joined(lines));
        }
        let (Some(expected), [line]) = (self.exact_lines(), lines) else {
            return false;
        };
        let joined = |comma: &[u8]| *line == expected.join(comma);
        expected.len() > 1 && [&b","[..], b", ", b"; "].into_iter().any(joined)
    }
}

/// Whether `whole` is `part`, except that its objects may have more members.
fn includes(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => part.iter().all(|(name, part)| {
            let member = whole.get(name);
            member.is_some_and(|member| includes(member, part))
        }),
        (Value::Array(whole), Value::Array(part)) => {
            let pairs = || whole.iter().zip(part);
            whole.len() == part.len() && pairs().all(|(a, b)| includes(a, b))
        }
        _ => whole == part,
    }
}

/// The fields of a form, a list for those that stand several times.
fn form(body: &[u8]) -> Option<BTreeMap<String, Value>> {
    let mut fields: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(body) {
        let values = fields.entry(name.into_owned()).or_default();
        values.push(value.into_owned().into());
    }
    let one = |values: Vec<Value>| match <[Value; 1]>::try_from(values) {
        Ok([only]) => only,
        Err(several) => several.into(),
    };
    let fields = fields.into_iter();
    Some(fields.map(|(name, values)| (name, one(values))).collect())
}

/// What a condition may be called, as an error lists it.
const KEYS: [&str; 20] = [
    "hex",
    "base64",
    "crlf",
    "gzip",
    "deflate",
    "repeat",
    "times",
    "exact",
    "trimmed",
    "contains",
    "regex",
    "json",
    "json_contains",
    "form",
    "multipart",
    "unzipped",
    "unchanged",
    "changed",
    "one_of",
    "not",
];

impl<'de> Deserialize<'de> for Matcher {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MatcherVisitor)
    }
}

struct MatcherVisitor;

impl<'de> Visitor<'de> for MatcherVisitor {
    type Value = Matcher;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text or conditions; put quotes around a number or a boolean")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Matcher, E> {
        Ok(Matcher::exact(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Matcher, A::Error> {
        let mut all = Vec::new();
        while let Some(Bytes(item)) = items.next_element()? {
            all.extend(item);
        }
        Ok(Matcher::exact(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Matcher, A::Error> {
        let mut conditions = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "contains" => {
                    let Parts(parts) = map.next_value()?;
                    conditions.extend(parts.into_iter().map(Condition::Contains));
                }
                key => conditions.push(condition(key, &mut map)?),
            }
        }
        if conditions.is_empty() {
            return Err(A::Error::custom("no condition"));
        }
        Ok(Matcher(conditions))
    }
}

fn condition<'de, A: MapAccess<'de>>(key: &str, map: &mut A) -> Result<Condition, A::Error> {
    let given = |given: bool, condition: Condition| match given {
        true => Ok(condition),
        false => Err(A::Error::custom(format!("`{key}` is true, or left out"))),
    };
    Ok(match key {
        "exact" => Condition::Exact(map.next_value::<Bytes>()?.0),
        "trimmed" => Condition::Trimmed(map.next_value()?),
        "regex" => {
            let text: String = map.next_value()?;
            let regex = Regex::new(&text);
            let regex = regex.map_err(|error| A::Error::custom(format!("`regex`: {error}")))?;
            Condition::Regex(Box::new(regex))
        }
        "json" => Condition::Json(map.next_value()?),
        "json_contains" => Condition::JsonContains(map.next_value()?),
        "form" => Condition::Form(map.next_value()?),
        "multipart" => Condition::Multipart(map.next_value()?),
        "unzipped" => Condition::Unzipped(map.next_value()?),
        "unchanged" => given(map.next_value()?, Condition::Unchanged)?,
        "changed" => given(map.next_value()?, Condition::Changed)?,
        "one_of" => Condition::OneOf(map.next_value()?),
        "not" => Condition::Not(map.next_value()?),
        other => match Form::of(other) {
            Some(form) => Condition::Exact(form.read(map)?),
            None => return Err(A::Error::unknown_field(other, &KEYS)),
        },
    })
}

/// One text, or a list of them.
struct Parts(Vec<String>);

impl<'de> Deserialize<'de> for Parts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PartsVisitor).map(Self)
    }
}

struct PartsVisitor;

impl<'de> Visitor<'de> for PartsVisitor {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text or a list of texts")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Vec<String>, E> {
        Ok(vec![text.to_owned()])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<String>, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element()? {
            all.push(item);
        }
        Ok(all)
    }
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldVisitor)
    }
}

struct FieldVisitor;

impl<'de> Visitor<'de> for FieldVisitor {
    type Value = Field;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "text, conditions, a list of lines, or null for none; put quotes around a number or a \
             boolean",
        )
    }

    fn visit_unit<E: Error>(self) -> Result<Field, E> {
        Ok(Field::Absent)
    }

    fn visit_none<E: Error>(self) -> Result<Field, E> {
        Ok(Field::Absent)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Field, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Field, E> {
        Ok(Field::One(Matcher::exact(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Field, A::Error> {
        let mut lines = Vec::new();
        while let Some(line) = items.next_element()? {
            lines.push(line);
        }
        Ok(Field::Lines(lines))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Field, A::Error> {
        MatcherVisitor.visit_map(map).map(Field::One)
    }
}

/// Bytes as a difference shows them.
pub(crate) fn shown(bytes: &[u8]) -> String {
    /// How much of a value is shown, in characters.
    const SHOWN: usize = 300;
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => format!("{text:?}"),
        Err(_) => format!("\"{}\"", bytes.escape_ascii()),
    };
    let count = text.chars().count();
    if count <= SHOWN {
        return text;
    }
    let start: String = text.chars().take(SHOWN).collect();
    format!("{start}... ({} bytes)", bytes.len())
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let conditions: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&conditions.join(" and "))
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(bytes) => f.write_str(&shown(bytes)),
            Self::Trimmed(text) => write!(f, "{text:?} trimmed"),
            Self::Contains(part) => write!(f, "something with {part:?}"),
            Self::Regex(regex) => write!(f, "a match of {:?}", regex.as_str()),
            Self::Json(value) => write!(f, "the JSON {value}"),
            Self::JsonContains(value) => write!(f, "JSON with {value}"),
            Self::Form(fields) => write!(f, "the form {fields:?}"),
            Self::Multipart(parts) => {
                let parts: Vec<String> = parts.iter().map(ToString::to_string).collect();
                write!(f, "multipart of {}", parts.join(", "))
            }
            Self::Unzipped(plain) => write!(f, "gzip of {plain}"),
            Self::Unchanged => f.write_str("what arrived"),
            Self::Changed => f.write_str("something else than what arrived"),
            Self::Gone => f.write_str("no message"),
            Self::OneOf(matchers) => {
                let matchers: Vec<String> = matchers.iter().map(ToString::to_string).collect();
                f.write_str(&matchers.join(" or "))
            }
            Self::Not(matcher) => write!(f, "not {matcher}"),
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |items: Vec<String>, join: &str| items.join(join);
        match self {
            Self::Absent => f.write_str("none"),
            Self::One(matcher) => matcher.fmt(f),
            Self::Lines(lines) => {
                let lines = lines.iter().map(ToString::to_string).collect();
                write!(f, "[{}]", list(lines, ", "))
            }
            Self::OneOf(fields) => {
                let fields = fields.iter().map(ToString::to_string).collect();
                f.write_str(&list(fields, " or "))
            }
            Self::All(fields) => {
                let fields = fields.iter().map(ToString::to_string).collect();
                f.write_str(&list(fields, " and "))
            }
            Self::Never(matcher) => write!(f, "never {matcher}"),
        }
    }
}
