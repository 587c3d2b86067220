//! The table of mistakes: what is written, what `check` prints of it, and what is right.

use std::fmt::Write as _;

use rustformations_cli::{File, judge};
use serde::Deserialize;
use transformations::Engine;

/// Mistakes that belong together.
#[derive(Deserialize)]
pub(crate) struct Area {
    pub(crate) title: String,
    pub(crate) mistakes: Vec<Mistake>,
}

/// One mistake.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mistake {
    pub(crate) name: String,
    /// Around a filter: what Envoy does with it, `accepted`, `refused` or `refused before` a release.
    pub(crate) envoy: Option<String>,
    /// A file with the mistake.
    pub(crate) wrong: String,
    /// The same without it: what the message leads to.
    pub(crate) right: String,
}

/// The areas, in the order of the page.
const FILES: [&str; 5] = [
    include_str!("../../mistakes/keys.yaml"),
    include_str!("../../mistakes/places.yaml"),
    include_str!("../../mistakes/templates.yaml"),
    include_str!("../../mistakes/expressions.yaml"),
    include_str!("../../mistakes/envoy.yaml"),
];

/// The whole table.
///
/// # Panics
/// A file of it is wrong.
pub(crate) fn areas() -> Vec<Area> {
    let read = |text: &&str| serde_saphyr::from_str(text).expect("a file of mistakes/ is wrong");
    FILES.iter().map(read).collect()
}

/// What `rustformations check` prints of a file.
pub(crate) fn printed(text: &str) -> String {
    let findings = judge(
        &Engine::default(),
        "rustformation",
        File::named("file.yaml", text),
    );
    let shown = findings
        .iter()
        .map(|finding| finding.shown("file.yaml", text));
    shown.collect::<Vec<_>>().join("\n")
}

impl Mistake {
    /// Its section of the page.
    pub(crate) fn section(&self) -> String {
        let Self {
            name,
            wrong,
            right,
            envoy,
        } = self;
        let printed = printed(wrong);
        let envoy = envoy
            .as_ref()
            .map_or_else(String::new, |envoy| format!("Envoy: {envoy}.\n\n"));
        format!(
            "### {name}\n\n```yaml\n{wrong}```\n\n```text\n{printed}\n```\n\n{envoy}```yaml\n{right}```\n"
        )
    }
}

/// The page `docs/mistakes.md`.
pub(crate) fn page() -> String {
    let mut page = "# Mistakes\n\n\
        Written by `cargo xtask docs` from `cli/mistakes/`. Of each mistake: a file with it, what \
        `rustformations check` prints, and the file without it. The module's log has the same messages, with the \
        place in the configuration in place of the line: Envoy does not report to a module which file, \
        listener or route a configuration is from. Search for your message.\n"
        .to_owned();
    for area in areas() {
        // Writing to a string does not fail.
        let _ = write!(page, "\n## {}\n", area.title);
        for mistake in &area.mistakes {
            let _ = write!(page, "\n{}", mistake.section());
        }
    }
    page
}
