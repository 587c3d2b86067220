//! Reports from the field: a list of JSON objects, each a configuration, an exchange and what is expected of it.
//!
//! A report is a case as far as it is data. Where what was sent or is expected is a sentence, nobody can play it: it is
//! listed as [`Prose`], with the keys that are. A key that is not known is an error of that report.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cases::{Answer, Body, Bytes, Case, Chain, Config, Expect, Filter, Message, Piece, Route};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::case::{Content, Entry, fields, request};
use super::take::Take;

/// The keys of a report that are sentences, or for which a case has no word.
#[derive(Debug)]
pub(crate) struct Prose(pub(crate) Vec<&'static str>);

/// What is there for the report's readers only.
const REMARKS: [&str; 16] = [
    "also",
    "cases",
    "control",
    "fix",
    "kind",
    "note",
    "placement",
    "seen",
    "severity",
    "source",
    "sources",
    "title",
    "wanted",
    "where",
    "why",
    "workaround",
];

/// What a case has no word for: other filters, routes and limits, variants, callbacks of a patched Envoy.
const BEYOND: [&str; 6] = [
    "callbacks",
    "envoy",
    "filters",
    "route_model_typed_per_filter_config",
    "templates",
    "virtual_host_typed_per_filter_config",
];

/// A request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    #[serde(default)]
    method: Option<String>,
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: Option<String>,
    /// Several requests, each described.
    #[serde(default)]
    bodies: Option<Vec<String>>,
}

/// What the upstream answers.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Answered {
    status: Option<u16>,
    headers: Headers,
    body: Option<String>,
    body_base64: Option<String>,
    body_made_of: Option<MadeOf>,
    /// Seconds before each piece, and the piece.
    chunks: Option<Vec<(f64, String)>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Headers {
    Lines(Vec<(String, String)>),
    Named(BTreeMap<String, String>),
}

impl Default for Headers {
    fn default() -> Self {
        Self::Lines(Vec::new())
    }
}

impl Headers {
    fn lines(self) -> Vec<(String, String)> {
        match self {
            Self::Lines(lines) => lines,
            Self::Named(named) => named.into_iter().collect(),
        }
    }
}

/// A body that is too long to be written down.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MadeOf {
    prefix: String,
    repeat: String,
    times: usize,
    suffix: String,
}

impl Answered {
    fn answer(self) -> Result<Answer> {
        let mut bodies = Vec::new();
        bodies.extend(self.body.map(|text| Body::Whole(text.into_bytes())));
        if let Some(text) = self.body_base64 {
            bodies.push(Body::Whole(STANDARD.decode(text).context("`body_base64`")?));
        }
        bodies.extend(self.body_made_of.map(|made| {
            let text = [made.prefix, made.repeat.repeat(made.times), made.suffix].concat();
            Body::Whole(text.into_bytes())
        }));
        if let Some(chunks) = self.chunks {
            let piece = |(seconds, text): (f64, String)| {
                let after = std::time::Duration::try_from_secs_f64(seconds).context("`chunks`")?;
                let bytes = text.into_bytes();
                Ok(Piece { after, bytes })
            };
            let pieces: Result<Vec<Piece>> = chunks.into_iter().map(piece).collect();
            bodies.push(Body::Pieces(pieces?));
        }
        ensure!(bodies.len() <= 1, "more than one kind of body");
        let status = (":status".to_owned(), self.status.unwrap_or(200).to_string());
        Ok(Answer(Message {
            fields: fields([status].into_iter().chain(self.headers.lines())).collect(),
            body: bodies.pop().unwrap_or_default(),
            ..Message::default()
        }))
    }
}

/// Whether a file's text is a list of reports.
pub(crate) fn are(text: &str) -> bool {
    text.trim_start().starts_with('[')
}

