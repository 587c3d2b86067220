//! Where in a file each mutant is, and what chooses it at run time.

use std::collections::HashMap;
use std::ops::Range;

use anyhow::{Context, Result};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Expr, Pat, Signature};

use crate::mutant::{Genre, Mutant};

/// What is written around a part of a file.
#[derive(Debug)]
pub(crate) struct Wrap {
    pub(crate) range: Range<usize>,
    /// Each text, with the mutant that it is of.
    pub(crate) open: Vec<(Option<u32>, String)>,
    pub(crate) close: String,
}

/// What can be done with the mutants of a file.
#[derive(Debug, Default)]
pub(crate) struct Sites {
    /// Outer ones first.
    pub(crate) wraps: Vec<Wrap>,
    /// Those that no compiler takes.
    pub(crate) unviable: Vec<u32>,
    /// Those that cannot be chosen at run time.
    pub(crate) not_tried: Vec<u32>,
}

impl Sites {
    /// Finds each mutant of the file with this text.
    ///
    /// # Errors
    /// The file is no Rust, or a mutant is outside of it.
    pub(crate) fn find<'m>(text: &str, mutants: impl Iterator<Item = &'m Mutant>) -> Result<Self> {
        let mut wanted: HashMap<_, Vec<_>> = HashMap::new();
        for mutant in mutants {
            let range = mutant.range(text).context("a mutant outside of its file")?;
            let key = (mutant.genre, range.start);
            wanted.entry(key).or_default().push(mutant);
        }
        let mut finder = Finder {
            text,
            wanted,
            runs: When::Called,
            sites: Self::default(),
        };
        finder.visit_file(&syn::parse_file(text)?);
        let Finder {
            wanted, mut sites, ..
        } = finder;
        let left = wanted.into_values().flatten();
        sites.not_tried.extend(left.map(|mutant| mutant.id));
        Ok(sites)
    }
}

/// When the code that is looked at runs.
#[derive(Clone, Copy, PartialEq)]
enum When {
    /// The process can be asked for the mutant.
    Called,
    /// By the compiler, if only sometimes.
    Compiled,
}

struct Finder<'t, 'm> {
    text: &'t str,
    /// By genre and first byte. What stays here was not found.
    wanted: HashMap<(Genre, usize), Vec<&'m Mutant>>,
    runs: When,
    sites: Sites,
}

impl<'t, 'm> Finder<'t, 'm> {
    /// The mutants of this genre that begin here, none where they cannot be chosen.
    fn take(&mut self, genre: Genre, start: usize) -> Vec<&'m Mutant> {
        match self.runs {
            When::Called => self.wanted.remove(&(genre, start)).unwrap_or_default(),
            When::Compiled => Vec::new(),
        }
    }

    fn text(&self, range: Range<usize>) -> &'t str {
        self.text.get(range).unwrap_or_default()
    }

    fn within(&mut self, runs: When, visit: impl FnOnce(&mut Self)) {
        let around = std::mem::replace(&mut self.runs, runs);
        visit(self);
        self.runs = around;
    }

    fn wrap(&mut self, range: Range<usize>, open: Vec<(Option<u32>, String)>, close: &str) {
        let close = close.to_owned();
        self.sites.wraps.push(Wrap { range, open, close });
    }

    /// `if` the mutant runs, its expression, `else` what is there.
    fn choose(&mut self, range: Range<usize>, mutants: Vec<(u32, String)>) {
        if mutants.is_empty() {
            return;
        }
        let mut open = vec![(None, "(".to_owned())];
        for (id, changed) in mutants {
            open.push((
                Some(id),
                format!("if ::mutant::is({id}) {{ {changed} }} else "),
            ));
        }
        open.push((None, "{(".to_owned()));
        self.wrap(range, open, ")})");
    }

    /// Each mutant of a function is a value that it returns at once.
    fn function(&mut self, signature: &Signature, block: Option<&syn::Block>) {
        // Of `impl Trait` a function returns one type only.
        let output = self.text(signature.output.span().byte_range());
        let one_type = output.contains("impl ");
        let first = block.and_then(|block| block.stmts.first());
        let (false, Some(first)) = (one_type, first) else {
            return;
        };
        let at = first.span().byte_range().start;
        let mutants = self.take(Genre::FnValue, at).into_iter();
        let open = mutants.map(
            |Mutant {
                 id, replacement, ..
             }| {
                let text = format!("if ::mutant::is({id}) {{ return {replacement}; }} ");
                (Some(*id), text)
            },
        );
        let open = open.collect();
        self.wrap(at..at, open, "");
    }

    fn when(&self, signature: &Signature) -> When {
        match signature.constness {
            Some(_) => When::Compiled,
            None => When::Called,
        }
    }
}

