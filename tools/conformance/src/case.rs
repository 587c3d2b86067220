//! The format of case files: JSON lines, each a case or a configuration that must load; and which file is of which.
//!
//! Reading is strict. What is not known here is an error of that line alone, and the line counts as failed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::Value;

use cases::{Answer, Body, Config, Filter, Message, Request, Route, read};

use super::body::{BodyPart, body};
use super::expectation::{Expectation, Verdict};
use super::reports::{self, Prose};
use super::routing;
use super::take::Take;

/// A line of a case file.
#[derive(Debug)]
pub struct Entry {
    /// The line's `id`, or where it is if it has none.
    pub(crate) id: String,
    /// What it says, or why it cannot be read.
    pub(crate) content: Result<Content>,
}

impl Entry {
    /// Its name.
    pub fn id(&self) -> &str {
        &self.id
    }
}

#[derive(Debug)]
pub(crate) enum Content {
    Case(Box<Take>),
    Golden(Golden),
    Prose(Prose),
}

/// A line of kgateway's: a configuration, a request, and what must come of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    id: String,
    /// The file of the reference implementation it was taken from.
    #[serde(default, rename = "source")]
    _source: Option<String>,
    /// How it came to be: from a test, golden file or document, or derived by running the reference.
    #[serde(default)]
    origin: Option<String>,
    /// The first version of kgateway that behaves so.
    #[serde(default)]
    min_version: Option<String>,
    filter_name: Filter,
    filter_config: Configuration,
    #[serde(default)]
    per_route_config: Option<Configuration>,
    request: CaseRequest,
    #[serde(default)]
    upstream_response: Option<UpstreamResponse>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    expect: Expectation,
    /// A quirk that a replacement may legitimately change.
    #[serde(default)]
    uncertain: bool,
    /// The reference itself does something else, which is a defect.
    #[serde(default)]
    oracle_differs: bool,
    #[serde(default, rename = "notes")]
    _notes: Option<String>,
}

impl Line {
    /// # Errors
    /// What no run could decide.
    fn take(self) -> Result<Take> {
        let remarks = [
            self.origin.clone(),
            self.min_version.map(|version| format!("since {version}")),
            self.uncertain.then(|| "uncertain".to_owned()),
            self.oracle_differs.then(|| "kgateway differs".to_owned()),
        ];
        let remarks: Vec<String> = remarks.into_iter().flatten().collect();
        let route = |config: Configuration| Route {
            name: "route".to_owned(),
            headers: BTreeMap::new(),
            config: Some(config.0),
        };
        let response = self.upstream_response.map(UpstreamResponse::answer);
        let case = cases::Case {
            name: self.id,
            filter: self.filter_name,
            config: Some(self.filter_config.0),
            settings: cases::Settings::default(),
            env: self.env,
            host_refuses: Vec::new(),
            routes: self.per_route_config.map(route).into_iter().collect(),
            chain: cases::Chain::default(),
            request: self.request.request()?,
            response: response.transpose()?,
            reader: None,
            expect: self.expect.expect()?,
        };
        let mistakes = case.mistakes();
        ensure!(mistakes.is_empty(), "{}", mistakes.join("; "));
        let mut take = Take::of(case);
        if !remarks.is_empty() {
            take.remark = format!(" [{}]", remarks.join(", "));
        }
        Ok(take)
    }
}

/// A configuration: an object, or its exact text.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Value")]
struct Configuration(Config);

