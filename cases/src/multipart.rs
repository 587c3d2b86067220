//! multipart/form-data (RFC 7578), as a case writes it and as it expects it.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use crate::bytes::Bytes;
use crate::matcher::{Field, Matcher};

/// A body of parts.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Multipart {
    boundary: String,
    parts: Vec<Part>,
}

/// A part as a case writes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    name: String,
    #[serde(default)]
    filename: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Bytes,
}

impl Multipart {
    /// What it is as bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let boundary = &self.boundary;
        let mut bytes = Vec::new();
        for part in &self.parts {
            let mut head = format!(
                "--{boundary}\r\ncontent-disposition: form-data; name=\"{}\"",
                part.name
            );
            if let Some(filename) = &part.filename {
                head += &format!("; filename=\"{filename}\"");
            }
            for (name, value) in &part.headers {
                head += &format!("\r\n{name}: {value}");
            }
            bytes.extend_from_slice(head.as_bytes());
            bytes.extend_from_slice(b"\r\n\r\n");
            bytes.extend_from_slice(&part.body.0);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        bytes
    }
}

/// What a part is to be. Headers that are not mentioned may be anything.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartMatcher {
    /// The name of its field.
    pub name: String,
    /// The name of its file; where it is not mentioned there is none.
    #[serde(default)]
    pub filename: Option<String>,
    /// Its header lines.
    #[serde(default)]
    pub headers: BTreeMap<String, Field>,
    /// What it holds.
    pub body: Matcher,
}

impl PartMatcher {
    /// Whether a part is as expected.
    pub(crate) fn is_met_by(&self, part: &Found) -> bool {
        let lines = |name: &str| -> Vec<Vec<u8>> {
            let named = part.headers.iter().filter(|(other, _)| other == name);
            named.map(|(_, value)| value.clone().into_bytes()).collect()
        };
        let mut headers = self.headers.iter();
        part.parameter("name").as_ref() == Some(&self.name)
            && part.parameter("filename") == self.filename
            && headers.all(|(name, field)| field.is_met_by(&lines(name)))
            && self.body.matches(&part.body, b"")
    }
}

impl fmt::Display for PartMatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.name)?;
        if let Some(filename) = &self.filename {
            write!(f, " (file {filename:?})")?;
        }
        for (name, field) in &self.headers {
            write!(f, " with {name}: {field}")?;
        }
        write!(f, " = {}", self.body)
    }
}

/// A part that was found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Names in lower case.
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Found {
    /// A parameter of its `content-disposition`, as this language writes them: in quotes.
    fn parameter(&self, name: &str) -> Option<String> {
        let mut headers = self.headers.iter();
        let (_, disposition) = headers.find(|(header, _)| header == "content-disposition")?;
        let (_, value) = disposition
            .split("; ")
            .find_map(|parameter| parameter.split_once('=').filter(|(key, _)| *key == name))?;
        Some(value.trim_matches('"').to_owned())
    }
}

/// The parts of a body, whose first line is its boundary; `None` if it is none, or is not closed.
pub(crate) fn parts(body: &[u8]) -> Option<Vec<Found>> {
    let (boundary, _) = split(body, b"\r\n")?;
    boundary.strip_prefix(b"--")?;
    let delimiter = [b"\r\n", boundary].concat();
    let mut rest = body.strip_prefix(boundary)?;
    let mut found = Vec::new();
    while let Some(part) = rest.strip_prefix(b"\r\n") {
        let (part, after) = split(part, &delimiter)?;
        let (head, body) = split(part, b"\r\n\r\n")?;
        let head = std::str::from_utf8(head).ok()?;
        let header = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        };
        found.push(Found {
            headers: head.split("\r\n").map(header).collect::<Option<_>>()?,
            body: body.to_vec(),
        });
        rest = after;
    }
    rest.starts_with(b"--").then_some(found)
}

/// What is before the first of these bytes, and what behind.
fn split<'a>(bytes: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let place = bytes.windows(at.len()).position(|window| window == at)?;
    Some((bytes.get(..place)?, bytes.get(place + at.len()..)?))
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn a_body_is_closed_parts() {
        let body = b"--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b--";
        let found = parts(body).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].parameter("name").as_deref(), Some("a"));
        assert_eq!(found[0].body, b"1");
        assert_eq!(parts(b"--b\r\na: b\r\n\r\n1\r\n--b"), None);
        assert_eq!(parts(b"a"), None);
        assert_eq!(parts(b""), None);
    }
}
