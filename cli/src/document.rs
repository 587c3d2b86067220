//! Files with configurations of our filters in them.

use std::ops::Range;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use granit_parser::ScalarStyle;
use transformations::{Code, Diagnostic};

use crate::denied;
use crate::envoy::{self, Around};
use crate::file::File;
use crate::finding::Finding;
use crate::manifest;
use crate::neighbour::Neighbour;
use crate::source::Source;
use crate::text::Text;
use crate::tree::{self, Kind, Node, Unreadable};

/// The module's name in Envoy configurations.
pub(crate) const MODULE: &str = "rust_module";

/// The filters in the module.
pub(crate) const FILTERS: [&str; 3] = ["rustformation", "http_simple_mutations", "http-acl"];

/// Keys that only an Envoy configuration, or a manifest, has at its top.
const ENVOY_KEYS: [&str; 9] = [
    "@type",
    "admin",
    "apiVersion",
    "dynamic_resources",
    "filter_chains",
    "node",
    "resources",
    "static_resources",
    "typed_config",
];

/// One configuration of a filter.
#[derive(Debug)]
pub(crate) struct Filter {
    /// Where in the file it is, such as `static_resources.listeners[0]`; empty if it is the whole file.
    pub(crate) place: String,
    /// The `filter_name` that Envoy hands to the module.
    pub(crate) name: String,
    /// JSON text.
    pub(crate) config: String,
    /// Whose it is; `None`: nothing of an Envoy's configuration is around it.
    pub(crate) owner: Option<Owner>,
    /// What the chain calls the filter, and a route its configuration.
    pub(crate) instance: String,
    /// Where that name stands: characters of the file.
    pub(crate) instance_at: Range<usize>,
    /// Where `config` stands.
    pub(crate) source: Source,
}

/// Whose a configuration is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A listener's, by its connection manager.
    Listener,
    /// A cluster's, or that of the router's upstream filters.
    Cluster,
    /// A route's, a virtual host's or that of all of a listener's routes.
    Route,
}

/// What is in a file.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) text: Rc<Text>,
    pub(crate) filters: Vec<Filter>,
    /// The headers by which routes deny.
    pub(crate) denied: Vec<String>,
    /// The filters in whose chain another filter may lose a message.
    pub(crate) neighbours: Vec<Neighbour>,
    /// What is wrong outside of the filters' configurations.
    pub(crate) findings: Vec<Finding>,
}

impl Contents {
    /// Notes what is wrong at these characters of the file.
    pub(crate) fn report(&mut self, text: &Text, at: &Range<usize>, place: &str, what: Diagnostic) {
        self.findings.push(Finding {
            place: place.to_owned(),
            at: text.place(at.start)..text.place(at.end),
            diagnostic: what,
        });
    }
}

/// Every configuration in a YAML or JSON file. One that is not Envoy's is itself the configuration of the filter
/// `name`.
pub(crate) fn contents(file: File<'_>, name: &str) -> Contents {
    let text = Rc::new(Text::of_file(file));
    let mut contents = Contents {
        text: Rc::clone(&text),
        filters: Vec::new(),
        denied: Vec::new(),
        neighbours: Vec::new(),
        findings: Vec::new(),
    };
    let documents = match tree::read(&text) {
        Ok(documents) => documents,
        Err(Unreadable { at, diagnostic }) => {
            contents.report(&text, &at, "", diagnostic);
            return contents;
        }
    };
    let is_envoys = |node: &Node| ENVOY_KEYS.iter().any(|key| node.get(key).is_some());
    for document in &documents {
        contents.denied.extend(denied::headers(&document.value()));
        if !manifest::collect(&text, document, &mut contents) {
            envoy::collect(&text, document, Around::default(), &mut contents);
        }
    }
    if !contents.filters.is_empty() || !contents.findings.is_empty() {
        envoy::check_names(&text, &mut contents);
        return contents;
    }
    if let Some(first) = documents.iter().find(|document| is_envoys(document)) {
        let message = format!("no filter of the module `{MODULE}` in this Envoy configuration");
        let help =
            format!("name it in `dynamic_module_config: {{name: {MODULE}, do_not_close: true}}`");
        let error = Diagnostic::error(Code::Conflict, "", message).help(help);
        let at = first
            .entries()
            .first()
            .map_or(0..0, |entry| entry.key_at.clone());
        contents.report(&text, &at, "", error);
        return contents;
    }
    let whole = |node: Option<&Node>, place: &str| Filter {
        place: place.to_owned(),
        name: name.to_owned(),
        config: node
            .map(|node| node.value().to_string())
            .unwrap_or_default(),
        owner: None,
        instance: String::new(),
        instance_at: 0..0,
        source: Source {
            text: Rc::clone(&text),
            node: node.cloned(),
            at: node.map_or(0..0, |node| node.at.clone()),
        },
    };
    // A file without a value is empty for the module too.
    let given = documents
        .iter()
        .filter(|document| !document.value().is_null());
    for document in given {
        match document.get("cases") {
            Some(cases) if matches!(cases.kind, Kind::List(_)) => {
                let configs = of_cases(document, cases.items());
                let configs = configs.into_iter();
                contents
                    .filters
                    .extend(configs.map(|(place, node)| whole(Some(node), &place)));
            }
            _ => contents.filters.push(whole(Some(document), "")),
        }
    }
    if contents.filters.is_empty() {
        contents.filters.push(whole(None, ""));
    }
    contents
}

