//! `google.protobuf.Struct`, the form in which people write a `filter_config` by hand.
//!
//! Envoy 1.39 and later hand the module the struct as JSON. Earlier ones hand over its protobuf
//! encoding (1.38 for routes only), which is made JSON here.

use std::borrow::Cow;

use prost::Message;
use prost_types::value::Kind;
use prost_types::{Struct, Value};
use serde::de::IgnoredAny;

/// The tag of `Struct.fields`, the only field there is.
const FIELD: u8 = b'\n';

/// The text of a configuration, in whatever form Envoy hands it over. What is neither form is
/// returned as it is, so that errors are about what the user wrote.
pub(crate) fn json(config: &[u8]) -> Cow<'_, [u8]> {
    // A struct begins with a field tag that JSON takes for a line feed: where it stands, JSON goes
    // first.
    if config.first() != Some(&FIELD) || serde_json::from_slice::<IgnoredAny>(config).is_ok() {
        return Cow::Borrowed(config);
    }
    match Struct::decode(config) {
        Ok(decoded) => Cow::Owned(object(decoded).to_string().into_bytes()),
        Err(_) => Cow::Borrowed(config),
    }
}

fn object(value: Struct) -> serde_json::Value {
    value
        .fields
        .into_iter()
        .map(|(name, value)| (name, any(value)))
        .collect()
}

fn any(value: Value) -> serde_json::Value {
    match value.kind {
        None | Some(Kind::NullValue(_)) => serde_json::Value::Null,
        Some(Kind::NumberValue(number)) => number_of(number),
        Some(Kind::StringValue(text)) => text.into(),
        Some(Kind::BoolValue(value)) => value.into(),
        Some(Kind::StructValue(value)) => object(value),
        Some(Kind::ListValue(list)) => list.values.into_iter().map(any).collect(),
    }
}

/// A struct knows only doubles: whole ones were whole numbers.
fn number_of(number: f64) -> serde_json::Value {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53
    if number.fract() == 0.0 && number.abs() <= EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "whole and at most 2^53")]
        return (number as i64).into();
    }
    number.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(kind: Kind) -> Value {
        Value { kind: Some(kind) }
    }

    #[test]
    fn a_struct_becomes_json() {
        let list = prost_types::ListValue {
            values: vec![
                kind(Kind::NumberValue(127.0)),
                kind(Kind::NumberValue(0.5)),
                kind(Kind::NullValue(0)),
            ],
        };
        let fields = [
            ("a".to_owned(), kind(Kind::ListValue(list))),
            ("b".to_owned(), kind(Kind::StringValue("ä\"".to_owned()))),
            ("c".to_owned(), kind(Kind::BoolValue(true))),
        ];
        let encoded = Struct {
            fields: fields.into_iter().collect(),
        }
        .encode_to_vec();
        let text = "{\"a\":[127,0.5,null],\"b\":\"ä\\\"\",\"c\":true}";
        assert_eq!(std::str::from_utf8(&json(&encoded)), Ok(text));
    }

    #[test]
    fn anything_else_stays_as_it_is() {
        for text in ["", "{}", "\n{}", "{", "\n", "rustformation"] {
            assert_eq!(&*json(text.as_bytes()), text.as_bytes());
        }
    }
}
