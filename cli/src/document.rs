//! Files with configurations of our filters in them.

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Map, Value};
use serde_saphyr::UserMessageFormatter;

/// The module's name in Envoy configurations.
const MODULE: &str = "rust_module";

/// The module's file, which Envoy Gateway names in place of the module.
const FILE: &str = "librust_module.so";

/// The types of Envoy's configurations that hold one of a dynamic module, and where they name the filter.
const TYPES: [(&str, [&str; 2]); 2] = [
    (
        "dynamic_modules.v3.DynamicModuleFilter",
        ["filter_name", "filterName"],
    ),
    (
        "dynamic_modules.v3.DynamicModuleFilterPerRoute",
        ["per_route_config_name", "perRouteConfigName"],
    ),
];

/// Keys that only an Envoy configuration has at its top.
const ENVOY_KEYS: [&str; 8] = [
    "@type",
    "admin",
    "dynamic_resources",
    "filter_chains",
    "node",
    "resources",
    "static_resources",
    "staticResources",
];

/// One configuration of a filter.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Filter {
    /// Where in the file it is, such as `static_resources.listeners[0]`; empty if it is the whole file.
    pub(crate) place: String,
    /// The `filter_name` that Envoy hands to the module.
    pub(crate) name: String,
    /// JSON text.
    pub(crate) config: String,
    /// Whose chain of filters it is in; `None`: a route's configuration, or one without an Envoy's around it.
    pub(crate) chain: Option<Chain>,
    /// What the chain calls the filter, and a route its configuration.
    pub(crate) instance: String,
}

/// A chain of HTTP filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chain {
    /// A listener's, by its connection manager.
    Listener,
    /// A cluster's, or that of the router's upstream filters.
    Cluster,
}

/// The keys and types below which the filters of a cluster stand.
const UPSTREAM_KEYS: [&str; 2] = ["upstream_http_filters", "upstreamHttpFilters"];
const UPSTREAM_TYPE: &str = "upstreams.http.v3.HttpProtocolOptions";

/// Every configuration in a YAML or JSON text. One that is not Envoy's is itself the configuration of the filter
/// `name`.
///
/// # Errors
/// The text is neither YAML nor JSON, or an Envoy configuration without a filter of this module.
pub(crate) fn filters(text: &str, name: &str) -> Result<Vec<Filter>> {
    let (document, json) = match serde_json::from_str(text) {
        Ok(document) => (document, Some(text)),
        Err(_) => {
            let parsed: Result<Value, _> = serde_saphyr::from_str(text);
            let parsed = parsed.map_err(|error| {
                let error = error.without_snippet();
                anyhow!(error.render_with_formatter(&UserMessageFormatter))
            });
            (parsed.context("neither YAML nor JSON")?, None)
        }
    };
    let mut found = Vec::new();
    collect(&document, &mut String::new(), Around::default(), &mut found)?;
    if !found.is_empty() {
        return Ok(found);
    }
    if ENVOY_KEYS.iter().any(|key| document.get(key).is_some()) {
        bail!("no filter of the module `{MODULE}` in this Envoy configuration");
    }
    // As it is written, where it is JSON: what is wrong is then shown in its line, keys that stand twice too.
    let config = match (json, document) {
        (Some(json), _) => json.to_owned(),
        // A file without a value is empty for the module too.
        (None, Value::Null) => String::new(),
        (None, document) => document.to_string(),
    };
    Ok(vec![Filter {
        place: String::new(),
        name: name.to_owned(),
        config,
        chain: None,
        instance: String::new(),
    }])
}

/// What stands around a part of an Envoy configuration.
#[derive(Clone, Copy, Default)]
struct Around<'v> {
    chain: Option<Chain>,
    instance: &'v str,
}

impl<'v> Around<'v> {
    /// What stands around the fields of this mapping.
    fn within(self, fields: &'v Map<String, Value>) -> Self {
        let type_url = fields.get("@type").and_then(Value::as_str);
        let is = |name: &str| type_url.is_some_and(|type_url| type_url.ends_with(name));
        let chain = if is("http_connection_manager.v3.HttpConnectionManager") {
            Some(Chain::Listener)
        } else if is(UPSTREAM_TYPE) {
            Some(Chain::Cluster)
        } else {
            self.chain
        };
        let entry = either(fields, ["typed_config", "typedConfig"]).and(fields.get("name"));
        let instance = entry.and_then(Value::as_str).unwrap_or(self.instance);
        Self { chain, instance }
    }

