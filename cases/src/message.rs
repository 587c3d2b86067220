//! Messages as they arrive.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::bytes::{Bytes, Form};
use crate::json::JsonText;

/// Header fields in order, names in lower case.
pub type Fields = Vec<(String, Vec<u8>)>;

/// A message as it arrives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Header fields, pseudo headers first.
    pub fields: Fields,
    /// The body.
    pub body: Body,
    /// What ends it after the body.
    pub trailers: Fields,
    /// The hooks of this message never run: another filter answered, or none let it in.
    pub unseen: bool,
    /// Where a request's connection comes from: an IP address, perhaps with a port, or text that is
    /// none.
    pub source: Option<String>,
    /// The router gives this answer itself, without an upstream.
    pub direct: bool,
    /// After its pieces it is cut off: the client resets the stream, or the upstream does.
    pub broken_off: bool,
}

/// A piece of a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// How long the sender waits before it.
    pub after: Duration,
    /// What it is.
    pub bytes: Vec<u8>,
}

impl<B: Into<Vec<u8>>> From<B> for Piece {
    fn from(bytes: B) -> Self {
        Self {
            after: Duration::ZERO,
            bytes: bytes.into(),
        }
    }
}

/// A body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Body {
    /// There is none.
    #[default]
    None,
    /// One piece that ends the message, or that trailers follow.
    Whole(Vec<u8>),
    /// One piece after the other.
    Pieces(Vec<Piece>),
}

impl Body {
    /// All of it.
    pub fn bytes(&self) -> Vec<u8> {
        self.pieces().concat()
    }

    /// Its pieces.
    pub fn pieces(&self) -> Vec<&[u8]> {
        match self {
            Self::None => Vec::new(),
            Self::Whole(body) => vec![body],
            Self::Pieces(pieces) => pieces.iter().map(|piece| piece.bytes.as_slice()).collect(),
        }
    }

    /// How long the sender waits, from the beginning to each piece.
    pub fn times(&self) -> Vec<Duration> {
        let pieces = match self {
            Self::None => return Vec::new(),
            Self::Whole(_) => return vec![Duration::ZERO],
            Self::Pieces(pieces) => pieces.iter(),
        };
        let sum = |sum: &mut Duration, piece: &Piece| {
            *sum = sum.saturating_add(piece.after);
            Some(*sum)
        };
        pieces.scan(Duration::ZERO, sum).collect()
    }

    /// Whether the sender waits between pieces.
    pub fn pauses(&self) -> bool {
        self.times().last().is_some_and(|last| !last.is_zero())
    }
}

impl Message {
    /// A field, as text.
    pub fn field(&self, name: &str) -> Option<String> {
        let mut fields = self.fields.iter();
        let (_, value) = fields.find(|(other, _)| other == name)?;
        Some(String::from_utf8_lossy(value).into_owned())
    }
}

/// The request of a case. What it does not mention is usual: `POST` where there is a body and else
/// `GET`, `http`, `example.com`, `/`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Request(pub Message);

/// The answer of a case: 200, where it does not mention its status.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Answer(pub Message);

/// What a case may write of a message.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    method: Option<Pseudo>,
    scheme: Option<Pseudo>,
    authority: Option<Pseudo>,
    path: Option<Pseudo>,
    status: Option<Pseudo>,
    headers: Lines,
    body: Option<Bytes>,
    json: Option<JsonText>,
    pieces: Option<Vec<Piece>>,
    trailers: Lines,
    unseen: bool,
    source: Option<String>,
    direct: bool,
    broken_off: bool,
}

impl Written {
    fn message(self, pseudo: Vec<(&str, Option<Pseudo>, &str)>) -> Result<Message, String> {
        let given = pseudo.into_iter().filter_map(|(name, given, usual)| {
            let value = match given {
                None => usual.to_owned(),
                Some(Pseudo::Is(value)) => value,
                Some(Pseudo::Absent) => return None,
            };
            Some((name.to_owned(), value.into_bytes()))
        });
        let mut fields: Fields = given.collect();
        let Lines(headers) = self.headers;
        for (name, _) in headers.iter().chain(&self.trailers.0) {
            if let Some(plain) = name.strip_prefix(':') {
                return Err(format!("header `{name}`: write `{plain}` beside `headers`"));
            }
            if name.is_empty() || name.chars().any(|c| c.is_ascii_uppercase()) {
                return Err(format!("header `{name}`: names are in lower case"));
            }
        }
        fields.extend(headers);
        let body = match (self.body, self.json, self.pieces) {
            (None, None, None) => Body::None,
            (Some(Bytes(body)), None, None) => Body::Whole(body),
            (None, Some(JsonText(text)), None) => Body::Whole(text.into_bytes()),
            (None, None, Some(pieces)) => Body::Pieces(pieces),
            _ => return Err("`body`, `json` and `pieces` exclude each other".to_owned()),
        };
        if self.broken_off && !self.trailers.0.is_empty() {
            return Err("what is `broken_off` has no `trailers`".to_owned());
        }
        Ok(Message {
            fields,
            body,
            trailers: self.trailers.0,
            unseen: self.unseen,
            source: self.source,
            direct: self.direct,
            broken_off: self.broken_off,
        })
    }

