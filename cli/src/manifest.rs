//! Manifests of control planes that have a configuration of the module in them, as Kubernetes knows them.

use std::rc::Rc;

use transformations::{Code, Diagnostic};

use crate::document::{Contents, FILTERS, Filter, Owner};
use crate::envoy::{self, Around};
use crate::source::Source;
use crate::text::Text;
use crate::tree::{self, Kind, Node};

/// The keys of a TrafficPolicy's transformation; Kubernetes removes any other.
const OF_TRAFFIC_POLICY: [&str; 5] = ["set", "add", "remove", "body", "dynamicMetadata"];

/// Finds the configurations in a manifest; `false`: it is none that has them in a way of its own.
pub(crate) fn collect(text: &Rc<Text>, document: &Node, contents: &mut Contents) -> bool {
    let kind = document.get("kind").and_then(Node::text);
    let is_manifest = document.get("apiVersion").is_some();
    match kind.filter(|_| is_manifest) {
        Some("EnvoyExtensionPolicy") => extension_policy(text, document, contents),
        Some("TrafficPolicy") => traffic_policy(text, document, contents),
        Some("ConfigMap") => config_map(text, document, contents),
        Some("List") => {
            let items = document.get("items").map(Node::items).unwrap_or_default();
            for item in items {
                if !collect(text, item, contents) {
                    envoy::collect(text, item, Around::default(), contents);
                }
            }
        }
        _ => return false,
    }
    true
}

/// What the manifest is called: `TrafficPolicy/extract-model`.
fn title(document: &Node) -> String {
    let kind = document
        .get("kind")
        .and_then(Node::text)
        .unwrap_or_default();
    let name = document
        .get("metadata")
        .and_then(|metadata| metadata.get("name")?.text());
    format!("{kind}/{}", name.unwrap_or_default())
}

/// Envoy Gateway's: `spec.dynamicModule[].config`.
fn extension_policy(text: &Rc<Text>, document: &Node, contents: &mut Contents) {
    let modules = document
        .get("spec")
        .and_then(|spec| spec.get("dynamicModule"));
    let modules = modules.map(Node::items).unwrap_or_default();
    for (index, module) in modules.iter().enumerate() {
        let name = module
            .get("filterName")
            .and_then(Node::text)
            .unwrap_or_default();
        if FILTERS.contains(&name) {
            let place = format!("{}.spec.dynamicModule[{index}]", title(document));
            push(text, &place, name, module.get("config"), module, contents);
        }
    }
}

/// kgateway's: `spec.transformation`, which it hands to the module as it is.
fn traffic_policy(text: &Rc<Text>, document: &Node, contents: &mut Contents) {
    let Some(found) = document
        .get("spec")
        .and_then(|spec| spec.get("transformation"))
    else {
        return;
    };
    let place = format!("{}.spec.transformation", title(document));
    for direction in found.entries() {
        let known = ["request", "response"].contains(&direction.key.as_str());
        let unknown: Vec<_> = match known {
            false => vec![direction],
            true => {
                let keys = direction.value.entries().iter();
                keys.filter(|entry| !OF_TRAFFIC_POLICY.contains(&entry.key.as_str()))
                    .collect()
            }
        };
        for entry in unknown {
            let message = format!(
                "a TrafficPolicy has no `{}`, so Kubernetes removes it",
                entry.key
            );
            let error = Diagnostic::error(Code::UnknownKey, "", message);
            let error = error.help(
                "docs/kgateway.md has what a TrafficPolicy cannot express, and the ways around it",
            );
            contents.report(text, &entry.key_at, &place, error);
        }
    }
    push(text, &place, "rustformation", Some(found), found, contents);
}

