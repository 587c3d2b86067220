//! Stores of adapters, filled by ConfigMaps: what one says in the end is a `lookup`.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use super::expected::Expected;

/// What happens to the store.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Step {
    /// `put` or `put_err`, the ConfigMap, its base model and its adapters, a YAML list.
    Put(String, String, Option<String>, Option<String>),
    /// `del` and the ConfigMap.
    Delete(String, String),
}

/// What each name is to be found as; empty for nothing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lookups {
    lookup: BTreeMap<String, String>,
}

/// The adapters and their base models that are left after these steps.
///
/// # Errors
/// A ConfigMap that is to be taken cannot be read, one that is to be refused can, or a step is unknown.
pub(super) fn table(steps: &[Step]) -> Result<BTreeMap<String, String>> {
    let mut maps: BTreeMap<&str, Vec<(String, String)>> = BTreeMap::new();
    for (index, step) in steps.iter().enumerate() {
        let place = || format!("`steps[{index}]`");
        match step {
            Step::Put(put, name, base, adapters) => {
                let read = entries(base.as_deref(), adapters.as_deref());
                match put.as_str() {
                    "put" => maps.insert(name, read.with_context(place)?),
                    "put_err" => {
                        ensure!(read.is_err(), "{}: nothing is wrong with it", place());
                        None
                    }
                    other => bail!("{}: step {other:?}", place()),
                };
            }
            Step::Delete(delete, name) => {
                ensure!(delete == "del", "{}: step {delete:?}", place());
                maps.remove(name.as_str());
            }
        }
    }
    Ok(maps.into_values().flatten().collect())
}

/// The entries of one ConfigMap. A base without adapters stands for itself.
fn entries(base: Option<&str>, adapters: Option<&str>) -> Result<Vec<(String, String)>> {
    let base = base.map(str::trim).filter(|base| !base.is_empty());
    let base = base.context("no base model")?;
    let adapters: Option<Vec<Option<String>>> =
        serde_saphyr::from_str(adapters.unwrap_or_default()).context("adapters")?;
    let names = adapters.into_iter().flatten().flatten();
    let mut entries: Vec<_> = names
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .map(|name| (name, base.to_owned()))
        .collect();
    if entries.is_empty() {
        entries.push((base.to_owned(), base.to_owned()));
    }
    Ok(entries)
}

impl Lookups {
    /// One field for each name to look up, all in one request.
    pub(super) fn config(&self, table: &BTreeMap<String, String>) -> Value {
        let extract = |index| {
            let mut extract = json!({
                "name": format!("name{index}"),
                "from": [{"json": format!("/names/{index}")}],
                "header": format!("x-name-{index}"),
            });
            // A lookup without values is refused: an empty store has none.
            if let Some(extract) = extract.as_object_mut().filter(|_| !table.is_empty()) {
                let lookup = json!({"header": header(index), "values": table});
                extract.insert("lookup".into(), lookup);
            }
            extract
        };
        let extracts: Vec<Value> = (0..self.lookup.len()).map(extract).collect();
        json!({"request": {"extract": extracts}})
    }

    pub(super) fn body(&self) -> String {
        json!({"names": self.lookup.keys().collect::<Vec<_>>()}).to_string()
    }

    pub(super) fn expected(&self) -> Expected {
        let values = self.lookup.values().enumerate().map(|(index, base)| {
            let base = Some(base.clone()).filter(|base| !base.is_empty());
            (header(index), base)
        });
        Expected::headers(values)
    }
}

fn header(index: usize) -> String {
    format!("x-base-{index}")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Step, table};

    fn steps(steps: Value) -> Vec<Step> {
        serde_json::from_value(steps).unwrap()
    }

    #[test]
    fn what_is_left_in_the_end_counts() {
        let left = table(&steps(json!([
            ["put", "a", " base ", "- x \n- \n- y\n"],
            ["put", "b", "base", "- z\n"],
            ["put", "c", "other", "- x\n"],
            ["put", "d", "alone", ""],
            ["del", "c"],
            ["put", "a", "base", "- w\n"],
            ["put_err", "a", null, "- v\n"],
        ])))
        .unwrap();
        let left: Vec<_> = left.into_iter().collect();
        let pair = |adapter: &str, base: &str| (adapter.to_owned(), base.to_owned());
        assert_eq!(
            left,
            [pair("alone", "alone"), pair("w", "base"), pair("z", "base")]
        );
    }

    #[test]
    fn a_step_that_says_something_else_is_refused() {
        for wrong in [
            json!([["put", "a", null, "- x\n"]]),
            json!([["put", "a", "base", "["]]),
            json!([["put_err", "a", "base", "- x\n"]]),
            json!([["drop", "a"]]),
            json!([["shove", "a", "base", "- x\n"]]),
        ] {
            assert!(table(&steps(wrong.clone())).is_err(), "{wrong}");
        }
    }
}
