//! Compiles all mutants at once, without those that do not compile.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::process::Stdio;

use anyhow::{Result, bail, ensure};
use serde_json::Value;

use crate::mutant::Mutant;
use crate::refused;
use crate::schema::Schema;
use crate::sites::Sites;
use crate::tree::Tree;

/// The packages whose tests are run.
const TESTED: [&str; 6] = [
    "bodies",
    "cases",
    "envoy-proxy-dynamic-modules-rust-sdk",
    "rustformations",
    "rustformations-cli",
    "transformations",
];

/// Enough: each round drops what the compiler finds before it gives up.
const ROUNDS: usize = 40;

/// What was compiled.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// Those that no compiler takes.
    pub(crate) unviable: BTreeSet<u32>,
    /// Those that cannot be chosen at run time.
    pub(crate) not_tried: BTreeSet<u32>,
    /// What cargo says it made.
    pub(crate) artifacts: Vec<Value>,
}

/// Writes the mutants into the copy, and compiles its tests and its module.
///
/// # Errors
/// An error of the compiler is at no mutant.
pub(crate) fn compile(
    tree: &Tree,
    mutants: &[Mutant],
    texts: &BTreeMap<String, String>,
) -> Result<Compiled> {
    let mut refused = refused::recall(tree, mutants, texts);
    for round in 1..=ROUNDS {
        let mut schemas = BTreeMap::new();
        let (mut unviable, mut not_tried) = (refused.clone(), BTreeSet::new());
        for (file, text) in texts {
            let of_file = mutants.iter().filter(|mutant| mutant.file == *file);
            let sites = Sites::find(text, of_file.filter(|mutant| !refused.contains(&mutant.id)))?;
            let schema = Schema::new(text, &sites.wraps);
            tree.write(file, schema.text.as_bytes())?;
            unviable.extend(sites.unviable);
            not_tried.extend(sites.not_tried);
            schemas.insert(file.as_str(), schema);
        }
        eprintln!(
            "compiling, round {round}, without {} mutants ...",
            refused.len()
        );
        let messages = build(tree)?;
        let errors: Vec<&Value> = messages.iter().filter_map(error).collect();
        if errors.is_empty() {
            refused::remember(tree, mutants, texts, &refused)?;
            return Ok(Compiled {
                unviable,
                not_tried,
                artifacts: messages,
            });
        }
        let before = refused.len();
        for error in &errors {
            refused.extend(blamed(error, &schemas));
        }
        if refused.len() == before {
            bail!("the copy does not compile:\n{}", rendered(errors.first()));
        }
    }
    bail!("the copy does not compile after {ROUNDS} rounds")
}

/// What cargo says when it builds the tests. Errors of the compiler are among it.
fn build(tree: &Tree) -> Result<Vec<Value>> {
    let mut cargo = artifacts::cargo();
    cargo
        .current_dir(&tree.folder)
        .env("CARGO_TARGET_DIR", &tree.target);
    // A mutant may break a rule of the house, or one of the compiler's.
    cargo.env("RUSTFLAGS", "--cap-lints=warn");
    cargo.args([
        "build",
        "--offline",
        "--keep-going",
        "--profile",
        "mutants",
        "--message-format",
        "json",
    ]);
    cargo.args(["--tests", "--lib"]);
    for package in TESTED {
        cargo.args(["--package", package]);
    }
    let output = cargo.stdin(Stdio::null()).stderr(Stdio::piped()).output()?;
    let lines = output.stdout.split(|byte| *byte == b'\n');
    let messages: Vec<Value> = lines
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect();
    let said = output.status.success() || messages.iter().any(|message| error(message).is_some());
    ensure!(
        said,
        "cargo failed:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(messages)
}

/// The compiler's error in a message of cargo.
fn error(message: &Value) -> Option<&Value> {
    let error = message.get("message")?;
    (error.get("level")?.as_str()? == "error").then_some(error)
}

/// The mutants that an error is of. Often two places do not fit together: the one that a mutant brings is wrong.
fn blamed(error: &Value, schemas: &BTreeMap<&str, Schema>) -> Vec<u32> {
    let spans = error.get("spans").and_then(Value::as_array);
    let mut suspects = Vec::new();
    for span in spans.into_iter().flatten() {
        let file = span.get("file_name").and_then(Value::as_str);
        if let (Some(schema), Some(bytes)) = (file.and_then(|file| schemas.get(file)), bytes(span))
        {
            let aside = span.get("is_primary") != Some(&Value::Bool(true));
            suspects.extend(
                schema
                    .blamed(&bytes)
                    .map(|(blame, ids)| ((blame, aside), ids)),
            );
        }
    }
    let worst = suspects.iter().map(|(blame, _)| *blame).min();
    suspects.retain(|(blame, _)| Some(*blame) == worst);
    suspects.into_iter().flat_map(|(_, ids)| ids).collect()
}

fn bytes(span: &Value) -> Option<Range<usize>> {
    let number = |key| usize::try_from(span.get(key)?.as_u64()?).ok();
    Some(number("byte_start")?..number("byte_end")?)
}

fn rendered(error: Option<&&Value>) -> String {
    let text = error.and_then(|error| error.get("rendered")?.as_str());
    text.unwrap_or("cargo says no more").to_owned()
}