    fn has_body(&self) -> bool {
        self.body.is_some() || self.json.is_some() || self.pieces.is_some()
    }
}

impl Default for Request {
    fn default() -> Self {
        Self::try_from(Written::default()).unwrap_or(Self(Message::default()))
    }
}

impl TryFrom<Written> for Request {
    type Error = String;

    fn try_from(mut written: Written) -> Result<Self, String> {
        if written.status.is_some() || written.direct {
            return Err("`status` and `direct` belong to `response`".to_owned());
        }
        let method = if written.has_body() { "POST" } else { "GET" };
        let pseudo = vec![
            (":method", written.method.take(), method),
            (":scheme", written.scheme.take(), "http"),
            (":authority", written.authority.take(), "example.com"),
            (":path", written.path.take(), "/"),
        ];
        written.message(pseudo).map(Self)
    }
}

impl TryFrom<Written> for Answer {
    type Error = String;

    fn try_from(mut written: Written) -> Result<Self, String> {
        let of_requests = [
            &written.method,
            &written.scheme,
            &written.authority,
            &written.path,
        ];
        if of_requests.into_iter().any(Option::is_some) {
            return Err(
                "`method`, `scheme`, `authority` and `path` belong to `request`".to_owned(),
            );
        }
        let pseudo = vec![(":status", written.status.take(), "200")];
        written.message(pseudo).map(Self)
    }
}

/// A pseudo header; `null`: it is not there.
#[derive(Debug)]
enum Pseudo {
    Absent,
    Is(String),
}

impl<'de> Deserialize<'de> for Pseudo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PseudoVisitor)
    }
}

struct PseudoVisitor;

impl<'de> Visitor<'de> for PseudoVisitor {
    type Value = Pseudo;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, or null for none")
    }

    fn visit_unit<E: Error>(self) -> Result<Pseudo, E> {
        Ok(Pseudo::Absent)
    }

    fn visit_none<E: Error>(self) -> Result<Pseudo, E> {
        Ok(Pseudo::Absent)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Pseudo, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Pseudo, E> {
        Ok(Pseudo::Is(text.to_owned()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Pseudo, E> {
        Ok(Pseudo::Is(number.to_string()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Pseudo, E> {
        Ok(Pseudo::Is(number.to_string()))
    }
}

/// Header lines: a map, whose values are texts or lists of them; where the order of lines matters
/// across names, a list of such maps.
#[derive(Debug, Default)]
struct Lines(Fields);

impl<'de> Deserialize<'de> for Lines {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LinesVisitor).map(Self)
    }
}

struct LinesVisitor;

impl<'de> Visitor<'de> for LinesVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of header names, or a list of such maps")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut maps: A) -> Result<Fields, A::Error> {
        let mut fields = Vec::new();
        while let Some(Lines(lines)) = maps.next_element()? {
            fields.extend(lines);
        }
        Ok(fields)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Vec::new();
        while let Some((name, Values(values))) = map.next_entry::<String, _>()? {
            fields.extend(values.into_iter().map(|value| (name.clone(), value)));
        }
        Ok(fields)
    }
}

/// The lines of one name.
struct Values(Vec<Vec<u8>>);

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValuesVisitor).map(Self)
    }
}

struct ValuesVisitor;

impl<'de> Visitor<'de> for ValuesVisitor {
    type Value = Vec<Vec<u8>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text or a list of texts; put quotes around a number or a boolean")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(vec![text.as_bytes().to_vec()])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Bytes(value)) = items.next_element()? {
            values.push(value);
        }
        Ok(values)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let deserializer = serde::de::value::MapAccessDeserializer::new(map);
        Bytes::deserialize(deserializer).map(|Bytes(value)| vec![value])
    }
}

impl<'de> Deserialize<'de> for Piece {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PieceVisitor)
    }
}

/// A piece is bytes, or `{after_ms: …, piece: bytes}`.
struct PieceVisitor;

impl<'de> Visitor<'de> for PieceVisitor {
    type Value = Piece;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, bytes, or `after_ms` with a `piece`; put quotes around a number")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Piece, E> {
        Ok(Piece::from(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Piece, A::Error> {
        let deserializer = serde::de::value::SeqAccessDeserializer::new(items);
        Bytes::deserialize(deserializer).map(|Bytes(bytes)| Piece::from(bytes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Piece, A::Error> {
        let Some(key) = map.next_key::<String>()? else {
            return Err(A::Error::custom("no bytes"));
        };
        if key != "after_ms" {
            return Form::only(&key, &mut map).map(Piece::from);
        }
        let after = Duration::from_millis(map.next_value()?);
        match map.next_key::<String>()?.as_deref() {
            Some("piece") => {}
            _ => return Err(A::Error::custom("`piece` has to follow `after_ms`")),
        }
        let Bytes(bytes) = map.next_value()?;
        match map.next_key::<String>()? {
            None => Ok(Piece { after, bytes }),
            Some(more) => Err(A::Error::custom(format!("`{more}` beside `after_ms`"))),
        }
    }
}
