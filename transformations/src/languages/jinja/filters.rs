//! Filters of the engine that a message could make cost any amount of memory, bounded.

use std::sync::Arc;

use minijinja::value::{Rest, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, filters};

use super::{memory, operators, order, reading};

/// The largest width of `indent`, and the most items of a `batch` or slices of a `slice`.
pub(crate) const MOST: usize = 10_000;

/// The longest value that `pprint` lays out, in bytes: it takes time for each level of each byte.
pub(crate) const LAID_OUT: usize = 64 << 10;

/// What a filter reads of its arguments.
type Reads = fn(&[Value]) -> Result<(), Error>;

pub(super) fn register(environment: &mut Environment<'static>) {
    environment.add_filter("indent", indent);
    environment.add_filter("lines", |text: Arc<str>| {
        let lines = text.matches('\n').count().saturating_add(1);
        let bytes = lines.saturating_mul(memory::LINE);
        memory::spend(bytes.saturating_add(text.len()))?;
        Ok(filters::lines(text))
    });
    environment.add_filter("pprint", |value: &Value| {
        bounded(memory::printed_size(value)?, LAID_OUT)?;
        let laid_out = filters::pprint(value);
        memory::visit(laid_out.len())?;
        memory::made(laid_out)
    });
    environment.add_filter(
        "batch",
        |state: &State<'_, '_>, value: Value, count: usize, fill: Option<Value>| {
            listed(std::slice::from_ref(&value))?;
            filters::batch(state, value, bounded(count, MOST)?, fill)
        },
    );
    environment.add_filter(
        "slice",
        |state: &State<'_, '_>, value: Value, count: usize, fill: Option<Value>| {
            listed(std::slice::from_ref(&value))?;
            memory::spend(count.min(MOST).saturating_mul(memory::LINE))?;
            filters::slice(state, value, bounded(count, MOST)?, fill)
        },
    );
    for (name, filter, reads) in texts() {
        environment.add_filter(
            name,
            move |state: &State<'_, '_>, arguments: Rest<Value>| {
                reads(&arguments)?;
                let made = filter.call(state, &arguments)?;
                memory::spend(made.as_str().map_or(0, str::len))?;
                operators::settled(&made)
            },
        );
    }
    for (name, filter, reads) in lists() {
        environment.add_filter(
            name,
            move |state: &State<'_, '_>, arguments: Rest<Value>| {
                reads(&arguments)?;
                operators::settled(&filter.call(state, &arguments)?)
            },
        );
    }
    for (name, filter) in [
        ("sort", order::sort as Ordered),
        ("groupby", order::groupby),
    ] {
        environment.add_filter(
            name,
            move |state: &State<'_, '_>, arguments: Rest<Value>| {
                chosen(&arguments)?;
                filter(state, &arguments)
            },
        );
    }
}

/// A filter that brings a list into an order.
type Ordered = fn(&State<'_, '_>, &[Value]) -> Result<Value, Error>;