/// Whether it is a chain of conditions with a `let`, which cannot stand elsewhere.
fn has_let(expression: &Expr) -> bool {
    match expression {
        Expr::Let(_) => true,
        Expr::Binary(chain) => {
            matches!(chain.op, syn::BinOp::And(_))
                && (has_let(&chain.left) || has_let(&chain.right))
        }
        _ => false,
    }
}

impl<'ast> Visit<'ast> for Finder<'_, '_> {
    fn visit_item_fn(&mut self, node: &'ast syn::ItemFn) {
        self.within(self.when(&node.sig), |finder| {
            finder.function(&node.sig, Some(&node.block));
            visit::visit_item_fn(finder, node);
        });
    }

    fn visit_impl_item_fn(&mut self, node: &'ast syn::ImplItemFn) {
        self.within(self.when(&node.sig), |finder| {
            finder.function(&node.sig, Some(&node.block));
            visit::visit_impl_item_fn(finder, node);
        });
    }

    fn visit_trait_item_fn(&mut self, node: &'ast syn::TraitItemFn) {
        self.within(self.when(&node.sig), |finder| {
            finder.function(&node.sig, node.default.as_ref());
            visit::visit_trait_item_fn(finder, node);
        });
    }

    fn visit_expr_binary(&mut self, node: &'ast syn::ExprBinary) {
        let mutants = self.take(Genre::BinaryOperator, node.op.span().byte_range().start);
        let (left, right) = (
            node.left.span().byte_range(),
            node.right.span().byte_range(),
        );
        if has_let(&node.left) || has_let(&node.right) {
            let ids = mutants.iter().map(|mutant| mutant.id);
            self.sites.unviable.extend(ids);
        } else {
            let (left, right) = (self.text(left.clone()), self.text(right.clone()));
            let changed = |mutant: &Mutant| format!("({left}) {} ({right})", mutant.replacement);
            let mutants = mutants
                .into_iter()
                .map(|mutant| (mutant.id, changed(mutant)));
            let mutants = mutants.collect();
            self.choose(node.span().byte_range(), mutants);
        }
        visit::visit_expr_binary(self, node);
    }

    fn visit_expr_unary(&mut self, node: &'ast syn::ExprUnary) {
        let mutants = self.take(Genre::UnaryOperator, node.op.span().byte_range().start);
        let operand = self.text(node.expr.span().byte_range()).to_owned();
        let mutants = mutants
            .into_iter()
            .map(|mutant| (mutant.id, operand.clone()));
        self.choose(node.span().byte_range(), mutants.collect());
        visit::visit_expr_unary(self, node);
    }

