//! The operators that make values as large as a message says, or look through them, bounded. They
//! do what the template engine's do.

use minijinja::tests::is_in;
use minijinja::value::{ObjectRepr, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State};

use super::scope::{Absent, Scope};
use super::{memory, reading, slices};

/// The names under which the environment has them, as filters.
pub(super) const CONCATENATION: &str = "_concatenation";
pub(super) const SUM: &str = "_sum";
pub(super) const PRODUCT: &str = "_product";
pub(super) const CONTAINMENT: &str = "_containment";
pub(super) const EQUAL: &str = "_equal";
pub(super) const UNEQUAL: &str = "_unequal";
pub(super) const LESS: &str = "_less";
pub(super) const AT_MOST: &str = "_at_most";
pub(super) const GREATER: &str = "_greater";
pub(super) const AT_LEAST: &str = "_at_least";
pub(super) const ITEM: &str = "_item";
/// What counts a value that is read.
pub(super) const READ: &str = "_read";
/// What counts a value whose items become arguments.
pub(super) const READ_ITEMS: &str = "_read_items";
/// What counts a map that another is made of.
pub(super) const READ_MAP: &str = "_read_map";
/// What counts a value that is read with all that is in it.
pub(super) const READ_WHOLE: &str = "_read_whole";
pub(super) const SLICE: &str = "_slice";
/// What looks at a value before a namespace keeps it.
pub(super) const KEPT: &str = "_kept";
/// What looks at a field of `extracted` before it is printed.
pub(super) const FIELD: &str = "_field";
/// The same of a field whose name is computed.
pub(super) const COMPUTED_FIELD: &str = "_computed_field";
/// A text of the template, counted where it is printed.
pub(super) const RAW: &str = "_raw";

/// The most lists and maps inside one another that a namespace keeps. To print, compare or drop
/// them takes stack for each.
const LEVELS: usize = 256;

/// How many numbers and texts are passed over in the time that a list or map takes.
const ITEMS_PER_VISIT: usize = 2;

pub(super) fn register(environment: &mut Environment<'static>) {
    environment.add_filter(CONCATENATION, |left: &Value, right: &Value| {
        memory::joined([left, right])
    });
    environment.add_filter(SUM, sum);
    environment.add_filter(PRODUCT, product);
    environment.add_filter(CONTAINMENT, containment);
    for (name, holds) in comparisons() {
        environment.add_filter(name, move |left: &Value, right: &Value| {
            reading::comparison(left, right)?;
            Ok(holds(left, right))
        });
    }
    environment.add_filter(ITEM, |container: &Value, key: &Value| {
        reading::item(container, key)?;
        container.get_item(key)
    });
    environment.add_filter(READ, |value: &Value| {
        reading::value(value).map(|()| value.clone())
    });
    environment.add_filter(READ_ITEMS, |value: &Value| {
        reading::each(value).map(|()| value.clone())
    });
    environment.add_filter(READ_MAP, |value: &Value| {
        reading::order(value).map(|()| value.clone())
    });
    environment.add_filter(READ_WHOLE, |value: &Value| {
        reading::all(value).map(|()| value.clone())
    });
    environment.add_filter(SLICE, slices::slice);
    environment.add_filter(KEPT, kept);
    for (name, absent) in [(FIELD, Absent::Field), (COMPUTED_FIELD, Absent::Computed)] {
        environment.add_filter(name, move |value: &Value| {
            if value.is_undefined() {
                Scope::current(|scope| {
                    let before = scope.absent.get();
                    let worse = before == Absent::Computed;
                    scope.absent.set(if worse { before } else { absent });
                });
            }
            value.clone()
        });
    }
    environment.add_filter(RAW, |text: String| Value::from_safe_string(text));
}

/// Whether a comparison holds.
type Holds = fn(&Value, &Value) -> bool;

