//! Numbers of YAML that Envoy hands to the module as texts, where any JSON is allowed.

use cases::scalar::{ReadBy, Scalar};
use granit_parser::ScalarStyle;
use serde_json::{Map, Value};
use transformations::{Code, Diagnostic};

use crate::tree::{Entry, Kind, Node};

/// What is to be known of the numbers below the `json` of each edit. A `json` that is a number itself loses nothing: the text
/// is the template of that number.
pub(super) fn in_edits(config: Option<&Node>) -> Vec<Diagnostic> {
    let passes = config.map(Node::entries).unwrap_or_default().iter();
    let edits = passes.flat_map(|pass| {
        let edits = pass.value.get("patch").map(Node::items);
        let edits = edits.unwrap_or_default().iter().enumerate();
        edits.map(move |(index, edit)| (format!("{}.patch[{index}].json", pass.key), edit))
    });
    edits
        .filter_map(|(path, edit)| warning(path, edit.get("json")?))
        .collect()
}

fn warning(path: String, json: &Node) -> Option<Diagnostic> {
    if matches!(json.kind, Kind::Scalar { .. }) {
        return None;
    }
    let (below, number) = first(json)?;
    let message = format!("Envoy reads the number `{number}` of YAML as the text \"{number}\"");
    let meant = meant(json).to_string().replace('\'', "''");
    let help = format!("write the JSON as a text: `json: '{meant}'`");
    Some(Diagnostic::warning(Code::Schema, path + &below, message).help(help))
}

/// The first number that is read as a text, and the path to it.
fn first(node: &Node) -> Option<(String, &str)> {
    match &node.kind {
        Kind::Scalar { meaning, .. } => {
            let lost = node.value().is_string() && meant(node).is_number();
            lost.then_some((String::new(), meaning))
        }
        Kind::List(items) => items.iter().enumerate().find_map(|(index, item)| {
            let (below, number) = first(item)?;
            Some((format!("[{index}]{below}"), number))
        }),
        Kind::Map(entries) => entries.iter().find_map(|entry| {
            let (below, number) = first(&entry.value)?;
            Some((format!(".{}{below}", entry.key), number))
        }),
    }
}

/// What the author means: the same with numbers.
fn meant(node: &Node) -> Value {
    match &node.kind {
        Kind::Scalar {
            meaning,
            style: style @ ScalarStyle::Plain,
            value: Value::String(_),
        } => {
            let scalar = Scalar {
                text: meaning,
                style: *style,
                tag: None,
            };
            match scalar.value(ReadBy::Kubernetes) {
                number @ Value::Number(_) => number,
                _ => meaning.as_str().into(),
            }
        }
        Kind::Scalar { value, .. } => value.clone(),
        Kind::List(items) => items.iter().map(meant).collect(),
        Kind::Map(entries) => {
            let member = |entry: &Entry| (entry.key.clone(), meant(&entry.value));
            entries.iter().map(member).collect::<Map<_, _>>().into()
        }
    }
}
