//! Maps. Those that decide per entry are [forms](crate::languages::cel::forms).

use super::{Builtin, Style};
use crate::languages::cel::budget::Budget;
use crate::languages::cel::error::Error;
use crate::languages::cel::map::Map;
use crate::languages::cel::value::Value;

pub(super) const FUNCTIONS: &[Builtin] = &[Builtin {
    name: "merge",
    signature: "map.merge(map)",
    about: "The entries of both maps; the second one's where both have a key.",
    examples: &[(
        "{'a': 1, 'b': 2}.merge({'b': 3, 'c': 4})",
        "{'a': 1, 'b': 3, 'c': 4}",
    )],
    style: Style::Method,
    arguments: [2, 2],
    of: &["map"],
    returns: Some("map"),
    call: merge,
}];

fn merge<'v>(budget: &Budget, arguments: &[Value<'v>]) -> Result<Value<'v>, Error> {
    let [Value::Map(left), Value::Map(right)] = arguments else {
        return Err(Error::Mismatch);
    };
    budget.steps(left.len().saturating_add(right.len()))?;
    let mut merged: Map<'v> = (**left).clone().with_those_of(right);
    for (key, value) in right.iter() {
        key.look_up(budget)?;
        left.has_one(key, budget)?;
        merged.insert(key.clone(), value.clone());
    }
    Value::map(merged, budget)
}