/// The operators that compare.
fn comparisons() -> [(&'static str, Holds); 6] {
    [
        (EQUAL, Value::eq),
        (UNEQUAL, Value::ne),
        (LESS, Value::lt),
        (AT_MOST, Value::le),
        (GREATER, Value::gt),
        (AT_LEAST, Value::ge),
    ]
}

fn containment(state: &State<'_, '_>, value: &Value, container: &Value) -> Result<bool, Error> {
    if !holds_others(container) {
        let message = "cannot perform a containment check on this value";
        return Err(Error::new(ErrorKind::InvalidOperation, message));
    }
    reading::containment(value, container)?;
    is_in(state, value, container)
}

/// Whether something can be in it. Nothing is in what is undefined.
fn holds_others(value: &Value) -> bool {
    value.is_undefined() || value.as_str().is_some() || value.as_object().is_some()
}

/// A list or map whose items are calculated each time they are read, as one that has them.
pub(super) fn settled(value: &Value) -> Result<Value, Error> {
    let Some(object) = value.as_object() else {
        return Ok(value.clone());
    };
    let merged = object.type_name().contains("::Merge");
    Ok(match value.kind() {
        ValueKind::Iterable if value.len().is_some() => memory::list(value.try_iter()?)?,
        ValueKind::Iterable => memory::list_of_unknown_length(value.try_iter()?)?,
        ValueKind::Seq if merged => {
            memory::spend(reading::items(value)?.saturating_mul(memory::ITEM))?;
            Value::from(value.try_iter()?.collect::<Vec<Value>>())
        }
        ValueKind::Map if merged => {
            memory::spend(reading::items(value)?.saturating_mul(2 * memory::ITEM))?;
            let member = |key: Value| Some((key.clone(), object.get_value(&key)?));
            value.try_iter()?.filter_map(member).collect()
        }
        _ => value.clone(),
    })
}

/// A value that a namespace may keep from one round of a loop to the next: a lazy list in full, so
/// that lists made of lists made of lists do not pile up unseen.
fn kept(value: &Value) -> Result<Value, Error> {
    let value = settled(value)?;
    check_levels(&value, LEVELS)?;
    Ok(value)
}

/// Refuses a value with more levels, and namespaces and macros inside it: they could hold it.
fn check_levels(value: &Value, levels: usize) -> Result<(), Error> {
    let Some(object) = value.as_object() else {
        return Ok(());
    };
    let refused = |message: &'static str| Err(Error::new(ErrorKind::InvalidOperation, message));
    let Some(levels) = levels.checked_sub(1) else {
        return refused("too many lists and maps inside one another");
    };
    match object.repr() {
        ObjectRepr::Plain => return refused("a namespace cannot keep a macro"),
        ObjectRepr::Map if object.type_name().ends_with("::Namespace") => {
            return refused("a namespace cannot keep a namespace");
        }
        _ => {}
    }
    memory::visit(value.len().unwrap_or_default() / ITEMS_PER_VISIT)?;
    for item in value.try_iter()? {
        let item = match object.repr() {
            ObjectRepr::Map => object.get_value(&item).unwrap_or_default(),
            _ => item,
        };
        if item.as_object().is_some() {
            memory::visit(1)?;
            check_levels(&item, levels)?;
        }
    }
    Ok(())
}

fn is_list(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable)
}

fn sum(left: &Value, right: &Value) -> Result<Value, Error> {
    if is_list(left) && is_list(right) {
        let items = left.try_iter()?.chain(right.try_iter()?);
        return match (left.len(), right.len()) {
            (Some(_), Some(_)) => memory::list(items),
            _ => memory::list_of_unknown_length(items),
        };
    }
    match (left.kind(), right.kind()) {
        (ValueKind::String, ValueKind::String) => memory::joined([left, right]),
        _ => calculate("+", left, right, i128::checked_add, |a, b| a + b),
    }
}

fn product(left: &Value, right: &Value) -> Result<Value, Error> {
    for (repeated, times) in [(left, right), (right, left)] {
        if let Some(text) = repeated.as_str() {
            let times = times.as_usize().ok_or_else(|| {
                let message = "strings can only be multiplied with integers";
                Error::new(ErrorKind::InvalidOperation, message)
            })?;
            memory::fits(times, text.len())?;
            memory::copy(times.saturating_mul(text.len()))?;
            return memory::text(&text.repeat(times));
        }
    }
    for (repeated, times) in [(left, right), (right, left)] {
        if repeated.as_object().is_some() && is_list(repeated) {
            return repeated_list(repeated, times);
        }
    }
    calculate("*", left, right, i128::checked_mul, |a, b| a * b)
}

fn repeated_list(list: &Value, times: &Value) -> Result<Value, Error> {
    let invalid = |message| Error::new(ErrorKind::InvalidOperation, message);
    let times = times
        .as_usize()
        .ok_or_else(|| invalid("sequences and iterables can only be multiplied with integers"))?;
    let length = list
        .len()
        .ok_or_else(|| invalid("cannot repeat unsized iterables"))?;
    memory::fits(times, length.saturating_mul(memory::ITEM))?;
    let items: Vec<Value> = list.try_iter()?.collect();
    memory::list((0..times).flat_map(|_| items.iter().cloned()))
}

