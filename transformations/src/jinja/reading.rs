//! What reading a value costs, counted before it is read: the engine counts one step for a filter,
//! a test or a comparison, however long what it reads is.

use minijinja::value::{ObjectRepr, Value};
use minijinja::{Error, ErrorKind};

use super::memory;

/// The bytes of a text that are copied, searched or compared in the time that an item takes.
const BYTES: usize = 64;

/// The bytes of which each character is looked at in that time.
const CHARACTERS: usize = 16;

/// The same where some characters are not ASCII.
const WIDE_CHARACTERS: usize = 4;

/// The longest text that is read as fast as an item.
const SHORT: usize = 64;

/// Counts the bytes of a text, or the items of a list or map.
pub(super) fn value(value: &Value) -> Result<(), Error> {
    match value.as_bytes() {
        Some(bytes) if bytes.len() <= SHORT => Ok(()),
        Some(bytes) => memory::visit(bytes.len() / BYTES),
        None => memory::visit(items(value)?),
    }
}

/// The same of each.
pub(super) fn values(values: &[Value]) -> Result<(), Error> {
    values.iter().try_for_each(value)
}

/// Counts the characters of a text, or all that is in a list or map.
pub(super) fn characters(value: &Value) -> Result<(), Error> {
    match (value.as_str(), value.as_bytes()) {
        (Some(text), _) => self::text(text),
        (None, Some(bytes)) => memory::visit(bytes.len() / WIDE_CHARACTERS),
        (None, None) => all(value),
    }
}

/// Counts the characters of a text.
pub(super) fn text(text: &str) -> Result<(), Error> {
    match text.len() {
        ..=SHORT => Ok(()),
        bytes if text.is_ascii() => memory::visit(bytes / CHARACTERS),
        bytes => memory::visit(bytes / WIDE_CHARACTERS),
    }
}

/// Counts the characters of a text, or of what any other value prints.
pub(super) fn printed(value: &Value) -> Result<(), Error> {
    if value.as_object().is_some() {
        memory::printed_size(value)?;
    }
    characters(value)
}

/// Counts a value with all that is inside it.
pub(super) fn all(value: &Value) -> Result<(), Error> {
    if value.as_object().is_none() {
        return self::value(value);
    }
    let mut waiting = vec![value.clone()];
    while let Some(value) = waiting.pop() {
        self::value(&value)?;
        let Some(object) = value.as_object() else {
            continue;
        };
        // Such as a namespace that holds itself.
        memory::visit(1)?;
        match object.repr() {
            ObjectRepr::Plain => {}
            ObjectRepr::Map => {
                // Each is looked up.
                memory::visit(items(&value)?.saturating_mul(2))?;
                for (key, value) in object.try_iter_pairs().into_iter().flatten() {
                    self::value(&key)?;
                    waiting.push(value);
                }
            }
            _ => waiting.extend(object.try_iter().into_iter().flatten()),
        }
    }
    Ok(())
}

/// Counts what two values have to be read to know whether they are equal, or which comes first.
pub(super) fn comparison(left: &Value, right: &Value) -> Result<(), Error> {
    if left.as_object().is_some() && right.as_object().is_some() {
        let right_is_shorter = match (left.len(), right.len()) {
            (Some(left), Some(right)) => right < left,
            (None, Some(_)) => true,
            _ => false,
        };
        return all(if right_is_shorter { right } else { left });
    }
    match (left.as_bytes(), right.as_bytes()) {
        (Some(left), Some(right)) => memory::visit(left.len().min(right.len()) / BYTES),
        _ => Ok(()),
    }
}

/// Counts what is read of `container` to know whether `value` is in it.
pub(super) fn containment(value: &Value, container: &Value) -> Result<(), Error> {
    match container.as_object().map(|object| object.repr()) {
        Some(ObjectRepr::Map) => self::value(value),
        Some(ObjectRepr::Plain) => Ok(()),
        // What is no text is printed first.
        None => characters(container).and_then(|()| characters(value)),
        Some(_) if value.as_object().is_some() => all(container),
        Some(_) => {
            let each = value.as_bytes().map_or(0, |bytes| bytes.len() / BYTES);
            each_item(container, each)
        }
    }
}

/// Counts the items of a list, and `more` for each.
fn each_item(list: &Value, more: usize) -> Result<(), Error> {
    memory::visit(items(list)?.saturating_mul(more.saturating_add(1)))
}

/// Counts what is read to look an attribute up in each item of a list.
pub(super) fn attributes(list: &Value, arguments: &[Value]) -> Result<(), Error> {
    all(list)?;
    let mut names: usize = 0;
    for argument in arguments {
        names = names.saturating_add(argument.as_bytes().map_or(0, <[u8]>::len));
        let named = argument
            .as_object()
            .and_then(|object| object.try_iter_pairs());
        for (_, value) in named.into_iter().flatten() {
            names = names.saturating_add(value.as_bytes().map_or(0, <[u8]>::len));
        }
    }
    each_item(list, names / BYTES)
}

/// Counts what is read to find an item.
pub(super) fn item(container: &Value, key: &Value) -> Result<(), Error> {
    match container.as_object().map(|object| object.repr()) {
        Some(ObjectRepr::Iterable) => {
            let length = items(container)?;
            let place = key.as_usize().unwrap_or(length);
            memory::visit(place.min(length))
        }
        Some(_) => self::value(key),
        None if key.is_number() => characters(container),
        None => Ok(()),
    }
}

/// Counts what is read to bring a list into an order.
pub(super) fn order(list: &Value) -> Result<(), Error> {
    all(list)?;
    comparisons(list)
}

/// Counts the comparisons that bring a list into an order.
pub(super) fn comparisons(list: &Value) -> Result<(), Error> {
    let items = items(list)?;
    let halvings = items.checked_ilog2().unwrap_or_default();
    let halvings = usize::try_from(halvings).unwrap_or(usize::MAX);
    memory::visit(items.saturating_mul(halvings) / 2)
}

/// How many items it has; none if it has none.
///
/// # Errors
///
/// It has more than there may be.
pub(super) fn items(value: &Value) -> Result<usize, Error> {
    let Some(object) = value.as_object() else {
        return Ok(value.as_bytes().map_or(0, <[u8]>::len));
    };
    if object.repr() == ObjectRepr::Plain {
        return Ok(0);
    }
    if let Some(items) = value.len() {
        return Ok(items);
    }
    let items = object.try_iter().into_iter().flatten();
    let counted = items.take(memory::ITEMS.saturating_add(1)).count();
    if counted > memory::ITEMS {
        return Err(Error::new(
            ErrorKind::InvalidOperation,
            "a list without end",
        ));
    }
    memory::visit(counted)?;
    Ok(counted)
}
