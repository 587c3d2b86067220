//! Each genre of mutants: what is written, and what it means.

use std::path::Path;
use std::process::Command;

use super::{Blame, Schema};
use crate::mutant::{Genre, Mutant};
use crate::sites::Sites;

/// A mutant of each genre: what it replaces, as it stands between two marks, and by what.
const MUTANTS: [(Genre, &str, &str); 13] = [
    (Genre::FnValue, "⟨1⟩", "7"),
    (Genre::BinaryOperator, "⟨2⟩", "-"),
    (Genre::BinaryOperator, "⟨2⟩", "*"),
    (Genre::BinaryOperator, "⟨3⟩", "||"),
    (Genre::BinaryOperator, "⟨4⟩", "=="),
    (Genre::BinaryOperator, "⟨5⟩", "-="),
    (Genre::UnaryOperator, "⟨6⟩", ""),
    (Genre::MatchArm, "⟨7⟩", ""),
    (Genre::MatchArm, "⟨8⟩", ""),
    (Genre::MatchArmGuard, "⟨9⟩", "true"),
    (Genre::MatchArmGuard, "⟨9⟩", "false"),
    (Genre::StructField, "⟨10⟩", ""),
    (Genre::BinaryOperator, "⟨11⟩", "!="),
];

/// A program with the marks before what is replaced.
const MARKED: &str = r#"
#[derive(Clone)]
struct Point { x: i32, y: i32 }

fn three() -> i32 {
    ⟨1⟩3
}

fn sum(a: i32, b: i32) -> i32 {
    // é
    a ⟨2⟩+ b
}

/// Whether the right side was looked at.
fn lazy(a: i32) -> (bool, bool) {
    let mut looked = false;
    let mut look = || { looked = true; true };
    let both = a ⟨4⟩< 2 ⟨3⟩&& look();
    (both, looked)
}

fn assigned(mut a: i32) -> i32 {
    a ⟨5⟩+= 1;
    a
}

fn arm(a: i32) -> &'static str {
    match a {
        ⟨7⟩1 => "one",
        ⟨8⟩2 | 3 if ⟨9⟩a == 2 || a > 5 => "two",
        _ => "other",
    }
}

fn moved(point: Point) -> i32 {
    let moved = Point { ⟨10⟩x: 9, ..point };
    moved.x
}

fn found(a: Option<i32>) -> bool {
    if let Some(b) = a && b ⟨11⟩== 1 {
        return true;
    }
    ⟨6⟩!a.is_none()
}

fn main() {
    println!("{} {} {:?} {:?} {}", three(), sum(2, 3), lazy(1), lazy(2), assigned(1));
    println!("{} {} {} {}", arm(1), arm(2), arm(3), arm(4));
    println!("{} {} {}", moved(Point { x: 1, y: 2 }.clone()), found(Some(1)), found(None));
    let _ = Point { x: 1, y: 2 }.y;
}
"#;

fn program() -> (String, Vec<Mutant>) {
    let mut mutants = Vec::new();
    for (id, (genre, mark, replacement)) in (1..).zip(MUTANTS) {
        mutants.push(marked_mutant(id, genre, MARKED, mark, replacement));
    }
    (unmarked(MARKED), mutants)
}

fn unmarked(text: &str) -> String {
    let mut parts = text.split('⟨');
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |text, part| text + part.split_once('⟩').unwrap().1)
}

/// The mutant of what follows a mark.
fn marked_mutant(id: u32, genre: Genre, marked: &str, mark: &str, replacement: &str) -> Mutant {
    let before = unmarked(marked.split(mark).next().unwrap());
    Mutant::at(id, genre, &before, replacement)
}

