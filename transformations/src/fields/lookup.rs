//! What a value becomes in a second header: the base model of an adapter.

use std::collections::HashMap;

use crate::config;

/// A table, compiled.
#[derive(Debug)]
pub(super) struct Lookup {
    /// In lower case.
    pub(super) header: String,
    values: HashMap<String, String>,
    default: Option<String>,
}

impl Lookup {
    pub(super) fn new(lookup: &config::Lookup) -> Self {
        let mut values: HashMap<_, _> = lookup.values.clone().into_iter().collect();
        for base in lookup.values.values() {
            values.entry(base.clone()).or_insert_with(|| base.clone());
        }
        Self {
            header: lookup.header.to_ascii_lowercase(),
            values,
            default: lookup.default.clone().filter(|value| !value.is_empty()),
        }
    }

    /// What `value` becomes.
    pub(super) fn find(&self, value: &str) -> Option<&str> {
        let found = self.values.get(value).or(self.default.as_ref());
        found.map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(default: Option<&str>) -> Lookup {
        let pairs = [
            ("lora-a", "llama"),
            ("lora-b", "llama"),
            ("chain", "lora-a"),
        ];
        let owned = |(from, to): (&str, &str)| (from.to_owned(), to.to_owned());
        Lookup::new(&config::Lookup {
            header: "X-Base".to_owned(),
            values: pairs.into_iter().map(owned).collect(),
            default: default.map(str::to_owned),
        })
    }

    #[test]
    fn a_base_stands_for_itself_unless_the_table_says_otherwise() {
        let lookup = lookup(None);
        assert_eq!(lookup.header, "x-base");
        assert_eq!(lookup.find("lora-b"), Some("llama"));
        assert_eq!(lookup.find("llama"), Some("llama"));
        assert_eq!(lookup.find("chain"), Some("lora-a"));
        assert_eq!(lookup.find("lora-a"), Some("llama"));
        assert_eq!(lookup.find("Llama"), None);
    }

    #[test]
    fn the_unknown_becomes_the_default() {
        assert_eq!(lookup(Some("small")).find("other"), Some("small"));
        assert_eq!(lookup(Some("")).find("other"), None);
    }
}