    fn visit_arm(&mut self, node: &'ast syn::Arm) {
        let deleted = self.take(Genre::MatchArm, node.span().byte_range().start);
        let stays = |then: &str| {
            let stays = deleted.iter().map(|Mutant { id, .. }| {
                let text = format!("!::mutant::is({id}){then}");
                (Some(*id), text)
            });
            stays.collect::<Vec<_>>()
        };
        match &node.pat {
            Pat::Guard(guarded) if has_let(&guarded.guard) => {
                let range = guarded.guard.span().byte_range();
                self.wrap(range, stays(" && "), "");
            }
            Pat::Guard(guarded) => {
                let range = guarded.guard.span().byte_range();
                let mut open = stays(" && (");
                for mutant in self.take(Genre::MatchArmGuard, range.start) {
                    let id = mutant.id;
                    let text = match mutant.replacement.as_str() {
                        "true" => format!("::mutant::is({id}) || ("),
                        _ => format!("!::mutant::is({id}) && ("),
                    };
                    open.push((Some(id), text));
                }
                let close = ")".repeat(open.len());
                self.wrap(range, open, &close);
            }
            _ => {
                let at = node.fat_arrow_token.span().byte_range().start;
                let mut open = stays(" ");
                if !open.is_empty() {
                    open.insert(0, (None, " if ".to_owned()));
                }
                self.wrap(at..at, open, "");
            }
        }
        visit::visit_arm(self, node);
    }

    /// Where an arm with a guard is missing, the compiler says so of the whole `match`.
    fn visit_expr_match(&mut self, node: &'ast syn::ExprMatch) {
        let starts = node.arms.iter().map(|arm| arm.span().byte_range().start);
        let keys = starts.map(|start| (Genre::MatchArm, start));
        let mutants = keys.filter_map(|key| self.wanted.get(&key)).flatten();
        let open = mutants.map(|mutant| (Some(mutant.id), String::new()));
        let open = open.collect();
        self.wrap(node.span().byte_range(), open, "");
        visit::visit_expr_match(self, node);
    }

    fn visit_expr_struct(&mut self, node: &'ast syn::ExprStruct) {
        let whole = node.span().byte_range();
        let mut mutants = Vec::new();
        for field in node.fields.pairs() {
            let range = field.span().byte_range();
            for mutant in self.take(Genre::StructField, range.start) {
                let before = self.text(whole.start..range.start);
                let after = self.text(range.end..whole.end);
                mutants.push((mutant.id, format!("{before}{after}")));
            }
        }
        self.choose(whole, mutants);
        visit::visit_expr_struct(self, node);
    }

    fn visit_item_const(&mut self, node: &'ast syn::ItemConst) {
        self.within(When::Compiled, |finder| {
            visit::visit_item_const(finder, node)
        });
    }

    fn visit_item_static(&mut self, node: &'ast syn::ItemStatic) {
        self.within(When::Compiled, |finder| {
            visit::visit_item_static(finder, node)
        });
    }

    fn visit_impl_item_const(&mut self, node: &'ast syn::ImplItemConst) {
        self.within(When::Compiled, |finder| {
            visit::visit_impl_item_const(finder, node)
        });
    }

    fn visit_trait_item_const(&mut self, node: &'ast syn::TraitItemConst) {
        self.within(When::Compiled, |finder| {
            visit::visit_trait_item_const(finder, node)
        });
    }

    fn visit_expr_const(&mut self, node: &'ast syn::ExprConst) {
        self.within(When::Compiled, |finder| {
            visit::visit_expr_const(finder, node)
        });
    }

    fn visit_expr_repeat(&mut self, node: &'ast syn::ExprRepeat) {
        self.visit_expr(&node.expr);
        self.within(When::Compiled, |finder| finder.visit_expr(&node.len));
    }

    fn visit_type(&mut self, node: &'ast syn::Type) {
        self.within(When::Compiled, |finder| visit::visit_type(finder, node));
    }

    fn visit_generic_argument(&mut self, node: &'ast syn::GenericArgument) {
        self.within(When::Compiled, |finder| {
            visit::visit_generic_argument(finder, node)
        });
    }

    fn visit_variant(&mut self, node: &'ast syn::Variant) {
        self.within(When::Compiled, |finder| visit::visit_variant(finder, node));
    }
}