impl TryFrom<Value> for Configuration {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        match value {
            Value::String(text) => Ok(Self(Config::Text(text))),
            Value::Object(_) => Ok(Self(Config::Text(value.to_string()))),
            other => Err(format!("configuration {other} is no object and no text")),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseRequest {
    method: String,
    path: String,
    #[serde(default)]
    authority: Option<String>,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    chunks: Option<Vec<String>>,
    #[serde(default)]
    body_parts: Option<Vec<BodyPart>>,
    #[serde(default)]
    chunk_size: Option<usize>,
    #[serde(default)]
    trailers: Option<Vec<(String, String)>>,
    /// Where the connection comes from: an IP address, perhaps with a port, or text that is none.
    #[serde(default)]
    source_address: Option<String>,
}

impl CaseRequest {
    /// # Errors
    /// More than one kind of body is given.
    fn request(self) -> Result<Request> {
        let body = body(self.body, self.chunks, self.body_parts, self.chunk_size);
        let mut request = request(&self.method, &self.path, body.context("request")?);
        if let Some(authority) = self.authority {
            request
                .0
                .fields
                .push((":authority".to_owned(), authority.into_bytes()));
        }
        request.0.fields.extend(fields(self.headers));
        request.0.trailers = fields(self.trailers.unwrap_or_default()).collect();
        request.0.source = self.source_address;
        Ok(request)
    }
}

/// A request of this method and path.
pub(crate) fn request(method: &str, path: &str, body: Body) -> Request {
    let pseudo = [(":method", method), (":path", path)];
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.as_bytes().to_vec());
    Request(Message {
        fields: pseudo.map(owned).into(),
        body,
        ..Message::default()
    })
}

pub(crate) fn fields(
    fields: impl IntoIterator<Item = (String, String)>,
) -> impl Iterator<Item = (String, Vec<u8>)> {
    let fields = fields.into_iter();
    fields.map(|(name, value)| (name.to_ascii_lowercase(), value.into_bytes()))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct UpstreamResponse {
    status: u16,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    chunks: Option<Vec<String>>,
    #[serde(default)]
    trailers: Option<Vec<(String, String)>>,
    #[serde(default)]
    kind: Option<ResponseKind>,
}

impl UpstreamResponse {
    /// # Errors
    /// More than one kind of body is given.
    fn answer(self) -> Result<Answer> {
        let status = (":status".to_owned(), self.status.to_string());
        Ok(Answer(Message {
            fields: fields([status].into_iter().chain(self.headers)).collect(),
            body: body(self.body, self.chunks, None, None).context("upstream_response")?,
            trailers: fields(self.trailers.unwrap_or_default()).collect(),
            direct: self.kind == Some(ResponseKind::LocalReply),
            ..Message::default()
        }))
    }
}

/// Who answers instead of the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ResponseKind {
    LocalReply,
}

/// A configuration that kgateway's control plane emits.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Golden {
    #[serde(rename = "id")]
    _id: String,
    pub(crate) kind: GoldenKind,
    #[serde(default)]
    pub(crate) filter_name: Option<Filter>,
    #[serde(default)]
    pub(crate) per_route_config_name: Option<Filter>,
    pub(crate) filter_config_text: String,
    /// The names in the filter chain it was emitted for.
    pub(crate) keys: Vec<String>,
    /// What must become of it; the control plane also emits what its module refuses.
    #[serde(default)]
    pub(crate) config: Verdict,
}