/// The configurations of a file of cases: that of all, and those of single cases, but no references to other files.
fn of_cases<'n>(document: &'n Node, cases: &'n [Node]) -> Vec<(String, &'n Node)> {
    let own = cases.iter().enumerate().map(|(index, case)| {
        let place = format!("cases[{index}].config");
        (place, case.get("config"))
    });
    let all = std::iter::once(("config".to_owned(), document.get("config"))).chain(own);
    all.filter_map(|(place, node)| Some((place, node?)))
        .filter(|(_, node)| node.get("file").is_none())
        .collect()
}

/// The text that Envoy hands to the module for this `google.protobuf.Any`, and where it stands.
pub(crate) fn unwrapped(
    text: &Rc<Text>,
    any: Option<&Node>,
    filter: &Node,
    place: &str,
    contents: &mut Contents,
) -> (String, Source) {
    let nothing = Source {
        text: Rc::clone(text),
        node: None,
        at: any.unwrap_or(filter).at.clone(),
    };
    let Some(any) = any else {
        return (String::new(), nothing);
    };
    let object = |node: &Node| {
        let source = Source {
            node: Some(node.clone()),
            ..nothing.clone()
        };
        (node.value().to_string(), source)
    };
    let at = any.entries().first().map_or(&any.at, |entry| &entry.key_at);
    let Some(type_url) = any.get("@type").and_then(Node::text) else {
        let message = "`filter_config` has no `@type`, so Envoy does not know what it is";
        let error = Diagnostic::error(Code::Schema, "", message).help(
            "write `\"@type\": type.googleapis.com/google.protobuf.Struct`, and the configuration below `value`",
        );
        contents.report(text, at, place, error);
        return object(any.get("value").unwrap_or(any));
    };
    let value = any.get("value");
    match (type_url.rsplit('.').next().unwrap_or_default(), value) {
        ("Struct", Some(value)) if matches!(value.kind, Kind::Map(_)) => object(value),
        ("TypedStruct", Some(value)) => {
            let message =
                "before Envoy 1.40, a TypedStruct reaches the module as bytes that it cannot read";
            let help = "write `\"@type\": type.googleapis.com/google.protobuf.Struct`";
            let warning = Diagnostic::warning(Code::Conflict, "", message).help(help);
            contents.report(text, at, place, warning);
            object(value)
        }
        ("StringValue", Some(value)) => match &value.kind {
            Kind::Scalar { meaning, style, .. } => {
                let inner = Rc::new(text.scalar(&value.at, *style, meaning));
                (meaning.clone(), of_text(inner))
            }
            _ => {
                let message = "a google.protobuf.StringValue holds a text, and this is an object";
                let help = "write google.protobuf.Struct for `@type`";
                let error = Diagnostic::error(Code::Schema, "", message).help(help);
                let entry = any.entry("value");
                contents.report(text, entry.map_or(at, |entry| &entry.key_at), place, error);
                object(value)
            }
        },
        ("BytesValue", Some(value)) if decoded(value).is_some() => {
            let meaning = decoded(value).unwrap_or_default();
            // Within the base64 no character has a place of its own.
            let inner = Rc::new(text.scalar(&value.at, ScalarStyle::Literal, &meaning));
            (meaning, of_text(inner))
        }
        ("Struct", None) if any.entries().len() > 1 => {
            let message = "a google.protobuf.Struct has its members below `value`";
            let error = Diagnostic::error(Code::Schema, "", message);
            let error = error.help("write `value:` below `@type`, and the configuration below it");
            contents.report(text, at, place, error);
            object(&any.without("@type"))
        }
        ("StringValue" | "BytesValue" | "Struct", None) => (String::new(), nothing),
        _ => {
            let message = "the module reads a google.protobuf.Struct, or a google.protobuf.StringValue with JSON text";
            let help = "write `\"@type\": type.googleapis.com/google.protobuf.Struct`, and an object below `value`";
            let error = Diagnostic::error(Code::Schema, "", message).help(help);
            contents.report(text, at, place, error);
            ("{}".to_owned(), nothing)
        }
    }
}

/// The text that a `google.protobuf.BytesValue` has in base64.
fn decoded(value: &Node) -> Option<String> {
    let bytes = STANDARD.decode(value.text()?.trim_end()).ok()?;
    String::from_utf8(bytes).ok()
}

