//! How much `unsafe` the sources of a crate have.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use cargo_metadata::Package;
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::parse::Parse;

/// A crate in which the compiler accepts none.
pub(super) const FORBIDDEN: &str = "forbidden";

/// `unsafe` as it is written in a crate's files, for whatever processor or feature, in tests and macros too.
#[derive(Debug, Default, PartialEq)]
struct Count {
    blocks: usize,
    functions: usize,
    impls: usize,
}

/// As the page has it.
///
/// # Errors
/// A file cannot be read, or is no Rust.
pub(super) fn of(package: &Package) -> Result<String> {
    let library = package.targets.iter().find(|target| {
        target.is_lib() || target.is_cdylib() // the module itself
    });
    let library = library.with_context(|| format!("{} has no library", package.name))?;
    let root = library.src_path.as_std_path();
    if forbids(&read(root)?) {
        return Ok(FORBIDDEN.into());
    }
    let mut count = Count::default();
    count.folder(root.parent().context("a file lies in a folder")?)?;
    Ok(count.to_text())
}

/// A file as `syn::File`, or as tokens: some crates carry files that they do not compile, and that are no Rust.
///
/// # Errors
/// It cannot be read, or is not made of what is asked for.
fn read<T: Parse>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    syn::parse_str(&text).with_context(|| format!("{} is no Rust", path.display()))
}

/// Always, whatever features are on.
fn forbids(root: &syn::File) -> bool {
    root.attrs.iter().any(|attribute| {
        let list = attribute.meta.require_list();
        list.is_ok_and(|list| {
            list.path.is_ident("forbid") && list.tokens.to_string().contains("unsafe_code")
        })
    })
}

impl Count {
    fn folder(&mut self, folder: &Path) -> Result<()> {
        for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                self.folder(&path)?;
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                self.tokens(read(&path)?);
            }
        }
        Ok(())
    }

    /// Tokens, for macros hide blocks from a tree.
    fn tokens(&mut self, stream: TokenStream) {
        let trees: Vec<_> = stream.into_iter().collect();
        for (place, tree) in trees.iter().enumerate() {
            match tree {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Ident(word) if word == "unsafe" => {
                    self.what_follows(trees.get(place + 1..).unwrap_or_default());
                }
                _ => {}
            }
        }
    }

    /// A type such as `unsafe fn()`, a trait, and a block of declarations are none of the three.
    fn what_follows(&mut self, trees: &[TokenTree]) {
        use TokenTree::{Group, Ident, Literal, Punct};
        match trees {
            [Group(group), ..] if group.delimiter() == Delimiter::Brace => self.blocks += 1,
            [Ident(word), ..] if word == "impl" => self.impls += 1,
            [Ident(word), Ident(_) | Punct(_), ..] if word == "fn" => self.functions += 1,
            [
                Ident(first),
                Literal(_),
                Ident(word),
                Ident(_) | Punct(_),
                ..,
            ] if first == "extern" && word == "fn" => {
                self.functions += 1;
            }
            _ => {}
        }
    }

    fn to_text(&self) -> String {
        let kinds = [
            (self.blocks, "block"),
            (self.functions, "function"),
            (self.impls, "impl"),
        ];
        let some = kinds.into_iter().filter(|(count, _)| *count > 0);
        let some = some.map(|(count, kind)| {
            let plural = if count == 1 { "" } else { "s" };
            format!("{count} {kind}{plural}")
        });
        let some: Vec<_> = some.collect();
        if some.is_empty() {
            return "none".into();
        }
        some.join(", ")
    }
}

#[test]
fn blocks_functions_and_impls_count_within_macros_too() {
    let text = r#"
        #![cfg_attr(not(feature = "fast"), forbid(unsafe_code))]
        //! unsafe { in a comment }
        static TEXT: &str = "unsafe { in a text }";
        unsafe trait Trait { unsafe fn method(); }
        unsafe impl Trait for u8 { unsafe fn method() { unsafe { call() } } }
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn hook(call: unsafe extern "C" fn(), other: unsafe fn()) {}
        unsafe extern "C" { fn declared(); }
        macro_rules! make { ($name:ident) => { pub unsafe fn $name() {} } }
        lazy! { static ref X: u8 = unsafe { call() }; }
    "#;
    let mut count = Count::default();
    count.tokens(syn::parse_str(text).unwrap());
    assert_eq!(count.to_text(), "2 blocks, 4 functions, 1 impl");
    assert_eq!(Count::default().to_text(), "none");
    assert!(!forbids(&syn::parse_file(text).unwrap()));
    assert!(forbids(
        &syn::parse_file("#![forbid(unsafe_code, unused)]").unwrap()
    ));
}

#[test]
fn a_file_that_is_no_rust_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("part.rs"), "fn (").unwrap();
    let error = Count::default().folder(folder.path()).unwrap_err();
    assert!(error.to_string().ends_with("part.rs is no Rust"), "{error}");
}
