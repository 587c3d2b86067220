//! Bodies as they arrive.

/// The body in pieces, cut at so many 255ths of it. Some may be empty.
pub fn cut<'b>(body: &'b [u8], cuts: &[u8]) -> Vec<&'b [u8]> {
    let mut places: Vec<usize> = cuts
        .iter()
        .map(|cut| usize::from(*cut) * body.len() / 255)
        .collect();
    places.extend([0, body.len()]);
    places.sort_unstable();
    places
        .windows(2)
        .map(|ends| &body[ends[0]..ends[1]])
        .collect()
}
