//! Several measurements of one thing.

use serde::{Deserialize, Serialize};

/// The middle of the measurements and how far apart they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Spread {
    /// The middle one; of an even number, the mean of the two in the middle.
    pub(super) median: f64,
    pub(super) lowest: f64,
    pub(super) highest: f64,
}

impl Spread {
    /// Of these measurements; all zero if there are none.
    pub(super) fn of(measured: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = measured.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or_default();
        let last = sorted.len().saturating_sub(1);
        Self {
            median: f64::midpoint(at(last / 2), at(last - last / 2)),
            lowest: at(0),
            highest: at(last),
        }
    }

    /// Half the distance between the extremes.
    pub(super) fn deviation(self) -> f64 {
        (self.highest - self.lowest) / 2.0
    }
}

/// The value that this share (0 to 1) of the sorted values does not exceed; zero of none.
pub(super) fn quantile<T: Copy + Default>(sorted: &[T], share: f64) -> T {
    // A share of a length is no larger than the length.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let rank = (share * sorted.len() as f64).ceil() as usize;
    let index = rank.saturating_sub(1);
    sorted.get(index).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(Spread::of([]), Spread::default());
        assert_eq!(Spread::of([3.0]).median, 3.0);
        assert_eq!(Spread::of([9.0, 1.0]).median, 5.0);
        let spread = Spread::of([5.0, 1.0, 2.0]);
        assert_eq!(
            (spread.lowest, spread.median, spread.highest),
            (1.0, 2.0, 5.0)
        );
        assert_eq!(spread.deviation(), 2.0);
    }

    #[test]
    fn quantiles() {
        let sorted: Vec<u32> = (1..=100).collect();
        assert_eq!(quantile(&sorted, 0.5), 50);
        assert_eq!(quantile(&sorted, 0.99), 99);
        assert_eq!(quantile(&sorted, 1.0), 100);
        assert_eq!(quantile(&sorted, 0.0), 1);
        assert_eq!(quantile(&[7], 0.99), 7);
        assert_eq!(quantile::<u32>(&[], 0.5), 0);
    }
}
