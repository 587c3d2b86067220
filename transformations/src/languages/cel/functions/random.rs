//! Chance, which is fast and not for secrets, and failing.

use super::{Builtin, Style};
use crate::languages::cel::budget::Budget;
use crate::languages::cel::error::{Error, shown};
use crate::languages::cel::value::Value;

pub(super) const FUNCTIONS: &[Builtin] = &[
    Builtin {
        name: "uuid",
        signature: "uuid()",
        about: "A random UUID (version 4). Can be guessed: not for secrets.",
        examples: &[("size(uuid())", "36"), ("uuid() == uuid()", "false")],
        style: Style::Global,
        arguments: [0, 0],
        of: &[],
        returns: Some("string"),
        call: uuid,
    },
    Builtin {
        name: "random",
        signature: "random()",
        about: "A number from 0 to below 1. Can be guessed: not for secrets.",
        examples: &[("random() < 1.0", "true")],
        style: Style::Global,
        arguments: [0, 0],
        of: &[],
        returns: Some("double"),
        call: random,
    },
    Builtin {
        name: "fail",
        signature: "fail([message])",
        about: "Fails.",
        examples: &[("fail('no')", "error"), ("coalesce(fail(), 1)", "1")],
        style: Style::Global,
        arguments: [0, 1],
        of: &[],
        returns: None,
        call: fail,
    },
];

fn uuid<'v>(budget: &Budget, _: &[Value<'v>]) -> Result<Value<'v>, Error> {
    let bytes = fastrand::u128(..).to_ne_bytes();
    let uuid = uuid::Builder::from_random_bytes(bytes).into_uuid();
    Value::text(uuid.to_string(), budget)
}

fn random<'v>(_: &Budget, _: &[Value<'v>]) -> Result<Value<'v>, Error> {
    Ok(Value::double(fastrand::f64()))
}

fn fail<'v>(_: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    match arguments {
        [] => Error::failed("the expression says so"),
        [Value::String(message)] => Error::failed(shown(message)),
        _ => Err(Error::Mismatch),
    }
}
