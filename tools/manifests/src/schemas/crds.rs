//! Schemas out of CustomResourceDefinitions.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::built_in;
use super::rules::Rules;
use super::strict::Schema;

/// The kinds of every definition in a folder, in every version that is served.
pub(super) fn kinds(directory: &Path, rules: &Rules) -> Result<BTreeMap<String, Schema>> {
    let entries =
        fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    files.sort();
    ensure!(
        !files.is_empty(),
        "no CustomResourceDefinitions (*.yaml) in {}",
        directory.display()
    );
    let mut kinds = BTreeMap::new();
    for file in files {
        let text = fs::read_to_string(&file)?;
        let definitions: Vec<Value> = serde_saphyr::from_multiple(&text)
            .with_context(|| format!("{} is not YAML", file.display()))?;
        for definition in definitions {
            read(&definition, rules, &mut kinds).with_context(|| format!("{}", file.display()))?;
        }
    }
    Ok(kinds)
}

fn read(definition: &Value, rules: &Rules, kinds: &mut BTreeMap<String, Schema>) -> Result<()> {
    let text = |pointer: &str| {
        let value = definition.pointer(pointer).and_then(Value::as_str);
        value.with_context(|| format!("no {pointer}"))
    };
    ensure!(
        text("/kind")? == "CustomResourceDefinition",
        "it is a {}",
        text("/kind")?
    );
    let (group, kind) = (text("/spec/group")?, text("/spec/names/kind")?);
    let versions = definition
        .pointer("/spec/versions")
        .and_then(Value::as_array);
    for version in versions.into_iter().flatten() {
        let name = version.get("name").and_then(Value::as_str);
        let name = name.context("a version without a name")?;
        let served = version.get("served").is_none_or(|served| served == true);
        let schema = version.pointer("/schema/openAPIV3Schema");
        if let (true, Some(schema)) = (served, schema) {
            let mut schema = schema.clone();
            let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
            let properties = properties.context("a schema without properties")?;
            properties.insert("metadata".into(), built_in::metadata()?);
            for name in ["apiVersion", "kind"] {
                properties.insert(name.into(), json!({"type": "string"}));
            }
            let schema = built_in::with_definitions(schema)?;
            kinds.insert(
                format!("{group}/{name} {kind}"),
                Schema::new(schema, rules)?,
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Rules, kinds};
    use serde_json::json;

    const DEFINITION: &str = r#"
kind: CustomResourceDefinition
spec:
  group: example.com
  names: {kind: Model}
  versions:
  - name: v1
    served: true
    schema:
      openAPIV3Schema:
        type: object
        required: [spec]
        properties:
          metadata: {type: object}
          spec:
            type: object
            required: [least, most]
            properties:
              least: {type: integer, default: 1}
              most: {type: integer}
            x-kubernetes-validations:
            - {rule: "self.least <= self.most", message: "the least is more than the most"}
            - {rule: "oldSelf.most == self.most"}
            - {rule: "unheardOf(self)"}
  - name: v0
    served: false
    schema: {openAPIV3Schema: {type: object}}
"#;

    #[test]
    fn a_definition_is_a_schema_with_its_rules() {
        let folder = tempfile::tempdir().unwrap();
        let rules = Rules::default();
        assert!(kinds(folder.path(), &rules).is_err());
        std::fs::write(folder.path().join("models.yaml"), DEFINITION).unwrap();
        let kinds = kinds(folder.path(), &rules).unwrap();
        assert_eq!(kinds.keys().collect::<Vec<_>>(), ["example.com/v1 Model"]);
        let problems = |spec, metadata| {
            let object = json!({"apiVersion": "example.com/v1", "kind": "Model", "metadata": metadata, "spec": spec});
            let problems = kinds["example.com/v1 Model"].problems(&object).into_iter();
            problems
                .map(|(place, what)| format!("{place}: {what}"))
                .collect::<Vec<_>>()
        };
        let named = json!({"name": "a"});
        assert_eq!(problems(json!({"most": 1}), named.clone()), [""; 0]);
        assert_eq!(
            problems(json!({"most": 0}), named.clone()),
            ["/spec: the least is more than the most"]
        );
        assert!(!problems(json!({"least": 1}), named.clone()).is_empty());
        assert!(!problems(json!({"most": 1, "x": 1}), named).is_empty());
        assert!(!problems(json!({"most": 1}), json!({"nam": "a"})).is_empty());
        let report = rules.to_string();
        assert!(report.starts_with(", 1 CEL rules evaluated"), "{report}");
        assert!(
            report.contains("not evaluated: unheardOf(self)"),
            "{report}"
        );
    }
}
