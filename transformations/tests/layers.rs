//! The modules of the engine lie in layers: none imports, by whatever way, one that imports it.

#![forbid(unsafe_code)]
// A test that finds nothing where something must be fails, as it should.
#![allow(clippy::indexing_slicing, clippy::string_slice, clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Who imports whom, each with the files that do. Tests import what they like.
#[derive(Debug, Default)]
struct Graph(BTreeMap<String, BTreeMap<String, BTreeSet<String>>>);

/// A source without its comments, its strings' contents aside: no path is written in those.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines();
    let lines = lines.map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    &text[..end.unwrap_or(text.len())]
}

/// What stands first in each path behind `prefix`, in braces too.
fn first_segments<'t>(text: &'t str, prefix: &str) -> Vec<&'t str> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices(prefix) {
        let before = text[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$' || c == ':') {
            continue;
        }
        let rest = text[at + prefix.len()..].trim_start();
        let Some(list) = rest.strip_prefix('{') else {
            found.push(word(rest));
            continue;
        };
        let mut depth = 0_usize;
        let mut begins = true;
        for (at, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => begins = true,
                c if begins && !c.is_whitespace() => {
                    found.push(word(&list[at..]));
                    begins = false;
                }
                _ => {}
            }
        }
    }
    found
}

/// The modules that a source declares: all, and those for tests.
fn declared(text: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut all, mut tests) = (BTreeSet::new(), BTreeSet::new());
    let mut previous = "";
    for line in text.lines().map(str::trim) {
        let declaration = line.strip_suffix(';').and_then(|line| {
            let at = line
                .find("mod ")
                .filter(|at| *at == 0 || line.starts_with("pub"))?;
            Some(&line[at + 4..])
        });
        if let Some(name) = declaration {
            all.insert(name.to_owned());
            if previous == "#[cfg(test)]" {
                tests.insert(name.to_owned());
            }
        }
        previous = line;
    }
    (all, tests)
}

impl Graph {
    fn of(source: &Path) -> Self {
        let mut graph = Self::default();
        let root = code(&source.join("lib.rs"));
        let (modules, tests) = declared(&root);
        for module in modules.difference(&tests) {
            let place = source.join(module);
            let file = [place.with_extension("rs"), place.join("mod.rs")];
            let file = file.iter().find(|file| file.exists()).unwrap();
            graph.read(file, &place, &[module], &modules);
        }
        graph
    }

    /// Reads a module, and those below it, which lie in `folder`.
    fn read(&mut self, file: &Path, folder: &Path, path: &[&str], modules: &BTreeSet<String>) {
        let all = code(file);
        let (declared, tests) = declared(&all);
        let text = all
            .split("#[cfg(test)]\nmod tests {")
            .next()
            .unwrap_or_default();
        // From a module of the root, `super` is the root.
        let root = "super::".repeat(path.len());
        let named = first_segments(text, "crate::").into_iter();
        let module = path[0];
        for name in named.chain(first_segments(text, &root)) {
            assert!(
                modules.contains(name),
                "{}: `{name}` is taken from the root, and not from its module",
                file.display()
            );
            if name != module {
                let imported = self.0.entry(module.to_owned()).or_default();
                let files = imported.entry(name.to_owned()).or_default();
                files.insert(shown(file));
            }
        }
        for name in declared.difference(&tests) {
            let place = folder.join(name);
            let file = [place.with_extension("rs"), place.join("mod.rs")];
            let file = file.iter().find(|file| file.exists());
            let path = [path, &[name]].concat();
            self.read(file.unwrap(), &place, &path, modules);
        }
    }

    /// The way from one module to another, if there is one.
    fn way(&self, from: &str, to: &str) -> Option<Vec<String>> {
        let mut ways = vec![vec![from.to_owned()]];
        let mut seen = BTreeSet::new();
        while let Some(way) = ways.pop() {
            let here = way.last()?;
            for next in self.0.get(here).into_iter().flat_map(BTreeMap::keys) {
                let way = [way.as_slice(), std::slice::from_ref(next)].concat();
                if next == to {
                    return Some(way);
                }
                if seen.insert(next) {
                    ways.push(way);
                }
            }
        }
        None
    }

    /// Every step of a way that leads back to where it began, and the files that make it.
    fn circles(&self) -> Vec<String> {
        let circle = |module: &String| {
            let way = self.way(module, module)?;
            let steps = way.windows(2).map(|step| {
                let files: Vec<&str> = self.0[&step[0]][&step[1]]
                    .iter()
                    .map(String::as_str)
                    .collect();
                format!("{} -> {}: {}", step[0], step[1], files.join(", "))
            });
            Some(steps.collect::<Vec<_>>().join("\n"))
        };
        self.0.keys().filter_map(circle).collect()
    }
}

fn shown(file: &Path) -> String {
    let source = source();
    file.strip_prefix(&source)
        .unwrap_or(file)
        .display()
        .to_string()
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

#[test]
fn no_module_imports_one_that_imports_it() {
    let graph = Graph::of(&source());
    for (module, imported) in &graph.0 {
        let imported: Vec<&str> = imported.keys().map(String::as_str).collect();
        println!("{module} -> {}", imported.join(" "));
    }
    assert!(graph.0.len() > 5, "the imports are not found any more");
    let circles = graph.circles();
    assert!(circles.is_empty(), "circles:\n{}", circles.join("\n\n"));
}

#[test]
fn paths_are_found_wherever_they_stand() {
    let text =
        "use crate::a::B;\nuse crate::{b::{C, D}, e};\nlet x = crate::f(); $crate::g; xcrate::h";
    assert_eq!(first_segments(text, "crate::"), ["a", "b", "e", "f"]);
    let text = "use super::super::a; use super::b";
    assert_eq!(first_segments(text, "super::super::"), ["a"]);
}
