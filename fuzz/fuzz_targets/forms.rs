//! The fields of forms and of multipart bodies against simple readers of whole bodies, cut anywhere.

#![no_main]

use std::fmt::Debug;

use arbitrary::{Arbitrary, Result as Arbitrated, Unstructured};
use bodies::content::ContentType;
use bodies::form::{self, FormFinder};
use bodies::multipart::{self, Delimiter, PartFinder};
use bodies::{Finding, Found, PART_HEADER_BYTES};
use fuzz::pieces::cut;
use fuzz::text::words;
use libfuzzer_sys::fuzz_target;

/// The longest value, in bytes: short enough to be met.
const VALUE_BYTES: usize = 12;

const FORM: [&str; 20] = [
    "model",
    "a",
    "b",
    "=",
    "=",
    "&",
    "&",
    ";",
    "+",
    "%61",
    "%",
    "%4",
    "%FF",
    "%C3%A9",
    "é",
    "1",
    "x",
    "model=m",
    "&a=",
    "long long long",
];

const MULTIPART: [&str; 26] = [
    "--XX",
    "--XX\r\n",
    "--XX\r\n",
    "\r\n--XX\r\n",
    "\r\n--XX\r\n",
    "\r\n--XX--",
    "--XX--\r\n",
    "\r\n",
    "\r\n\r\n",
    "\r",
    "\n",
    "-",
    "XX",
    "Content-Disposition: form-data; name=\"model\"\r\n\r\n",
    "Content-Disposition: form-data; name=\"model\"\r\n",
    "content-disposition: form-data; name=a\r\n\r\n",
    "content-disposition: form-data; name=a\r\n",
    "Content-Disposition: form-data; name=\"model\"; filename=\"f\"\r\n\r\n",
    "X-Other: y\r\n",
    "Content-Type: text/plain\r\n",
    "Content-Length: 1\r\n",
    "m",
    "é",
    "\u{0}",
    "long long",
    "Content-Length: 2\r\n\r\n",
];

#[derive(Debug)]
struct Input {
    is_form: bool,
    body: Vec<u8>,
    cuts: [u8; 4],
}

impl<'i> Arbitrary<'i> for Input {
    fn arbitrary(input: &mut Unstructured<'i>) -> Arbitrated<Self> {
        let (is_form, cuts) = input.arbitrary()?;
        let body = if input.ratio(1, 8)? {
            fuzz::text::rest(input)?
        } else if is_form {
            words(input, &FORM, 24)?.into_bytes()
        } else {
            words(input, &MULTIPART, 24)?.into_bytes()
        };
        Ok(Self {
            is_form,
            body,
            cuts,
        })
    }
}

fuzz_target!(|input: Input| {
    let names = ["model", "a"].map(str::to_owned);
    let pieces = cut(&input.body, &input.cuts);
    if input.is_form {
        let found = in_form(&names, &pieces);
        same(&found, &in_form(&names, &[&input.body]), &input);
        same(&found, &read_form(&names, &input.body), &input);
    } else {
        let found = in_parts(&names, &pieces);
        same(&found, &in_parts(&names, &[&input.body]), &input);
        if let Some(read) = read_parts(&names, &input.body) {
            same(&found, &read, &input);
        }
    }
});

/// What is reported of a field: what stands first and last, and whether they contradict each other.
type Reported = (Option<Found>, Option<Found>, bool);

/// What is reported of every field, or that the body is refused.
type Answer<E> = Result<Vec<Reported>, E>;

fn same<E: Debug + PartialEq>(left: &Answer<E>, right: &Answer<E>, input: &Input) {
    assert_eq!(
        left,
        right,
        "{:?} {}",
        input.cuts,
        input.body.escape_ascii()
    );
}

fn reported(findings: &[Finding]) -> Vec<Reported> {
    let reported = |found: &Finding| (found.first.clone(), found.last().cloned(), found.conflict);
    findings.iter().map(reported).collect()
}

fn in_form(names: &[String], pieces: &[&[u8]]) -> Answer<form::Error> {
    let mut finder = FormFinder::new(names, VALUE_BYTES);
    for piece in pieces {
        finder.feed(names, piece)?;
    }
    finder.end(names)?;
    Ok(reported(finder.fields()))
}

fn in_parts(names: &[String], pieces: &[&[u8]]) -> Answer<multipart::Error> {
    let content_type = ContentType::of(&[b"multipart/form-data; boundary=XX"]);
    let delimiter = Delimiter::of(&content_type).expect("the boundary is right");
    let mut finder = PartFinder::new(delimiter, names, VALUE_BYTES);
    for piece in pieces {
        finder.feed(names, piece)?;
    }
    finder.end()?;
    Ok(reported(finder.fields()))
}

/// What a reader that collects all values reports.
fn collected(values: Vec<Vec<Found>>) -> Vec<Reported> {
    let reported = |values: Vec<Found>| {
        let first = values.first().cloned();
        let conflict = values.len() > 1
            && (values.contains(&Found::TooLong)
                || values.iter().any(|value| Some(value) != first.as_ref()));
        (first, values.last().cloned(), conflict)
    };
    values.into_iter().map(reported).collect()
}

/// A value, or that it is too long.
fn value(text: String) -> Found {
    if text.len() > VALUE_BYTES {
        Found::TooLong
    } else {
        Found::String(text)
    }
}

/// JSON's white space, which has no form feed.
fn is_space(byte: u8) -> bool {
    b" \t\r\n".contains(&byte)
}

