//! Numbers as people read them.

use crate::spread::Spread;

/// A number no finer than the method: `2.3`, `23.5`, `235`, `23 457`.
pub(super) fn number(value: f64) -> String {
    let decimals = usize::from(value.abs() < 99.95);
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(digits) => format!("-{}", grouped(digits)),
        None => grouped(&text),
    }
}

/// A count, to the last digit.
pub(super) fn count(value: u64) -> String {
    grouped(&value.to_string())
}

/// A number and how far the measurements were apart: `23.5 ±0.2`; just the number if there was one.
pub(super) fn with_deviation(spread: Spread) -> String {
    if spread.lowest == spread.highest {
        return number(spread.median);
    }
    format!(
        "{} \u{b1}{}",
        number(spread.median),
        number(spread.deviation())
    )
}

/// A size: `368 B`, `10 KiB`, `1 MiB`.
pub(super) fn size(bytes: usize) -> String {
    match bytes {
        whole if whole > 0 && whole.is_multiple_of(1 << 20) => format!("{} MiB", whole >> 20),
        whole if whole > 0 && whole.is_multiple_of(1 << 10) => format!("{} KiB", whole >> 10),
        bytes => format!("{bytes} B"),
    }
}

/// Whole numbers in groups of three digits; others are short.
fn grouped(digits: &str) -> String {
    if digits.contains('.') {
        return digits.to_owned();
    }
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let expected = [
            (0.0, "0.0"),
            (2.34567, "2.3"),
            (9.96, "10.0"),
            (23.4567, "23.5"),
            (99.96, "100"),
            (234.567, "235"),
            (23456.7, "23 457"),
            (1_234_567.0, "1 234 567"),
            (-1234.0, "-1 234"),
            (-0.5, "-0.5"),
        ];
        for (value, text) in expected {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn deviations() {
        assert_eq!(with_deviation(Spread::of([5.0])), "5.0");
        assert_eq!(with_deviation(Spread::of([5.0, 6.0, 7.0])), "6.0 \u{b1}1.0");
    }

    #[test]
    fn sizes() {
        let expected = [
            (0, "0 B"),
            (368, "368 B"),
            (10 << 10, "10 KiB"),
            (1 << 20, "1 MiB"),
            (1500, "1500 B"),
        ];
        for (bytes, text) in expected {
            assert_eq!(size(bytes), text);
        }
    }
}
