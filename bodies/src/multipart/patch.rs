//! Edits of the values of named parts, as splices of the body's bytes.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use super::part::{Length, Part};
use super::scanner::{LINE_BREAK, Scanner, Visitor};
use super::{Delimiter, Error};
use crate::{Change, Limits, PLACES, Plan, Splice};

/// A file in a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum File<'b> {
    /// Of JSON Lines, with this content.
    Lines(&'b [u8]),
    /// Any other.
    Other,
}

/// A part of a body that has arrived whole.
#[derive(Clone, Debug)]
struct Place {
    name: Option<String>,
    is_file: bool,
    /// Whether it is a file of JSON Lines.
    is_lines: bool,
    /// Whether readers differ on what its bytes say.
    is_unclear: bool,
    /// From after the delimiter before it to after the one behind it.
    whole: Range<usize>,
    content: Range<usize>,
    /// Where it says how long it is.
    length: Option<Range<usize>>,
    /// Whether the delimiter behind it has no line break of its own.
    bare: bool,
}

/// Plans `changes` to the parts that are called so. A value that holds the delimiter is a misfit. The
/// texts of the changes are JSON: a string stands for itself, and anything else for its text. Of files
/// only those of JSON Lines are edited: `edit` is shown each file, and makes a new content, or `None`.
///
/// # Errors
///
/// The body cannot be read, has more parts than [`PLACES`], or would take more new bytes than
/// [`Limits::edit_bytes`].
pub fn plan(
    body: &[u8],
    delimiter: &Delimiter,
    changes: &[(&str, &Change)],
    edit: &mut dyn FnMut(File<'_>) -> Option<String>,
    limits: &Limits,
) -> Result<Plan<'static>, Error> {
    let (places, closing) = places(body, delimiter)?;
    let is_named = |place: &Place| {
        let mut names = changes.iter().map(|(name, _)| Some(*name));
        names.any(|name| name == place.name.as_deref())
    };
    // What is put there would be read in their encoding.
    if places
        .iter()
        .any(|place| place.is_unclear && is_named(place))
    {
        return Err(Error::Invalid);
    }
    let mut splices = Vec::new();
    let mut added = String::new();
    let mut misfits = BTreeSet::new();
    let mut conflicts = BTreeSet::new();
    let mut changed: Vec<(&str, &Change)> = Vec::new();
    let mut room = limits.edit_bytes;
    for (number, (name, change)) in changes.iter().enumerate() {
        let named = || {
            places
                .iter()
                .filter(|place| place.name.as_deref() == Some(name))
        };
        let missing = named().next().is_none();
        let applies = match change {
            Change::Set(_) => true,
            Change::Default(_) => missing,
            Change::Replace(_) | Change::Remove => !missing,
            Change::Nothing => false,
        };
        if !applies {
            continue;
        }
        if let Some((_, first)) = changed.iter().find(|(known, _)| known == name) {
            // Removed twice is removed.
            if !matches!((first, change), (Change::Remove, Change::Remove)) {
                conflicts.insert(number);
            }
            continue;
        }
        let (text, replaces, adds) = match change {
            Change::Set(text) => (text, true, true),
            Change::Replace(text) => (text, true, false),
            Change::Default(text) => (text, false, true),
            Change::Remove => {
                changed.push((name, change));
                splices.extend(named().map(|place| Splice {
                    old: place.whole.clone(),
                    new: Cow::Borrowed(""),
                }));
                continue;
            }
            Change::Nothing => continue,
        };
        let value = plain(text);
        if delimiter.stands_in(&value) {
            misfits.insert(number);
            continue;
        }
        changed.push((name, change));
        let times = if replaces { named().count() } else { 0 };
        let added_bytes = value.len().saturating_mul(times.max(1));
        room = room.checked_sub(added_bytes).ok_or(Error::TooLong)?;
        if replaces {
            let lengths = named().filter_map(|place| place.length.clone());
            splices.extend(lengths.map(|old| Splice {
                old,
                new: value.len().to_string().into(),
            }));
            splices.extend(named().map(|place| Splice {
                old: place.content.clone(),
                new: if place.bare {
                    format!("{value}\r\n").into()
                } else {
                    value.clone().into()
                },
            }));
        }
        if adds && missing {
            added.push_str(&format!(
                "\r\nContent-Disposition: form-data; name=\"{}\"\r\n\r\n{value}\r\n{}",
                escaped(name),
                delimiter.as_text(),
            ));
        }
    }
    for place in places.iter().filter(|place| place.is_file) {
        let content = body.get(place.content.clone()).unwrap_or_default();
        let file = if place.is_lines {
            File::Lines(content)
        } else {
            File::Other
        };
        let edited = edit(file).filter(|_| place.is_lines && !place.bare);
        let Some(new) = edited else { continue };
        // What it is read in may say something else, and it may not end its part.
        if place.is_unclear || delimiter.stands_in(&new) {
            return Err(Error::Invalid);
        }
        let growth = new.len().saturating_sub(content.len());
        room = room.checked_sub(growth).ok_or(Error::TooLong)?;
        splices.extend(place.length.clone().map(|old| Splice {
            old,
            new: new.len().to_string().into(),
        }));
        splices.push(Splice {
            old: place.content.clone(),
            new: new.into(),
        });
    }
    if !added.is_empty() {
        splices.push(Splice {
            old: closing..closing,
            new: added.into(),
        });
    }
    splices.sort_by_key(|splice| splice.old.start);
    Ok(Plan {
        splices,
        misfits,
        conflicts,
    })
}