    /// What stands around the value of this key.
    fn below(self, key: &'v str, parent: &str) -> Self {
        let per_route = ["typed_per_filter_config", "typedPerFilterConfig"];
        if UPSTREAM_KEYS.contains(&key) {
            let chain = Some(Chain::Cluster);
            Self { chain, ..self }
        } else if per_route.iter().any(|name| parent.ends_with(name)) {
            let (chain, instance) = (None, key);
            Self { chain, instance }
        } else {
            self
        }
    }
}

fn collect<'v>(
    value: &'v Value,
    place: &mut String,
    around: Around<'v>,
    found: &mut Vec<Filter>,
) -> Result<()> {
    let length = place.len();
    match value {
        Value::Object(fields) => {
            let around = around.within(fields);
            if let Some(filter) = filter(fields, place, around)? {
                found.push(filter);
                return Ok(());
            }
            for (key, value) in fields {
                let around = around.below(key, place);
                if !place.is_empty() {
                    place.push('.');
                }
                place.push_str(key);
                collect(value, place, around, found)?;
                place.truncate(length);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                place.push_str(&format!("[{index}]"));
                collect(item, place, around, found)?;
                place.truncate(length);
            }
        }
        _ => {}
    }
    Ok(())
}

/// The filter that this mapping configures, if it is one of the module's.
fn filter(fields: &Map<String, Value>, place: &str, around: Around<'_>) -> Result<Option<Filter>> {
    let Some(type_url) = fields.get("@type").and_then(Value::as_str) else {
        return Ok(None);
    };
    let known = TYPES.iter().find(|(name, _)| type_url.ends_with(name));
    let Some((_, name_keys)) = known else {
        return Ok(None);
    };
    let module = either(fields, ["dynamic_module_config", "dynamicModuleConfig"]);
    if !module.is_some_and(is_ours) {
        return Ok(None);
    }
    let name = either(fields, *name_keys).and_then(Value::as_str);
    let config = either(fields, ["filter_config", "filterConfig"]);
    Ok(Some(Filter {
        place: place.to_owned(),
        name: name.unwrap_or_default().to_owned(),
        config: unwrapped(config).with_context(|| format!("{place}.filter_config"))?,
        chain: around.chain,
        instance: around.instance.to_owned(),
    }))
}

/// Whether a `dynamic_module_config` loads this module: by its name, by its file, or from a URL.
fn is_ours(module: &Value) -> bool {
    let sources = [
        "/module/local/filename",
        "/module/remote/http_uri/uri",
        "/module/remote/httpUri/uri",
    ];
    let mut sources = sources
        .iter()
        .filter_map(|place| module.pointer(place)?.as_str());
    module.get("name").is_some_and(|name| name == MODULE)
        || sources.any(|source| source.rsplit('/').next() == Some(FILE))
}

fn either<'a>(fields: &'a Map<String, Value>, [name, json_name]: [&str; 2]) -> Option<&'a Value> {
    fields.get(name).or_else(|| fields.get(json_name))
}

