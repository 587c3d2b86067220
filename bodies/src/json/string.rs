//! Strict decoding of what stands between the quotes of a JSON string (RFC 8259 section 7).

use std::borrow::Cow;

/// The longest escape of one byte of text: `\u0000`.
const ESCAPED: usize = 6;

/// The most bytes that `decoded` bytes of text may take in a document.
pub(crate) fn most_escaped(decoded: usize) -> usize {
    decoded.saturating_mul(ESCAPED)
}

/// The text is not the inside of a JSON string: invalid UTF-8, a bare control character, an
/// unknown escape, or half of a surrogate pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the inside of a JSON string")]
pub struct InvalidString;

/// Decodes the bytes between the quotes.
///
/// # Errors
///
/// They cannot stand there.
#[inline]
pub fn decode(raw: &[u8]) -> Result<Cow<'_, str>, InvalidString> {
    match json_blocks::plain(raw) {
        Some(text) => Ok(Cow::Borrowed(text)),
        None => decode_any(raw),
    }
}

#[inline(never)]
fn decode_any(raw: &[u8]) -> Result<Cow<'_, str>, InvalidString> {
    let text = std::str::from_utf8(raw).map_err(|_| InvalidString)?;
    let plain = |byte: &u8| !matches!(byte, b'\\' | b'"' | ..=0x1f);
    if raw.iter().all(plain) {
        return Ok(Cow::Borrowed(text));
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.push(escape(&mut chars)?),
            '"' | '\0'..='\x1f' => return Err(InvalidString),
            c => out.push(c),
        }
    }
    Ok(Cow::Owned(out))
}

fn escape(chars: &mut std::str::Chars<'_>) -> Result<char, InvalidString> {
    match chars.next() {
        Some(c @ ('"' | '\\' | '/')) => Ok(c),
        Some('b') => Ok('\x08'),
        Some('f') => Ok('\x0c'),
        Some('n') => Ok('\n'),
        Some('r') => Ok('\r'),
        Some('t') => Ok('\t'),
        Some('u') => unicode(chars),
        _ => Err(InvalidString),
    }
}

fn unicode(chars: &mut std::str::Chars<'_>) -> Result<char, InvalidString> {
    let first = hex(chars)?;
    if !(0xd800..=0xdfff).contains(&first) {
        return char::from_u32(first).ok_or(InvalidString);
    }
    if chars.next() != Some('\\') || chars.next() != Some('u') {
        return Err(InvalidString);
    }
    let second = hex(chars)?;
    char::decode_utf16([first, second].map(|unit| u16::try_from(unit).unwrap_or(0)))
        .next()
        .and_then(Result::ok)
        .ok_or(InvalidString)
}

fn hex(chars: &mut std::str::Chars<'_>) -> Result<u32, InvalidString> {
    let mut value = 0;
    for _ in 0..4 {
        let digit = chars.next().and_then(|c| c.to_digit(16));
        value = (value << 4) | digit.ok_or(InvalidString)?;
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn every_escape_is_what_a_parser_reads() {
        for escape in [
            "\"",
            "\\",
            "/",
            "b",
            "f",
            "n",
            "r",
            "t",
            "u0041",
            "ud83d\\ude00",
        ] {
            let raw = format!("\\{escape}");
            let read: String = serde_json::from_str(&format!("\"{raw}\"")).unwrap();
            assert_eq!(decode(raw.as_bytes()).unwrap(), read);
        }
        for raw in ["\\a", "\\", "\\u12", "\\ud83d", "\\ud83d\\n", "\n", "\""] {
            assert!(decode(raw.as_bytes()).is_err(), "{raw}");
        }
    }
}
