//! Numbers of an answer, which are compared and added.

use std::cmp::Ordering;

/// A number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    /// A whole one, exact.
    Whole(i128),
    /// Any other.
    Double(f64),
}

/// The first whole number whose double may be another's too.
const EXACT: u64 = 1 << 53;

impl Number {
    /// The number that JSON spells so; `None` when it is none, or no double holds it.
    pub(super) fn of(spelling: &str) -> Option<Self> {
        let first = spelling.bytes().next()?;
        if !(first == b'-' || first.is_ascii_digit()) || spelling.ends_with(char::is_whitespace) {
            return None;
        }
        let double: f64 = serde_json::from_str(spelling).ok()?;
        let whole = if is_whole(spelling) {
            spelling.parse().ok()
        } else {
            None
        };
        Some(whole.map_or(Number::Double(double), Number::Whole))
    }

    /// As [`of`](Self::of), of a number that is added or compared: none for a whole one that would lose digits.
    pub(super) fn exact(spelling: &str) -> Option<Self> {
        let loses_digits =
            |number: &Number| matches!(number, Number::Double(_)) && is_whole(spelling);
        Self::of(spelling).filter(|number| !loses_digits(number))
    }

    /// The number as a number of tokens; `None` when it is negative, fractional or 2^53 and more.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss
    )] // whole, and in range; 2^53 is exact
    pub(super) fn count(self) -> Option<u64> {
        match self {
            // What is no exact double would be another number in metadata.
            Number::Whole(whole) => u64::try_from(whole).ok().filter(|count| *count < EXACT),
            Number::Double(double) => {
                let is_count = double.fract() == 0.0 && (0.0..EXACT as f64).contains(&double);
                is_count.then_some(double as u64)
            }
        }
    }

    /// Both added; `None` when neither a whole number nor a double holds the sum.
    pub(super) fn plus(self, other: Self) -> Option<Self> {
        if let (Number::Whole(one), Number::Whole(other)) = (self, other) {
            return one.checked_add(other).map(Number::Whole);
        }
        let sum = self.double() + other.double();
        sum.is_finite().then_some(Number::Double(sum))
    }

    /// The greater of both.
    pub(super) fn or_greater(self, other: Self) -> Self {
        let order = match (self, other) {
            (Number::Whole(one), Number::Whole(other)) => Some(one.cmp(&other)),
            _ => self.double().partial_cmp(&other.double()),
        };
        if order == Some(Ordering::Less) {
            other
        } else {
            self
        }
    }

    /// As JSON spells it.
    pub(super) fn text(self) -> String {
        match self {
            Number::Whole(whole) => whole.to_string(),
            Number::Double(double) => format!("{double:?}"),
        }
    }

    #[allow(clippy::cast_precision_loss)] // the nearest
    fn double(self) -> f64 {
        match self {
            Number::Whole(whole) => whole as f64,
            Number::Double(double) => double,
        }
    }
}

/// Whether a number is spelled as a whole one, with neither point nor exponent.
fn is_whole(spelling: &str) -> bool {
    spelling.bytes().all(|b| b == b'-' || b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_number_and_how_many_tokens_it_is() {
        for (spelling, count) in [
            ("0", Some(Some(0))),
            ("-0", Some(Some(0))),
            ("12", Some(Some(12))),
            ("12.0", Some(Some(12))),
            ("1.2e1", Some(Some(12))),
            ("9007199254740991", Some(Some(9_007_199_254_740_991))),
            ("9007199254740992", Some(None)),
            ("18446744073709551615", Some(None)),
            ("1e300", Some(None)),
            ("1e999", None),
            ("-1", Some(None)),
            ("0.5", Some(None)),
            ("", None),
            ("-", None),
            ("+1", None),
            ("01", None),
            (" 1", None),
            ("1 ", None),
            ("1,2", None),
            ("0x1", None),
            ("NaN", None),
            ("null", None),
            ("true", None),
        ] {
            let came = Number::of(spelling).map(Number::count);
            assert_eq!(came, count, "{spelling:?}");
        }
    }

    #[test]
    fn numbers_are_added_and_compared() {
        let number = |spelling| Number::of(spelling).unwrap();
        for (one, other, sum, greater) in [
            ("1", "2", "3", "2"),
            ("-3", "2", "-1", "2"),
            ("1", "0.5", "1.5", "1"),
            (
                "9007199254740993",
                "1",
                "9007199254740994",
                "9007199254740993",
            ),
            // No double tells them apart.
            (
                "9007199254740993",
                "9007199254740992",
                "18014398509481985",
                "9007199254740993",
            ),
            ("1e300", "1", "1e300", "1e300"),
        ] {
            let (one, other) = (number(one), number(other));
            assert_eq!(one.plus(other).map(Number::text).as_deref(), Some(sum));
            assert_eq!(one.or_greater(other).text(), greater);
            assert_eq!(other.or_greater(one).text(), greater);
        }
        let greatest = number("1.7e308");
        assert_eq!(greatest.plus(greatest), None);
    }

    #[test]
    fn a_whole_number_keeps_its_digits_or_is_none() {
        let most = i128::MAX.to_string();
        let more = format!("{most}0");
        let number = Number::exact(&most).unwrap();
        assert_eq!(number.text(), most);
        assert_eq!(number.plus(number), None);
        assert_eq!(Number::exact(&more), None);
        assert!(Number::of(&more).is_some());
        assert!(Number::exact("1e40").is_some());
    }
}
