//! The same for other places: Envoy, policies of control planes, a file of cases.

use cases::Message;
use serde::Serialize;
use serde_json::{Value, json};

use crate::document;
use crate::dry_run::{Outcome, Passage, Transcript};
use crate::file::File;

/// The configuration and the exchange, to copy.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Copies {
    /// The filter, for `http_filters` of a listener.
    pub(super) envoy: String,
    /// kgateway's TrafficPolicy.
    pub(super) traffic_policy: String,
    /// Envoy Gateway's EnvoyExtensionPolicy.
    pub(super) extension_policy: String,
    /// A case, for `rustformations test`.
    pub(super) case: String,
}

impl Copies {
    /// Of the configuration of a filter, a request and perhaps an answer to it.
    pub(super) fn of(
        config: &str,
        messages: (&Message, Option<&Message>),
        transcript: &Transcript,
    ) -> Self {
        // A JSON text is YAML too. What another place reads in another way stands there as JSON, and for Envoy as a text.
        let played = played(config);
        let unlike = |copy: &String| played.as_ref().is_some_and(|json| read(copy) != *json);
        let json = played.as_ref().map(Value::to_string).unwrap_or_default();
        let written = |copy: fn(&str) -> String| match copy(config) {
            other if unlike(&other) => copy(&json),
            same => same,
        };
        let case_of = |config: &str| case(config, messages, transcript);
        Self {
            envoy: match envoy(config) {
                other if unlike(&other) => envoy_text(&json),
                same => same,
            },
            traffic_policy: written(traffic_policy),
            extension_policy: written(extension_policy),
            case: match case_of(config) {
                other if unlike(&other) => case_of(&json),
                same => same,
            },
        }
    }
}

/// The configuration that a text stands for, or has in it.
fn played(text: &str) -> Option<Value> {
    let filters = document::contents(File::unnamed(text), "rustformation").filters;
    filters
        .into_iter()
        .find_map(|filter| serde_json::from_str(&filter.config).ok())
}

fn read(copy: &str) -> Value {
    played(copy).unwrap_or_default()
}

/// The lines of a text, moved to the right.
fn indented(text: &str, by: usize) -> String {
    let margin = " ".repeat(by);
    let lines = text.trim_end().lines().map(|line| match line.trim() {
        "" => String::new(),
        _ => format!("{margin}{line}"),
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn envoy(config: &str) -> String {
    format!(
        "- name: rustformations\n  typed_config:\n    \"@type\": type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter\n    \
         dynamic_module_config: {{name: rust_module, do_not_close: true}}\n    filter_name: rustformation\n    filter_config:\n      \
         \"@type\": type.googleapis.com/google.protobuf.Struct\n      value:\n{}\n",
        indented(config, 8)
    )
}

/// The same with a text, all of whose numbers arrive as they are.
fn envoy_text(json: &str) -> String {
    let whole = envoy("");
    let text = json.replace('\'', "''");
    let whole = whole.replace("google.protobuf.Struct", "google.protobuf.StringValue");
    format!("{} '{text}'\n", whole.trim_end())
}

fn extension_policy(config: &str) -> String {
    format!(
        "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyExtensionPolicy\nmetadata:\n  name: rustformations\nspec:\n  targetRefs:\n  \
         - {{group: gateway.networking.k8s.io, kind: Gateway, name: llm}}\n  dynamicModule:\n  - name: rustformations\n    \
         filterName: rustformation\n    config:\n{}\n",
        indented(config, 6)
    )
}

fn traffic_policy(config: &str) -> String {
    format!(
        "# Kubernetes removes what a TrafficPolicy does not have: `rustformations check` names it.\napiVersion: gateway.kgateway.dev/v1alpha1\n\
         kind: TrafficPolicy\nmetadata:\n  name: rustformations\nspec:\n  targetRefs:\n  \
         - {{group: gateway.networking.k8s.io, kind: Gateway, name: llm}}\n  transformation:\n{}\n",
        indented(config, 4)
    )
}

/// A case that expects what came.
fn case(
    config: &str,
    (request, response): (&Message, Option<&Message>),
    transcript: &Transcript,
) -> String {
    let mut lines = vec![
        "cases:".to_owned(),
        "- name: from the playground".to_owned(),
        "  config:".to_owned(),
        indented(config, 4),
        format!("  request: {}", message(request)),
    ];
    if let Some(response) = response {
        lines.push(format!("  response: {}", message(response)));
    }
    lines.push(format!("  expect: {}", expected(transcript)));
    lines.join("\n") + "\n"
}

/// A message as a case writes it. JSON is YAML.
fn message(message: &Message) -> Value {
    let mut written = serde_json::Map::new();
    let mut headers = Vec::new();
    for (name, value) in &message.fields {
        let value = String::from_utf8_lossy(value).into_owned();
        match name.strip_prefix(':') {
            Some(pseudo) => {
                written.insert(pseudo.to_owned(), value.into());
            }
            None => headers.push(json!({name: value})),
        }
    }
    if !headers.is_empty() {
        written.insert("headers".to_owned(), headers.into());
    }
    let pieces: Vec<Value> = message.body.pieces().into_iter().map(bytes).collect();
    match pieces.as_slice() {
        [] => {}
        [body] => {
            written.insert("body".to_owned(), body.clone());
        }
        _ => {
            written.insert("pieces".to_owned(), pieces.into());
        }
    }
    written.into()
}

fn bytes(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => {
            let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            json!({"hex": hex.join(" ")})
        }
    }
}

fn expected(transcript: &Transcript) -> Value {
    let mut expect = serde_json::Map::new();
    let mut put = |key: &str, value: Value| expect.insert(key.to_owned(), value);
    if let Some(reply) = &transcript.reply {
        let headers: serde_json::Map<_, _> = reply
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), value.clone().into()))
            .collect();
        put(
            "reply",
            json!({"status": reply.status, "details": reply.details, "headers": headers, "body": reply.body}),
        );
    }
    let passages = [
        ("request", Some(&transcript.request)),
        ("response", transcript.response.as_ref()),
    ];
    let mut unchanged = transcript.reply.is_none();
    for (name, passage) in passages {
        if let Some(passage) = passage.filter(|passage| passage.outcome == Outcome::Changed) {
            unchanged = false;
            put(name, changes(passage));
        }
    }
    if transcript.route_chosen_again {
        put("route_chosen_again", true.into());
    } else if unchanged && transcript.metadata.is_empty() && transcript.failures.is_empty() {
        put("unchanged", true.into());
    }
    let mut metadata = serde_json::Map::new();
    for entry in &transcript.metadata {
        let namespace = metadata
            .entry(entry.namespace.clone())
            .or_insert_with(|| json!({}));
        if let Some(namespace) = namespace.as_object_mut() {
            namespace.insert(entry.key.clone(), entry.value.clone());
        }
    }
    if !metadata.is_empty() {
        put("metadata", metadata.into());
    }
    if !transcript.failures.is_empty() {
        put("failures", transcript.reasons.clone().into());
    }
    expect.into()
}

