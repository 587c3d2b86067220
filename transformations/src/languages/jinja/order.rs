//! Lists in the order of an attribute of their items. The engine looks the attribute up for each
//! comparison; here, once for each item.

use std::cmp::Ordering;
use std::sync::Arc;

use minijinja::value::{Kwargs, Object, ObjectRepr, Value, from_args};
use minijinja::{Error, State, filters};

use super::reading;

/// An item and what it is ordered by.
#[derive(Debug)]
struct Keyed {
    /// Nothing where the attribute cannot be looked up: any order is right then.
    key: Option<Value>,
    item: Value,
}

impl Object for Keyed {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn custom_cmp(self: &Arc<Self>, other: &minijinja::value::DynObject) -> Option<Ordering> {
        let other = other.downcast_ref::<Self>()?;
        Some(match (&self.key, &other.key) {
            (Some(left), Some(right)) => left.cmp(right),
            _ => Ordering::Equal,
        })
    }
}

/// The filter `sort`.
pub(super) fn sort(state: &State<'_, '_>, arguments: &[Value]) -> Result<Value, Error> {
    let (list, named): (Value, Kwargs) = from_args(arguments)?;
    let Some(attribute) = named.get::<Option<&str>>("attribute")? else {
        reading::order(&list)?;
        return filters::sort(state, list, named);
    };
    let case_sensitive = named.get::<Option<bool>>("case_sensitive")?;
    let case_sensitive = case_sensitive.unwrap_or(false);
    let keyed = |item: Value| {
        let key = path(&item, attribute).ok();
        let key = key.map(|key| folded(key, case_sensitive));
        Value::from_object(Keyed { key, item })
    };
    // The filter refuses what is no list, and what it does not know the name of.
    let keyed = match list.try_iter() {
        Ok(items) => {
            let items: Vec<Value> = items.map(keyed).collect();
            count(&items)?;
            Value::from(items)
        }
        Err(_) => list,
    };
    let others = named.args().filter(|name| *name != "attribute");
    let others = others.map(|name| Ok((name, named.get::<Value>(name)?)));
    let others: Kwargs = others
        .collect::<Result<Vec<_>, Error>>()?
        .into_iter()
        .collect();
    let sorted = filters::sort(state, keyed, others)?;
    Ok(Value::from(items(&sorted)?))
}

/// The filter `groupby`.
pub(super) fn groupby(state: &State<'_, '_>, arguments: &[Value]) -> Result<Value, Error> {
    let (list, attribute, named): (Value, Option<&str>, Kwargs) = from_args(arguments)?;
    let default = named.get::<Option<Value>>("default")?.unwrap_or_default();
    let case_sensitive = named.get::<Option<bool>>("case_sensitive")?;
    let case_sensitive = case_sensitive.unwrap_or(false);
    let name = match attribute {
        Some(attribute) => attribute,
        None => named.get::<&str>("attribute")?,
    };
    let keyed = |item: Value| {
        let key = path(&item, name).ok();
        let key = key.filter(|key| !key.is_undefined());
        let key = folded(key.unwrap_or_else(|| default.clone()), case_sensitive);
        Value::from_object(Keyed {
            key: Some(key),
            item,
        })
    };
    let keyed = list.try_iter()?.map(keyed).collect::<Vec<Value>>();
    count(&keyed)?;
    let none = Kwargs::from_iter(Vec::<(String, Value)>::new());
    let sorted = filters::sort(state, Value::from(keyed), none)?;
    filters::groupby(Value::from(items(&sorted)?), attribute, named)
}

/// Counts what is read of the keys.
fn count(keyed: &[Value]) -> Result<(), Error> {
    let key = |item: &Value| item.downcast_object_ref::<Keyed>()?.key.clone();
    let keys: Vec<Value> = keyed.iter().filter_map(key).collect();
    reading::order(&Value::from(keys))
}

/// What `filters::sort` gave, without the keys.
fn items(sorted: &Value) -> Result<Vec<Value>, Error> {
    let item = |keyed: Value| match keyed.downcast_object_ref::<Keyed>() {
        Some(keyed) => keyed.item.clone(),
        None => keyed,
    };
    Ok(sorted.try_iter()?.map(item).collect())
}

/// A text as it counts for the order.
fn folded(key: Value, case_sensitive: bool) -> Value {
    match key.as_str() {
        Some(text) if !case_sensitive => Value::from(text.to_ascii_lowercase()),
        _ => key,
    }
}

/// The value at a path such as `a.b.0`.
fn path(value: &Value, path: &str) -> Result<Value, Error> {
    path.split('.')
        .try_fold(value.clone(), |value, part| match part.parse::<usize>() {
            Ok(index) => value.get_item_by_index(index),
            Err(_) => value.get_attr(part),
        })
}
