//! What to write in place of keys and values that others know, or that stand in the wrong place.

use diagnostics::Advice;

/// Of `filter_config`.
pub(super) const ADVICE: Advice = Advice {
    when_empty: "write `{}` for a filter that does nothing",
    value,
    key,
};

/// Of the variable `RUSTFORMATIONS_METRICS`.
pub(crate) const METRICS_ADVICE: Advice = Advice {
    when_empty: "write `{}` for metrics without labels",
    value: |_| None,
    key: |_, _| None,
};

const MANIFEST: &str =
    "this is a key of a Kubernetes manifest: give only what stands below `transformation`";
const WITHOUT_IT: &str = "give only what stands below it: `request` and `response`";
const AS_EXTRACT: &str =
    "write a field of `extract`, such as `{name: model, from: [{json: /model}], header: x-model}`";
const AS_BODY: &str = "write `body: {parseAs: AsJson, value: \"...\"}`";
const AS_METADATA: &str = "write an entry of `dynamicMetadata`, such as `{namespace: llm, key: user, value: {cel: json(request.body).user}}`";

/// Keys at the top that others know.
const TOP: &[(&str, &str)] = &[
    ("apiVersion", MANIFEST),
    ("kind", MANIFEST),
    ("metadata", MANIFEST),
    ("spec", MANIFEST),
    ("status", MANIFEST),
    ("targetRefs", MANIFEST),
    ("transformation", WITHOUT_IT),
    ("transformations", WITHOUT_IT),
    ("stagedTransformations", WITHOUT_IT),
    ("traffic", WITHOUT_IT),
    ("filter_config", "give only what stands below its `value`"),
    ("@type", "give only what stands below `value`"),
    ("value", WITHOUT_IT),
    (
        "requestTransforms",
        "write `request`, with its keys below it",
    ),
    (
        "requestTransformation",
        "write `request`, with its keys below it",
    ),
    (
        "requestTransform",
        "write `request`, with its keys below it",
    ),
    (
        "responseTransforms",
        "write `response`, with its keys below it",
    ),
    (
        "responseTransformation",
        "write `response`, with its keys below it",
    ),
    (
        "responseTransform",
        "write `response`, with its keys below it",
    ),
];

/// Keys of a transformation that others know.
const TRANSFORMATION: &[(&str, &str)] = &[
    (
        "transformationTemplate",
        "give its keys directly, below `request` or `response`",
    ),
    ("headers", "write `set: [{name: x-model, value: \"...\"}]`"),
    (
        "headersToAppend",
        "write `add: [{name: x-model, value: \"...\"}]`",
    ),
    ("headersToRemove", "write `remove: [x-model]`"),
    ("headerBodyTransform", "write `body: {value: \"...\"}`"),
    ("bodyTransformation", AS_BODY),
    ("parseBodyBehavior", AS_BODY),
    ("parseAs", AS_BODY),
    (
        "mergeExtractorsToBody",
        "write `patch: [{set: /model, value: \"{{ extracted.model }}\"}]`",
    ),
    (
        "mergeJsonKeys",
        "write `patch: [{set: /model, value: \"...\"}]`",
    ),
    ("extractors", AS_EXTRACT),
    ("extraction", AS_EXTRACT),
    ("dynamicMetadataValues", AS_METADATA),
    ("metadata", AS_METADATA),
    (
        "passthrough",
        "remove it: without `body`, the body stays as it is",
    ),
    (
        "advancedTemplates",
        "remove it: members of the body are read with a dot, such as `a.b`",
    ),
    (
        "escapeCharacters",
        "remove it: nothing is escaped unless a template says so",
    ),
    (
        "ignoreErrorOnParse",
        "remove it: without `parseAs: AsJson` no body is parsed",
    ),
    ("conditional", "write the condition as `when`"),
];

fn value(path: &str) -> Option<&'static str> {
    let last = path.rsplit('.').next().unwrap_or_default();
    let (key, is_item) = match last.split_once('[') {
        Some((key, _)) => (key, true),
        None => (last, false),
    };
    Some(match (key, is_item) {
        ("from", _) => "write an object with one key for each source, such as `{json: /model}`",
        ("set" | "replace" | "default" | "insert" | "remove", false) if path.contains("patch[") => {
            "write one place, such as `/model`, and another edit for each other place"
        }
        ("set" | "add", true) => {
            "write an object for each header, such as `{name: x-model, value: a}`"
        }
        ("set" | "add", false) => "write a list of objects, such as `[{name: x-model, value: a}]`",
        ("remove", false) => "write a list of header names, such as `[x-model]`",
        ("extract", _) => {
            "write a list of fields, such as `[{from: [{json: /model}], header: x-model}]`"
        }
        ("body", false) => {
            "write an object: `{value: \"...\"}` with a template, or `{cel: \"...\"}`"
        }
        ("onMissing" | "onInvalid", false) => "write `continue`, or `reject`, which answers 400",
        ("dynamicMetadata", _) => AS_METADATA,
        ("aliases", _) => "write a list of aliases, such as `[{match: \"gpt-4*\", value: gpt-4o}]`",
        ("values", false) => "write an object, such as `{my-lora: llama-3}`",
        ("reject", _) => {
            "write a list of rules, such as `[{when: \"extracted.model == 'a'\", status: 404}]`"
        }
        ("headers", _) if path.contains("reject[") => {
            "write a list of headers, such as `[{name: x-plan-needed, value: team}]`"
        }
        ("dropEvents", _) => {
            "write a list of conditions, such as `[\"size(document.choices) == 0\"]`"
        }
        ("request" | "response", false) => {
            "write the keys of the pass without `- ` before them, such as `remove: [x-secret]`"
        }
        ("patch", _) => "write a list of edits, such as `[{set: /model, value: fast}]`",
        _ => return None,
    })
}

fn key(path: &str, key: &str) -> Option<&'static str> {
    let known = match path {
        "" => TOP,
        "request" | "response" => TRANSFORMATION,
        _ => return (path.ends_with("body") && key == "text").then_some("write `value`"),
    };
    let mut known = known.iter().filter(|(there, _)| *there == key);
    known.next().map(|(_, here)| *here)
}
