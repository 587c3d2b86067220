//! What upstream and client are to see.

use std::collections::BTreeMap;
use std::fmt::Debug;

use anyhow::Result;
use harness::EnvoyRelease;
use serde::Deserialize;
use serde_json::Value;

use super::super::case::Case;
use super::super::matcher::Field;
use super::super::observation::{Message, Observation};
use super::super::verdict::{is_met_joined, shown};
use super::routes::{MODEL, ROUTE, Routes};

/// Everything a case expects. What is not given is not compared.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Expected {
    status: Option<Choice<u16>>,
    /// Headers of the upstream's request; `null` for none.
    headers: BTreeMap<String, Choice<Option<Field>>>,
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
    response_headers: BTreeMap<String, Choice<Option<Field>>>,
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
    fn values(&self) -> &[T] {
        match self {
            Self::OneOf(choice) => &choice.one_of,
            Self::This(value) => std::slice::from_ref(value),
        }
    }
}

impl Expected {
    /// Headers that are to have these values, or to be absent.
    pub(super) fn headers(headers: impl Iterator<Item = (String, Option<String>)>) -> Self {
        let headers = headers.map(|(name, value)| (name, Choice::This(value.map(Field::Value))));
        Self {
            status: Some(Choice::This(200)),
            headers: headers.collect(),
            ..Self::default()
        }
    }

    /// # Errors
    /// What no gateway of these cases can show.
    pub(super) fn check(&self) -> Result<()> {
        self.route.as_deref().map(Routes::named).transpose()?;
        Ok(())
    }

    pub(super) fn differences(
        &self,
        case: &Case,
        release: EnvoyRelease,
        seen: &Observation,
    ) -> Vec<String> {
        let mut found = Found {
            release,
            found: Vec::new(),
        };
        match &seen.response {
            Ok(response) => self.response(response, &mut found),
            Err(reason) => found.found.push(format!("no response: {reason}")),
        }
        let original = case.request.body().map(|body| body.bytes());
        self.request(&original.unwrap_or_default(), seen, &mut found);
        found.found
    }

    fn response(&self, response: &Message, found: &mut Found) {
        if let Some(wanted) = &self.status {
            let came = response.values(":status").join(", ");
            let met = wanted.values().iter().any(|one| one.to_string() == came);
            found.unless(met, "status", wanted.values(), &came);
        }
        found.fields("response header", &self.response_headers, response);
        if let Some(wanted) = &self.response_body {
            let met = response.body == wanted.as_bytes();
            found.unless(met, "response body", wanted, text(&response.body));
        }
        if let Some(wanted) = &self.error_code {
            let error: Option<Value> = serde_json::from_slice(&response.body).ok();
            let code = error
                .as_ref()
                .and_then(|error| error.pointer("/error/code"));
            let met = code.and_then(Value::as_str) == Some(wanted);
            found.unless(met, "error code", wanted, text(&response.body));
        }
    }

    fn request(&self, original: &[u8], seen: &Observation, found: &mut Found) {
        let nothing = Message::default();
        let request = seen.request.as_ref();
        if let (Some(_), Err(reason)) = (request, &seen.request_end) {
            let reason = format!("the upstream got half a request: {reason}");
            found.found.push(reason);
        }
        let message = request.unwrap_or(&nothing);
        found.fields("header", &self.headers, message);
        for (name, value) in &self.never {
            let values = message.values(name);
            found.unless(
                !values.contains(value),
                &format!("header {name}"),
                format!("never {value:?}"),
                &values,
            );
        }
        for (name, wanted) in [
            (MODEL, self.model.as_deref()),
            (
                ROUTE,
                self.route
                    .as_deref()
                    .and_then(|name| Routes::named(name).ok()),
            ),
        ] {
            let values = message.values(name);
            let met = wanted.is_none_or(|wanted| values == [wanted]);
            found.unless(met, name, wanted, &values);
        }
        let body = request.map(|request| request.body.as_slice());
        self.body(original, body, found);
        if self.content_length_matches_body {
            let length = message.body.len().to_string();
            let lengths = message.values("content-length");
            let met = request.is_some() && lengths.iter().all(|given| *given == length);
            found.unless(met, "content-length", length, &lengths);
        }
    }

    /// `body` is what the upstream got, if it got anything.
    fn body(&self, original: &[u8], body: Option<&[u8]>, found: &mut Found) {
        let came = body.map_or("no request".to_owned(), text);
        if let Some(wanted) = &self.upstream_body {
            let met = wanted.values().iter().any(|one| fate(one, original, body));
            found.unless(met, "upstream body", wanted.values(), &came);
        }
        if let Some(wanted) = &self.upstream_body_json {
            let json: Option<Value> = body.and_then(|body| serde_json::from_slice(body).ok());
            found.unless(
                json.as_ref() == Some(wanted),
                "upstream body",
                wanted,
                &came,
            );
        }
        if let Some(wanted) = &self.upstream_form {
            let met = body.is_some_and(|body| form(body) == *wanted);
            found.unless(met, "upstream form", wanted, &came);
        }
    }
}

/// Whether this became of the body: in a word, or the text that it became.
fn fate(wanted: &str, original: &[u8], body: Option<&[u8]>) -> bool {
    match (wanted, body) {
        ("rejected", body) => body.is_none(),
        (_, None) => false,
        ("unchanged", Some(body)) => body == original,
        ("transformed", Some(body)) => body != original && !body.is_empty(),
        ("EMPTY", Some(body)) => body.is_empty(),
        (text, Some(body)) => body == text.as_bytes(),
    }
}

fn form(body: &[u8]) -> BTreeMap<String, Value> {
    let mut fields: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(body) {
        let values = fields.entry(name.into_owned()).or_default();
        values.push(value.into_owned().into());
    }
    let fields = fields
        .into_iter()
        .map(|(name, values)| match values.as_slice() {
            [only] => (name, only.clone()),
            _ => (name, values.into()),
        });
    fields.collect()
}

fn text(body: &[u8]) -> String {
    String::from_utf8_lossy(body).into_owned()
}

struct Found {
    release: EnvoyRelease,
    found: Vec<String>,
}

impl Found {
    fn unless(&mut self, met: bool, what: &str, wanted: impl Debug, came: impl Debug) {
        if !met {
            let came = shown(&format!("{came:?}"));
            self.found
                .push(format!("{what}: expected {wanted:?}, came {came}"));
        }
    }

    fn fields(
        &mut self,
        side: &str,
        wanted: &BTreeMap<String, Choice<Option<Field>>>,
        message: &Message,
    ) {
        for (name, choice) in wanted {
            let values = message.values(name);
            let met = choice.values().iter().any(|one| match one {
                None => values.is_empty(),
                Some(field) => {
                    field.is_met_by(&values) || is_met_joined(name, field, &values, self.release)
                }
            });
            self.unless(met, &format!("{side} {name}"), choice.values(), &values);
        }
    }
}
