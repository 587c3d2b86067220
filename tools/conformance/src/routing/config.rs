//! The words of a case's `config`, as a configuration of this module.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::routes::{BODY_BYTES, MODEL, Model, Routes};
use super::transform::{self, Operation, Transforms};

/// Where the model stands in the paths of Amazon Bedrock and Google Vertex AI.
const PATHS: [&str; 5] = [
    "/model/{model}/invoke",
    "/model/{model}/invoke-with-response-stream",
    "/model/{model}/converse",
    "/model/{model}/converse-stream",
    "/v1/projects/*/locations/*/publishers/*/models/{model}:*",
];

/// What a gateway is to do, in no gateway's own format.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Config {
    /// Members of the body and the headers they become.
    extract: Vec<Extract>,
    base_model: Option<BaseModel>,
    /// What models are called behind the gateway, by globs.
    aliases: BTreeMap<String, String>,
    /// Members of the body to set.
    body_set: Vec<BodySet>,
    ordered_header_ops: Vec<Operation>,
    transform: Option<Transforms>,
    mode: Option<Mode>,
    models: Vec<Model>,
    /// Whether the model is taken from the path.
    extract_path: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Extract {
    field: String,
    header: String,
}

/// A header for the base model; adapters by base model.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BaseModel {
    header: String,
    map: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BodySet {
    field: String,
    value: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    /// Only requests for one of `models` are served.
    ModelRouter,
}

impl Config {
    /// # Errors
    /// [`Unmapped`](super::Unmapped), or the words contradict each other.
    pub(super) fn filter_config(&self) -> Result<Value> {
        let mut request = Map::new();
        let extracts = self.extracts()?;
        if !extracts.is_empty() {
            request.insert("extract".into(), extracts.into());
        }
        let edits = self.edits()?;
        if !edits.is_empty() {
            request.insert("patch".into(), edits.into());
        }
        transform::ordered(&self.ordered_header_ops, &mut request)?;
        let mut config = Map::new();
        if let Some(transform) = &self.transform {
            if let Some(pass) = &transform.request {
                pass.write(&mut request)?;
            }
            if let Some(pass) = &transform.response {
                let mut response = Map::new();
                pass.write(&mut response)?;
                config.insert("response".into(), response.into());
            }
        }
        if request.contains_key("patch") && request.contains_key("body") {
            bail!("edits of a body and a new one");
        }
        config.insert("request".into(), request.into());
        if self.is_router() {
            config.insert("limits".into(), json!({"maxHeldBytes": BODY_BYTES}));
        }
        Ok(config.into())
    }

    /// What the gateway does with the routing header.
    ///
    /// # Errors
    /// `models` without a router.
    pub(super) fn routes(&self) -> Result<Routes> {
        if !self.is_router() && !self.models.is_empty() {
            bail!("`models` belongs to `mode: model_router`");
        }
        let header = self.extract.first().map(|extract| extract.header.as_str());
        Ok(match self.mode {
            Some(Mode::ModelRouter) => Routes::router(&self.models),
            None => Routes::observed(header.unwrap_or(MODEL)),
        })
    }

    fn is_router(&self) -> bool {
        self.mode == Some(Mode::ModelRouter)
    }

    fn extracts(&self) -> Result<Vec<Value>> {
        let mut extracts: Vec<(String, Map<String, Value>)> = Vec::new();
        for Extract { field, header } in &self.extract {
            let extract = self.extract(field, Some(header));
            extracts.push((field.clone(), extract));
        }
        let of_the_model = self.base_model.is_some()
            || !self.aliases.is_empty()
            || self.extract_path
            || self.is_router();
        if of_the_model && !extracts.iter().any(|(field, _)| field == "model") {
            let header = (self.extract_path || self.is_router()).then_some(MODEL);
            extracts.push(("model".into(), self.extract("model", header)));
        }
        Ok(extracts
            .into_iter()
            .map(|(_, extract)| Value::Object(extract))
            .collect())
    }

    fn extract(&self, field: &str, header: Option<&str>) -> Map<String, Value> {
        let mut from = Vec::new();
        let of_the_model = field == "model";
        if of_the_model && self.extract_path {
            from.extend(PATHS.map(|path| json!({"path": path})));
        }
        from.push(json!({"multipart": field}));
        from.push(json!({"form": field}));
        from.push(json!({"json": pointer(field)}));
        let mut extract = Map::new();
        extract.insert("name".into(), field.into());
        extract.insert("from".into(), from.into());
        if let Some(header) = header {
            extract.insert("header".into(), header.into());
        }
        if of_the_model && !self.aliases.is_empty() {
            let aliases = self.aliases.iter();
            let aliases = aliases.map(|(glob, value)| json!({"match": glob, "value": value}));
            extract.insert("aliases".into(), aliases.collect());
        }
        if let Some(base) = self.base_model.as_ref().filter(|_| of_the_model) {
            let pairs = base.map.iter().flat_map(|(base, adapters)| {
                let adapters = adapters.iter();
                adapters.map(move |adapter| (adapter.clone(), Value::from(base.as_str())))
            });
            let values: Map<String, Value> = pairs.collect();
            let lookup = json!({"header": base.header, "values": values});
            extract.insert("lookup".into(), lookup);
        }
        if of_the_model && self.is_router() {
            extract.insert("onMissing".into(), "reject".into());
            extract.insert("onInvalid".into(), "reject".into());
        }
        extract
    }

    fn edits(&self) -> Result<Vec<Value>> {
        let sets = self.body_set.iter();
        let mut edits: Vec<Value> = sets
            .map(|BodySet { field, value }| {
                json!({"set": pointer(field), "json": transform::literal(&value.to_string())})
            })
            .collect();
        let renamed = !self.aliases.is_empty();
        if renamed {
            edits.push(json!({"replace": "/model", "value": "{{ extracted.model }}"}));
        }
        if let Some(rewrite) = Model::rewritten(&self.models)? {
            if renamed {
                bail!("`aliases` beside `rewrite`");
            }
            let template = format!("{{{{ cel({}) }}}}", Value::from(rewrite));
            edits.push(json!({"replace": "/model", "value": template}));
        }
        Ok(edits)
    }
}

/// The JSON Pointer of a member of the body.
fn pointer(field: &str) -> String {
    format!("/{}", field.replace('~', "~0").replace('/', "~1"))
}