/// Envoy's configuration as a file in a ConfigMap.
fn config_map(text: &Rc<Text>, document: &Node, contents: &mut Contents) {
    for entry in document.get("data").map(Node::entries).unwrap_or_default() {
        let Kind::Scalar { meaning, style, .. } = &entry.value.kind else {
            continue;
        };
        let inner = text.scalar(&entry.value.at, *style, meaning);
        let inner = Rc::new(inner.called(&entry.key));
        let Ok(documents) = tree::read(&inner) else {
            continue;
        };
        let place = format!("{}.data[{}]", title(document), entry.key);
        for document in &documents {
            if !collect(&inner, document, contents) {
                envoy::collect(&inner, document, Around::at(&place), contents);
            }
        }
    }
}

fn push(
    text: &Rc<Text>,
    place: &str,
    name: &str,
    config: Option<&Node>,
    around: &Node,
    contents: &mut Contents,
) {
    let written = config.map(|config| config.value().to_string());
    contents.filters.push(Filter {
        place: place.to_owned(),
        name: name.to_owned(),
        config: written.unwrap_or_default(),
        owner: Some(Owner::Listener),
        instance: String::new(),
        instance_at: 0..0,
        source: Source {
            text: Rc::clone(text),
            node: config.cloned(),
            at: config.unwrap_or(around).at.clone(),
        },
    });
}

#[cfg(test)]
mod tests {
    use transformations::Engine;

    use crate::check::judge;
    use crate::file::File;
    use crate::finding::Finding;

    fn found(text: &str) -> Vec<String> {
        let findings = judge(&Engine::default(), "rustformation", File::unnamed(text));
        let shown = |finding: &Finding| {
            let shown = finding.shown("f", text);
            shown.lines().next().unwrap_or_default().to_owned()
        };
        findings.iter().map(shown).collect()
    }

    #[test]
    fn a_policy_of_envoy_gateway_is_read() {
        let text = "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyExtensionPolicy\nmetadata: {name: p}\nspec:\n  dynamicModule:\n  \
                    - {name: other, filterName: theirs, config: {request: {sett: 1}}}\n  \
                    - name: ours\n    filterName: rustformation\n    config:\n      request:\n        extrct: []\n";
        let found = found(text);
        assert!(
            found.len() == 1 && found[0].starts_with("f:11:9: warning[RF003]: request.extrct"),
            "{found:?}"
        );
    }

    #[test]
    fn a_policy_of_kgateway_is_read_as_its_schema_has_it() {
        let text = "apiVersion: gateway.kgateway.dev/v1alpha1\nkind: TrafficPolicy\nmetadata: {name: p}\nspec:\n  transformation:\n    request:\n      \
                    set:\n      - {name: x-a, value: '{{ a | uper }}'}\n      extract: [{header: x-model}]\n";
        let found = found(text);
        assert!(
            found
                .iter()
                .any(|line| line.contains("RF005") && line.contains("uper")),
            "{found:?}"
        );
        assert!(
            found
                .iter()
                .any(|line| line.contains("a TrafficPolicy has no `extract`")),
            "{found:?}"
        );
    }

    #[test]
    fn a_file_in_a_config_map_is_read_and_placed() {
        let filter = "      '@type': type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter\n      \
                      dynamic_module_config: {name: rust_module, do_not_close: true}\n      filter_name: rustformation\n      \
                      filter_config:\n        '@type': type.googleapis.com/google.protobuf.Struct\n        value: {request: {sett: []}}\n";
        let text = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: envoy}}\ndata:\n  envoy.yaml: |\n    typed_config:\n{filter}  readme: 'not: [yaml'\n"
        );
        let found = found(&text);
        assert!(
            found.len() == 1 && found[0].starts_with("f:12:27: warning[RF003]: request.sett"),
            "{found:?}"
        );
    }

    #[test]
    fn manifests_within_a_list_are_read() {
        let text = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: gateway.kgateway.dev/v1alpha1\n  kind: TrafficPolicy\n  metadata: {name: p}\n  \
                    spec: {transformation: {request: {sett: []}}}\n";
        assert!(
            found(text).iter().any(|line| line.contains("sett")),
            "{:?}",
            found(text)
        );
    }
}
