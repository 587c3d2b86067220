//! The format of case files: JSON lines, each a case or a configuration that must load.
//!
//! Reading is strict. What is not known here is an error of that line alone, and the line counts as failed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::Value;

use super::body::{Body, BodyPart};
use super::expectation::{Expectation, Verdict};
use super::routing::{self, Routes, RoutingCase};

/// A line of a case file.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The line's `id`, or where it is if it has none.
    pub(crate) id: String,
    /// What it says, or why it cannot be read.
    pub(crate) content: Result<Content>,
}

#[derive(Debug)]
pub(crate) enum Content {
    Case(Box<Case>),
    Routing(Box<RoutingCase>),
    Golden(Golden),
}

/// A configuration, a request, and what must come of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// Read before the rest, so that an error can name it.
    #[serde(rename = "id")]
    _id: String,
    /// The file of the reference implementation it was taken from.
    #[serde(default, rename = "source")]
    _source: Option<String>,
    /// How it came to be: from a test, golden file or document, or derived by running the reference.
    #[serde(default)]
    pub(crate) origin: Option<String>,
    /// The first version of kgateway that behaves so.
    #[serde(default)]
    pub(crate) min_version: Option<String>,
    pub(crate) filter_name: FilterName,
    pub(crate) filter_config: Configuration,
    #[serde(default)]
    pub(crate) per_route_config: Option<Configuration>,
    pub(crate) request: CaseRequest,
    #[serde(default)]
    pub(crate) upstream_response: Option<UpstreamResponse>,
    #[serde(default)]
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) expect: Expectation,
    /// A quirk that a replacement may legitimately change.
    #[serde(default)]
    pub(crate) uncertain: bool,
    /// The reference itself does something else, which is a defect.
    #[serde(default)]
    pub(crate) oracle_differs: bool,
    #[serde(default, rename = "notes")]
    _notes: Option<String>,
    /// Routes by the routing header, in place of the one to the upstream.
    #[serde(skip)]
    pub(crate) routes: Option<Routes>,
}

impl Case {
    /// Whether Envoy itself answers, behind the filter.
    pub(crate) fn is_answered_locally(&self) -> bool {
        let response = self.upstream_response.as_ref();
        response.is_some_and(|response| response.kind == Some(ResponseKind::LocalReply))
    }
}

/// The filters of kgateway's module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum FilterName {
    #[serde(rename = "rustformation")]
    Rustformation,
    #[serde(rename = "http_simple_mutations")]
    HttpSimpleMutations,
    #[serde(rename = "http-acl")]
    HttpAcl,
}

impl FilterName {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Rustformation => "rustformation",
            Self::HttpSimpleMutations => "http_simple_mutations",
            Self::HttpAcl => "http-acl",
        }
    }

    /// The name in the filter chain by which kgateway refers to it.
    pub(crate) fn instance(self) -> &'static str {
        match self {
            Self::Rustformation | Self::HttpSimpleMutations => "dynamic_modules/simple_mutations",
            Self::HttpAcl => "dynamic_modules/http-acl",
        }
    }

    /// What kgateway configures on the listener: valid, and it does nothing.
    pub(crate) fn neutral_config(self) -> &'static str {
        match self {
            Self::Rustformation | Self::HttpSimpleMutations => "{}",
            Self::HttpAcl => r#"{"defaultAction":"allow"}"#,
        }
    }
}

/// A configuration: an object, or its exact text.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Value")]
pub(crate) struct Configuration(String);

