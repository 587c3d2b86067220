//! Bodies as they arrive: for tests that cut them anywhere.

use proptest::sample::Index;

/// The body in pieces, some of them perhaps empty.
pub(crate) fn cut<'b>(body: &'b [u8], cuts: &[Index]) -> Vec<&'b [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
    cuts.extend([0, body.len()]);
    cuts.sort_unstable();
    cuts.windows(2)
        .map(|ends| &body[ends[0]..ends[1]])
        .collect()
}
