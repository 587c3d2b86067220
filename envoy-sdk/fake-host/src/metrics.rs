//! Metrics of one filter configuration.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// The kinds of metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// What happens to a metric.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change {
    Add,
    Subtract,
    Set,
    Record,
}

/// Envoy's result codes.
pub(crate) const SUCCESS: u32 = 0;
const NOT_FOUND: u32 = 1;
const INVALID_LABELS: u32 = 2;
const FROZEN: u32 = 3;

#[derive(Debug)]
struct Definition {
    name: String,
    labels: usize,
}

/// Name and label values of a metric.
type Series = (String, Vec<String>);

/// Definitions and values. As in Envoy, metrics with and without labels are numbered apart.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    definitions: RefCell<BTreeMap<(Kind, bool), Vec<Definition>>>,
    values: RefCell<BTreeMap<Series, Vec<u64>>>,
    frozen: Cell<bool>,
}

impl Metrics {
    pub(crate) fn freeze(&self) {
        self.frozen.set(true);
    }

    pub(crate) fn define(&self, kind: Kind, name: String, labels: usize) -> Result<usize, u32> {
        if self.frozen.get() {
            return Err(FROZEN);
        }
        let mut definitions = self.definitions.borrow_mut();
        let list = definitions.entry((kind, labels > 0)).or_default();
        list.push(Definition { name, labels });
        Ok(list.len() - 1)
    }

    pub(crate) fn change(
        &self,
        kind: Kind,
        change: Change,
        id: usize,
        labels: Vec<String>,
        amount: u64,
    ) -> u32 {
        let definitions = self.definitions.borrow();
        let definition = definitions
            .get(&(kind, !labels.is_empty()))
            .and_then(|list| list.get(id));
        let Some(definition) = definition else {
            return NOT_FOUND;
        };
        if definition.labels != labels.len() {
            return INVALID_LABELS;
        }
        let mut values = self.values.borrow_mut();
        let recorded = values.entry((definition.name.clone(), labels)).or_default();
        let current = recorded.last().copied().unwrap_or(0);
        let new = match change {
            Change::Add => current.wrapping_add(amount),
            Change::Subtract => current.wrapping_sub(amount),
            Change::Set => amount,
            Change::Record => {
                recorded.push(amount);
                return SUCCESS;
            }
        };
        *recorded = vec![new];
        SUCCESS
    }

    pub(crate) fn values(&self, name: &str, labels: &[&str]) -> Vec<u64> {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        self.values
            .borrow()
            .get(&(name.to_owned(), labels))
            .cloned()
            .unwrap_or_default()
    }
}