/// # Errors
/// The text is no list of objects.
pub(crate) fn read(text: &str) -> Result<Vec<Entry>> {
    let reports: Vec<Map<String, Value>> = serde_json::from_str(text).context("reports")?;
    let entries = reports
        .into_iter()
        .enumerate()
        .flat_map(|(number, report)| {
            let id = report.get("id").and_then(Value::as_str);
            let id = id.map_or_else(|| format!("report {number}"), ToOwned::to_owned);
            let contents = match contents(report) {
                Ok(contents) => contents.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error.context("cannot read the report"))],
            };
            let several = contents.len() > 1;
            let entry = move |(variant, content): (usize, Result<Content>)| Entry {
                id: match several {
                    true => format!("{id}/{variant}"),
                    false => id.clone(),
                },
                content,
            };
            (1..).zip(contents).map(entry).collect::<Vec<_>>()
        });
    Ok(entries.collect())
}

/// A report on its way to be a case.
struct Reading {
    left: Map<String, Value>,
    prose: Vec<&'static str>,
}

impl Reading {
    /// Takes a key that is data; `None` where it is not there, or is a sentence.
    fn take<T: DeserializeOwned>(&mut self, key: &'static str) -> Result<Option<T>> {
        match self.left.remove(key) {
            None => Ok(None),
            Some(Value::String(_)) => {
                self.prose.push(key);
                Ok(None)
            }
            Some(value) => {
                let read = serde_json::from_value(value);
                read.map(Some).with_context(|| format!("`{key}`"))
            }
        }
    }
}

fn contents(mut left: Map<String, Value>) -> Result<Vec<Content>> {
    for remark in REMARKS.iter().chain(&["id"]) {
        left.remove(*remark);
    }
    let beyond = BEYOND.into_iter().filter(|key| left.remove(*key).is_some());
    let prose: Vec<&'static str> = beyond.collect();
    let mut reading = Reading { left, prose };
    let filter: Option<String> = match reading.left.remove("filter_name") {
        None => None,
        Some(name) => serde_json::from_value(name).context("`filter_name`")?,
    };
    let filter = match filter.as_deref() {
        None | Some("rustformation") => Filter::Rustformation,
        Some("http_simple_mutations") => Filter::HttpSimpleMutations,
        Some(other) => bail!("unknown filter `{other}`"),
    };
    let config: Option<Value> = reading.take("config")?;
    let config = config.or(reading.take("filter_config")?);
    let per_route: Option<Value> = reading.take("per_route_config")?;
    if per_route.as_ref().is_some_and(Value::is_array) {
        reading.prose.push("per_route_config");
    }
    let env: Option<BTreeMap<String, String>> = reading.take("env")?;
    let sent: Option<Sent> = reading.take("request")?;
    let gzip = reading.left.remove("body_gzip_of");
    let gzip = gzip.map(serde_json::from_value::<String>).transpose();
    let gzip = gzip.context("`body_gzip_of`")?;
    let mut answers: Vec<Answered> = Vec::new();
    answers.extend(reading.take::<Answered>("upstream")?);
    answers.extend(reading.take::<Answered>("upstream_response")?);
    if let Some(headers) = reading.take("upstream_response_headers")? {
        answers.push(Answered {
            headers: Headers::Lines(headers),
            ..Answered::default()
        });
    }
    answers.extend(
        reading
            .take::<Vec<Answered>>("upstream_variants")?
            .into_iter()
            .flatten(),
    );
    let expect: Option<Expect> = reading.take("expected")?;
    if let Some(unknown) = reading.left.keys().next() {
        bail!("unknown field `{unknown}`");
    }
    if sent.as_ref().is_some_and(|sent| sent.bodies.is_some()) {
        reading.prose.push("request.bodies");
    }
    let answers: Result<Vec<Answer>> = answers.into_iter().map(Answered::answer).collect();
    let answers = answers?;
    let Some(expect) = expect else {
        return Ok(vec![Content::Prose(Prose(reading.prose))]);
    };
    ensure!(
        reading.prose.is_empty(),
        "`expected` is data, but {} is not",
        reading.prose.join(", ")
    );
    let route = |config: Value| Route {
        name: "route".to_owned(),
        headers: BTreeMap::new(),
        config: Some(Config::Text(config.to_string())),
    };
    let case = Case {
        name: String::new(),
        filter,
        config: Some(Config::Text(
            config
                .unwrap_or_else(|| Value::Object(Map::new()))
                .to_string(),
        )),
        settings: cases::Settings::default(),
        env: env.unwrap_or_default(),
        host_refuses: Vec::new(),
        routes: per_route.map(route).into_iter().collect(),
        chain: Chain::default(),
        request: sent_request(sent, gzip)?,
        response: None,
        reader: None,
        expect,
    };
    let played = |response: Option<Answer>| {
        let case = Case {
            response,
            ..case.clone()
        };
        let mistakes = case.mistakes();
        ensure!(mistakes.is_empty(), "{}", mistakes.join("; "));
        Ok(Content::Case(Box::new(Take::of(case))))
    };
    match answers.is_empty() {
        true => Ok(vec![played(None)?]),
        false => answers.into_iter().map(Some).map(played).collect(),
    }
}

