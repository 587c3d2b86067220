//! What looks like a function but decides itself what is evaluated: the macros of CEL, and
//! `default()` and its kind.

use cel::common::ast::{CallExpr, Expr, IdedExpr};

use super::lower::Lowering;
use super::node::{Loop, LoopKind, Node};
use crate::languages::function::Function;

/// The most macros over items inside one another: each multiplies the cost of the next.
pub(crate) const LOOPS: usize = 4;

/// Their descriptions.
pub(crate) const FORMS: &[Function] = &[
    Function {
        name: "has",
        signature: "has(value.member)",
        about: "Whether the member is there.",
        examples: &[("has({'a': 1}.a)", "true"), ("has({'a': 1}.b)", "false")],
    },
    Function {
        name: "all",
        signature: "list.all(name, condition)",
        about: "Whether the condition holds for every item of a list, or key of a map.",
        examples: &[("[1, 2].all(x, x > 0)", "true")],
    },
    Function {
        name: "exists",
        signature: "list.exists(name, condition)",
        about: "Whether it holds for any of them.",
        examples: &[("[1, 2].exists(x, x > 1)", "true")],
    },
    Function {
        name: "exists_one",
        signature: "list.exists_one(name, condition)",
        about: "Whether it holds for exactly one of them. Also `existsOne`.",
        examples: &[("[1, 2, 2].exists_one(x, x == 2)", "false")],
    },
    Function {
        name: "filter",
        signature: "list.filter(name, condition)",
        about: "The items, or keys, for which it holds.",
        examples: &[("[1, 2, 3].filter(x, x > 1)", "[2, 3]")],
    },
    Function {
        name: "map",
        signature: "list.map(name, [condition,] value)",
        about: "The value for each item, or key, or only for those for which the condition holds.",
        examples: &[
            ("[1, 2].map(x, x * 2)", "[2, 4]"),
            ("[1, 2].map(x, x > 1, x * 2)", "[4]"),
        ],
    },
    Function {
        name: "sortBy",
        signature: "list.sortBy(name, key)",
        about: "The items in the order of their keys.",
        examples: &[("['bb', 'a'].sortBy(x, size(x))", "['a', 'bb']")],
    },
    Function {
        name: "filterKeys",
        signature: "map.filterKeys(name, condition)",
        about: "The entries of a map for whose keys the condition holds.",
        examples: &[("{'a': 1, 'b': 2}.filterKeys(k, k != 'a')", "{'b': 2}")],
    },
    Function {
        name: "mapValues",
        signature: "map.mapValues(name, value)",
        about: "The map with a new value for each value.",
        examples: &[("{'a': 1}.mapValues(v, v + 1)", "{'a': 2}")],
    },
    Function {
        name: "with",
        signature: "value.with(name, expression)",
        about: "The expression, in which the name stands for the value.",
        examples: &[("'a'.with(x, x + x)", "'aa'")],
    },
    Function {
        name: "cel.bind",
        signature: "cel.bind(name, value, expression)",
        about: "The same, in CEL's own words.",
        examples: &[("cel.bind(x, 'a', x + x)", "'aa'")],
    },
    Function {
        name: "default",
        signature: "default(value, otherwise)",
        about: "The value, or the other when it is null or not there. Errors stay errors.",
        examples: &[
            ("default({'a': 1}.b, 2)", "2"),
            ("default(null, 2)", "2"),
            ("default(1 / 0, 2)", "error"),
        ],
    },
    Function {
        name: "coalesce",
        signature: "coalesce(value, ...)",
        about: "The first that is neither null nor an error; null when every one is null.",
        examples: &[
            ("coalesce(null, 1 / 0, 3)", "3"),
            ("coalesce(null)", "null"),
            ("coalesce(1 / 0)", "error"),
        ],
    },
    Function {
        name: "optMap",
        signature: "optional.optMap(name, value)",
        about: "An optional of the value, in which the name stands for what the first one holds.",
        examples: &[("optional.of(1).optMap(x, x + 1).value()", "2")],
    },
    Function {
        name: "optFlatMap",
        signature: "optional.optFlatMap(name, optional)",
        about: "The same, for what is an optional itself.",
        examples: &[("{'a': {'b': 1}}.?a.optFlatMap(x, x.?b).orValue(0)", "1")],
    },
    Function {
        name: "or",
        signature: "optional.or(optional)",
        about: "The first, or the second when the first holds nothing.",
        examples: &[
            ("optional.none().or(optional.of(2)).value()", "2"),
            ("optional.of(1).or(optional.of(1 / 0)).value()", "1"),
        ],
    },
    Function {
        name: "orValue",
        signature: "optional.orValue(value)",
        about: "The value it holds, or the other, which is only then evaluated.",
        examples: &[
            ("{'a': 1}.?b.orValue(2)", "2"),
            ("[1][?0].orValue(1 / 0)", "1"),
        ],
    },
];