/// A text within the file. Only JSON is read by the module: what is wrong with anything else is a
/// position in it.
fn of_text(text: Rc<Text>) -> Source {
    let is_json = serde_json::from_str::<serde::de::IgnoredAny>(text.as_str()).is_ok();
    let documents = tree::read(&text).ok().filter(|_| is_json);
    let at = 0..text.as_str().chars().count();
    Source {
        node: documents.and_then(|documents| documents.into_iter().next()),
        text,
        at,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Contents, Owner, contents};
    use crate::file::File;

    const TYPE: &str =
        "type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter";

    fn wrapped(type_name: &str, value: &Value) -> Value {
        json!({"@type": format!("type.googleapis.com/google.protobuf.{type_name}"), "value": value})
    }

    /// Place, name, configuration and owner of each filter.
    fn found(text: &str, name: &str) -> Vec<(String, String, String, Option<Owner>)> {
        let Contents { filters, .. } = contents(File::unnamed(text), name);
        let filters = filters.into_iter();
        filters
            .map(|filter| (filter.place, filter.name, filter.config, filter.owner))
            .collect()
    }

    #[test]
    fn finds_the_filters_of_the_module() {
        let module = json!({"name": "rust_module", "do_not_close": true});
        let document = json!({"static_resources": {"listeners": [
            {"a": {"@type": TYPE, "dynamic_module_config": module, "filter_name": "http-acl",
                "filter_config": wrapped("StringValue", &json!("{ }"))}},
            {"a": {"@type": TYPE, "dynamic_module_config": {"name": "another"}}},
            {"typedPerFilterConfig": {"a": {"@type": format!("{TYPE}PerRoute"), "dynamicModuleConfig": module,
                "perRouteConfigName": "rustformation", "filterConfig": wrapped("Struct", &json!({"request": {}}))}}},
            {"a": {"@type": TYPE, "dynamic_module_config": module, "filter_name": "x"}},
        ]}});
        let filter = |place: &str, name: &str, config: &str, owner| {
            let place = format!("static_resources.listeners{place}");
            (place, name.to_owned(), config.to_owned(), owner)
        };
        let route = Some(Owner::Route);
        let expected = [
            filter("[0].a", "http-acl", "{ }", None),
            filter(
                "[2].typedPerFilterConfig.a",
                "rustformation",
                r#"{"request":{}}"#,
                route,
            ),
            filter("[3].a", "x", "", None),
        ];
        assert_eq!(found(&document.to_string(), "rustformation"), expected);
    }

    /// Every release of Envoy hands over what the base64 stands for.
    #[test]
    fn bytes_are_a_text_in_base64() {
        let filter = json!({"a": {"@type": TYPE, "filter_name": "rustformation",
            "dynamic_module_config": {"name": "rust_module", "do_not_close": true},
            "filter_config": wrapped("BytesValue", &json!("eyJyZXF1ZXN0Ijp7fX0="))}});
        let document = json!({"static_resources": filter}).to_string();
        let configs: Vec<String> = found(&document, "http-acl")
            .into_iter()
            .map(|(_, _, config, _)| config)
            .collect();
        assert_eq!(configs, [r#"{"request":{}}"#]);
        assert!(
            contents(File::unnamed(&document), "http-acl")
                .findings
                .is_empty()
        );
    }

    #[test]
    fn anything_else_is_itself_a_configuration() {
        for (text, configs) in [
            (r#"{ "a": 1 }"#, vec![r#"{"a":1}"#]),
            ("a: [1]", vec![r#"{"a":[1]}"#]),
            ("{}", vec!["{}"]),
            ("# nothing", vec![""]),
            ("a: 1\n---\nb: 2\n", vec![r#"{"a":1}"#, r#"{"b":2}"#]),
            (
                "config: {a: 1}\ncases: [{name: x}, {config: {b: 2}}, {config: {file: c.yaml}}]",
                vec![r#"{"a":1}"#, r#"{"b":2}"#],
            ),
        ] {
            let found = found(text, "http-acl").into_iter();
            let found: Vec<String> = found.map(|(_, _, config, _)| config).collect();
            assert_eq!(found, configs, "{text}");
        }
    }

    #[test]
    fn reports_why_there_is_none() {
        for (text, message) in [
            ("a: [", "neither YAML nor JSON"),
            ("a: 1\na: 2", "duplicate key `a`"),
            (
                "static_resources: {}",
                "no filter of the module `rust_module`",
            ),
        ] {
            let Contents {
                filters, findings, ..
            } = contents(File::unnamed(text), "rustformation");
            let [finding] = findings.as_slice() else {
                panic!("{text}: {findings:?}");
            };
            assert!(filters.is_empty(), "{text}");
            let found = &finding.diagnostic.message;
            assert!(found.contains(message), "{text}: {found}");
        }
    }
}
