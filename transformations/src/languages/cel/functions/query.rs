//! One parameter of a path's query.

use super::{Builtin, Style};
use crate::languages::cel::budget::Budget;
use crate::languages::cel::error::{Error, shown};
use crate::languages::cel::print;
use crate::languages::cel::value::Value;
use crate::languages::query;

pub(super) const FUNCTIONS: &[Builtin] = &[
    Builtin {
        name: "getQuery",
        signature: "path.getQuery(name)",
        about: "The value of the first parameter of this name in `request.pathAndQuery` or another \
                path; it is not there if there is none.",
        examples: &[
            ("'/p?a=b+c&a=2'.getQuery('a')", "'b c'"),
            ("default('/p'.getQuery('a'), 'none')", "'none'"),
            ("'/p?a=%FF'.getQuery('a')", "error"),
        ],
        style: Style::Both,
        arguments: [2, 2],
        of: &["string"],
        returns: Some("string"),
        call: get,
    },
    Builtin {
        name: "addQuery",
        signature: "path.addQuery(name, value)",
        about: "The path with one more parameter. Every other byte of it stays.",
        examples: &[
            ("'/p?a=%41'.addQuery('k', 'v w')", "'/p?a=%41&k=v%20w'"),
            ("'/p'.addQuery('k', 1)", "'/p?k=1'"),
        ],
        style: Style::Both,
        arguments: [3, 3],
        of: &["string"],
        returns: Some("string"),
        call: add,
    },
    Builtin {
        name: "setQuery",
        signature: "path.setQuery(name, value)",
        about: "The path in which the parameter has this value, once: where it stands first, or at \
                the end. Every other byte stays.",
        examples: &[
            ("'/p?k=1&a=+&k=2'.setQuery('k', 'v')", "'/p?k=v&a=+'"),
            ("'/p?a'.setQuery('k', 'v')", "'/p?a&k=v'"),
        ],
        style: Style::Both,
        arguments: [3, 3],
        of: &["string"],
        returns: Some("string"),
        call: set,
    },
    Builtin {
        name: "removeQuery",
        signature: "path.removeQuery(name)",
        about: "The path without the parameters of this name. Every other byte stays.",
        examples: &[
            ("'/p?k=1&a=%2f&k'.removeQuery('k')", "'/p?a=%2f'"),
            ("'/p?k=1'.removeQuery('k')", "'/p'"),
        ],
        style: Style::Both,
        arguments: [2, 2],
        of: &["string"],
        returns: Some("string"),
        call: remove,
    },
];

fn get<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    let [Value::String(path), Value::String(name)] = arguments else {
        return Err(Error::Mismatch);
    };
    look_through(path, budget)?;
    match query::get(path, name) {
        Ok(Some(value)) => Value::text(value, budget),
        Ok(None) => Error::missing(format!("no parameter `{}`", shown(name))),
        Err(query::NotText) => Error::failed("the parameter is not percent-encoded UTF-8"),
    }
}

fn add<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    edited(budget, arguments, query::add)
}

fn set<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    edited(budget, arguments, query::set)
}

fn edited<'v>(
    budget: &Budget,
    arguments: &[Value<'v>],
    edit: fn(&str, &str, &str) -> String,
) -> Result<Value<'v>, Error> {
    let [Value::String(path), Value::String(name), value] = arguments else {
        return Err(Error::Mismatch);
    };
    let value = print::text(value)?.ok_or(Error::Mismatch)?;
    look_through(path, budget)?;
    // An escape has three bytes for each.
    budget.make(name.len().saturating_add(value.len()).saturating_mul(3))?;
    Value::text(edit(path, name, &value), budget)
}

fn remove<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    let [Value::String(path), Value::String(name)] = arguments else {
        return Err(Error::Mismatch);
    };
    look_through(path, budget)?;
    Value::text(query::remove(path, name), budget)
}

/// Takes steps and memory for a query in its parameters, each of which may be one byte long.
fn look_through(path: &str, budget: &Budget) -> Result<(), Error> {
    budget.steps(path.len() / 8)?;
    budget.make(path.len())
}