fn rewritten(text: &str, mutants: &[Mutant]) -> (Schema, Sites) {
    let sites = Sites::find(text, mutants.iter()).unwrap();
    (Schema::new(text, &sites.wraps), sites)
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn rustc(folder: &Path, file: &str) -> Command {
    let mut rustc = Command::new("rustc");
    rustc.args(["--edition=2024", "--cap-lints=allow", file]);
    rustc.current_dir(folder);
    rustc
}

#[test]
fn each_mutant_does_what_it_says_and_nothing_else() {
    let (text, mutants) = program();
    let (schema, sites) = rewritten(&text, &mutants);
    assert_eq!((sites.unviable, sites.not_tried), (vec![], vec![]));
    let folder = tempfile::tempdir().unwrap();
    let write = |name, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("mutant.rs", include_str!("../chosen.rs"));
    write("program.rs", &schema.text);
    run(rustc(folder.path(), "mutant.rs").arg("--crate-type=rlib"));
    run(rustc(folder.path(), "program.rs").args(["--extern=mutant=libmutant.rlib"]));
    let printed = |id: u32| {
        let mut program = Command::new(folder.path().join("program"));
        let lines = run(program.env("MUTANT", id.to_string()));
        lines.trim_end().replace('\n', " | ")
    };
    let right = "3 5 (true, true) (false, false) 2 | one two other other | 9 true false";
    assert_eq!(printed(0), right);
    for (id, from, to) in [
        (1, "3 5", "7 5"),
        (2, "3 5", "3 -1"),
        (3, "3 5", "3 6"),
        (
            4,
            "(true, true) (false, false)",
            "(true, false) (true, true)",
        ),
        (
            5,
            "(true, true) (false, false)",
            "(false, false) (true, true)",
        ),
        (6, ") 2 |", ") 0 |"),
        (7, "true false", "true true"),
        (8, "one", "other"),
        (9, "two", "other"),
        (10, "two other", "two two"),
        (11, "two", "other"),
        (12, "9", "1"),
    ] {
        assert!(right.contains(from));
        assert_eq!(
            printed(id),
            right.replacen(from, to, 1),
            "{:?}",
            MUTANTS[id as usize - 1]
        );
    }
    // It falls through to what is true anyway.
    assert_eq!(printed(13), right);
}

/// One mutant in a text, where the mark is.
fn written(genre: Genre, marked: &str, replacement: &str) -> String {
    let mutant = marked_mutant(5, genre, marked, "⟨", replacement);
    rewritten(&unmarked(marked), &[mutant]).0.text
}

#[test]
fn a_mutant_is_an_alternative_beside_what_is_there() {
    for (genre, marked, replacement, after) in [
        (
            Genre::FnValue,
            "fn f() -> u8 { ⟨⟩g() }",
            "1",
            "fn f() -> u8 { if ::mutant::is(5) { return 1; } g() }",
        ),
        (
            Genre::BinaryOperator,
            "fn f() { a + b ⟨⟩* c; }",
            "/",
            "fn f() { a + (if ::mutant::is(5) { (b) / (c) } else {(b * c)}); }",
        ),
        (
            Genre::UnaryOperator,
            "fn f() { ⟨⟩!a(); }",
            "",
            "fn f() { (if ::mutant::is(5) { a() } else {(!a())}); }",
        ),
        (
            Genre::MatchArm,
            "fn f() { match a { ⟨⟩1 => b, _ => c } }",
            "",
            "fn f() { match a { 1  if !::mutant::is(5) => b, _ => c } }",
        ),
        (
            Genre::MatchArm,
            "fn f() { match a { ⟨⟩1 if let B = b => b, _ => c } }",
            "",
            "fn f() { match a { 1 if !::mutant::is(5) && let B = b => b, _ => c } }",
        ),
        (
            Genre::MatchArmGuard,
            "fn f() { match a { 1 if ⟨⟩b => b, _ => c } }",
            "true",
            "fn f() { match a { 1 if ::mutant::is(5) || (b) => b, _ => c } }",
        ),
        (
            Genre::StructField,
            "fn f() { P { ⟨⟩x: 1, ..p }; }",
            "",
            "fn f() { (if ::mutant::is(5) { P {  ..p } } else {(P { x: 1, ..p })}); }",
        ),
    ] {
        assert_eq!(written(genre, marked, replacement), after);
    }
}

#[test]
fn what_the_compiler_runs_is_not_tried() {
    for marked in [
        "const fn f() -> u8 { a ⟨⟩+ b }",
        "const A: u8 = 1 ⟨⟩+ 1;",
        "static A: u8 = 1 ⟨⟩+ 1;",
        "fn f(a: [u8; 1 ⟨⟩+ 1]) {}",
        "fn f() { [0; 1 ⟨⟩+ 1]; }",
        "enum A { B = 1 ⟨⟩+ 1 }",
        "fn f() { const { 1 ⟨⟩+ 1 }; }",
    ] {
        let mutant = marked_mutant(5, Genre::BinaryOperator, marked, "⟨", "-");
        let text = unmarked(marked);
        let (schema, sites) = rewritten(&text, &[mutant]);
        assert_eq!((schema.text, sites.not_tried), (text, vec![5]));
    }
}

#[test]
fn a_function_of_some_type_keeps_that_type() {
    let marked = "fn f() -> impl Iterator<Item = u8> { ⟨⟩g() }";
    let mutant = marked_mutant(5, Genre::FnValue, marked, "⟨", "::std::iter::empty()");
    let (_, sites) = rewritten(&unmarked(marked), &[mutant]);
    assert_eq!(sites.not_tried, [5]);
}

#[test]
fn a_let_cannot_be_one_of_two() {
    let marked = "fn f() { if let A = a ⟨⟩&& b {} }";
    let mutant = marked_mutant(5, Genre::BinaryOperator, marked, "⟨", "||");
    let text = unmarked(marked);
    let (schema, sites) = rewritten(&text, &[mutant]);
    assert_eq!((schema.text, sites.unviable), (text, vec![5]));
}

#[test]
fn an_error_is_of_what_a_mutant_brings_or_wraps() {
    let marked = "fn f() -> u8 { ⟨1⟩(a ⟨2⟩* b) ⟨3⟩+ c }";
    let mutants = [
        marked_mutant(5, Genre::FnValue, marked, "⟨1", "1"),
        marked_mutant(6, Genre::BinaryOperator, marked, "⟨2", "/"),
        marked_mutant(7, Genre::BinaryOperator, marked, "⟨3", "-"),
    ];
    let (schema, _) = rewritten(&unmarked(marked), &mutants);
    for (place, blamed) in [
        ("return 1", Some((Blame::Writes, vec![5]))),
        ("(a) / (b)", Some((Blame::Writes, vec![6]))),
        ("a * b)})", Some((Blame::Wraps, vec![6]))),
        ("+ c", Some((Blame::Wraps, vec![7]))),
        ("u8", None),
    ] {
        let start = schema.text.rfind(place).unwrap();
        assert_eq!(
            schema.blamed(&(start..start + place.len())),
            blamed,
            "{place}"
        );
    }
}
