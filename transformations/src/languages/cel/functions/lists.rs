//! Lists.

use super::{Builtin, Style};
use crate::languages::cel::budget::Budget;
use crate::languages::cel::compare;
use crate::languages::cel::error::Error;
use crate::languages::cel::value::Value;

pub(super) const FUNCTIONS: &[Builtin] = &[
    Builtin {
        name: "join",
        signature: "list.join([separator])",
        about: "The texts of a list in one.",
        examples: &[
            ("['a', 'b'].join(', ')", "'a, b'"),
            ("['a', 'b'].join()", "'ab'"),
        ],
        style: Style::Method,
        arguments: [1, 2],
        of: &["list"],
        returns: Some("string"),
        call: join,
    },
    Builtin {
        name: "slice",
        signature: "list.slice(start, end)",
        about: "The items from start to before end.",
        examples: &[
            ("[1, 2, 3].slice(1, 3)", "[2, 3]"),
            ("[1].slice(0, 2)", "error"),
        ],
        style: Style::Method,
        arguments: [3, 3],
        of: &["list"],
        returns: Some("list"),
        call: slice,
    },
    Builtin {
        name: "flatten",
        signature: "list.flatten([depth])",
        about: "The items of the lists in a list, so many levels deep, or one.",
        examples: &[
            ("[1, [2, [3]]].flatten()", "[1, 2, [3]]"),
            ("[1, [2, [3]]].flatten(2)", "[1, 2, 3]"),
        ],
        style: Style::Method,
        arguments: [1, 2],
        of: &["list"],
        returns: Some("list"),
        call: flatten,
    },
    Builtin {
        name: "sort",
        signature: "list.sort()",
        about: "The items in order. They are all numbers, texts, bytes or booleans.",
        examples: &[
            ("[3, 1, 2].sort()", "[1, 2, 3]"),
            ("[1, 'a'].sort()", "error"),
        ],
        style: Style::Method,
        arguments: [1, 1],
        of: &["list"],
        returns: Some("list"),
        call: sort,
    },
    Builtin {
        name: "distinct",
        signature: "list.distinct()",
        about: "The items without those that are equal to one before.",
        examples: &[("[1, 2, 1.0].distinct()", "[1, 2]")],
        style: Style::Method,
        arguments: [1, 1],
        of: &["list"],
        returns: Some("list"),
        call: distinct,
    },
    Builtin {
        name: "reverse",
        signature: "list.reverse(), text.reverse()",
        about: "The items, or characters, from last to first.",
        examples: &[("[1, 2].reverse()", "[2, 1]"), ("'ab'.reverse()", "'ba'")],
        style: Style::Method,
        arguments: [1, 1],
        of: &["list", "string"],
        returns: None,
        call: reverse,
    },
    Builtin {
        name: "first",
        signature: "list.first()",
        about: "An optional of the first item.",
        examples: &[
            ("[1, 2].first().value()", "1"),
            ("[].first().orValue(0)", "0"),
        ],
        style: Style::Method,
        arguments: [1, 1],
        of: &["list"],
        returns: None,
        call: first,
    },
    Builtin {
        name: "last",
        signature: "list.last()",
        about: "An optional of the last item.",
        examples: &[("[1, 2].last().value()", "2")],
        style: Style::Method,
        arguments: [1, 1],
        of: &["list"],
        returns: None,
        call: last,
    },
    Builtin {
        name: "lists.range",
        signature: "lists.range(count)",
        about: "The numbers from 0 to before count.",
        examples: &[("lists.range(3)", "[0, 1, 2]")],
        style: Style::Global,
        arguments: [1, 1],
        of: &[],
        returns: Some("list"),
        call: range,
    },
];

fn join<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    let (items, separator) = match arguments {
        [Value::List(items)] => (items, ""),
        [Value::List(items), Value::String(separator)] => (items, &**separator),
        _ => return Err(Error::Mismatch),
    };
    let mut out = String::new();
    for (nth, item) in items.iter().enumerate() {
        let text = item.as_str().ok_or(Error::Mismatch)?;
        budget.step()?;
        budget.make(text.len().saturating_add(separator.len()))?;
        if nth > 0 {
            out.push_str(separator);
        }
        out.push_str(text);
    }
    Value::text(out, budget)
}

fn slice<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    let [Value::List(items), Value::Int(start), Value::Int(end)] = arguments else {
        return Err(Error::Mismatch);
    };
    let place = |index: i64| usize::try_from(index).unwrap_or(usize::MAX);
    match items.get(place(*start)..place(*end)) {
        Some(part) => {
            budget.steps(part.len())?;
            Value::list(part.to_vec(), budget)
        }
        None => Error::failed("no such items"),
    }
}

fn flatten<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    let (items, depth) = match arguments {
        [Value::List(items)] => (items, 1),
        [Value::List(items), Value::Int(depth)] if *depth >= 0 => (items, *depth),
        _ => return Err(Error::Mismatch),
    };
    let mut out = Vec::new();
    flatten_into(&mut out, items, depth, budget)?;
    Value::list(out, budget)
}

fn flatten_into<'v>(
    out: &mut Vec<Value<'v>>,
    items: &[Value<'v>],
    depth: i64,
    budget: &Budget,
) -> Result<(), Error> {
    for item in items {
        budget.collect(1, size_of::<Value<'_>>())?;
        match item {
            Value::List(inner) if depth > 0 => {
                flatten_into(out, inner, depth.saturating_sub(1), budget)?;
            }
            item => out.push(item.clone()),
        }
    }
    Ok(())
}

fn sort<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    match arguments {
        [Value::List(items)] => {
            budget.collect(items.len(), size_of::<Value<'_>>())?;
            let sorted = compare::sort(items.to_vec(), |item| item, budget)?;
            Value::list(sorted, budget)
        }
        _ => Err(Error::Mismatch),
    }
}

fn distinct<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    let [Value::List(items)] = arguments else {
        return Err(Error::Mismatch);
    };
    let mut kept: Vec<Value<'v>> = Vec::new();
    for item in items.iter() {
        let mut known = false;
        for other in &kept {
            known = known || compare::equal(item, other, budget)?;
        }
        if !known {
            kept.push(item.clone());
        }
    }
    Value::list(kept, budget)
}

fn reverse<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    match arguments {
        [Value::List(items)] => {
            budget.steps(items.len())?;
            Value::list(items.iter().rev().cloned().collect(), budget)
        }
        [Value::String(text)] => {
            budget.steps(text.len() / 8)?;
            Value::text(text.chars().rev().collect(), budget)
        }
        _ => Err(Error::Mismatch),
    }
}

fn first<'v>(_: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    match arguments {
        [Value::List(items)] => Ok(Value::optional(items.first().cloned())),
        _ => Err(Error::Mismatch),
    }
}

fn last<'v>(_: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    match arguments {
        [Value::List(items)] => Ok(Value::optional(items.last().cloned())),
        _ => Err(Error::Mismatch),
    }
}

fn range<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    let [Value::Int(count)] = arguments else {
        return Err(Error::Mismatch);
    };
    let size = usize::try_from((*count).max(0)).unwrap_or(usize::MAX);
    budget.collect(size, size_of::<Value<'_>>())?;
    Value::list((0..*count).map(Value::Int).collect(), budget)
}
