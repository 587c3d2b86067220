//! What reading a value costs, counted before it is read: the engine counts one step for a filter,
//! a test or a comparison, however long what it reads is.

use minijinja::value::{ObjectRepr, Value, ValueKind};
use minijinja::{Error, ErrorKind};

use super::memory;

/// The bytes of a text that are copied, searched or compared in the time that an item takes.
const BYTES: usize = 64;

/// The bytes of which each character is looked at in that time.
const CHARACTERS: usize = 16;

/// The same where some characters are not ASCII.
const WIDE_CHARACTERS: usize = 4;

/// The items that looking a member of a map up takes as long as.
const MEMBER: usize = 4;

/// The items that comparing values of different kinds takes as long as.
const CONTAINED: usize = 3;

/// The items that a filter or test takes as long as.
const CALL: usize = 3;

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

/// The same of bytes that may be no text.
pub(super) fn bytes(bytes: &[u8]) -> Result<(), Error> {
    match std::str::from_utf8(bytes) {
        Ok(text) => self::text(text),
        Err(_) => memory::visit(bytes.len() / WIDE_CHARACTERS),
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
    whole(value).map(drop)
}

/// The same, and how much it is.
fn whole(value: &Value) -> Result<usize, Error> {
    let before = memory::visits();
    count_whole(value)?;
    Ok(before.saturating_sub(memory::visits()))
}

fn count_whole(value: &Value) -> Result<(), Error> {
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
                memory::visit(items(&value)?.saturating_mul(MEMBER))?;
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
        None if value.as_object().is_some() => {
            printed(value)?;
            all(value)?;
            characters(container)
        }
        None => characters(container).and_then(|()| characters(value)),
        Some(_) if value.as_object().is_some() => {
            all(container)?;
            each_item(container, CONTAINED)
        }
        Some(_) => {
            let each = value.as_bytes().map_or(0, |bytes| bytes.len() / BYTES);
            each_item(container, each.saturating_add(CONTAINED))
        }
    }
}

/// Counts the items of a list, and `more` for each.
fn each_item(list: &Value, more: usize) -> Result<(), Error> {
    memory::visit(items(list)?.saturating_mul(more.saturating_add(1)))
}

/// Counts what is read to look an attribute up in each item of a list, or to call a filter or test
/// with each, which count by themselves what they read.
pub(super) fn attributes(list: &Value, arguments: &[Value]) -> Result<(), Error> {
    let mut names: usize = 0;
    let mut paths = false;
    let mut name = |value: &Value| {
        names = names.saturating_add(value.as_bytes().map_or(0, <[u8]>::len));
        paths |= value.as_str().is_some_and(|name| name.contains('.'));
    };
    for argument in arguments {
        name(argument);
        // Others are refused, or compared with the items.
        if argument.is_kwargs() {
            memory::visit(items(argument)?)?;
            let members = argument
                .as_object()
                .and_then(|object| object.try_iter_pairs());
            members
                .into_iter()
                .flatten()
                .for_each(|(_, value)| name(&value));
        }
    }
    // What is no name is printed for each.
    let printed = match arguments.first() {
        Some(argument) if argument.as_object().is_some() && !argument.is_kwargs() => {
            whole(argument)?.saturating_mul(CALL)
        }
        _ => names / BYTES,
    };
    each_item(list, printed.saturating_add(CALL))?;
    if paths {
        return all(list);
    }
    // Lists without places are read from their beginning.
    let without_places = |item: &Value| {
        let object = item.as_object();
        object.is_some_and(|object| object.repr() == ObjectRepr::Iterable)
    };
    let list = list.as_object().and_then(|list| list.try_iter());
    let mut lists = list.into_iter().flatten().filter(without_places);
    lists.try_for_each(|list| memory::visit(items(&list)?))
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
    let whole = whole(list)?;
    let items = items(list)?;
    let halvings = items.checked_ilog2().unwrap_or_default();
    let halvings = usize::try_from(halvings).unwrap_or(usize::MAX);
    let map = list.kind() == ValueKind::Map;
    let read = match whole > items.saturating_mul(2) && !map {
        // Lists, maps and long texts are read in full for each comparison.
        true => whole,
        false => items / 2,
    };
    memory::visit(read.saturating_mul(halvings))
}

/// Counts the items of a list, or the characters of a text as such.
pub(super) fn each(value: &Value) -> Result<(), Error> {
    let more = match value.kind() {
        ValueKind::Map => MEMBER,
        _ => 1,
    };
    each_item(value, more)
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
