//! Text out of an input.

use arbitrary::{Result, Unstructured};

/// A text of up to `most` of these words, one after another.
pub fn words(input: &mut Unstructured<'_>, words: &[&str], most: usize) -> Result<String> {
    let count = input.int_in_range(0..=most)?;
    let mut text = String::new();
    for _ in 0..count {
        text.push_str(input.choose(words)?);
    }
    Ok(text)
}

/// One of these texts, or, one time in eight, any text at all.
pub fn one_of_or_any(input: &mut Unstructured<'_>, texts: &[&str]) -> Result<String> {
    if input.ratio(1, 8)? {
        return Ok(input.arbitrary::<&str>()?.chars().take(64).collect());
    }
    Ok((*input.choose(texts)?).to_owned())
}

/// All bytes that are left.
pub fn rest(input: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let length = input.len();
    Ok(input.bytes(length)?.to_vec())
}
