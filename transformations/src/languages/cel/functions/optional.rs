//! Optional values, which `.?member` and `[?index]` give.

use super::{Builtin, Style};
use crate::languages::cel::budget::Budget;
use crate::languages::cel::error::Error;
use crate::languages::cel::value::Value;

pub(super) const FUNCTIONS: &[Builtin] = &[
    Builtin {
        name: "optional.of",
        signature: "optional.of(value)",
        about: "An optional that holds the value.",
        examples: &[("optional.of(1).value()", "1")],
        style: Style::Global,
        arguments: [1, 1],
        of: &[],
        returns: None,
        call: of,
    },
    Builtin {
        name: "optional.none",
        signature: "optional.none()",
        about: "An optional that holds nothing.",
        examples: &[("optional.none().hasValue()", "false")],
        style: Style::Global,
        arguments: [0, 0],
        of: &[],
        returns: None,
        call: none,
    },
    Builtin {
        name: "optional.ofNonZeroValue",
        signature: "optional.ofNonZeroValue(value)",
        about: "An optional that holds the value, unless it is null, false, zero or empty.",
        examples: &[("optional.ofNonZeroValue('').hasValue()", "false")],
        style: Style::Global,
        arguments: [1, 1],
        of: &[],
        returns: None,
        call: of_non_zero,
    },
    Builtin {
        name: "hasValue",
        signature: "optional.hasValue()",
        about: "Whether it holds a value.",
        examples: &[("{'a': 1}.?a.hasValue()", "true")],
        style: Style::Method,
        arguments: [1, 1],
        of: &[],
        returns: Some("bool"),
        call: has_value,
    },
    Builtin {
        name: "value",
        signature: "optional.value()",
        about: "The value it holds.",
        examples: &[("optional.none().value()", "error")],
        style: Style::Method,
        arguments: [1, 1],
        of: &[],
        returns: None,
        call: value,
    },
];

fn of<'v>(_: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    match arguments {
        [value] => Ok(Value::optional(Some(value.clone()))),
        _ => Err(Error::Mismatch),
    }
}

fn none<'v>(_: &Budget, _: &[Value<'v>]) -> Result<Value<'v>, Error> {
    Ok(Value::Optional(None))
}

fn of_non_zero<'v>(_: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    let [value] = arguments else {
        return Err(Error::Mismatch);
    };
    let zero = match value {
        Value::Null | Value::Bool(false) | Value::Int(0) | Value::Uint(0) => true,
        Value::Double(number, _) => *number == 0.0,
        Value::String(text) => text.is_empty(),
        Value::Bytes(bytes) => bytes.is_empty(),
        Value::List(items) => items.is_empty(),
        Value::Map(map) => map.is_empty(),
        Value::Optional(inner) => inner.is_none(),
        _ => false,
    };
    Ok(Value::optional((!zero).then(|| value.clone())))
}

fn has_value<'v>(_: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    match arguments {
        [Value::Optional(inner)] => Ok(Value::Bool(inner.is_some())),
        _ => Err(Error::Mismatch),
    }
}

fn value<'v>(_: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    match arguments {
        [Value::Optional(Some(inner))] => Ok((**inner).clone()),
        [Value::Optional(None)] => Error::missing("the optional holds nothing"),
        _ => Err(Error::Mismatch),
    }
}
