//! JSON on lines of its own, its members in their order and its values as they are spelt.

use serde::de::IgnoredAny;

/// A document with each member on a line; `None`: it is no JSON, or neither an object nor an array.
pub(super) fn json(text: &str) -> Option<String> {
    if !text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    let mut pretty = String::with_capacity(text.len().saturating_mul(2));
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if in_string {
            pretty.push(character);
            in_string = escaped || character != '"';
            escaped = !escaped && character == '\\';
            continue;
        }
        match character {
            '"' => {
                in_string = true;
                pretty.push('"');
            }
            '{' | '[' => {
                pretty.push(character);
                while characters
                    .next_if(|next| next.is_ascii_whitespace())
                    .is_some()
                {}
                match characters.next_if(|next| matches!(next, '}' | ']')) {
                    Some(end) => pretty.push(end),
                    None => {
                        depth = depth.saturating_add(1);
                        new_line(&mut pretty, depth);
                    }
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut pretty, depth);
                pretty.push(character);
            }
            ',' => {
                pretty.push(',');
                new_line(&mut pretty, depth);
            }
            ':' => pretty.push_str(": "),
            character if character.is_ascii_whitespace() => {}
            character => pretty.push(character),
        }
    }
    pretty.push('\n');
    Some(pretty)
}

fn new_line(pretty: &mut String, depth: usize) {
    pretty.push('\n');
    pretty.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::json;

    #[test]
    fn members_keep_their_order_and_spelling() {
        let pretty = json(r#" {"b":1.50,"a":[ ],"s":"{\"x\": [1,2]}\\","o":{"n":null}}"#).unwrap();
        let expected = "{\n  \"b\": 1.50,\n  \"a\": [],\n  \"s\": \"{\\\"x\\\": [1,2]}\\\\\",\n  \"o\": {\n    \"n\": null\n  }\n}\n";
        assert_eq!(pretty, expected);
    }

    #[test]
    fn other_texts_are_none() {
        for text in ["", "text", "1", "{\"a\":", "data: {}"] {
            assert_eq!(json(text), None, "{text}");
        }
    }
}
