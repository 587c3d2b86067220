//! Which combinations of label values have time series of their own.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

/// The combinations of label values that have series of their own: the first that come.
#[derive(Debug, Default)]
pub(super) struct Series(RwLock<HashSet<Vec<String>>>);

impl Series {
    /// Whether this combination has its own series.
    pub(super) fn has(&self, values: &[String]) -> bool {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.contains(values)
    }

    /// Whether this combination has its own series, which it gets while fewer than `most` have.
    pub(super) fn admits(&self, values: &[String], most: usize) -> bool {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if known.contains(values) {
            return true;
        }
        if known.len() >= most {
            return false;
        }
        drop(known);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have been faster.
        if known.contains(values) {
            return true;
        }
        let admitted = known.len() < most;
        if admitted {
            known.insert(values.to_vec());
        }
        admitted
    }
}

/// The series of a process, by the names of their labels.
///
/// Listeners with the same labels share Envoy's metrics, so they share the bound; and a configuration that
/// replaces another goes on with the combinations of that, for as long as either is in use.
#[derive(Debug, Default)]
pub(crate) struct AllSeries(Mutex<BTreeMap<Vec<String>, Weak<Series>>>);

impl AllSeries {
    /// The series with these labels.
    pub(super) fn labelled(&self, names: &[String]) -> Arc<Series> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(series) = all.get(names).and_then(Weak::upgrade) {
            return series;
        }
        all.retain(|_, series| series.strong_count() > 0);
        let series = Arc::default();
        all.insert(names.to_vec(), Arc::downgrade(&series));
        series
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(value: usize) -> Vec<String> {
        vec![value.to_string()]
    }

    #[test]
    fn the_first_combinations_have_series() {
        let series = Series::default();
        for value in [0, 1, 0, 2] {
            assert!(series.admits(&values(value), 3), "{value}");
        }
        assert!(!series.admits(&values(3), 3));
        assert!(series.admits(&values(2), 3));
        assert!(series.admits(&values(3), 4), "the bound was raised");
    }

    #[test]
    fn threads_do_not_pass_the_bound_together() {
        let series = Series::default();
        let admitted: usize = std::thread::scope(|scope| {
            let count = |first: usize| {
                let own = (0..1000).filter(|value| series.admits(&values(first + value), 100));
                own.count()
            };
            let threads: Vec<_> = (0..4)
                .map(|thread| scope.spawn(move || count(thread * 1000)))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum()
        });
        assert_eq!(admitted, 100);
    }

    #[test]
    fn series_outlive_a_configuration_that_is_replaced() {
        let all = AllSeries::default();
        let names = ["model".to_owned()];
        let old = all.labelled(&names);
        assert!(old.admits(&values(1), 1));
        let new = all.labelled(&names);
        drop(old);
        assert!(!new.admits(&values(2), 1));
        assert!(all.labelled(&["tenant".to_owned()]).admits(&values(2), 1));
        drop(new);
        assert!(all.labelled(&names).admits(&values(2), 1));
        assert_eq!(
            all.0.lock().unwrap().len(),
            1,
            "what nobody uses is forgotten"
        );
    }
}
