//! The keys of a configuration, as its schema has them.

use serde_json::Value;

use crate::example::Example;
use crate::schema::{Filter, commented};

/// A key, wherever it may be written.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its paths, such as `request.extract[].from[].json`; at least one.
    pub paths: Vec<String>,
    /// Where the schema describes it, as a JSON Pointer.
    pub place: String,
    /// Its type, in words.
    pub kind: String,
    /// What it may be, where the type does not say that already: a range, a pattern.
    pub range: Vec<String>,
    /// The names that it takes and what each means, if it takes only some.
    pub values: Vec<(String, String)>,
    /// What holds where it is absent.
    pub default: Absence,
    /// Whether a newer key replaces it.
    pub deprecated: bool,
    /// What it does, in paragraphs.
    pub description: String,
    /// A configuration that uses it.
    pub example: Option<Example>,
}

/// What holds where a key is absent.
#[derive(Clone, Debug, PartialEq)]
pub enum Absence {
    /// It must not be.
    Required,
    /// This value.
    Value(Value),
    /// What the description says after "Default:" or "Absent:".
    Said(String),
    /// Nothing.
    Nothing,
}

impl Key {
    /// The first of its paths.
    pub fn path(&self) -> &str {
        self.paths.first().map_or("", String::as_str)
    }

    /// What an example gives this key, by any of its paths.
    pub fn used_in(&self, example: &Example) -> Option<Value> {
        let whole = example.value.as_ref()?;
        let mut paths = self.paths.iter();
        paths.find_map(|path| at(whole, path)).cloned()
    }
}

/// The keys of a filter's configuration, in the order of their paths.
pub fn keys(filter: Filter) -> Vec<Key> {
    keys_of(&commented(filter))
}

pub(crate) fn keys_of(schema: &Value) -> Vec<Key> {
    let mut walk = Walk {
        schema,
        keys: Vec::new(),
    };
    walk.object("", String::new());
    walk.keys
}

/// What is at a path of a configuration; of a list, in the first item that has it.
fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    if path.is_empty() {
        return Some(value);
    }
    if let Some(rest) = path.strip_prefix("[]") {
        return value.as_array()?.iter().find_map(|item| at(item, rest));
    }
    let path = path.strip_prefix('.').unwrap_or(path);
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let (name, rest) = path.split_at_checked(end)?;
    match name {
        "*" => value
            .as_object()?
            .values()
            .find_map(|value| at(value, rest)),
        _ => at(value.get(name)?, rest),
    }
}

struct Walk<'s> {
    schema: &'s Value,
    keys: Vec<Key>,
}

impl<'s> Walk<'s> {
    fn part(&self, place: &str) -> &'s Value {
        self.schema.pointer(place).unwrap_or(&Value::Null)
    }

    /// Where a part is described: what it refers to, or the one of its alternatives that is not `null`.
    fn resolved(&self, place: &str) -> String {
        let part = self.part(place);
        if let Some(reference) = part.get("$ref").and_then(Value::as_str) {
            return self.resolved(reference.trim_start_matches('#'));
        }
        let alternatives = part.get("anyOf").and_then(Value::as_array);
        let given = alternatives
            .into_iter()
            .flatten()
            .position(|part| !is_null(part));
        match given {
            Some(index) => self.resolved(&format!("{place}/anyOf/{index}")),
            None => place.to_owned(),
        }
    }

    /// The keys of the object, or of each of the objects, that is described at this place.
    fn object(&mut self, path: &str, place: String) {
        let place = self.resolved(&place);
        let part = self.part(&place);
        for (name, property) in members(part, "properties") {
            let required = part.get("required").and_then(Value::as_array);
            let required = required.is_some_and(|names| names.contains(&Value::from(name)));
            self.key(
                path,
                name,
                format!("{place}/properties/{name}"),
                property,
                required,
            );
        }
        let alternatives = part.get("oneOf").and_then(Value::as_array);
        for (index, alternative) in alternatives.into_iter().flatten().enumerate() {
            for (name, property) in members(alternative, "properties") {
                let property = property
                    .get("description")
                    .map_or(alternative, |_| property);
                let place = format!("{place}/oneOf/{index}/properties/{name}");
                self.key(path, name, place, property, false);
            }
        }
    }

    fn key(&mut self, parent: &str, name: &str, place: String, described: &Value, required: bool) {
        let path = match parent {
            "" => name.to_owned(),
            _ => format!("{parent}.{name}"),
        };
        match self.keys.iter_mut().find(|key| key.place == place) {
            Some(known) => known.paths.push(path.clone()),
            None => {
                let key = self.described(path.clone(), place.clone(), described, required);
                self.keys.push(key);
            }
        }
        self.below(&path, &place);
    }

    /// The keys of what a value holds.
    fn below(&mut self, path: &str, place: &str) {
        let place = self.resolved(place);
        let part = self.part(&place);
        if part.get("items").is_some() {
            self.below(&format!("{path}[]"), &format!("{place}/items"));
        } else if part
            .get("additionalProperties")
            .is_some_and(Value::is_object)
        {
            self.below(
                &format!("{path}.*"),
                &format!("{place}/additionalProperties"),
            );
        } else {
            self.object(path, place);
        }
    }

    fn described(&self, path: String, place: String, described: &Value, required: bool) -> Key {
        let comment = described.get("description").and_then(Value::as_str);
        let (mut description, example) = Example::part(comment.unwrap_or_default());
        let resolved = self.resolved(&place);
        if let Some(of_type) = self.of_type(&resolved) {
            description = format!("{description}\n\n{of_type}");
        }
        let part = self.part(&resolved);
        let default = if required {
            Absence::Required
        } else if let Some(value) = self.part(&place).get("default") {
            Absence::Value(value.clone())
        } else {
            said(&description).map_or(Absence::Nothing, Absence::Said)
        };
        Key {
            paths: vec![path],
            kind: self.kind(&place),
            range: range(part),
            values: values(part),
            default,
            deprecated: described.get("deprecated") == Some(&Value::Bool(true)),
            description,
            example,
            place,
        }
    }

    /// The description of the objects that a value is, or holds.
    fn of_type(&self, place: &str) -> Option<String> {
        let part = self.part(place);
        for below in ["items", "additionalProperties"] {
            if part.get(below).is_some_and(Value::is_object) {
                return self.of_type(&self.resolved(&format!("{place}/{below}")));
            }
        }
        let alternatives = part.get("oneOf").and_then(Value::as_array);
        let mut alternatives = alternatives.into_iter().flatten();
        let is_object = part.get("properties").is_some()
            || alternatives.any(|one| one.get("properties").is_some());
        let description = part.get("description").filter(|_| is_object)?;
        Some(Example::part(description.as_str()?).0)
    }

    fn kind(&self, place: &str) -> String {
        let place = self.resolved(place);
        let part = self.part(&place);
        if part.get("items").is_some() {
            return format!("list of {}", plural(&self.kind(&format!("{place}/items"))));
        }
        if part
            .get("additionalProperties")
            .is_some_and(Value::is_object)
        {
            let values = self.kind(&format!("{place}/additionalProperties"));
            return format!("map of {}", plural(&values));
        }
        if !values(part).is_empty() {
            return "name".to_owned();
        }
        if part.get("oneOf").is_some() {
            return "object with one key".to_owned();
        }
        let types = match part.get("type") {
            Some(Value::String(name)) => vec![name.as_str()],
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ => return "any JSON value".to_owned(),
        };
        let types = types
            .into_iter()
            .filter(|name| *name != "null")
            .map(|name| match name {
                "integer" => "whole number",
                other => other,
            });
        types.collect::<Vec<_>>().join(" or ")
    }
}

