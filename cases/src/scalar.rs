//! What a scalar of YAML means to the program that it is written for.

use granit_parser::{ScalarStyle, Tag};
use serde::de::IgnoredAny;
use serde_json::Value;

/// Who makes JSON of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadBy {
    /// Envoy, of YAML: it makes a text of a number that is not whole, or that has more than 32 bits.
    Envoy,
    /// Kubernetes, of YAML, and anyone of JSON: a number is one.
    Kubernetes,
}

impl ReadBy {
    /// Who reads a text that has no mark of another reader: Envoy goes by what the file is called, and reads one called
    /// `.yaml` or `.yml` as YAML, JSON or not. A text without such a name is JSON if it can be.
    pub fn of_file(name: Option<&str>, text: &str) -> Self {
        let end = name
            .and_then(|name| name.rsplit_once('.'))
            .map(|(_, end)| end);
        let is_yaml = end.is_some_and(|end| {
            ["yaml", "yml"]
                .iter()
                .any(|yaml| end.eq_ignore_ascii_case(yaml))
        });
        match !is_yaml && serde_json::from_str::<IgnoredAny>(text).is_ok() {
            true => Self::Kubernetes,
            false => Self::Envoy,
        }
    }
}

/// A scalar as it is written.
#[derive(Clone, Copy, Debug)]
pub struct Scalar<'s> {
    /// Without quotes and escapes.
    pub text: &'s str,
    /// Its quotes.
    pub style: ScalarStyle,
    /// Its tag, such as `!!str`.
    pub tag: Option<&'s Tag>,
}

impl Scalar<'_> {
    /// What it is to whom reads it.
    pub fn value(self, by: ReadBy) -> Value {
        match by {
            ReadBy::Envoy => self.of_envoy(),
            ReadBy::Kubernetes => self.of_kubernetes(),
        }
    }

    /// Envoy looks at the text where there is a tag, whatever tag and quotes; only `!` makes a text.
    fn of_envoy(self) -> Value {
        let text = self.text;
        match self.tag {
            Some(tag) if is_no_type(tag) => return text.into(),
            None if self.style != ScalarStyle::Plain => return text.into(),
            None if is_null(text) => return Value::Null,
            _ => {}
        }
        match (boolean(text), whole(text)) {
            (Some(boolean), _) => boolean.into(),
            (None, Some(number)) => match i32::try_from(number) {
                Ok(number) => number.into(),
                Err(_) => number.to_string().into(),
            },
            (None, None) => text.into(),
        }
    }

    fn of_kubernetes(self) -> Value {
        let text = self.text;
        let is_text = |tag: &Tag| is_no_type(tag) || tag.is_yaml_core_schema_tag("str");
        if self.style != ScalarStyle::Plain || self.tag.is_some_and(is_text) {
            return text.into();
        }
        if is_null(text) {
            return Value::Null;
        }
        if let Some(boolean) = boolean(text) {
            return boolean.into();
        }
        if let Some(number) = whole(text) {
            return number.into();
        }
        let digit = |c: char| c.is_ascii_digit();
        let is_number = text.starts_with(|c: char| digit(c) || "+-.".contains(c))
            && text.ends_with(|c: char| digit(c) || c == '.');
        match (is_number, text.parse::<u64>(), text.parse::<f64>()) {
            (true, Ok(number), _) => number.into(),
            (true, _, Ok(number)) if number.is_finite() => number.into(),
            _ => text.into(),
        }
    }
}

/// Whether a tag says that a scalar is a text: `!`.
fn is_no_type(tag: &Tag) -> bool {
    tag.handle().is_empty() && tag.suffix() == "!"
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// A word of YAML 1.1 in small letters, in capitals, or with one capital at its begin.
fn boolean(text: &str) -> Option<bool> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "true" | "True" | "TRUE" => {
            Some(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "false" | "False" | "FALSE" => {
            Some(false)
        }
        _ => None,
    }
}

/// A whole number of 64 bits as C writes it: decimal, octal as `010`, hexadecimal as `0x10`.
fn whole(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let hexadecimal = digits.strip_prefix("0x").or(digits.strip_prefix("0X"));
    let (digits, radix) = match (hexadecimal, digits.strip_prefix('0')) {
        (Some(digits), _) => (digits, 16),
        (None, Some(digits)) if !digits.is_empty() => (digits, 8),
        _ => (digits, 10),
    };
    // The parser would take another sign.
    if !digits.starts_with(|c: char| c.is_digit(radix)) {
        return None;
    }
    i64::from_str_radix(&format!("{sign}{digits}"), radix).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn plain(text: &str, by: ReadBy) -> Value {
        let (style, tag) = (ScalarStyle::Plain, None);
        Scalar { text, style, tag }.value(by)
    }

    /// The scenario `eval_reads_yaml_as_envoy_does` asks each Envoy for more.
    #[test]
    fn plain_scalars_are_what_envoy_and_kubernetes_make_of_them() {
        for (text, of_envoy, of_kubernetes) in [
            ("5", json!(5), json!(5)),
            ("-0x10", json!(-16), json!(-16)),
            ("0100", json!(64), json!(64)),
            ("08", json!("08"), json!(8)),
            ("0x-1", json!("0x-1"), json!("0x-1")),
            ("--5", json!("--5"), json!("--5")),
            ("2147483647", json!(2147483647), json!(2147483647)),
            ("2147483648", json!("2147483648"), json!(2147483648_u64)),
            ("-0x80000001", json!("-2147483649"), json!(-2147483649_i64)),
            (
                "18446744073709551615",
                json!("18446744073709551615"),
                json!(u64::MAX),
            ),
            ("0.5", json!("0.5"), json!(0.5)),
            ("1e3", json!("1e3"), json!(1000.0)),
            (".inf", json!(".inf"), json!(".inf")),
            ("1e400", json!("1e400"), json!("1e400")),
            ("1.2.3", json!("1.2.3"), json!("1.2.3")),
            ("y", json!(true), json!(true)),
            ("Off", json!(false), json!(false)),
            ("yEs", json!("yEs"), json!("yEs")),
            ("~", Value::Null, Value::Null),
            ("nULL", json!("nULL"), json!("nULL")),
            ("2001-01-01", json!("2001-01-01"), json!("2001-01-01")),
        ] {
            assert_eq!(plain(text, ReadBy::Envoy), of_envoy, "{text}");
            assert_eq!(plain(text, ReadBy::Kubernetes), of_kubernetes, "{text}");
        }
    }
}