impl Configuration {
    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

impl TryFrom<Value> for Configuration {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        match value {
            Value::String(text) => Ok(Self(text)),
            Value::Object(_) => Ok(Self(value.to_string())),
            other => Err(format!("configuration {other} is no object and no text")),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CaseRequest {
    pub(crate) method: String,
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) authority: Option<String>,
    #[serde(default)]
    pub(crate) headers: Vec<(String, String)>,
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
    pub(crate) source_address: Option<String>,
    /// The body, where it is not written as above.
    #[serde(skip)]
    pub(crate) given: Option<Body>,
}

impl CaseRequest {
    /// # Errors
    /// More than one kind of body is given.
    pub(crate) fn body(&self) -> Result<Body> {
        if let Some(body) = &self.given {
            return Ok(body.clone());
        }
        let parts = self.body_parts.as_deref();
        Body::new(&self.body, self.chunks.as_ref(), parts, self.chunk_size).context("request")
    }

    pub(crate) fn trailers(&self) -> &[(String, String)] {
        self.trailers.as_deref().unwrap_or_default()
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpstreamResponse {
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) headers: Vec<(String, String)>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    chunks: Option<Vec<String>>,
    #[serde(default)]
    trailers: Option<Vec<(String, String)>>,
    #[serde(default)]
    pub(crate) kind: Option<ResponseKind>,
}

impl UpstreamResponse {
    /// # Errors
    /// More than one kind of body is given.
    pub(crate) fn body(&self) -> Result<Body> {
        Body::new(&self.body, self.chunks.as_ref(), None, None).context("upstream_response")
    }

    pub(crate) fn trailers(&self) -> &[(String, String)] {
        self.trailers.as_deref().unwrap_or_default()
    }
}

/// Who answers instead of the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ResponseKind {
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
    pub(crate) filter_name: Option<FilterName>,
    #[serde(default)]
    pub(crate) per_route_config_name: Option<FilterName>,
    pub(crate) filter_config_text: String,
    /// The names in the filter chain it was emitted for.
    pub(crate) keys: Vec<String>,
    /// What must become of it; the control plane also emits what its module refuses.
    #[serde(default)]
    pub(crate) config: Verdict,
}

impl Golden {
    pub(crate) fn filter_name(&self) -> FilterName {
        let name = self.filter_name.or(self.per_route_config_name);
        name.unwrap_or(FilterName::Rustformation)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum GoldenKind {
    DynamicModuleFilter,
    DynamicModuleFilterPerRoute,
}

/// Reads a case file.
///
/// # Errors
/// It cannot be read, or it is empty.
pub(crate) fn read(path: &Path) -> Result<Vec<Entry>> {
    let text = fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
    let lines = text.lines().enumerate();
    let filled = lines.filter(|(_, line)| !line.trim().is_empty());
    let entries: Vec<Entry> = filled
        .map(|(index, line)| entry(line, &format!("{}:{}", path.display(), index + 1)))
        .collect();
    ensure!(!entries.is_empty(), "{}: no cases", path.display());
    Ok(entries)
}

fn entry(line: &str, place: &str) -> Entry {
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
        return routing::read(value).map(|case| Content::Routing(Box::new(case)));
    }
    Ok(match value.get("filter_config_text") {
        Some(_) => Content::Golden(serde_json::from_str(line)?),
        None => Content::Case(serde_json::from_str(line)?),
    })
}

/// Refuses what no run could decide.
fn sound(content: &Content) -> Result<()> {
    match content {
        // Its reader has looked.
        Content::Routing(_) => {}
        Content::Golden(golden) => {
            ensure!(!golden.keys.is_empty(), "`keys` is empty");
            let named = golden.filter_name.or(golden.per_route_config_name);
            ensure!(
                named.is_some(),
                "neither `filter_name` nor `per_route_config_name`"
            );
        }
        Content::Case(case) => {
            case.request.body()?;
            if let Some(response) = &case.upstream_response {
                response.body()?;
            }
            ensure!(
                case.expect.config == Verdict::Accepted || case.expect.is_only_the_verdict(),
                "a rejected configuration serves no request, yet its outcome is expected"
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::body::Body;
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
        assert!(refusal(&outcome).contains("serves no request"));
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
        let chunks = ["ab", "cc", "c"].map(Into::into).to_vec();
        assert_eq!(case.request.body().unwrap(), Body::Chunks(chunks));
    }
}