/// The text that Envoy hands to the module for this `google.protobuf.Any`.
fn unwrapped(config: Option<&Value>) -> Result<String> {
    let Some(config) = config else {
        return Ok(String::new());
    };
    let type_url = config
        .get("@type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    match (type_url.rsplit('.').next(), config.get("value")) {
        (Some("StringValue"), Some(Value::String(text))) => Ok(text.clone()),
        (Some("Struct"), Some(value @ Value::Object(_))) => Ok(value.to_string()),
        (Some("StringValue" | "Struct"), None) => Ok(String::new()),
        _ => {
            bail!("neither a google.protobuf.Struct nor a google.protobuf.StringValue with a value")
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Filter, filters};

    const TYPE: &str =
        "type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter";

    fn wrapped(type_name: &str, value: &Value) -> Value {
        json!({"@type": format!("type.googleapis.com/google.protobuf.{type_name}"), "value": value})
    }

    fn of(document: &Value) -> Vec<Filter> {
        filters(&document.to_string(), "rustformation").unwrap()
    }

    #[test]
    fn finds_the_filters_of_the_module() {
        let document = json!({"static_resources": {"listeners": [
            {"a": {"@type": TYPE, "dynamic_module_config": {"name": "rust_module"}, "filter_name": "http-acl",
                "filter_config": wrapped("StringValue", &json!("{ }"))}},
            {"a": {"@type": TYPE, "dynamic_module_config": {"name": "another"}}},
            {"a": {"@type": format!("{TYPE}PerRoute"), "dynamicModuleConfig": {"name": "rust_module"},
                "perRouteConfigName": "rustformation", "filterConfig": wrapped("Struct", &json!({"request": {}}))}},
            {"a": {"@type": TYPE, "dynamic_module_config": {"name": "rust_module"}, "filter_name": "x"}},
        ]}});
        let filter = |index, name: &str, config: &str| Filter {
            place: format!("static_resources.listeners[{index}].a"),
            name: name.into(),
            config: config.into(),
            chain: None,
            instance: String::new(),
        };
        let expected = [
            filter(0, "http-acl", "{ }"),
            filter(2, "rustformation", r#"{"request":{}}"#),
            filter(3, "x", ""),
        ];
        assert_eq!(of(&document), expected);
    }

    #[test]
    fn a_module_by_its_file_or_from_a_url_is_found() {
        let found = |module: Value| {
            let filter = json!({"@type": TYPE, "dynamic_module_config": {"module": module},
                "filter_config": wrapped("StringValue", &json!("{}"))});
            let admin = json!({"admin": filter, "b": {"@type": TYPE, "dynamic_module_config": {"name": "rust_module"}}});
            of(&admin).len() - 1
        };
        for (module, ours) in [
            (
                json!({"local": {"filename": "/modules/librust_module.so"}}),
                1,
            ),
            (
                json!({"remote": {"http_uri": {"uri": "https://a/b/librust_module.so"}}}),
                1,
            ),
            (json!({"local": {"filename": "/modules/libother.so"}}), 0),
            (
                json!({"local": {"filename": "/librust_module.so/other"}}),
                0,
            ),
        ] {
            assert_eq!(found(module.clone()), ours, "{module}");
        }
    }

    #[test]
    fn anything_else_is_itself_a_configuration() {
        let whole = |config: &str| Filter {
            place: String::new(),
            name: "http-acl".into(),
            config: config.into(),
            chain: None,
            instance: String::new(),
        };
        for (text, config) in [
            (r#"{ "a": 1, "a": 2 }"#, r#"{ "a": 1, "a": 2 }"#),
            ("a: [1]", r#"{"a":[1]}"#),
            ("{}", "{}"),
        ] {
            assert_eq!(
                filters(text, "http-acl").unwrap(),
                [whole(config)],
                "{text}"
            );
        }
    }

    #[test]
    fn errors_speak_to_who_writes_the_file() {
        for text in ["a: 1\na: 2", "a: 1\n---\nb: 2"] {
            let error = format!("{:#}", filters(text, "rustformation").unwrap_err());
            assert!(error.contains(" at line "), "{text}: {error}");
            for name in ["Options", "from_str"] {
                assert!(!error.contains(name), "{text}: {error}");
            }
        }
    }

    #[test]
    fn says_why_there_is_none() {
        let wrong = json!({"@type": TYPE, "dynamic_module_config": {"name": "rust_module"},
            "filter_config": wrapped("BytesValue", &json!("e30="))});
        for (text, message) in [
            ("a: [", "neither YAML nor JSON"),
            (
                "static_resources: {}",
                "no filter of the module `rust_module`",
            ),
            (
                &json!({"admin": wrong}).to_string(),
                "admin.filter_config: neither a google.protobuf.Struct",
            ),
        ] {
            let error = format!("{:#}", filters(text, "rustformation").unwrap_err());
            assert!(error.contains(message), "{text}: {error}");
        }
    }
}
