//! Types, and values from one to another.

use super::{Builtin, Style};
use crate::languages::cel::budget::Budget;
use crate::languages::cel::error::Error;
use crate::languages::cel::value::{Bytes, Text, Value};
use crate::languages::cel::{number, print};

pub(super) const FUNCTIONS: &[Builtin] = &[
    Builtin {
        name: "type",
        signature: "type(value)",
        about: "The type: `int`, `uint`, `double`, `bool`, `string`, `bytes`, `list`, `map`, \
                `null_type` or `type`.",
        examples: &[("type(1) == int", "true"), ("type('a') == bytes", "false")],
        style: Style::Global,
        arguments: [1, 1],
        of: &[],
        returns: Some("type"),
        call: type_of,
    },
    Builtin {
        name: "string",
        signature: "string(value)",
        about: "The text of a number, a boolean, bytes in UTF-8 or an address. Numbers of a JSON \
                body keep their spelling.",
        examples: &[
            ("string(1.0)", "'1.0'"),
            ("string(json('3.10'))", "'3.10'"),
            ("string(b'a')", "'a'"),
            ("string(b'\\xff')", "error"),
        ],
        style: Style::Global,
        arguments: [1, 1],
        of: &[],
        returns: Some("string"),
        call: string,
    },
    Builtin {
        name: "bytes",
        signature: "bytes(text)",
        about: "The text in UTF-8.",
        examples: &[("bytes('a')", "b'a'")],
        style: Style::Global,
        arguments: [1, 1],
        of: &[],
        returns: Some("bytes"),
        call: bytes,
    },
    Builtin {
        name: "int",
        signature: "int(value)",
        about: "The number, its fraction dropped, or the number a text spells.",
        examples: &[
            ("int(-1.9)", "-1"),
            ("int('7')", "7"),
            ("int('x')", "error"),
        ],
        style: Style::Global,
        arguments: [1, 1],
        of: &[],
        returns: Some("int"),
        call: int,
    },
    Builtin {
        name: "uint",
        signature: "uint(value)",
        about: "The same, without a sign.",
        examples: &[("uint(1)", "1u"), ("uint(-1)", "error")],
        style: Style::Global,
        arguments: [1, 1],
        of: &[],
        returns: Some("uint"),
        call: uint,
    },
    Builtin {
        name: "double",
        signature: "double(value)",
        about: "The nearest floating-point number, or the one a text spells.",
        examples: &[("double(1) / 4.0", "0.25"), ("double('1e3')", "1000.0")],
        style: Style::Global,
        arguments: [1, 1],
        of: &[],
        returns: Some("double"),
        call: double,
    },
    Builtin {
        name: "bool",
        signature: "bool(value)",
        about: "The boolean that a text spells: `true`, `t`, `1`, `false`, `f` or `0`.",
        examples: &[("bool('true')", "true"), ("bool('maybe')", "error")],
        style: Style::Global,
        arguments: [1, 1],
        of: &[],
        returns: Some("bool"),
        call: bool_of,
    },
    Builtin {
        name: "dyn",
        signature: "dyn(value)",
        about: "The value itself: types are only known when an expression runs.",
        examples: &[("dyn(1)", "1")],
        style: Style::Global,
        arguments: [1, 1],
        of: &[],
        returns: None,
        call: dynamic,
    },
    Builtin {
        name: "size",
        signature: "size(value), value.size()",
        about: "How many characters (code points), bytes, items or entries there are.",
        examples: &[("size('😀')", "1"), ("[1, 2].size()", "2")],
        style: Style::Both,
        arguments: [1, 1],
        of: &[],
        returns: Some("int"),
        call: size,
    },
];

fn type_of<'v>(_: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    match arguments {
        [value] => Ok(Value::Type(value.type_name())),
        _ => Err(Error::Mismatch),
    }
}

fn string<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    match arguments {
        [value @ Value::String(_)] => Ok(value.clone()),
        [Value::Bytes(Bytes::Borrowed(bytes))] => {
            budget.read(bytes.len())?;
            match std::str::from_utf8(bytes) {
                Ok(text) => Ok(Value::borrowed(text)),
                Err(_) => Error::failed("the bytes are not UTF-8"),
            }
        }
        [Value::Optional(_)] => Err(Error::Mismatch),
        [value] => match print::text(value)? {
            Some(text) => Value::text(text.into_owned(), budget),
            None => Err(Error::Mismatch),
        },
        _ => Err(Error::Mismatch),
    }
}

fn bytes<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    match arguments {
        [value @ Value::Bytes(_)] => Ok(value.clone()),
        [Value::String(Text::Borrowed(text))] => Ok(Value::Bytes(Bytes::Borrowed(text.as_bytes()))),
        [Value::String(text)] => Value::bytes(text.as_bytes().to_vec(), budget),
        _ => Err(Error::Mismatch),
    }
}

fn int<'v>(_: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    Ok(Value::Int(match arguments {
        [Value::Int(value)] => *value,
        [Value::Uint(value)] => match i64::try_from(*value) {
            Ok(value) => value,
            Err(_) => return Error::failed("the number is out of the range of int"),
        },
        [Value::Double(value, _)] => number::int(*value)?,
        [Value::String(text)] => spelled(text)?,
        _ => return Err(Error::Mismatch),
    }))
}

fn uint<'v>(_: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    Ok(Value::Uint(match arguments {
        [Value::Uint(value)] => *value,
        [Value::Int(value)] => match u64::try_from(*value) {
            Ok(value) => value,
            Err(_) => return Error::failed("the number is out of the range of uint"),
        },
        [Value::Double(value, _)] => number::uint(*value)?,
        [Value::String(text)] => spelled(text)?,
        _ => return Err(Error::Mismatch),
    }))
}

fn double<'v>(_: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    match arguments {
        [value @ Value::Double(..)] => Ok(value.clone()),
        [Value::String(text)] => spelled(text).map(Value::double),
        [value] => number::double(value)
            .map(Value::double)
            .ok_or(Error::Mismatch),
        _ => Err(Error::Mismatch),
    }
}

fn spelled<T: std::str::FromStr>(text: &str) -> Result<T, Error> {
    text.parse()
        .map_err(|_| Error::Failed("the text spells no such number".to_owned()))
}

fn bool_of<'v>(_: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    match arguments {
        [value @ Value::Bool(_)] => Ok(value.clone()),
        [Value::String(text)] => match &**text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Value::Bool(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Value::Bool(false)),
            _ => Error::failed("the text spells no boolean"),
        },
        _ => Err(Error::Mismatch),
    }
}

fn dynamic<'v>(_: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    arguments.first().cloned().ok_or(Error::Mismatch)
}

fn size<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    let size = match arguments {
        [Value::String(text)] => {
            budget.read(text.len())?;
            text.chars().count()
        }
        [Value::Bytes(bytes)] => bytes.len(),
        [Value::List(items)] => items.len(),
        [Value::Map(map)] => map.len(),
        _ => return Err(Error::Mismatch),
    };
    Ok(Value::Int(i64::try_from(size).unwrap_or(i64::MAX)))
}
