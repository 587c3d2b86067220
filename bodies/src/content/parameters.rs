//! A value with parameters, as in `content-type` and `content-disposition`: RFC 9110 section 5.6.6.

/// A value and its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parameters {
    /// What stands before the parameters, in lower case.
    pub(crate) value: String,
    /// Names in lower case, values without their quotes.
    parameters: Vec<(String, String)>,
}

/// A value that is none, or that some read in another way than others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

impl Parameters {
    /// Reads a header's value.
    ///
    /// # Errors
    ///
    /// It does not follow the syntax, a parameter stands twice, or there are more than 16.
    pub(crate) fn parse(text: &str) -> Result<Self, Malformed> {
        let (value, mut rest) = split(text, ';');
        let mut parsed = Self {
            value: value.trim_matches(BLANK).to_ascii_lowercase(),
            parameters: Vec::new(),
        };
        while let Some(text) = rest {
            let text = text.trim_start_matches(BLANK);
            if text.is_empty() || text.starts_with(';') {
                (_, rest) = split(text, ';');
                continue;
            }
            let (name, text) = text.split_once('=').ok_or(Malformed)?;
            let name = name.to_ascii_lowercase();
            let full = parsed.parameters.len() >= PARAMETERS;
            if full || !is_token(&name) || parsed.get(&name).is_some() {
                return Err(Malformed);
            }
            let value;
            (value, rest) = match text.strip_prefix('"') {
                Some(text) => quoted(text)?,
                None => {
                    let (value, rest) = split(text, ';');
                    let value = value.trim_end_matches(BLANK);
                    if !is_token_in_practice(value) {
                        return Err(Malformed);
                    }
                    (value.to_owned(), rest)
                }
            };
            parsed.parameters.push((name, value));
        }
        Ok(parsed)
    }

    /// The value of a parameter; `name` is in lower case.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut named = self.names_and_values().filter(|(other, _)| *other == name);
        named.next().map(|(_, value)| value)
    }

    /// Every parameter, in order.
    pub(crate) fn names_and_values(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.parameters.iter();
        pairs.map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// The most parameters of one value: each is compared with all before it.
const PARAMETERS: usize = 16;

const BLANK: [char; 2] = [' ', '\t'];

fn split(text: &str, at: char) -> (&str, Option<&str>) {
    match text.split_once(at) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

/// What stands before the closing quote, and what follows the semicolon after it. Backslashes
/// escape quotes and backslashes only, as in paths that browsers once sent.
fn quoted(text: &str) -> Result<(String, Option<&str>), Malformed> {
    let mut value = String::new();
    let mut characters = text.chars();
    loop {
        match characters.next() {
            Some('"') => break,
            Some('\\') => match characters.as_str().chars().next() {
                Some(escaped @ ('"' | '\\')) => {
                    characters.next();
                    value.push(escaped);
                }
                Some(_) => value.push('\\'),
                None => return Err(Malformed),
            },
            Some(other) => value.push(other),
            None => return Err(Malformed),
        }
    }
    let (blank, rest) = split(characters.as_str(), ';');
    if blank.trim_matches(BLANK).is_empty() {
        Ok((value, rest))
    } else {
        Err(Malformed)
    }
}

fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// Also what clients leave without quotes that ought to have them, but nothing that could end the
/// value somewhere else for another reader.
fn is_token_in_practice(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| !b.is_ascii_control() && !b" \"\\,".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Vec<(String, String)> {
        let parsed = Parameters::parse(text).unwrap();
        parsed.parameters
    }

    #[test]
    fn values() {
        for (text, expected) in [
            ("form-data", &[][..]),
            ("Form-Data; NAME=model", &[("name", "model")]),
            (
                "form-data;name=\"a;b\" ; filename=x",
                &[("name", "a;b"), ("filename", "x")],
            ),
            ("form-data; name=\"a\\\"b\\\\c\"", &[("name", "a\"b\\c")]),
            (
                "form-data; filename=\"C:\\dir\\file\"",
                &[("filename", "C:\\dir\\file")],
            ),
            ("form-data; ; name=\"\";", &[("name", "")]),
            ("form-data; name=\"é\"", &[("name", "é")]),
            ("form-data; boundary=a/b:c=d", &[("boundary", "a/b:c=d")]),
        ] {
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            let expected: Vec<_> = expected.iter().map(owned).collect();
            assert_eq!(parsed(text), expected, "{text}");
            assert_eq!(Parameters::parse(text).unwrap().value, "form-data");
        }
    }

    #[test]
    fn what_may_be_read_in_two_ways_is_refused() {
        for text in [
            "form-data; name",
            "form-data; name=a; name=b",
            "form-data; name=a; NAME=a",
            "form-data; name=\"a",
            "form-data; name=\"a\\",
            "form-data; name=\"a\"b",
            "form-data; name=a\"b\"",
            "form-data; name=a b",
            "form-data; name =a",
            "form-data; name= a",
            "form-data; name=",
            "form-data; =a",
            "form-data; name=a\\b",
            "form-data; name=a,b",
        ] {
            assert_eq!(Parameters::parse(text), Err(Malformed), "{text}");
        }
        let many = |count| (0..count).map(|n| format!(";p{n}=x")).collect::<String>();
        assert!(Parameters::parse(&many(16)).is_ok());
        assert_eq!(Parameters::parse(&many(17)), Err(Malformed));
    }
}
