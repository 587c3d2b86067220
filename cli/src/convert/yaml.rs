//! A configuration as people write it: YAML in blocks.

use serde_json::Value;

/// Values up to this length stand on one line.
const SHORT: usize = 90;

/// A document.
pub(super) fn block(value: &Value) -> String {
    let mut text = String::new();
    write(value, 0, &mut text);
    text
}

fn write(value: &Value, depth: usize, text: &mut String) {
    let margin = "  ".repeat(depth);
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (key, value) in fields {
                text.push_str(&margin);
                text.push_str(&scalar(key));
                text.push(':');
                below(value, depth, text);
            }
        }
        Value::Array(items) => {
            for item in items {
                text.push_str(&margin);
                text.push('-');
                let flow = flow(item);
                if flow.len() <= SHORT || !item.is_object() {
                    text.push_str(&format!(" {flow}\n"));
                } else {
                    // The first key stands beside the dash, the others below it.
                    let mut nested = String::new();
                    write(item, depth + 1, &mut nested);
                    text.push_str(nested.get(margin.len() + 1..).unwrap_or_default());
                }
            }
        }
        value => text.push_str(&format!("{margin}{}\n", flow(value))),
    }
}

fn below(value: &Value, depth: usize, text: &mut String) {
    let flow = flow(value);
    match value {
        Value::Array(items) if !items.is_empty() => {
            text.push('\n');
            write(value, depth, text);
        }
        Value::Object(fields) if !fields.is_empty() && (depth == 0 || flow.len() > SHORT) => {
            text.push('\n');
            write(value, depth + 1, text);
        }
        _ => text.push_str(&format!(" {flow}\n")),
    }
}

/// A value on one line.
fn flow(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(key, value)| format!("{}: {}", scalar(key), flow(value)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(flow).collect();
            format!("[{}]", items.join(", "))
        }
        Value::String(text) => scalar(text),
        other => other.to_string(),
    }
}

/// A text, within quotes unless nobody could take it for anything else.
fn scalar(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/' | '.');
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let word = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
        .contains(&text.to_ascii_lowercase().as_str());
    if begins && !word && text.chars().all(plain) {
        text.to_owned()
    } else if text.contains(['\n', '\r', '\t']) || text.chars().any(char::is_control) {
        Value::from(text).to_string()
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::block;

    #[test]
    fn what_is_written_is_read_again() {
        let long = "x".repeat(100);
        let value = json!({
            "request": {"extract": [{"header": "x-a", "from": [{"json": "/a"}, {"cel": "a['b'] + \"c\""}]}, {"name": long, "on": "no", "n": [1, 2.5, true, null]}],
                "remove": ["a", "*-b", ""], "empty": {}, "none": []},
            "text": "two\nlines # 'quoted'",
        });
        let text = block(&value);
        let read: Value =
            serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(read, value, "{text}");
    }
}
