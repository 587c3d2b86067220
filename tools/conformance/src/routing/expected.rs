//! What upstream and client are to see.

use std::collections::BTreeMap;

use anyhow::Result;
use cases::{Change, Condition, Expect, Field, Matcher};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::expectation::{Lines, canonical};
use super::routes::{MODEL, ROUTE, Routes};

/// Everything a case expects. What is not given is not compared.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Expected {
    status: Option<Choice<u16>>,
    /// Headers of the upstream's request; `null` for none.
    headers: BTreeMap<String, Choice<Option<Lines>>>,
    /// Values that no header of the upstream's request may have.
    never: BTreeMap<String, String>,
    upstream_body: Option<Choice<String>>,
    upstream_body_json: Option<Value>,
    /// The fields of a form; lists for those that stand several times.
    upstream_form: Option<BTreeMap<String, Value>>,
    pub(super) content_length_matches_body: bool,
    error_code: Option<String>,
    /// The value of the routing header.
    model: Option<String>,
    response_headers: BTreeMap<String, Choice<Option<Lines>>>,
    response_body: Option<String>,
    route: Option<String>,
}

/// A value, or one of several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Choice<T> {
    OneOf(OneOf<T>),
    This(T),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OneOf<T> {
    one_of: Vec<T>,
}

impl<T> Choice<T> {
    fn values(self) -> Vec<T> {
        match self {
            Self::OneOf(choice) => choice.one_of,
            Self::This(value) => vec![value],
        }
    }
}

impl Expected {
    /// Headers that are to have these values, or to be absent.
    pub(super) fn headers(headers: impl Iterator<Item = (String, Option<String>)>) -> Self {
        let headers = headers.map(|(name, value)| (name, Choice::This(value.map(Lines::Value))));
        Self {
            status: Some(Choice::This(200)),
            headers: headers.collect(),
            ..Self::default()
        }
    }

    /// # Errors
    /// What no gateway of these cases can show.
    pub(super) fn expect(self) -> Result<Expect> {
        let mut headers = fields(self.headers)?;
        for (name, value) in self.never {
            let never = Field::Never(Matcher::exact(value));
            and(&mut headers, canonical(&name), never);
        }
        let route = self.route.as_deref().map(Routes::named).transpose()?;
        for (name, value) in [(MODEL, self.model.as_deref()), (ROUTE, route)] {
            if let Some(value) = value {
                let is = Field::One(Matcher::exact(value));
                and(&mut headers, name.to_owned(), is);
            }
        }
        let fates = self.upstream_body.map(|choice| {
            let fates = choice
                .values()
                .into_iter()
                .map(|text| Matcher(vec![fate(text)]));
            Condition::OneOf(fates.collect())
        });
        let form = self.upstream_form.map(Condition::Form);
        let json = self.upstream_body_json.map(Condition::Json);
        let body: Vec<Condition> = [fates, json, form].into_iter().flatten().collect();
        let request = Change {
            headers,
            body: (!body.is_empty()).then_some(Matcher(body)),
            true_length: self.content_length_matches_body,
            or_none: true,
            ..Change::default()
        };
        let mut headers = fields(self.response_headers)?;
        if let Some(status) = self.status {
            let statuses = status.values().into_iter();
            let statuses = statuses.map(|one| Field::One(Matcher::exact(one.to_string())));
            headers.insert(":status".to_owned(), Field::OneOf(statuses.collect()));
        }
        let code = self.error_code;
        let body = [
            self.response_body
                .map(|text| Condition::Exact(text.into_bytes())),
            code.map(|code| Condition::JsonContains(json!({"error": {"code": code}}))),
        ];
        let body: Vec<Condition> = body.into_iter().flatten().collect();
        let response = Change {
            headers,
            body: (!body.is_empty()).then_some(Matcher(body)),
            ..Change::default()
        };
        Ok(Expect {
            partial: true,
            request: Some(request),
            response: Some(response),
            ..Expect::default()
        })
    }
}

fn fields(wanted: BTreeMap<String, Choice<Option<Lines>>>) -> Result<BTreeMap<String, Field>> {
    let mut fields = BTreeMap::new();
    for (name, choice) in wanted {
        let lines = choice.values().into_iter();
        let one_of: Result<Vec<Field>> = lines
            .map(|lines| lines.map_or(Ok(Field::Absent), Lines::field))
            .collect();
        fields.insert(canonical(&name), Field::OneOf(one_of?));
    }
    Ok(fields)
}

/// Adds what must also hold of a header.
fn and(fields: &mut BTreeMap<String, Field>, name: String, also: Field) {
    let field = match fields.remove(&name) {
        None => also,
        Some(field) => Field::All(vec![field, also]),
    };
    fields.insert(name, field);
}

/// What is to become of the body: in a word, or the text that it becomes.
fn fate(wanted: String) -> Condition {
    match wanted.as_str() {
        "rejected" => Condition::Gone,
        "unchanged" => Condition::Unchanged,
        "transformed" => Condition::Changed,
        "EMPTY" => Condition::Exact(Vec::new()),
        _ => Condition::Exact(wanted.into_bytes()),
    }
}
