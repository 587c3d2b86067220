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

/// Between which of these measurements the median of all that could be made lies, with a certainty of 95 %. Nothing for
/// fewer than eight.
pub(super) fn interval(measured: &[f64]) -> Option<(f64, f64)> {
    let mut sorted = measured.to_vec();
    sorted.sort_by(f64::total_cmp);
    let count = sorted.len() as f64;
    // Each measurement is as likely below that median as above: how many are below is as if coins were tossed.
    let outside = ((count - 1.96 * count.sqrt()) / 2.0).floor();
    if outside < 1.0 {
        return None;
    }
    // Less than the number of measurements.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let outside = outside as usize;
    let lowest = sorted.get(outside - 1)?;
    let highest = sorted.get(sorted.len() - outside)?;
    Some((*lowest, *highest))
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
    fn intervals_narrow_with_more_measurements() {
        let measured = |count: u32| (1..=count).map(f64::from).collect::<Vec<_>>();
        assert_eq!(interval(&measured(7)), None);
        assert_eq!(interval(&measured(8)), Some((1.0, 8.0)));
        assert_eq!(interval(&measured(25)), Some((7.0, 19.0)));
        assert_eq!(interval(&measured(100)), Some((40.0, 61.0)));
        // An outlier moves it as little as the median.
        let mut noisy = measured(25);
        noisy[24] = 1e9;
        assert_eq!(interval(&noisy), Some((7.0, 19.0)));
    }

    #[test]
    fn quantiles() {
        let sorted: Vec<u32> = (1..=100).collect();
        assert_eq!(quantile(&sorted, 0.5), 50);
        assert_eq!(quantile(&sorted, 0.99), 99);
        assert_eq!(quantile(&sorted, 1.0), 100);
        let more: Vec<u32> = (1..=5000).collect();
        assert_eq!(quantile(&more, 0.999), 4995);
        assert_eq!(quantile(&sorted, 0.0), 1);
        assert_eq!(quantile(&[7], 0.99), 7);
        assert_eq!(quantile::<u32>(&[], 0.5), 0);
    }
}
