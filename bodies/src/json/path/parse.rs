//! The grammar of JSONPath (RFC 9535 section 2), without what selects by content.

use super::{PathError, Selector, Step};

/// The most that an index may be (RFC 9535 section 2.1: I-JSON).
const MOST: u64 = (1 << 53) - 1;

/// The steps of a JSONPath, which begins with `$`.
pub(super) fn steps(text: &str) -> Result<Vec<Step>, PathError> {
    let mut parser = Parser {
        text,
        rest: text.get(1..).unwrap_or_default(),
    };
    let mut steps = Vec::new();
    loop {
        let space = parser.space();
        if parser.rest.is_empty() && !space {
            return Ok(steps);
        }
        steps.push(parser.step()?);
    }
}

/// Whether a name without quotes may begin so.
pub(super) fn begins_name(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || !c.is_ascii()
}

/// Whether a name without quotes may go on so.
pub(super) fn is_in_name(c: char) -> bool {
    begins_name(c) || c.is_ascii_digit()
}

struct Parser<'t> {
    text: &'t str,
    rest: &'t str,
}

impl Parser<'_> {
    fn missing<T>(&self, expected: &'static str) -> Result<T, PathError> {
        let read = self.text.len().saturating_sub(self.rest.len());
        let before = self.text.get(..read).unwrap_or_default();
        let at = before.chars().count().saturating_add(1);
        Err(PathError::Syntax { at, expected })
    }

    /// Reads over white space; whether there was any.
    fn space(&mut self) -> bool {
        let rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
        let space = rest.len() < self.rest.len();
        self.rest = rest;
        space
    }

    fn takes(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn step(&mut self) -> Result<Step, PathError> {
        let deep = self.takes("..");
        let selector = if self.takes("[") {
            self.bracketed()?
        } else if deep || self.takes(".") {
            self.shorthand()?
        } else {
            return self.missing("`.` or `[`");
        };
        Ok(Step { deep, selector })
    }

    fn shorthand(&mut self) -> Result<Selector, PathError> {
        if self.takes("*") {
            return Ok(Selector::Every);
        }
        if !self.rest.starts_with(begins_name) {
            return self.missing("a name, or `*`,");
        }
        let end = self.rest.find(|c| !is_in_name(c));
        let (name, rest) = self
            .rest
            .split_at_checked(end.unwrap_or(self.rest.len()))
            .unwrap_or_default();
        self.rest = rest;
        Ok(Selector::Name(name.to_owned()))
    }

    fn bracketed(&mut self) -> Result<Selector, PathError> {
        self.space();
        let selector = match self.rest.chars().next() {
            Some('*') => {
                self.takes("*");
                Selector::Every
            }
            Some(quote @ ('"' | '\'')) => Selector::Name(self.quoted(quote)?),
            Some('?') => return Err(PathError::Filter),
            Some(':') => return Err(PathError::Slice),
            _ => self.index()?,
        };
        self.space();
        match self.rest.chars().next() {
            Some(']') => {
                self.takes("]");
                Ok(selector)
            }
            Some(',') => Err(PathError::Union),
            Some(':') => Err(PathError::Slice),
            _ => self.missing("`]`"),
        }
    }

    fn index(&mut self) -> Result<Selector, PathError> {
        const EXPECTED: &str = "an index, a name in quotes or `*`";
        let unread = self.rest;
        let from_end = self.takes("-");
        let end = self.rest.find(|c: char| !c.is_ascii_digit());
        let (digits, rest) = self
            .rest
            .split_at_checked(end.unwrap_or(self.rest.len()))
            .unwrap_or_default();
        let canonical = if from_end {
            !digits.starts_with('0')
        } else {
            digits == "0" || !digits.starts_with('0')
        };
        let number = digits
            .parse::<u64>()
            .ok()
            .filter(|number| canonical && *number <= MOST);
        let number = number.and_then(|number| usize::try_from(number).ok());
        let Some(number) = number else {
            self.rest = unread;
            return self.missing(EXPECTED);
        };
        self.rest = rest;
        Ok(if from_end {
            Selector::FromEnd(number)
        } else {
            Selector::Index(number)
        })
    }

    /// A name between quotes, of which the first comes next.
    fn quoted(&mut self, quote: char) -> Result<String, PathError> {
        let mut name = String::new();
        let mut chars = self.rest.chars();
        chars.next();
        loop {
            self.rest = chars.as_str();
            match chars.next() {
                Some(c) if c == quote => {
                    self.rest = chars.as_str();
                    return Ok(name);
                }
                Some('\\') => match escape(&mut chars, quote) {
                    Some(c) => name.push(c),
                    None => return self.missing("an escape of JSON"),
                },
                Some(c) if c >= ' ' => name.push(c),
                Some(_) => return self.missing("an escape, such as `\\n`,"),
                None => return self.missing("the end of the name"),
            }
        }
    }
}

/// The character that an escape stands for, from behind its backslash on.
fn escape(chars: &mut std::str::Chars<'_>, quote: char) -> Option<char> {
    match chars.next()? {
        c if c == quote => Some(c),
        c @ ('\\' | '/') => Some(c),
        'b' => Some('\x08'),
        'f' => Some('\x0c'),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        'u' => {
            let first = unit(chars)?;
            if !(0xd800..=0xdfff).contains(&first) {
                return char::from_u32(u32::from(first));
            }
            let follows = chars.next() == Some('\\') && chars.next() == Some('u');
            let units = [first, unit(chars).filter(|_| follows)?];
            char::decode_utf16(units).next()?.ok()
        }
        _ => None,
    }
}

/// Four hexadecimal digits.
fn unit(chars: &mut std::str::Chars<'_>) -> Option<u16> {
    let mut unit = 0_u32;
    for _ in 0..4 {
        unit = (unit << 4) | chars.next()?.to_digit(16)?;
    }
    u16::try_from(unit).ok()
}
