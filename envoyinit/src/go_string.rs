//! Go's string literals, as the downward API writes label values and as templates hold them.
//! <https://go.dev/ref/spec#String_literals>

/// The literal that `text` begins with, unquoted, and what follows it. `None`: no whole literal stands there.
pub(crate) fn literal(text: &str) -> Option<(String, &str)> {
    if let Some(rest) = text.strip_prefix('`') {
        let (raw, rest) = rest.split_once('`')?;
        // Go drops carriage returns from raw strings.
        return Some((raw.replace('\r', ""), rest));
    }
    interpreted(text.strip_prefix('"')?)
}

fn interpreted(text: &str) -> Option<(String, &str)> {
    // Bytes: `\xc3\xa9` is one character in two escapes.
    let mut value = Vec::new();
    let mut characters = text.chars();
    loop {
        match characters.next()? {
            '"' => break,
            '\n' => return None,
            '\\' => {
                let rest = escape(characters.as_str(), &mut value)?;
                characters = rest.chars();
            }
            other => push(&mut value, other),
        }
    }
    Some((
        String::from_utf8_lossy(&value).into_owned(),
        characters.as_str(),
    ))
}

/// Reads what follows a backslash.
fn escape<'a>(text: &'a str, value: &mut Vec<u8>) -> Option<&'a str> {
    let mut characters = text.chars();
    let plain = match characters.next()? {
        'a' => 0x07,
        'b' => 0x08,
        'f' => 0x0c,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 0x0b,
        '\\' => b'\\',
        '"' => b'"',
        'x' => {
            let (code, rest) = number(characters.as_str(), 2, 16)?;
            value.push(u8::try_from(code).ok()?);
            return Some(rest);
        }
        'u' | 'U' => {
            let digits = if text.starts_with('u') { 4 } else { 8 };
            let (code, rest) = number(characters.as_str(), digits, 16)?;
            push(value, char::from_u32(code)?);
            return Some(rest);
        }
        '0'..='7' => {
            let (code, rest) = number(text, 3, 8)?;
            value.push(u8::try_from(code).ok()?);
            return Some(rest);
        }
        _ => return None,
    };
    value.push(plain);
    Some(characters.as_str())
}

fn number(text: &str, digits: usize, radix: u32) -> Option<(u32, &str)> {
    let (code, rest) = text.split_at_checked(digits)?;
    // `from_str_radix` would take a sign.
    let all_digits = code.chars().all(|digit| digit.is_digit(radix));
    all_digits
        .then(|| u32::from_str_radix(code, radix).ok())?
        .map(|code| (code, rest))
}

fn push(value: &mut Vec<u8>, character: char) {
    value.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::literal;

    #[test]
    fn reads_what_go_writes() {
        for (text, value, rest) in [
            (r#""""#, "", ""),
            (r#""a b" c"#, "a b", " c"),
            (r#""say \"hi\"\\\n\t""#, "say \"hi\"\\\n\t", ""),
            (r#""\a\b\f\r\v""#, "\x07\x08\x0c\r\x0b", ""),
            (
                r#""\u00e9\U0001F600\xc3\xa9\101""#,
                "\u{e9}\u{1F600}\u{e9}A",
                "",
            ),
            ("\"\u{e9}\"", "\u{e9}", ""),
            (r#""\xff""#, "\u{FFFD}", ""),
            ("`raw \\n \"\r`}}", "raw \\n \"", "}}"),
        ] {
            assert_eq!(literal(text), Some((value.to_owned(), rest)), "{text}");
        }
    }

    #[test]
    fn refuses_what_go_refuses() {
        for text in [
            "",
            "a",
            "\"",
            "\"a",
            "\"a\n\"",
            r#""\"#,
            r#""\q""#,
            r#""\'""#,
            r#""\x1""#,
            r#""\x+1""#,
            r#""\u00e""#,
            r#""\ud800""#,
            r#""\400""#,
            r#""\18""#,
            "`a",
            "'a'",
            "\"\\x\u{e9}\"",
        ] {
            assert_eq!(literal(text), None, "{text}");
        }
    }
}