/// What a JSON text stands for in a part.
fn plain(json: &str) -> String {
    serde_json::from_str::<String>(json).unwrap_or_else(|_| json.to_owned())
}

/// A name between quotes, as browsers write it (WHATWG HTML, multipart/form-data encoding).
fn escaped(name: &str) -> String {
    name.replace('"', "%22")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// The parts that are values, and where the last delimiter's boundary ends.
fn places(body: &[u8], delimiter: &Delimiter) -> Result<(Vec<Place>, usize), Error> {
    let mut scanner = Scanner::default();
    let mut seen = Seen::default();
    let mut rest = body;
    let mut places: Vec<Place> = Vec::new();
    let mut closing = 0;
    while !rest.is_empty() {
        rest = scanner.step(delimiter, &mut seen, rest)?;
        let at = body.len().saturating_sub(rest.len());
        if let Some(part) = seen.part.take() {
            if places.len() >= PLACES {
                return Err(Error::TooLong);
            }
            places.push(Place {
                name: part.name.filter(|_| !part.is_file),
                is_file: part.is_file,
                is_lines: part.is_lines,
                is_unclear: part.is_unclear,
                whole: closing..closing,
                content: at..at,
                length: length(body, closing..at),
                bare: false,
            });
        }
        if scanner.is_at_delimiter() {
            if let Some(place) = places.last_mut().filter(|place| place.whole.end == closing) {
                let delimiter = delimiter.0.len().saturating_add(LINE_BREAK.len());
                let end = at.saturating_sub(delimiter);
                place.whole.end = at;
                place.bare = end < place.content.start;
                place.content.end = end.max(place.content.start);
            }
            closing = at;
        }
    }
    if scanner.ended() {
        Ok((places, closing))
    } else {
        Err(Error::Invalid)
    }
}

/// Where the headers of a part, which are somewhere in `headers`, say how long it is.
fn length(body: &[u8], headers: Range<usize>) -> Option<Range<usize>> {
    let mut at = headers.start;
    let lines = body.get(headers)?.split_inclusive(|byte| *byte == b'\n');
    for line in lines {
        let end = at.saturating_add(line.len());
        let colon = line.iter().position(|byte| *byte == b':');
        if let Some(colon) = colon
            && let Some((name, value)) = line.split_at_checked(colon)
            && name.eq_ignore_ascii_case(b"content-length")
        {
            let is_digit = |byte: &u8| byte.is_ascii_digit();
            let first = value.iter().position(is_digit)?;
            let last = value.iter().rposition(is_digit)?;
            let start = at.saturating_add(colon);
            return Some(start.saturating_add(first)..start.saturating_add(last).saturating_add(1));
        }
        at = end;
    }
    None
}

/// The part that has begun.
#[derive(Default)]
struct Seen {
    part: Option<Part>,
    length: Length,
}

impl Visitor for Seen {
    fn part(&mut self, headers: &[u8]) -> Result<(), Error> {
        let part = Part::parse(headers)?;
        self.length = part.length.clone();
        self.part = Some(part);
        Ok(())
    }

    fn content(&mut self, bytes: &[u8]) {
        self.length.count(bytes.len());
    }

    fn end(&mut self) -> Result<(), Error> {
        self.length.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spliced;

    fn delimiter() -> Delimiter {
        Delimiter(b"--XX".to_vec())
    }

    fn part(name: &str, content: &str) -> String {
        format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{content}\r\n")
    }

    fn edited(body: &str, changes: &[(&str, &Change)]) -> String {
        let limits = Limits::default();
        let plan = plan(
            body.as_bytes(),
            &delimiter(),
            changes,
            &mut |_| None,
            &limits,
        )
        .unwrap();
        assert_eq!(plan.misfits, [].into());
        String::from_utf8(spliced(body.as_bytes(), &plan.splices)).unwrap()
    }

    fn text(value: &str) -> String {
        serde_json::to_string(value).unwrap()
    }

    #[test]
    fn an_edited_part_says_its_new_length() {
        let of = |length: usize, content: &str| {
            format!(
                "--XX\r\nContent-Length: {length}\r\n{}",
                part("model", content).replace("--XX\r\n", "")
            )
        };
        let change = text("longer than before");
        let body = format!("{}{}--XX--", of(3, "gpt"), part("other", "x"));
        let expected = format!(
            "{}{}--XX--",
            of(18, "longer than before"),
            part("other", "x")
        );
        assert_eq!(edited(&body, &[("model", &Change::Set(change))]), expected);
    }

    #[test]
    fn a_part_that_is_not_as_long_as_it_says_is_not_edited() {
        let body = |length: usize| {
            let part = part("model", "gpt").replace("--XX", "--XX\r\nContent-Length: @");
            format!("{part}--XX--").replace('@', &length.to_string())
        };
        let change = Change::Set(text("m"));
        for (length, expected) in [(2, false), (3, true), (4, false)] {
            let planned = plan(
                body(length).as_bytes(),
                &delimiter(),
                &[("model", &change)],
                &mut |_| None,
                &Limits::default(),
            );
            assert_eq!(planned.is_ok(), expected, "{length}");
        }
    }

    #[test]
    fn an_empty_value_keeps_its_one_line_break() {
        let body = |value| format!("{}--XX--", part("model", value));
        let change = Change::Set(text("m"));
        assert_eq!(edited(&body(""), &[("model", &change)]), body("m"));
    }

    #[test]
    fn values_are_put_in_their_place() {
        let file = part("model\"; filename=\"f", "old\r\n--X");
        let body = format!(
            " \t\r\n{}{file}{}--XX--\r\nepilogue",
            part("model", "old"),
            part("a", "1")
        );
        let new = body.replacen("\r\n\r\nold", "\r\n\r\nnew \"one\"", 1);
        let value = text("new \"one\"");
        for change in [Change::Set(value.clone()), Change::Replace(value.clone())] {
            assert_eq!(edited(&body, &[("model", &change)]), new);
        }
        for change in [Change::Default(value), Change::Nothing] {
            assert_eq!(edited(&body, &[("model", &change)]), body);
        }
        let number = edited(&body, &[("a", &Change::Set("2048".to_owned()))]);
        assert_eq!(number, body.replace("\r\n\r\n1\r\n", "\r\n\r\n2048\r\n"));
    }

    #[test]
    fn parts_are_added_and_taken_away() {
        let (a, model) = (part("a", "1"), part("model", "m"));
        let set = Change::Set(text("m"));
        for body in [format!("{a}--XX--\r\n"), "--XX--".to_owned()] {
            let expected = body.replace("--XX--", &format!("{model}--XX--"));
            assert_eq!(edited(&body, &[("model", &set)]), expected);
            assert_eq!(
                edited(&body, &[("model", &Change::Default(text("m")))]),
                expected
            );
            assert_eq!(
                edited(&body, &[("model", &Change::Replace(text("m")))]),
                body
            );
            assert_eq!(edited(&expected, &[("model", &Change::Remove)]), body);
        }
        let both = format!("{model}{a}{model}--XX--");
        assert_eq!(
            edited(&both, &[("model", &Change::Remove)]),
            format!("{a}--XX--")
        );
        let all = [
            ("model", &Change::Remove),
            ("a", &Change::Remove),
            ("b", &set),
        ];
        assert_eq!(edited(&both, &all), format!("{}--XX--", part("b", "m")));
    }

    #[test]
    fn a_value_without_a_line_break_of_its_own() {
        let body = "--XX\r\nContent-Disposition: form-data; name=model\r\n\r\n--XX--";
        let expected = body.replace("\r\n\r\n", "\r\n\r\nm\r\n");
        assert_eq!(
            edited(body, &[("model", &Change::Set(text("m")))]),
            expected
        );
    }

    #[test]
    fn files_of_json_lines() {
        let file = |headers: &str, length: usize, content: &str| {
            format!(
                "--XX\r\nContent-Length: {length}\r\nContent-Disposition: form-data; name=file; {headers}\r\n\r\n{content}\r\n--XX--"
            )
        };
        let limits = Limits::default();
        let edited = |body: &str, new: &str| {
            let mut lines = |file: File<'_>| (file == File::Lines(b"{}\n")).then(|| new.to_owned());
            let plan = plan(body.as_bytes(), &delimiter(), &[], &mut lines, &limits)?;
            Ok(String::from_utf8(spliced(body.as_bytes(), &plan.splices)).unwrap())
        };
        for headers in [
            "filename=a.JSONL",
            "filename=a\r\nContent-Type: application/jsonl; charset=utf-8",
        ] {
            let expected = file(headers, 5, "[1]\n\n");
            assert_eq!(
                edited(&file(headers, 3, "{}\n"), "[1]\n\n"),
                Ok(expected),
                "{headers}"
            );
            let ends = edited(&file(headers, 3, "{}\n"), "\r\n--XX--");
            assert_eq!(ends, Err(Error::Invalid), "{headers}");
        }
        for headers in [
            "filename=a.json",
            "x=a.jsonl\r\nContent-Type: application/jsonl",
        ] {
            let body = file(headers, 3, "{}\n");
            assert_eq!(edited(&body, "new"), Ok(body.clone()), "{headers}");
        }
        // Others are shown too, and keep their bytes whatever comes of that; so do those without content.
        let bare = file("filename=a.jsonl", 0, "").replace("\r\n\r\n\r\n", "\r\n\r\n");
        for body in [file("filename=a.json", 3, "{}\n"), bare] {
            let always = &mut |_: File<'_>| Some("new".to_owned());
            let plan = plan(body.as_bytes(), &delimiter(), &[], always, &limits).unwrap();
            assert_eq!(plan.splices, [], "{body}");
        }
        let unclear = "filename=a.jsonl\r\nContent-Transfer-Encoding: base64";
        assert_eq!(
            edited(&file(unclear, 3, "{}\n"), "new"),
            Err(Error::Invalid)
        );
    }

    #[test]
    fn a_value_cannot_end_its_part() {
        let body = format!("{}--XX--", part("model", "m"));
        for value in ["--XX", "a\r\n--XX--", "\r\n--XXX"] {
            let change = Change::Set(text(value));
            let plan = plan(
                body.as_bytes(),
                &delimiter(),
                &[("model", &change)],
                &mut |_| None,
                &Limits::default(),
            )
            .unwrap();
            let expected = Plan {
                splices: Vec::new(),
                misfits: [0].into(),
                conflicts: BTreeSet::new(),
            };
            assert_eq!(plan, expected, "{value:?}");
        }
    }

    #[test]
    fn names_are_quoted() {
        let body = edited("--XX--", &[("a\"b", &Change::Set(text("1")))]);
        assert!(body.contains("name=\"a%22b\"\r\n"), "{body}");
    }
}