/// The request, whose body is gzip where the report gives what it is gzip of.
fn sent_request(sent: Option<Sent>, gzip: Option<String>) -> Result<cases::Request> {
    let Some(sent) = sent else {
        return Ok(cases::Request::default());
    };
    let body = match (sent.body, gzip) {
        (_, Some(plain)) => {
            let Bytes(body) = serde_json::from_value(serde_json::json!({"gzip": plain}))?;
            Body::Whole(body)
        }
        (Some(body), None) => Body::Whole(body.into_bytes()),
        (None, None) => Body::None,
    };
    let method = sent.method.unwrap_or_else(|| match body {
        Body::None => "GET".to_owned(),
        Body::Whole(_) | Body::Pieces(_) => "POST".to_owned(),
    });
    let mut request = request(&method, sent.path.as_deref().unwrap_or("/"), body);
    request.0.fields.extend(fields(sent.headers));
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::super::case::Content;
    use super::read;

    fn content(report: &str) -> Result<Vec<Content>, String> {
        let entries = read(&format!("[{report}]")).unwrap();
        let contents = entries.into_iter().map(|entry| entry.content);
        let contents: Result<Vec<Content>, _> = contents.collect();
        contents.map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn a_sentence_is_prose_and_no_pass() {
        let report = r#"{"id": "a", "config": {}, "request": "GET /", "expected": "nothing"}"#;
        let contents = content(report).unwrap();
        let [Content::Prose(prose)] = contents.as_slice() else {
            panic!("{contents:?}")
        };
        assert_eq!(prose.0, ["request", "expected"]);
    }

    #[test]
    fn what_is_data_is_a_case() {
        let report = r#"{"id": "a", "config": {}, "request": {"body": "{}"},
            "upstream_variants": [{"body": "a"}, {"chunks": [[0.3, "b"]]}],
            "expected": {"unchanged": true}}"#;
        let contents = content(report).unwrap();
        assert_eq!(contents.len(), 2);
        let half = report.replace(r#"{"body": "{}"}"#, r#""GET /""#);
        assert!(
            content(&half)
                .unwrap_err()
                .contains("`expected` is data, but request is not")
        );
    }

    #[test]
    fn what_is_not_known_is_an_error_that_names_it() {
        for report in [
            r#"{"id": "a", "surprise": 1, "expected": "a"}"#,
            r#"{"id": "a", "request": {"surprise": 1}, "expected": "a"}"#,
            r#"{"id": "a", "upstream": {"surprise": 1}, "expected": "a"}"#,
            r#"{"id": "a", "expected": {"surprise": 1}}"#,
            r#"{"id": "a", "filter_name": "surprise", "expected": "a"}"#,
        ] {
            let error = content(report).unwrap_err();
            assert!(error.contains("`surprise`"), "{report}: {error}");
        }
    }
}