/// The filters that take a text, or print any other value first.
fn texts() -> [(&'static str, Value, Reads); 12] {
    [
        (
            "capitalize",
            Value::from_function(filters::capitalize),
            characters,
        ),
        ("e", Value::from_function(filters::escape), escaped),
        ("escape", Value::from_function(filters::escape), escaped),
        ("join", Value::from_function(filters::join), joined),
        ("lower", Value::from_function(filters::lower), characters),
        ("replace", Value::from_function(filters::replace), replaced),
        ("safe", Value::from_function(filters::safe), characters),
        ("split", Value::from_function(filters::split), pieces),
        ("string", Value::from_function(filters::string), printed),
        ("title", Value::from_function(filters::title), rewritten),
        ("trim", Value::from_function(filters::trim), trimmed),
        ("upper", Value::from_function(filters::upper), characters),
    ]
}

/// The filters that read a list, or a text as one.
fn lists() -> [(&'static str, Value, Reads); 22] {
    [
        (
            "attr",
            Value::from_function(filters::attr),
            |arguments| match arguments {
                [value, key, ..] => reading::item(value, key),
                _ => Ok(()),
            },
        ),
        ("chain", Value::from_function(filters::chain), chained),
        ("count", Value::from_function(filters::length), measured),
        ("dictsort", Value::from_function(filters::dictsort), sorted),
        ("float", Value::from_function(filters::float), printed),
        ("int", Value::from_function(filters::int), printed),
        ("items", Value::from_function(filters::items), listed),
        (
            "last",
            Value::from_function(filters::last),
            |arguments| match arguments {
                [list, ..] if list.kind() == ValueKind::Iterable => reading::value(list),
                _ => Ok(()),
            },
        ),
        ("length", Value::from_function(filters::length), measured),
        ("list", Value::from_function(filters::list), listed),
        ("map", Value::from_function(filters::map), chosen),
        ("max", Value::from_function(filters::max), compared),
        ("min", Value::from_function(filters::min), compared),
        ("reject", Value::from_function(filters::reject), chosen),
        (
            "rejectattr",
            Value::from_function(filters::rejectattr),
            chosen,
        ),
        ("reverse", Value::from_function(filters::reverse), listed),
        ("select", Value::from_function(filters::select), chosen),
        (
            "selectattr",
            Value::from_function(filters::selectattr),
            chosen,
        ),
        ("sum", Value::from_function(filters::sum), reading::values),
        ("unique", Value::from_function(filters::unique), ordered),
        ("zip", Value::from_function(filters::zip), listed),
        // So that all are here but what reads nothing of a length.
        ("bool", Value::from_function(filters::bool), |_| Ok(())),
    ]
}

/// All the characters of the arguments, printed.
fn characters(arguments: &[Value]) -> Result<(), Error> {
    arguments.iter().try_for_each(reading::printed)
}

/// The same, printed and then escaped.
fn escaped(arguments: &[Value]) -> Result<(), Error> {
    characters(arguments)?;
    characters(arguments)
}

/// The same, where each character is written by itself.
fn rewritten(arguments: &[Value]) -> Result<(), Error> {
    characters(arguments)?;
    let bytes = |argument: &Value| argument.as_bytes().map_or(0, <[u8]>::len);
    let bytes = arguments.iter().map(bytes);
    memory::visit(bytes.fold(0, usize::saturating_add))
}

/// The same of a value that is printed unless it is a text.
fn printed(arguments: &[Value]) -> Result<(), Error> {
    match arguments {
        [value, ..] if value.as_object().is_some() => reading::printed(value),
        _ => reading::values(arguments),
    }
}

/// A text and the characters that are taken off, each of which may be compared with all of these.
fn trimmed(arguments: &[Value]) -> Result<(), Error> {
    characters(arguments)?;
    match arguments {
        [text, taken, ..] => {
            let bytes = |value: &Value| value.as_bytes().map_or(0, <[u8]>::len);
            memory::spend(bytes(taken).saturating_mul(size_of::<char>()))?;
            memory::visit(bytes(text).saturating_mul(bytes(taken)) / 8)
        }
        _ => Ok(()),
    }
}

/// A text that is cut into pieces, which take memory.
fn pieces(arguments: &[Value]) -> Result<(), Error> {
    characters(arguments)?;
    match arguments {
        [text, at, ..] if let (Some(text), Some(at)) = (text.as_str(), at.as_str()) => {
            let pieces = text.matches(at).count().saturating_add(1);
            memory::spend(pieces.saturating_mul(memory::LINE))
        }
        [text, ..] if let Some(text) = text.as_str() => {
            let pieces = text.split_whitespace().count();
            memory::spend(pieces.saturating_mul(memory::LINE))
        }
        _ => Ok(()),
    }
}

/// A text whose characters are counted. A list knows how many items it has.
fn measured(arguments: &[Value]) -> Result<(), Error> {
    match arguments {
        [value, ..] if value.as_object().is_none() => reading::value(value),
        _ => Ok(()),
    }
}

/// Lists, or texts as lists of characters, of which another list is made.
fn listed(arguments: &[Value]) -> Result<(), Error> {
    for argument in arguments {
        let items = reading::items(argument)?;
        // Items are counted up, copied and let go of.
        reading::each(argument)?;
        memory::spend(items.saturating_add(1).saturating_mul(memory::ITEM))?;
    }
    Ok(())
}

/// Lists that follow one another, or maps whose keys are compared with each other.
fn chained(arguments: &[Value]) -> Result<(), Error> {
    listed(arguments)?;
    let mut maps = arguments
        .iter()
        .filter(|argument| argument.kind() == ValueKind::Map);
    maps.try_for_each(|map| {
        // Twice: for the keys of each, and in the map of all.
        reading::order(map)?;
        reading::order(map)
    })
}

/// A list whose items a test or filter chooses or changes, or from which attributes are taken.
fn chosen(arguments: &[Value]) -> Result<(), Error> {
    let Some((list, others)) = arguments.split_first() else {
        return Ok(());
    };
    listed(std::slice::from_ref(list))?;
    reading::attributes(list, others)
}

/// A list whose items are compared with each other.
fn ordered(arguments: &[Value]) -> Result<(), Error> {
    chosen(arguments)?;
    arguments.first().map_or(Ok(()), reading::order)
}

/// The same, with both looked up or made anew for each comparison.
fn sorted(arguments: &[Value]) -> Result<(), Error> {
    ordered(arguments)?;
    ordered(arguments)
}

/// A list of which one item is found.
fn compared(arguments: &[Value]) -> Result<(), Error> {
    let Some(list) = arguments.first() else {
        return Ok(());
    };
    reading::each(list)?;
    reading::all(list)
}

/// `text` with every `from` replaced.
///
/// # Errors
///
/// The render has made too much text.
pub(super) fn replace(text: &str, from: &str, to: &str) -> Result<String, Error> {
    memory::spend(count_replaced(text, from, to)?)?;
    Ok(text.replace(from, to))
}

/// How long a text is at most with every `from` replaced.
fn count_replaced(text: &str, from: &str, to: &str) -> Result<usize, Error> {
    reading::text(text)?;
    let found = text.matches(from).count();
    memory::visit(found)?;
    let size = found.saturating_mul(to.len()).saturating_add(text.len());
    memory::fits(size, 1)?;
    Ok(size)
}

fn indent(
    text: &Value,
    width: usize,
    first: Option<bool>,
    blank: Option<bool>,
) -> Result<String, Error> {
    let text = memory::as_text(text)?.into_owned();
    let lines = text.matches('\n').count().saturating_add(1);
    let grown = lines.saturating_mul(bounded(width, MOST)?);
    memory::spend(grown.saturating_add(text.len()))?;
    Ok(filters::indent(text, width, first, blank))
}

/// A list whose items are printed one after another, with a text in between.
fn joined(arguments: &[Value]) -> Result<(), Error> {
    let Some((list, others)) = arguments.split_first() else {
        return Ok(());
    };
    let joiner = others.first().map(memory::as_text).transpose()?;
    let between = joiner.as_ref().map_or(0, |joiner| joiner.len());
    let between = reading::items(list)?.saturating_mul(between);
    listed(std::slice::from_ref(list))?;
    memory::fits(between.saturating_add(memory::printed_size(list)?), 1)
}

/// A text, one in it, and one for its place.
fn replaced(arguments: &[Value]) -> Result<(), Error> {
    let [text, from, to, ..] = arguments else {
        return Ok(());
    };
    let [text, from, to] = [text, from, to].map(memory::as_text);
    count_replaced(&text?, &from?, &to?).map(drop)
}

fn bounded(number: usize, most: usize) -> Result<usize, Error> {
    if number <= most {
        return Ok(number);
    }
    let message = format!("{number} is more than {most}");
    Err(Error::new(ErrorKind::InvalidOperation, message))
}

#[cfg(test)]
mod bounds_of_filters {
    use std::sync::Arc;

    use crate::languages::jinja::environment;

    #[test]
    fn bounded_filters_work_below_their_bound_and_fail_above() {
        let environment = environment(&Arc::default(), 1000);
        let render = |template: &str| environment.render_str(template, ()).ok();
        assert_eq!(
            render("{{ 'a\nb' | indent(2) }}").as_deref(),
            Some("a\n  b")
        );
        assert_eq!(
            render("{{ 'a\nb' | indent(2, true) }}").as_deref(),
            Some("  a\n  b")
        );
        assert_eq!(
            render("{{ [1, 2, 3] | batch(2, 0) | list }}").as_deref(),
            Some("[[1, 2], [3, 0]]")
        );
        assert_eq!(
            render("{{ [1, 2, 3] | slice(2) | list }}").as_deref(),
            Some("[[1, 2], [3]]")
        );
        for filter in ["indent", "batch", "slice"] {
            assert_eq!(
                render(&format!("{{{{ 'a\nb' | {filter}(1000000000) }}}}")),
                None,
                "{filter}"
            );
        }
    }

    #[test]
    fn what_filters_make_together_is_bounded() {
        let environment = environment(&Arc::default(), 100_000);
        let render = |template: &str| environment.render_str(template, ()).ok();
        assert_eq!(render("{{ [1, 2] | join('-') }}").as_deref(), Some("1-2"));
        assert_eq!(
            render("{{ [1, 2] | select('in', [2]) | list }}").as_deref(),
            Some("[2]")
        );
        let long = "{% set s = 'x' * 10000 %}{% set s = s | replace('x', 'yyyyyyyyyy') %}";
        assert_eq!(
            render(&format!("{long}{{{{ range(10000) | join(s) | length }}}}")),
            None
        );
        assert_eq!(
            render("{{ range(50000) | select('in', range(50000)) | list | length }}"),
            None
        );
        assert_eq!(
            render(&format!("{long}{{{{ s | pprint | length }}}}")),
            None
        );
    }
}
