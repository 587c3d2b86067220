//! The key `dynamicMetadata`: entries, and what their values have to be.

use diagnostics::Code;

use super::Compiler;
use crate::config::{self, ValueType};
use crate::edits::{Formula, MetadataEdit};

impl Compiler<'_> {
    /// What the value of an entry has to be; `None`: what its expression gives.
    fn metadata_type(
        &mut self,
        path: &str,
        value: &config::DynamicMetadataValue,
    ) -> Option<ValueType> {
        if value.value_type.is_some() && value.cel.is_none() {
            let help = "write `numberValue` for a number, and remove `type`";
            self.error(Code::Conflict, path, "only `cel` has a `type`", help);
        }
        let text = value.string_value.as_deref();
        match (
            text.is_some_and(|text| !text.is_empty()),
            &value.number_value,
        ) {
            (true, Some(_)) => {
                let message = "both `stringValue` and `numberValue` are given";
                self.error(Code::Conflict, path, message, "remove one of them");
                None
            }
            (true, None) => Some(ValueType::Text),
            (false, Some(_)) => Some(ValueType::Number),
            (false, None) => value.value_type,
        }
    }

    pub(super) fn metadata(
        &mut self,
        list: &str,
        entries: &[config::DynamicMetadata],
    ) -> Vec<MetadataEdit> {
        let compile = |(index, entry): (usize, &config::DynamicMetadata)| {
            let path = format!("{list}[{index}] `{}`", entry.key);
            let value = &entry.value;
            let cel = value.cel.as_deref();
            let text = MetadataEdit::text(entry).unwrap_or_default();
            let named = !entry.namespace.is_empty() && !entry.key.is_empty();
            if !named || (text.is_empty() && cel.is_none()) {
                let help = "give it a `namespace`, a `key` and, in `value`, a `stringValue`, `numberValue` or `cel`";
                self.warning(
                    Code::Conflict,
                    &path,
                    "this entry is ignored, because its namespace, key or value is empty",
                    help,
                );
                return None;
            }
            let value_type = self.metadata_type(&path, value);
            let formula = self.formula(&path, text, cel)?;
            let listed = |name| ["list", "map"].contains(&name); // as JSON
            let as_json = match &formula {
                Formula::Expression(id) => {
                    let name = self.compilation.expressions.type_name(*id);
                    name.is_some_and(listed) && value_type.is_none_or(|t| t == ValueType::Text)
                }
                Formula::Template(_) => false,
            };
            if !as_json {
                self.worthless(&path, &formula);
            }
            Some(MetadataEdit {
                formula,
                path,
                namespace: entry.namespace.clone(),
                key: entry.key.clone(),
                value_type,
                awaits_answer: false,
            })
        };
        entries.iter().enumerate().filter_map(compile).collect()
    }
}