impl Lowering<'_> {
    /// A call that is a form; `None` for any other.
    pub(super) fn form(&mut self, id: u64, call: &CallExpr) -> Option<Node> {
        let name = call.func_name.as_str();
        let target = call.target.as_deref();
        if let Some(kind) = loop_kind(name)
            && let Some(range) = target
        {
            return match (call.args.as_slice(), kind) {
                ([variable, body], _) => Some(self.each(id, kind, range, variable, None, body)),
                ([variable, filter, body], LoopKind::Map) => {
                    Some(self.each(id, kind, range, variable, Some(filter), body))
                }
                _ => None,
            };
        }
        Some(match (target, name, call.args.as_slice()) {
            (None, "has", [argument]) => self.has(id, argument),
            (None, "default", [value, otherwise]) => Node::Default(self.pair(value, otherwise)),
            (None, "coalesce", values @ [_, ..]) => {
                Node::Coalesce(values.iter().map(|value| self.value(value)).collect())
            }
            (Some(value), "with", [variable, body]) => self.bind(id, value, variable, body),
            (Some(namespace), "bind", [variable, value, body]) if matches!(&namespace.expr, Expr::Ident(name) if name == "cel") => {
                self.bind(id, value, variable, body)
            }
            (Some(first), "or", [second]) => Node::OptionalOr(self.pair(first, second)),
            (Some(value), "orValue", [otherwise]) => Node::OrValue(self.pair(value, otherwise)),
            (Some(value), "optMap" | "optFlatMap", [variable, body]) => {
                let flat = name == "optFlatMap";
                match self.bind(id, value, variable, body) {
                    Node::Bind(nodes) => Node::OptionalMap { nodes, flat },
                    other => other,
                }
            }
            _ => return None,
        })
    }

    /// `body` with `variable` in reach.
    fn inside(&mut self, id: u64, variable: &IdedExpr, lower: impl FnOnce(&mut Self)) {
        let Expr::Ident(name) = &variable.expr else {
            self.error(id, "the name of a variable is expected").help =
                Some("write a simple name, such as `x`".to_owned());
            return;
        };
        self.variables.push(name.clone());
        lower(self);
        self.variables.pop();
    }

    fn bind(&mut self, id: u64, value: &IdedExpr, variable: &IdedExpr, body: &IdedExpr) -> Node {
        let value = self.value(value);
        let mut lowered = None;
        self.inside(id, variable, |lowering| {
            lowered = Some(lowering.value(body))
        });
        match lowered {
            Some(body) => Node::Bind(Box::new([value, body])),
            None => Self::placeholder(),
        }
    }

    fn each(
        &mut self,
        id: u64,
        kind: LoopKind,
        range: &IdedExpr,
        variable: &IdedExpr,
        filter: Option<&IdedExpr>,
        body: &IdedExpr,
    ) -> Node {
        let range = self.value(range);
        if self.loops >= LOOPS {
            self.error(id, format!("more than {LOOPS} macros are nested"))
                .help = Some("split it into several edits or fields".to_owned());
            return Self::placeholder();
        }
        let mut lowered = None;
        self.loops = self.loops.saturating_add(1);
        self.inside(id, variable, |lowering| {
            let filter = filter.map(|filter| lowering.value(filter));
            lowered = Some((filter, lowering.value(body)));
        });
        self.loops = self.loops.saturating_sub(1);
        let Some((filter, body)) = lowered else {
            return Self::placeholder();
        };
        Node::Loop(Box::new(Loop {
            kind,
            range,
            filter,
            body,
        }))
    }
}

fn loop_kind(name: &str) -> Option<LoopKind> {
    Some(match name {
        "all" => LoopKind::All,
        "exists" => LoopKind::Exists,
        "exists_one" | "existsOne" => LoopKind::ExistsOne,
        "filter" => LoopKind::Filter,
        "map" => LoopKind::Map,
        "filterKeys" => LoopKind::FilterKeys,
        "mapValues" => LoopKind::MapValues,
        "sortBy" => LoopKind::SortBy,
        _ => return None,
    })
}
