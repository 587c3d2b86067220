//! What may stand in the headers of a message, and the headers as they arrived.

use std::borrow::Cow;
use std::collections::BTreeSet;

use bodies::coding::Codings;
use diagnostics::header::{valid_name, valid_value};

use crate::ops::{Direction, TransformationOps};

/// Whether a message of this direction has this pseudo header.
pub(crate) fn known_pseudo_header(direction: Direction, name: &str) -> bool {
    match direction {
        Direction::Request => [":authority", ":method", ":path", ":scheme"].contains(&name),
        Direction::Response => name == ":status",
    }
}

/// Whether `value` may stand in the header `name`. What breaks a request line, or a connection
/// that other requests share, may not.
pub(crate) fn valid_value_of(name: &str, value: &str) -> bool {
    let visible = || value.bytes().all(|b| b.is_ascii_graphic());
    match name {
        ":path" => (value.starts_with('/') || value == "*") && visible() && !value.contains('#'),
        ":method" => valid_name(value) && !value.starts_with(':'),
        ":authority" => visible() && !value.contains(['/', '?', '#', '@']),
        ":scheme" => value
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b)),
        // Not those that say that there is no body: it may already be on its way.
        ":status" => {
            let status = value.parse::<u16>().ok().filter(|_| value.len() == 3);
            status.is_some_and(|status| {
                (200..600).contains(&status) && ![204, 205, 304].contains(&status)
            })
        }
        _ => valid_value(value.as_bytes()),
    }
}

/// How a message's body is encoded; `None` when it is not.
pub(crate) fn codings(ops: &dyn TransformationOps, direction: Direction) -> Option<Codings> {
    const HEADER: &str = "content-encoding";
    ops.first_header_value(direction, HEADER)?; // as nearly always: there is none
    Codings::named(&ops.header_values(direction, HEADER))
}

/// What describes the bytes of a body, besides its length, and is wrong for another one.
pub(crate) const DESCRIBING: [&str; 7] = [
    "content-encoding",
    "etag",
    "content-md5",
    "content-digest",
    "repr-digest",
    "digest",
    "accept-ranges",
];

/// The headers of one message that templates may look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HeaderNames {
    /// Those with these names, in lower case.
    Named(BTreeSet<String>),
    /// A name is computed at run time: any.
    All,
}

impl Default for HeaderNames {
    fn default() -> Self {
        HeaderNames::Named(BTreeSet::new())
    }
}

impl HeaderNames {
    pub(crate) fn name(&mut self, name: &str) {
        if let HeaderNames::Named(names) = self {
            let name = name.to_ascii_lowercase();
            if name == "host" {
                names.insert(":authority".to_owned());
            }
            names.insert(name);
        }
    }

    pub(crate) fn all(&mut self) {
        *self = HeaderNames::All;
    }

    pub(crate) fn merge(&mut self, other: &HeaderNames) {
        match other {
            HeaderNames::All => self.all(),
            HeaderNames::Named(names) => names.iter().for_each(|name| self.name(name)),
        }
    }

    /// Whether a header, in lower case, is among them.
    pub(crate) fn has(&self, name: &str) -> bool {
        match self {
            HeaderNames::All => true,
            HeaderNames::Named(names) => names.contains(name),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, HeaderNames::Named(names) if names.is_empty())
    }
}

/// The headers of one message as they arrived, as far as templates name them.
///
/// Names are in lower case. A value may be no text: HTTP carries bytes that are not UTF-8
/// (RFC 9110 section 5.5), and a client must not hide a header behind one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Snapshot(Vec<(String, Vec<u8>)>);

impl Snapshot {
    /// Copies the headers that `needed` names.
    pub(crate) fn take(
        ops: &dyn TransformationOps,
        direction: Direction,
        needed: &HeaderNames,
    ) -> Self {
        let lower = |name: &[u8]| Some(std::str::from_utf8(name).ok()?.to_ascii_lowercase());
        Self(match needed {
            HeaderNames::Named(names) => names
                .iter()
                .flat_map(|name| {
                    let values = ops.header_values(direction, name);
                    let values = values.into_iter();
                    values.map(|value| (name.clone(), value.to_vec()))
                })
                .collect(),
            HeaderNames::All => ops
                .headers(direction)
                .into_iter()
                .filter_map(|(name, value)| Some((lower(name)?, value.to_vec())))
                .collect(),
        })
    }

    /// These headers, and those of an earlier time that are gone.
    pub(crate) fn or(mut self, earlier: Self) -> Self {
        let gone = |(name, _): &(String, Vec<u8>)| !self.names().any(|other| other == name);
        let gone: Vec<_> = earlier.0.into_iter().filter(gone).collect();
        self.0.extend(gone);
        self
    }

    /// Forgets a header, of this name in lower case.
    pub(crate) fn forget(&mut self, name: &str) {
        self.0.retain(|(other, _)| other != name);
    }

    /// All values of a header, in order. `name` is in lower case. Hosts keep `host` as
    /// `:authority`, whatever the protocol.
    pub(crate) fn values<'s>(&'s self, name: &str) -> impl Iterator<Item = &'s [u8]> {
        let has = |name: &str| self.0.iter().any(|(other, _)| other == name);
        let name = if name == "host" && !has("host") {
            ":authority"
        } else {
            name
        };
        self.0
            .iter()
            .filter(move |(other, _)| other == name)
            .map(|(_, value)| value.as_slice())
    }

    /// All values of a header in one, with `separator` between them; `None` when there is none.
    pub(crate) fn joined(&self, name: &str, separator: &[u8]) -> Option<Cow<'_, [u8]>> {
        let mut values = self.values(name);
        let first = values.next()?;
        let Some(second) = values.next() else {
            return Some(Cow::Borrowed(first));
        };
        let mut joined = [first, separator, second].concat();
        for value in values {
            joined.extend_from_slice(separator);
            joined.extend_from_slice(value);
        }
        Some(Cow::Owned(joined))
    }

    /// The names of the headers, each once for each of its values.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// The cookies of a request, in order.
    pub(crate) fn cookies(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.values("cookie")
            .flat_map(|value| value.split(|byte| *byte == b';'))
            .filter_map(|pair| {
                let equals = pair.iter().position(|byte| *byte == b'=')?;
                let (name, value) = pair.split_at_checked(equals)?;
                Some((name, value.split_first()?.1))
            })
            .map(|(name, value)| (name.trim_ascii(), value.trim_ascii()))
            .filter(|(name, _)| !name.is_empty())
    }
}

#[cfg(test)]
impl FromIterator<(String, String)> for Snapshot {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(headers: I) -> Self {
        let bytes = |(name, value): (String, String)| (name, value.into_bytes());
        Self(headers.into_iter().map(bytes).collect())
    }
}
