//! The module's filters in Envoy's configuration.

use artifacts::EnvoyRelease;
use serde_json::{Map, Value, json};

const HTTP_FILTER: &str =
    "type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter";
const PER_ROUTE: &str = "type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilterPerRoute";

/// A `filter_config`, in one of the two forms people write.
#[derive(Clone, Debug)]
pub enum FilterConfig {
    /// A `google.protobuf.StringValue`: this text byte for byte. kgateway's form.
    Text(String),
    /// A `google.protobuf.Struct`. Envoy 1.39 and later hand the module its JSON (1.38 for listeners), with numbers as doubles;
    /// earlier ones hand it the protobuf encoding.
    Struct(Value),
}

impl FilterConfig {
    fn any(&self) -> Value {
        match self {
            Self::Text(text) => {
                json!({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": text})
            }
            Self::Struct(value) => {
                json!({"@type": "type.googleapis.com/google.protobuf.Struct", "value": value})
            }
        }
    }
}

/// The JSON's text: what every release hands to the module unchanged.
impl From<Value> for FilterConfig {
    fn from(value: Value) -> Self {
        Self::Text(value.to_string())
    }
}

impl From<String> for FilterConfig {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for FilterConfig {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// One of the module's filters with its configuration.
#[derive(Clone, Debug)]
pub struct Filter {
    instance: String,
    module: String,
    filter_name: String,
    config: FilterConfig,
    disabled: bool,
    named_per_route: bool,
}

impl Filter {
    /// The filter `rustformation`, listed in the chain as `rustformations`.
    #[must_use]
    pub fn new(config: impl Into<FilterConfig>) -> Self {
        Self {
            instance: "rustformations".into(),
            module: "rust_module".into(),
            filter_name: "rustformation".into(),
            config: config.into(),
            disabled: false,
            named_per_route: true,
        }
    }

    /// Off, except where a route, a virtual host or the route configuration configures it: kgateway's form.
    #[must_use]
    pub fn disabled(mut self) -> Self {
        self.disabled = true;
        self
    }

    /// Leaves `filter_name` out of the per-route message, as kgateway before 2.4 does.
    #[must_use]
    pub fn unnamed_per_route(mut self) -> Self {
        self.named_per_route = false;
        self
    }

    /// A filter of another module: of `librust_module_green.so` the name is `rust_module_green`.
    #[must_use]
    pub fn module(mut self, module: &str) -> Self {
        module.clone_into(&mut self.module);
        self
    }

    /// Another filter of the module, such as `http-acl`.
    #[must_use]
    pub fn filter_name(mut self, filter_name: &str) -> Self {
        filter_name.clone_into(&mut self.filter_name);
        self
    }

    /// Another name in the chain: what `typed_per_filter_config` refers to.
    #[must_use]
    pub fn instance(mut self, instance: &str) -> Self {
        instance.clone_into(&mut self.instance);
        self
    }

    /// An entry of `http_filters`.
    pub(crate) fn in_chain(&self) -> Value {
        json!({
            "name": self.instance,
            "disabled": self.disabled,
            "typed_config": self.typed_config(),
        })
    }

    /// Its `typed_config`, for another filter that has it within.
    #[must_use]
    pub fn typed_config(&self) -> Value {
        json!({
            "@type": HTTP_FILTER,
            "dynamic_module_config": self.dynamic_module_config(),
            "filter_name": self.filter_name,
            "filter_config": self.config.any(),
        })
    }

    /// An entry of `typed_per_filter_config`: its key and its value.
    pub(crate) fn per_route(&self, release: EnvoyRelease) -> (String, Value) {
        let mut message = Map::from_iter([
            ("@type".into(), PER_ROUTE.into()),
            ("dynamic_module_config".into(), self.dynamic_module_config()),
            ("per_route_config_name".into(), json!(self.filter_name)),
            ("filter_config".into(), self.config.any()),
        ]);
        // Envoy before 1.38 refuses the field as unknown; kgateway sends both.
        if self.named_per_route && release.at_least(1, 38) {
            message.insert("filter_name".into(), json!(self.filter_name));
        }
        (self.instance.clone(), Value::Object(message))
    }

    fn dynamic_module_config(&self) -> Value {
        // Unloading the module while a stream still uses it would be a crash.
        json!({"name": self.module, "do_not_close": true})
    }
}

impl<C: Into<FilterConfig>> From<C> for Filter {
    fn from(config: C) -> Self {
        Self::new(config)
    }
}