impl Golden {
    pub(crate) fn filter_name(&self) -> Filter {
        let name = self.filter_name.or(self.per_route_config_name);
        name.unwrap_or(Filter::Rustformation)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum GoldenKind {
    DynamicModuleFilter,
    DynamicModuleFilterPerRoute,
}

/// Reads a case file: the YAML of `docs/cases.md`, lines of JSON, or a list of reports from the field.
///
/// # Errors
/// It cannot be read, or it is empty.
pub fn read(path: &Path) -> Result<Vec<Entry>> {
    if path
        .extension()
        .is_some_and(|extension| extension == "yaml")
    {
        let area = path.file_stem().unwrap_or_default().to_string_lossy();
        let entry = |read::Placed { case, .. }| {
            let id = format!("{area}::{}", case.name);
            let mut take = Take::of(case);
            take.ours = true;
            Entry {
                id,
                content: Ok(Content::Case(Box::new(take))),
            }
        };
        return Ok(read::file(path)?.into_iter().map(entry).collect());
    }
    let text = fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
    if reports::are(&text) {
        return reports::read(&text);
    }
    let lines = text.lines().enumerate();
    let filled = lines.filter(|(_, line)| !line.trim().is_empty());
    let entries: Vec<Entry> = filled
        .map(|(index, line)| entry(line, &format!("{}:{}", path.display(), index + 1)))
        .collect();
    ensure!(!entries.is_empty(), "{}: no cases", path.display());
    Ok(entries)
}

pub(crate) fn entry(line: &str, place: &str) -> Entry {
    let value: Result<Value, _> = serde_json::from_str(line);
    let id = value.as_ref().ok().and_then(|value| value.get("id"));
    let id = id.and_then(Value::as_str).unwrap_or(place).to_owned();
    let content = value
        .map_err(anyhow::Error::from)
        .and_then(|value| content(line, value))
        .context("cannot read the case")
        .and_then(|content| sound(&content).map(|()| content));
    Entry { id, content }
}

fn content(line: &str, value: Value) -> Result<Content> {
    if routing::is_one(&value) {
        return routing::read(value).map(|take| Content::Case(Box::new(take)));
    }
    Ok(match value.get("filter_config_text") {
        Some(_) => Content::Golden(serde_json::from_str(line)?),
        None => Content::Case(Box::new(serde_json::from_str::<Line>(line)?.take()?)),
    })
}

/// Refuses what no run could decide.
fn sound(content: &Content) -> Result<()> {
    if let Content::Golden(golden) = content {
        ensure!(!golden.keys.is_empty(), "`keys` is empty");
        let named = golden.filter_name.or(golden.per_route_config_name);
        ensure!(
            named.is_some(),
            "neither `filter_name` nor `per_route_config_name`"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use cases::{Body, Piece};

    use super::{Content, Entry, entry, read};

    const CASE: &str = r#"{"id":"a","filter_name":"rustformation","filter_config":{},"request":{"method":"GET","path":"/"},"expect":{"config":"accepted"}}"#;

    fn refusal(line: &str) -> String {
        let Entry { id, content } = entry(line, "file:1");
        assert_eq!(id, "a");
        format!("{:#}", content.unwrap_err())
    }

    fn with(field: &str) -> String {
        CASE.replacen("\"id\":\"a\"", &format!("\"id\":\"a\",{field}"), 1)
    }

    fn request_with(field: &str) -> String {
        CASE.replacen("\"path\":\"/\"", &format!("\"path\":\"/\",{field}"), 1)
    }

    #[test]
    fn unknown_fields_are_refused_everywhere() {
        for line in [
            with(r#""surprise":1"#),
            request_with(r#""surprise":1"#),
            with(r#""upstream_response":{"status":200,"surprise":1}"#),
            with(r#""upstream_response":{"status":200,"kind":"surprise"}"#),
            CASE.replace("rustformation", "surprise"),
            CASE.replace(
                r#""config":"accepted""#,
                r#""config":"accepted","surprise":1"#,
            ),
            CASE.replace("accepted", "surprise"),
            request_with(r#""body_parts":[{"repeat":"a","count":1,"surprise":1}]"#),
        ] {
            let error = refusal(&line);
            assert!(
                error.starts_with("cannot read the case: "),
                "{line}: {error}"
            );
        }
        assert!(refusal(&with(r#""surprise":1"#)).contains("`surprise`"));
    }

    #[test]
    fn what_cannot_be_decided_is_refused() {
        let outcome = CASE.replace("accepted\"", "rejected\",\"response_status\":200");
        assert!(refusal(&outcome).contains("a refused configuration does nothing"));
        let two = request_with(r#""body":"a","chunks":["a"]"#);
        assert!(refusal(&two).contains("exclude each other"));
        let null = CASE.replace(r#""filter_config":{}"#, r#""filter_config":null"#);
        assert!(refusal(&null).contains("no object and no text"));
    }

    #[test]
    fn a_line_without_an_id_is_named_by_its_place() {
        let entry = entry("{", "file:7");
        assert_eq!(entry.id, "file:7");
        assert!(entry.content.is_err());
    }

    #[test]
    fn an_empty_file_is_an_error() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        assert!(read(file.path()).is_err());
        writeln!(file, "{CASE}\n").unwrap();
        assert_eq!(read(file.path()).unwrap().len(), 1);
    }

    #[test]
    fn bodies_are_cut_as_told() {
        let parts = r#""body_parts":["ab",{"repeat":"c","count":3}],"chunk_size":2"#;
        let entry = entry(&request_with(parts), "file:1");
        let Ok(Content::Case(case)) = entry.content else {
            panic!("not a case")
        };
        let chunks = ["ab", "cc", "c"].map(Piece::from).to_vec();
        assert_eq!(*case.request_body(), Body::Pieces(chunks));
    }
}