fn is_null(part: &Value) -> bool {
    part.get("type").and_then(Value::as_str) == Some("null")
}

fn members<'v>(part: &'v Value, key: &str) -> impl Iterator<Item = (&'v str, &'v Value)> {
    let members = part.get(key).and_then(Value::as_object);
    members
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str(), value))
}

fn plural(kind: &str) -> String {
    match kind {
        "object with one key" => "objects with one key".to_owned(),
        kind => format!("{kind}s"),
    }
}

/// The names that a part takes, each with its description.
fn values(part: &Value) -> Vec<(String, String)> {
    let text = |part: &Value, key| part.get(key).and_then(Value::as_str).map(str::to_owned);
    let names = part
        .get("enum")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let mut found: Vec<_> = names
        .filter_map(|name| Some((name.as_str()?.to_owned(), String::new())))
        .collect();
    let described = part
        .get("oneOf")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    for one in described {
        if let Some(name) = text(one, "const") {
            let (description, _) = Example::part(&text(one, "description").unwrap_or_default());
            found.push((name, description));
        } else {
            found.extend(values(one));
        }
    }
    found
}

/// What the validating keywords of a part allow.
fn range(part: &Value) -> Vec<String> {
    let number = |key| part.get(key).filter(|bound| bound.is_number());
    let mut allowed = Vec::new();
    match (number("minimum"), number("maximum")) {
        (Some(least), Some(most)) => allowed.push(format!("{least} to {most}")),
        (Some(least), None) => allowed.push(format!("from {least}")),
        (None, Some(most)) => allowed.push(format!("up to {most}")),
        (None, None) => {}
    }
    for (key, words) in [
        ("maxItems", "items"),
        ("maxProperties", "entries"),
        ("maxLength", "characters"),
    ] {
        if let Some(most) = number(key) {
            allowed.push(format!("at most {most} {words}"));
        }
    }
    if number("minLength").is_some() {
        allowed.push("not empty".to_owned());
    }
    match part.get("pattern").and_then(Value::as_str) {
        Some(diagnostics::header::NAME_PATTERN) => allowed.push("the name of a header".to_owned()),
        Some(pattern) => allowed.push(format!("matches `{pattern}`")),
        None => {}
    }
    allowed
}

/// What a description says of the key's absence, up to the end of the clause.
fn said(description: &str) -> Option<String> {
    let begins = ["Default: ", "Absent: ", "Absent or `null`: "];
    let rest = begins
        .iter()
        .find_map(|begin| Some(description.split_once(begin)?.1))?;
    let ends = rest.match_indices([':', ';', '.']).find(|(at, _)| {
        let (clause, after) = rest.split_at_checked(*at).unwrap_or((rest, ""));
        let in_code = clause.matches('`').count() % 2 == 1;
        !in_code && matches!(after.as_bytes().get(1), None | Some(b' ' | b'\n'))
    });
    let end = ends.map_or(rest.len(), |(at, _)| at);
    rest.get(..end).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{at, said};

    #[test]
    fn a_path_leads_through_lists_and_maps() {
        let value = json!({"a": [{"b": 1}, {"c": {"x": {"d": 2}}}]});
        assert_eq!(at(&value, "a[].c.*.d"), Some(&json!(2)));
        assert_eq!(at(&value, "a[].d"), None);
    }

    #[test]
    fn absence_is_read_out_of_a_description() {
        assert_eq!(
            said("What. Default: `last`. More."),
            Some("`last`".to_owned())
        );
        assert_eq!(said("Absent or `null`: 403."), Some("403".to_owned()));
        assert_eq!(said("Default: `a`; or b. More"), Some("`a`".to_owned()));
        assert_eq!(
            said("Default: `a: b`, else c: d."),
            Some("`a: b`, else c".to_owned())
        );
        assert_eq!(said("Nothing."), None);
    }
}
