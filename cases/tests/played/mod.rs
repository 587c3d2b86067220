//! A text of cases, played in memory.

use cases::engine::{Ways, play};
use cases::read::{self, Placed};

/// The cases of the text, or why it has none.
pub(crate) fn cases(text: &str) -> Result<Vec<Placed>, String> {
    read::read(text, "file.yaml").map_err(|error| error.to_string())
}

/// All that is wrong with the text, or with what came of its cases.
pub(crate) fn problems(text: &str) -> Vec<String> {
    let cases = match cases(text) {
        Ok(cases) => cases,
        Err(error) => return vec![error],
    };
    let played = cases
        .iter()
        .map(|one| play(&one.case, &mut Ways::default()));
    played.flatten().collect()
}