/// Reads a form pair by pair.
fn read_form(names: &[String], body: &[u8]) -> Answer<form::Error> {
    let mut values = vec![Vec::new(); names.len()];
    let first = body.iter().find(|byte| !is_space(**byte));
    let may_be_json = first.is_some_and(|byte| b"{[\xef".contains(byte));
    let mut rest = body;
    let mut after_semicolon = false;
    loop {
        let end = rest.iter().position(|byte| b"&;".contains(byte));
        let pair = &rest[..end.unwrap_or(rest.len())];
        let before_semicolon = end.is_some_and(|end| rest[end] == b';');
        let name_ends = pair
            .iter()
            .position(|byte| *byte == b'=')
            .unwrap_or(pair.len());
        let (name, raw) = (
            &pair[..name_ends],
            pair.get(name_ends + 1..).unwrap_or_default(),
        );
        // It decodes what it is given, but that an empty pair is none and bytes that are no text are replaced.
        let decoded = |part: &[u8]| {
            let pair = [b"=", part].concat();
            let decoded = form_urlencoded::parse(&pair).next();
            decoded
                .map(|(_, value)| value.into_owned())
                .unwrap_or_default()
        };
        if let Some(number) = names.iter().position(|wanted| *wanted == decoded(name)) {
            if after_semicolon || before_semicolon {
                return Err(form::Error::Semicolon);
            }
            if may_be_json {
                return Err(form::Error::Json);
            }
            // What is longer than the value could be encoded is not looked at.
            values[number].push(if raw.len() > 3 * VALUE_BYTES {
                Found::TooLong
            } else if is_text(raw) {
                value(decoded(raw))
            } else {
                return Err(form::Error::Encoding);
            });
        }
        after_semicolon = before_semicolon;
        match end {
            Some(end) => rest = &rest[end + 1..],
            None => return Ok(collected(values)),
        }
    }
}

/// Whether a text is percent-encoded UTF-8.
fn is_text(raw: &[u8]) -> bool {
    let mut bytes = Vec::new();
    let mut rest = raw;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = rest
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.filter(|digits| !digits.starts_with('+'));
        let Some(byte) = byte.and_then(|digits| u8::from_str_radix(digits, 16).ok()) else {
            return false;
        };
        bytes.push(byte);
        rest = &rest[2..];
    }
    String::from_utf8(bytes).is_ok()
}

/// Reads a multipart body part by part; `None` where a part has a header that this reader does not know.
fn read_parts(names: &[String], body: &[u8]) -> Option<Answer<multipart::Error>> {
    const INVALID: Answer<multipart::Error> = Err(multipart::Error::Invalid);
    let delimiter = b"--XX";
    let find = |from: usize| {
        let mut places = body[from..].windows(delimiter.len());
        places
            .position(|window| window == delimiter)
            .map(|at| from + at)
    };
    let mut values = vec![Vec::new(); names.len()];
    // Where the content begins that the next delimiter ends, and the part that it is of.
    let mut begin = 0;
    let mut part: Option<Part> = None;
    loop {
        let Some(at) = find(begin) else {
            return Some(INVALID);
        };
        let content = &body[begin..at];
        let content = match content.strip_suffix(b"\r\n") {
            Some(content) => content,
            None if content.is_empty() => content,
            None => return Some(INVALID),
        };
        if begin == 0 && !content.iter().all(|byte| is_space(*byte)) {
            return Some(INVALID);
        }
        if let Some(part) = part.take() {
            if part.length.is_some_and(|length| length != content.len()) {
                return Some(INVALID);
            }
            if let Some(number) = part
                .name
                .and_then(|name| names.iter().position(|wanted| *wanted == name))
            {
                let kept = &content[..content.len().min(VALUE_BYTES + 1)];
                values[number].push(match String::from_utf8(kept.to_vec()) {
                    _ if kept.len() > VALUE_BYTES => Found::TooLong,
                    Ok(text) => value(text),
                    Err(_) => return Some(INVALID),
                });
            }
        }
        let after = at + delimiter.len();
        if body[after..].starts_with(b"--") {
            let more = find(after + 2).is_some();
            return Some(if more { INVALID } else { Ok(collected(values)) });
        }
        if !body[after..].starts_with(b"\r\n") {
            return Some(INVALID);
        }
        let headers = &body[after + 2..];
        let end = if headers.starts_with(b"\r\n") {
            Some(0)
        } else {
            headers
                .windows(4)
                .position(|window| window == b"\r\n\r\n")
                .map(|at| at + 2)
        };
        let Some(end) = end.filter(|end| *end + 2 <= PART_HEADER_BYTES) else {
            let too_long = headers.len() > PART_HEADER_BYTES;
            return Some(if too_long {
                Err(multipart::Error::TooLong)
            } else {
                INVALID
            });
        };
        part = Some(Part::of(&headers[..end])?);
        begin = after + 2 + end + 2;
    }
}

/// A part, as far as this reader knows headers.
#[derive(Default)]
struct Part {
    name: Option<&'static str>,
    length: Option<usize>,
}

impl Part {
    /// `None`: it has a header that is not known, or one that stands twice.
    fn of(headers: &[u8]) -> Option<Self> {
        let mut part = Self::default();
        let mut dispositions = 0;
        for line in std::str::from_utf8(headers).ok()?.split_terminator("\r\n") {
            match line {
                "Content-Disposition: form-data; name=\"model\"" => {
                    part.name = Some("model");
                    dispositions += 1;
                }
                "content-disposition: form-data; name=a" => {
                    part.name = Some("a");
                    dispositions += 1;
                }
                "Content-Disposition: form-data; name=\"model\"; filename=\"f\"" => {
                    dispositions += 1
                }
                "X-Other: y" | "Content-Type: text/plain" => {}
                "Content-Length: 1" if part.length.is_none() => part.length = Some(1),
                "Content-Length: 2" if part.length.is_none() => part.length = Some(2),
                _ => return None,
            }
        }
        (dispositions <= 1).then_some(part)
    }
}