/// The operator `name` on two numbers.
fn calculate(
    name: &str,
    left: &Value,
    right: &Value,
    whole: fn(i128, i128) -> Option<i128>,
    real: fn(f64, f64) -> f64,
) -> Result<Value, Error> {
    let impossible = || {
        let (left, right) = (left.kind(), right.kind());
        let message =
            format!("tried to use {name} operator on unsupported types {left} and {right}");
        Error::new(ErrorKind::InvalidOperation, message)
    };
    let is_real = |value: &Value| value.is_number() && !value.is_integer();
    if is_real(left) || is_real(right) {
        let (Some(left), Some(right)) = (as_real(left), as_real(right)) else {
            return Err(impossible());
        };
        return Ok(real(left, right).into());
    }
    let (Ok(a), Ok(b)) = (i128::try_from(left.clone()), i128::try_from(right.clone())) else {
        return Err(impossible());
    };
    let Some(result) = whole(a, b) else {
        let message = format!("unable to calculate {left} {name} {right}");
        return Err(Error::new(ErrorKind::InvalidOperation, message));
    };
    Ok(match i64::try_from(result) {
        Ok(result) => result.into(),
        Err(_) => result.into(),
    })
}

fn as_real(value: &Value) -> Option<f64> {
    let whole = || i128::try_from(value.clone()).ok();
    #[expect(clippy::cast_precision_loss, reason = "as the template engine does")]
    f64::try_from(value.clone())
        .ok()
        .or_else(|| whole().map(|whole| whole as f64))
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;
    use std::sync::Arc;

    use serde_json::json;

    use crate::config::Limits;
    use crate::languages::jinja::{RenderError, Scope, Template, Variables, environment};
    use crate::settings::Settings;

    fn render(text: &str, document: serde_json::Value) -> Result<String, RenderError> {
        let (settings, limits) = (Arc::new(Settings::default()), Limits::default());
        let environment = Arc::new(environment(&settings, limits.template_fuel));
        let mut warnings = Vec::new();
        let template =
            Template::compile("x", text, &environment, &settings, &limits, &mut warnings);
        let variables = Variables {
            document: minijinja::Value::from_serialize(&document),
            ..Variables::default()
        };
        template
            .unwrap()
            .render(&Rc::new(Scope::default()), &variables)
    }

    #[test]
    fn lists_and_maps_that_a_loop_puts_into_one_another_do_not_overflow_the_stack() {
        let document = json!({"m": vec![1; 20_000]});
        for next in [
            "[ns.v]",
            "[ns.v, i]",
            "{'v': ns.v}",
            "dict(v=ns.v)",
            "namespace(v=ns.v)",
            "ns",
            "[ns]",
            "ns.v | reverse",
            "ns.v | chain([i])",
            "{'v': 1} | chain({i: ns.v})",
            "{} | chain({i: 1} if ns.v is sequence else ns.v)",
            "ns.v | map('abs')",
            "ns.v | zip([i])",
            "ns.v[0:]",
            "ns.v | batch(1)",
            "ns.v | list",
        ] {
            let text = format!(
                "{{% set ns = namespace(v=[1]) %}}{{% for i in m %}}{{% set ns.v = {next} %}}\
                 {{% endfor %}}{{{{ ns.v }}}}{{{{ ns.v == ns.v }}}}"
            );
            // That it returns is what matters: some of these stay flat, and reach another bound.
            let _ = render(&text, document.clone());
        }
    }

    #[test]
    fn a_namespace_keeps_what_templates_gather() {
        let document = json!({"m": [{"r": "a", "p": [1, [2]]}, {"r": "b", "p": []}]});
        for (next, expected) in [
            (
                "ns.v + [i]",
                r#"[{"p": [1, [2]], "r": "a"}, {"p": [], "r": "b"}]"#,
            ),
            ("ns.v | chain([i.r])", r#"["a", "b"]"#),
            ("[i.r, ns.v]", r#"["b", ["a", []]]"#),
            ("{'last': i.r}", r#"{"last": "b"}"#),
            ("i.p | length", "0"),
            ("ns.v ~ i.r", "[]ab"),
        ] {
            let text = format!(
                "{{% set ns = namespace(v=[]) %}}{{% for i in m %}}{{% set ns.v = {next} %}}\
                 {{% endfor %}}{{{{ ns.v }}}}"
            );
            assert_eq!(
                render(&text, document.clone()).as_deref(),
                Ok(expected),
                "{next}"
            );
        }
    }

    #[test]
    fn looking_through_a_long_list_for_each_of_its_items_ends() {
        let document = json!({"m": (0..30_000).collect::<Vec<_>>(), "s": "q".repeat(300_000)});
        for text in [
            "{% for i in m %}{% if 'q' in m %}{% endif %}{% endfor %}",
            "{% for i in m %}{% if 'z' not in s %}{% endif %}{% endfor %}",
            "{% for i in m %}{% if m | max %}{% endif %}{% endfor %}",
        ] {
            let rendered = render(text, document.clone());
            assert!(matches!(rendered, Err(RenderError::Limit(_))), "{text}");
        }
        let few = json!({"m": ["a", "b"], "s": "abc"});
        let text =
            "{{ 'a' in m }} {{ 'c' not in m }} {{ 'b' in s }} {{ 1 in {1: 2} }} {{ m | max }}";
        assert_eq!(render(text, few).as_deref(), Ok("true true true true b"));
    }
}
