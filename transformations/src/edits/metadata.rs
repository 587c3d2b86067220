//! Entries of dynamic metadata.

use diagnostics::header;

use super::editing::Editing;
use super::view::View;
use super::{Formula, MetadataEdit};
use crate::failure::Reason;
use crate::languages::spelled;
use crate::ops::{AttributeValue, MetadataValue};
use crate::rejection::Rejection;

impl Editing<'_> {
    pub(super) fn metadata(
        &mut self,
        metadata: &MetadataEdit,
        view: &View<'_>,
    ) -> Result<(), Box<Rejection>> {
        let made = match &metadata.formula {
            Formula::Expression(id) => view.values.metadata(*id, metadata.value_type, self.limits),
            Formula::Template(_) => {
                let text = self.value(&metadata.formula, &metadata.path, view)?;
                let wanted = metadata.value_type.unwrap_or_default();
                text.map_or(Ok(None), |text| spelled(&text, wanted))
            }
        };
        let value = match made {
            Ok(Some(value)) => value,
            Ok(None) => return Ok(()),
            Err((reason, detail)) => {
                self.outcome.fail(reason, &metadata.path, detail);
                return Ok(());
            }
        };
        let value = match &value {
            // A line break would write lines of its own into a text access log.
            AttributeValue::Text(text) if !header::valid_value(text.as_bytes()) => {
                let detail = "the value holds a control character";
                self.outcome
                    .fail(Reason::HeaderValue, &metadata.path, detail);
                return Ok(());
            }
            AttributeValue::Text(text) if text.is_empty() => return Ok(()),
            AttributeValue::Text(text) => MetadataValue::Text(text),
            AttributeValue::Number(number) => MetadataValue::Number(*number),
            AttributeValue::Bool(bool) => MetadataValue::Bool(*bool),
            AttributeValue::Int(_) => return Ok(()), // metadata has none
        };
        self.ops
            .set_dynamic_metadata(&metadata.namespace, &metadata.key, value);
        self.done(&metadata.path);
        Ok(())
    }
}
