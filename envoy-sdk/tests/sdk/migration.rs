//! What MIGRATION.md says is here is here, and what is here it says.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const PAGE: &str = include_str!("../../MIGRATION.md");
const CRATE: &str = include_str!("../../src/lib.rs");

/// The names in the middle column of the page's tables.
fn names_on_the_page() -> BTreeSet<&'static str> {
    let cells = PAGE.lines().filter_map(|line| line.split('|').nth(2));
    cells
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect()
}

/// What a user of the crate can name: `Type`, `Type::member`, `module::function` and `macro!`.
fn public_names() -> BTreeSet<String> {
    let mut sources = Vec::new();
    read(
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")),
        &mut sources,
    );
    let exported = exported();
    let members: BTreeSet<_> = sources.iter().flat_map(|source| members(source)).collect();
    let macros = sources
        .iter()
        .flat_map(|source| source.split("#[macro_export]\nmacro_rules! ").skip(1))
        .map(|source| format!("{}!", word(source)));
    let functions = include_str!("../../src/log.rs").lines();
    let functions = functions.filter_map(|line| line.strip_prefix("pub fn "));
    members
        .into_iter()
        .filter(|name| exported.contains(name.split("::").next().unwrap_or_default()))
        .chain(macros)
        .chain(functions.map(|line| format!("log::{}", word(line))))
        .chain(exported.iter().map(|name| (*name).to_owned()))
        .collect()
}

/// The source of every file below `directory`.
fn read(directory: &Path, sources: &mut Vec<String>) {
    for entry in fs::read_dir(directory).expect("a directory of this crate") {
        let path = entry.expect("a file of this crate").path();
        if path.is_dir() {
            read(&path, sources);
        } else {
            sources.push(fs::read_to_string(&path).expect("a source of this crate"));
        }
    }
}

/// The names that the crate's root exports and documents.
fn exported() -> BTreeSet<&'static str> {
    CRATE
        .split(';')
        .filter_map(|statement| statement.split_once("pub use "))
        .filter(|(before, _)| !before.ends_with("#[doc(hidden)]\n"))
        .flat_map(|(_, names)| names.split(|c: char| !c.is_alphanumeric() && c != '_'))
        .filter(|name| name.starts_with(char::is_uppercase))
        .collect()
}

/// The methods, hooks and variants that a source declares, behind their type: `Type::member`.
fn members(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut owner = None;
    for line in source.lines() {
        let text = line.trim_start();
        let depth = line.len() - text.len();
        let Some((end, kind, name)) = owner else {
            owner = owner_of(text).map(|(kind, name)| (depth, kind, name));
            continue;
        };
        if depth == end && text.starts_with('}') {
            owner = None;
        } else if depth == end + 4 {
            let member = match kind {
                Kind::Methods => text.strip_prefix("pub fn "),
                Kind::Trait => text.strip_prefix("fn "),
                Kind::Enum => text.starts_with(char::is_uppercase).then_some(text),
            };
            found.extend(member.map(|member| format!("{name}::{}", word(member))));
        }
    }
    found
}

#[derive(Clone, Copy)]
enum Kind {
    Methods,
    Trait,
    Enum,
}

/// What a line begins: a type's declaration or its methods.
fn owner_of(line: &str) -> Option<(Kind, &str)> {
    let line = line
        .strip_suffix('{')
        .filter(|line| !line.contains(" for "))?;
    if let Some((name, _)) = line.split_once(" = envoy_dynamic_module_type_") {
        return Some((Kind::Enum, name)); // in `abi.rs`
    }
    let (kind, name) = [
        (Kind::Enum, "pub enum "),
        (Kind::Trait, "pub trait "),
        (Kind::Methods, "impl "),
        (Kind::Methods, "impl<S> "),
        (Kind::Methods, "impl<'a> "),
        (Kind::Methods, "impl<'e> "),
    ]
    .into_iter()
    .find_map(|(kind, keyword)| Some((kind, line.strip_prefix(keyword)?)))?;
    Some((kind, word(name)))
}

/// The identifier that `text` begins with.
fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    text.get(..end.unwrap_or(text.len())).unwrap_or_default()
}

#[test]
#[cfg_attr(miri, ignore = "it reads files")]
fn every_name_on_the_page_is_public() {
    let (page, public) = (names_on_the_page(), public_names());
    assert!(page.len() > 100, "the tables are read: {}", page.len());
    let unknown: Vec<_> = page
        .iter()
        .filter(|name| !public.contains(**name))
        .collect();
    assert!(
        unknown.is_empty(),
        "MIGRATION.md has names that are not public: {unknown:?}"
    );
}

#[test]
#[cfg_attr(miri, ignore = "it reads files")]
fn every_public_call_is_on_the_page() {
    let (page, public) = (names_on_the_page(), public_names());
    let is_call = |name: &&String| {
        name.split_once("::")
            .is_some_and(|(_, member)| member.starts_with(char::is_lowercase))
    };
    let missing: Vec<_> = public
        .iter()
        .filter(is_call)
        .filter(|name| !page.contains(name.as_str()))
        .collect();
    assert!(
        missing.is_empty(),
        "MIGRATION.md lacks {missing:?}: add a line for each"
    );
}

#[test]
fn a_member_belongs_to_its_type() {
    let source = "impl One {\n    pub fn a() {\n        None\n    }\n    pub(crate) fn b() {}\n}\n\
                  pub enum Two {\n    C,\n}\npub trait Three {\n    fn d(&self);\n}\n\
                  impl From<One> for Two {\n    fn from(_: One) {}\n}\n";
    assert_eq!(members(source), ["One::a", "Two::C", "Three::d"]);
}