fn changes(passage: &Passage) -> Value {
    let headers = passage.headers.iter().map(|change| {
        let after = match change.after.as_slice() {
            [] => Value::Null,
            [only] => only.clone().into(),
            lines => lines.to_vec().into(),
        };
        (change.name.clone(), after)
    });
    let headers: serde_json::Map<_, _> = headers.collect();
    let mut change = serde_json::Map::new();
    if !headers.is_empty() {
        change.insert("headers".to_owned(), headers.into());
    }
    if passage.bytes_before != passage.bytes_after || !passage.body.is_empty() {
        change.insert("body".to_owned(), passage.sent_body.clone().into());
    }
    change.into()
}

#[cfg(test)]
mod tests {
    use cases::engine::{self, Ways};
    use transformations::Engine;

    use crate::check::judge;
    use crate::file::File;
    use crate::playground::examples;
    use crate::playground::play::Playground;

    /// Envoy makes texts of some numbers of YAML: a copy for it means what was played.
    #[test]
    fn copies_keep_numbers() {
        let config = r#"{"request": {"patch": [{"set": "/a", "json": {"b": 0.5, "c": "it's"}}]}}"#;
        let yaml = "request: {patch: [{set: /a, json: {b: 0.5}}]}";
        for (config, envoy, others) in [
            (config, "json\":{\"b\":0.5", "{\"b\": 0.5"),
            (yaml, "b: 0.5", "{\"b\":\"0.5\"}"),
        ] {
            let page = Playground {
                config: config.to_owned(),
                request: "json: {}".to_owned(),
                ..Playground::default()
            };
            let copies = page.play().copies.unwrap();
            assert!(copies.envoy.contains(envoy), "{}", copies.envoy);
            for other in [
                &copies.traffic_policy,
                &copies.extension_policy,
                &copies.case,
            ] {
                assert!(other.contains(others), "{other}");
            }
            for copy in [&copies.envoy, &copies.extension_policy, &copies.case] {
                assert_eq!(super::read(copy), super::read(config), "{copy}");
            }
        }
    }

    /// Whether the case that is copied passes, and the other copies have no error.
    #[test]
    fn copies_of_every_example_are_sound() {
        for example in examples::all() {
            let title = example.title;
            let page = Playground::from(example);
            let copies = page.play().copies.unwrap();
            for case in cases::read::read(&copies.case, title)
                .unwrap_or_else(|error| panic!("{error}\n{}", copies.case))
            {
                let problems = engine::play(&case.case, &mut Ways::default());
                assert!(
                    problems.is_empty(),
                    "{title}: {problems:#?}\n{}",
                    copies.case
                );
            }
            let errors = |text: &str| {
                let findings = judge(&Engine::default(), "rustformation", File::unnamed(text));
                findings
                    .iter()
                    .filter(|finding| finding.is_error())
                    .map(|finding| finding.shown(title, text))
                    .collect::<Vec<_>>()
            };
            let listener = format!("http_filters:\n{}", copies.envoy);
            assert_eq!(errors(&listener), Vec::<String>::new(), "{title}");
            assert_eq!(
                errors(&copies.extension_policy),
                Vec::<String>::new(),
                "{title}"
            );
            let of_policy = errors(&copies.traffic_policy);
            assert!(
                of_policy
                    .iter()
                    .all(|error| error.contains("a TrafficPolicy has no")),
                "{title}: {of_policy:?}"
            );
        }
    }
}
