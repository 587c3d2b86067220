//! Each recipe of the cookbook is told in the same way, and its page lists it.

#![forbid(unsafe_code)]
// A test that finds nothing where something must be fails, as it should.
#![allow(clippy::expect_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cases::read;

/// A recipe as its first lines tell it.
struct Recipe {
    file: String,
    title: String,
    /// The first sentence below the title.
    sentence: String,
    text: String,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../cookbook")
}

fn recipes() -> Vec<Recipe> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder())
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    files.iter().map(|path| recipe(path)).collect()
}

fn recipe(path: &Path) -> Recipe {
    let text = std::fs::read_to_string(path).expect("a text");
    let mut comment = text.lines().map_while(|line| line.strip_prefix("# "));
    let title = comment.next().unwrap_or_default().to_owned();
    let story = comment.collect::<Vec<_>>().join(" ");
    let sentence = story.split_inclusive(". ").next().unwrap_or_default();
    Recipe {
        file: path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned(),
        title,
        sentence: sentence.trim_end().to_owned(),
        text,
    }
}

#[test]
fn each_recipe_has_a_title_a_configuration_and_few_cases() {
    let recipes = recipes();
    assert!(recipes.len() >= 30, "{}", recipes.len());
    let mut titles = BTreeSet::new();
    for Recipe {
        file,
        title,
        sentence,
        text,
    } in &recipes
    {
        assert!(!title.is_empty() && !title.ends_with('.'), "{file}: title");
        assert!(titles.insert(title), "{file}: another has its title");
        assert!(sentence.ends_with('.'), "{file}: say what it does");
        assert!(text.contains("\nconfig:\n"), "{file}: config at the top");
        let cases = read::file(&folder().join(file)).expect("cases").len();
        assert!((1..=4).contains(&cases), "{file}: {cases} cases");
    }
}

/// No area of the engine's cases has the name of a recipe: a filter of the tests plays one of them.
#[test]
fn no_recipe_is_called_as_a_file_of_behaviour() {
    let behaviour = Path::new(env!("CARGO_MANIFEST_DIR")).join("behaviour");
    for recipe in recipes() {
        assert!(!behaviour.join(&recipe.file).exists(), "{}", recipe.file);
    }
}

#[test]
fn the_page_lists_each_recipe_once() {
    let page = include_str!("../../docs/cookbook.md");
    let listed: Vec<_> = page
        .lines()
        .filter(|line| line.contains("](../cookbook/"))
        .collect();
    let recipes = recipes();
    for recipe in &recipes {
        let Recipe {
            file,
            title,
            sentence,
            ..
        } = recipe;
        let row = format!("| [{title}](../cookbook/{file}) | {sentence} |");
        assert!(
            listed.contains(&row.as_str()),
            "docs/cookbook.md lacks this line:\n{row}"
        );
    }
    assert_eq!(listed.len(), recipes.len(), "docs/cookbook.md lists more");
    let count = format!("{} recipes.", recipes.len());
    assert!(page.contains(&count), "docs/cookbook.md says another count");
}
